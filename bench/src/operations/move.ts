// The scenario "move": a replica set of some size under full load, moved from node to node; then again
// while the source, the target, the set's leader or meta's leader is killed at a random moment of the
// move and started again. Every move must end by itself, no write may fail and no row be lost.

import {randomBytes} from 'node:crypto';
import {setTimeout as sleep} from 'node:timers/promises';
import {SeededRandom} from '@flotilla/base';
import {FlotillaClient, FlotillaError, type Id, isFinal} from '@flotilla/client';
import {FlotillaCluster} from '../clusters/flotilla-cluster.ts';
import {Latencies, roundMs} from '../latencies.ts';
import {median} from '../median.ts';
import {type DiskReport, withBenchDirectory} from '../scenario.ts';
import type {FailureKind} from '../steady/failures.ts';
import {leaderOf, replicaBytes, until, untilFinal, untilHealthy} from './cluster-orders.ts';
import {CountedLoad} from './counted-load.ts';

/** Three replicas, and a place to go to. */
const NODES = 4;
const REPLICAS = 3;
const DATABASE = 'moved';
/** Moves that nobody disturbs, measured against no move at all before the kills begin. */
const PLAIN_MOVES = 3;
const FILL_ROW_BYTES = 1_024;
const FILL_BODY_ROWS = 500;
const FILL_CLIENTS = 4;
const START_MS = Date.UTC(2026, 0, 1);
const MOVE_MS_MAX = 600_000;
const DOWN_MS = 3_000;

const VICTIMS = ['source', 'target', 'leader', 'meta leader'] as const;
type Victim = (typeof VICTIMS)[number];

export interface MoveOptions {
  readonly rounds: number;
  readonly kills: boolean;
  readonly megabytes: number;
  readonly clients: number;
  /** Without any move. */
  readonly seconds: number;
  readonly seed: number;
  readonly engineThreads?: number | undefined;
  say(text: string): void;
}

export interface MoveResult {
  readonly target: string;
  /** Of one replica, when the moves began. */
  readonly megabytes: number;
  readonly moves: number;
  readonly kills: number;
  /** Moves that ended otherwise than done. */
  readonly failedMoves: number;
  readonly failedWrites: number;
  readonly failures: readonly FailureKind[];
  readonly lostRows: number;
  readonly writes: number;
  readonly moveMs: number;
  readonly p99Ms: number;
  readonly movingP99Ms: number;
  readonly p99Ratio: number;
  /** While nodes are killed, which no ratio is asked of. */
  readonly longestMs: number;
}

export interface MoveReport extends DiskReport {
  readonly scenario: 'move';
  readonly results: readonly MoveResult[];
}

export function runMove(options: MoveOptions): Promise<MoveReport> {
  return withBenchDirectory(async (directory) => {
    const {engineThreads} = options;
    const cluster = await FlotillaCluster.start(directory, {nodes: NODES, engineThreads});
    const client = new FlotillaClient({urls: cluster.urls, database: DATABASE});
    try {
      return {scenario: 'move', results: [await new MoveBench(cluster, client, options).run()]};
    } finally {
      client.close();
      await cluster.stop();
    }
  });
}

class MoveBench {
  readonly #cluster: FlotillaCluster;
  readonly #client: FlotillaClient;
  readonly #options: MoveOptions;
  readonly #random: SeededRandom;
  readonly #load: CountedLoad;
  #moves = 0;
  #kills = 0;
  #failedMoves = 0;

  constructor(cluster: FlotillaCluster, client: FlotillaClient, options: MoveOptions) {
    this.#cluster = cluster;
    this.#client = client;
    this.#options = options;
    this.#random = new SeededRandom(options.seed);
    const {urls} = cluster;
    const {clients} = options;
    this.#load = new CountedLoad({urls, database: DATABASE, clients, rowsPerBody: 20, days: 1});
  }

  async run(): Promise<MoveResult> {
    const {say, seconds} = this.#options;
    const set = await this.#fill();
    const megabytes = await this.#megabytesOf(set);
    say(`a replica has ${megabytes} MB`);
    const load = this.#load;
    load.start();
    await sleep(Math.min(seconds, 3) * 1000);
    load.takeWindow();
    await sleep(seconds * 1000);
    const still = load.takeWindow();
    const {times, moving} = await this.#movePlainly(set);
    const p99Ms = still.quantile(0.99);
    const movingP99Ms = moving.quantile(0.99);
    say(`99th percentile ${p99Ms.toFixed(1)} ms without moves, ${movingP99Ms.toFixed(1)} with`);
    const rest = await this.#moveOn(set, median(times));
    await load.stop();
    const lostRows = await load.lostRows(this.#client);
    return {
      target: 'flotilla',
      megabytes,
      moves: this.#moves,
      kills: this.#kills,
      failedMoves: this.#failedMoves,
      failedWrites: load.failed,
      failures: load.failures,
      lostRows,
      writes: still.count + moving.count + rest.count,
      moveMs: Math.round(median(times)),
      p99Ms: roundMs(p99Ms),
      movingP99Ms: roundMs(movingP99Ms),
      p99Ratio: roundMs(movingP99Ms / p99Ms),
      longestMs: rest.count === 0 ? 0 : roundMs(rest.quantile(1)),
    };
  }

  /** The set, once it holds so many bytes that do not compress. */
  async #fill(): Promise<Id> {
    const {admin} = this.#client;
    await admin.createDatabase({name: DATABASE, replicas: REPLICAS, shards: 1});
    const rows = Math.ceil((this.#options.megabytes * 1e6) / FILL_ROW_BYTES);
    let next = 0;
    const fill = async () => {
      while (next < rows) {
        const first = next;
        next += FILL_BODY_ROWS;
        await this.#client.write(fillLines(first, Math.min(next, rows)));
      }
    };
    await Promise.all(Array.from({length: FILL_CLIENTS}, fill));
    await Promise.all(
      this.#cluster.clients.map((each) => each.admin.flushStorage({timeoutMs: MOVE_MS_MAX})),
    );
    await untilHealthy(this.#cluster, this.#client, MOVE_MS_MAX);
    return (await admin.replicaSets({database: DATABASE}))[0]!.id;
  }

  async #megabytesOf(set: Id): Promise<number> {
    const bytes = this.#cluster.directories.map((directory) => replicaBytes(directory, set));
    return Math.round(Math.max(...bytes) / 1e6);
  }

  async #movePlainly(set: Id): Promise<{times: number[]; moving: Latencies}> {
    const times: number[] = [];
    const moving = new Latencies();
    for (let move = 0; move < PLAIN_MOVES; move++) {
      this.#load.takeWindow();
      const startMs = performance.now();
      const {operation} = await this.#begin(set);
      await this.#finish(operation);
      times.push(performance.now() - startMs);
      this.#load.takeWindow().each((ms) => moving.add(ms));
      this.#options.say(`move ${move + 1}: ${((times.at(-1) ?? 0) / 1000).toFixed(1)} s`);
      await untilHealthy(this.#cluster, this.#client, MOVE_MS_MAX);
    }
    return {times, moving};
  }

  /** The rounds that were asked for; the writes beside them. */
  async #moveOn(set: Id, usualMs: number): Promise<Latencies> {
    const {rounds, kills, say} = this.#options;
    this.#load.takeWindow();
    for (let round = 1; round <= rounds; round++) {
      const startMs = performance.now();
      const begun = await this.#begin(set);
      let what = 'undisturbed';
      if (kills) {
        const victim = VICTIMS[this.#random.below(VICTIMS.length)]!;
        const afterMs = this.#random.next() * usualMs;
        await sleep(afterMs);
        await this.#kill(victim, set, begun);
        what = `${victim} killed after ${(afterMs / 1000).toFixed(1)} s`;
      }
      const state = await this.#finish(begun.operation);
      const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
      say(`round ${round}: ${what}; ${state} in ${seconds} s`);
      await untilHealthy(this.#cluster, this.#client, MOVE_MS_MAX);
    }
    return this.#load.takeWindow();
  }

  async #finish(id: Id): Promise<string> {
    const {state} = await untilFinal(this.#client, id, MOVE_MS_MAX);
    this.#moves += 1;
    if (state !== 'done') this.#failedMoves += 1;
    return state;
  }

  /** Orders a move from one of its nodes to the one that has none. */
  async #begin(set: Id): Promise<{operation: Id; from: Id; to: Id}> {
    const {admin} = this.#client;
    let begun: {operation: Id; from: Id; to: Id} | undefined;
    await until('a move is ordered', MOVE_MS_MAX, async () => {
      const {replicas} = await admin.replicaSet(set);
      const members = replicas.map(({node}) => node);
      const nodes = (await admin.nodes()).map(({id}) => id as Id);
      const to = nodes.find((node) => !members.includes(node));
      // One that evens out nodes, or an order whose answer was lost.
      const open = (await admin.operations()).some(
        (operation) => operation.replicaSet === set && !isFinal(operation),
      );
      if (open || to === undefined || members.length !== REPLICAS) return false;
      const from = members[this.#random.below(members.length)]!;
      const {id} = await admin.changeReplicaSet(set, {action: 'move-replica', from, to});
      begun = {operation: id, from, to};
      return true;
    });
    return begun!;
  }

  async #kill(victim: Victim, set: Id, {from, to}: {from: Id; to: Id}): Promise<void> {
    const id = await this.#nodeOf(victim, set, {from, to});
    if (id === undefined) return;
    const node = await this.#cluster.processOf(id);
    await this.#cluster.server(node).kill();
    this.#kills += 1;
    await sleep(DOWN_MS);
    this.#cluster.startNode(node);
  }

  async #nodeOf(victim: Victim, set: Id, {from, to}: {from: Id; to: Id}): Promise<Id | undefined> {
    if (victim === 'source') return from;
    if (victim === 'target') return to;
    try {
      const {admin} = this.#client;
      if (victim === 'meta leader') return (await admin.status()).metaLeader as Id | undefined;
      return leaderOf(await admin.replicaSet(set));
    } catch (error) {
      if (error instanceof FlotillaError) return undefined; // Nobody leads now: nobody to kill.
      throw error;
    }
  }
}

/** Rows `first` to `end` of some hundred series, each with a text that no codec makes shorter. */
function fillLines(first: number, end: number): string {
  const lines: string[] = [];
  for (let row = first; row < end; row++) {
    const text = randomBytes((FILL_ROW_BYTES * 3) / 4).toString('base64');
    lines.push(`filler,host=h${row % 100} text="${text}" ${START_MS + row}000000`);
  }
  return lines.join('\n');
}
