// One run: five nodes, load through all of them, rounds of faults by the schedule, an operator beside
// them; then peace, and what must be true of a cluster that lost nothing.

import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {FlotillaClient, type Id} from '@flotilla/client';
import {ProcessCluster} from '@flotilla/testkit';
import {Availability, type FaultSpan} from './availability.ts';
import {ClockSkews} from './clock-skews.ts';
import {scarcity, unrestOf, untilNone, viewOf} from './cluster-rest.ts';
import {examine, type Findings} from './examination.ts';
import {beginFault, type Ground} from './fault-kinds.ts';
import {socketCounts} from './left-overs.ts';
import {DATABASE, firstLines, REPLICAS, readSteadily, sendRows, useRegisters} from './load.ts';
import {MachineShare} from './machine-share.ts';
import {joinEnv} from './number-files.ts';
import {Operator} from './operator.ts';
import type {Options} from './options.ts';
import {RegisterHistories} from './register-histories.ts';
import {type Report, renderFigures, renderOutcomes, reportOf} from './report.ts';
import {RowLedger} from './row-ledger.ts';
import {planRounds, ROUND_MS_MIN, type Round} from './schedule.ts';
import {SlowDisks} from './slow-disks.ts';
import {SmallDisks, whyNoMounts} from './small-disks.ts';

const NODES = 5;
const FILLABLE = [4, 5];
const SHARDS = 4;
const START_MS_MAX = 120_000;
/** What the founding takes beyond it, on a machine that does other things, goes from the time of the faults. */
const FOUNDING_MS_MAX = 45_000;
/** From the end of a round's faults until all nodes take part again, on a machine that does other things. */
const WHOLE_MS_MAX = 120_000;
/** How long a node's loss takes to be made good, as a rule: no such round is begun later than so long before the end. */
const DAMAGE_MS = 30_000;
/** Of a write that waits; longer than any fault alone should hold one up. */
const TOLD_EVERY_MS = 8_000;
const LOOK_MS = 250;
/** A timer that comes so much late says that this process stood still. */
const STALL_MS_MIN = 150;
/** So that the streams of chance of one run are not those of the next seed. */
const STREAMS = 101;

type Say = (text: string) => void;

export async function runNemesis(options: Options, say: Say): Promise<Report> {
  const noMounts = whyNoMounts();
  if (noMounts !== undefined) say(`SKIPPED fillDisk: ${noMounts}`);
  const disks = new SmallDisks(noMounts === undefined ? FILLABLE : []);
  const told = mkdtempSync(path.join(tmpdir(), 'flotilla-told-'));
  const clocks = new ClockSkews(told);
  const slowness = new SlowDisks(told);
  // Nodes and mounts end with this process: that it ends, and is not ended, lets it see to them.
  const stopOnSignal = () => process.exit(130);
  process.once('SIGINT', stopOnSignal);
  process.once('SIGTERM', stopOnSignal);
  try {
    const cluster = await ProcessCluster.start({
      nodes: NODES,
      engineThreads: 1,
      isLinked: true,
      prepare: disks.prepare,
      release: () => disks.unmount(),
      env: (node) => joinEnv(clocks.env(node), slowness.env(node)),
    });
    try {
      const ground = {cluster, disks, clocks, slowness, leaving: new Set<Id>(), say};
      return await new Run(options, ground).run();
    } finally {
      await cluster.destroy().catch((error: unknown) => say(String(error)));
    }
  } finally {
    rmSync(told, {recursive: true, force: true});
  }
}

class Run {
  readonly #options: Options;
  readonly #ground: Ground;
  readonly #client: FlotillaClient;
  readonly #ledger = new RowLedger();
  readonly #histories = new RegisterHistories();
  readonly #share = new MachineShare();
  readonly #availability = new Availability((startMs, endMs) =>
    this.#share.between(startMs, endMs),
  );
  readonly #operator: Operator;
  readonly #violations: string[] = [];
  readonly #stop = new AbortController();
  readonly #struck = new Map<string, number>();

  constructor(options: Options, ground: Ground) {
    const {urls} = ground.cluster;
    this.#options = options;
    this.#ground = ground;
    this.#client = new FlotillaClient({urls, database: DATABASE});
    this.#operator = new Operator({
      ...{urls, availability: this.#availability, leaving: ground.leaving},
      seed: options.seed * STREAMS + 1,
    });
  }

  async run(): Promise<Report> {
    const {cluster, say} = this.#ground;
    await this.#found();
    const sockets = socketCounts(cluster);
    const {signal} = this.#stop;
    const place = {urls: cluster.urls, seed: this.#options.seed * STREAMS + 2, signal};
    const pids = () => cluster.nodes.filter(({isRunning}) => isRunning).map(({pid}) => pid);
    const load = Promise.all([
      sendRows(place, this.#ledger, this.#availability),
      readSteadily(place, this.#histories, this.#availability),
      useRegisters(place, this.#histories),
      this.#operator.run(signal),
      this.#share.watch(pids, signal),
      this.#tellOfWaits(),
    ]);
    try {
      // A failure of the load itself ends the run at once.
      await Promise.race([this.#strikeAll(), load.then(() => undefined)]);
    } finally {
      this.#stop.abort();
    }
    await load;
    say(`load ended: ${this.#ledger.sent} rows sent, ${this.#ledger.acknowledged} acknowledged`);
    const found = await examine({
      ...{cluster, client: this.#client, ledger: this.#ledger, say},
      ...{histories: this.#histories, operator: this.#operator, sockets},
    });
    this.#operator.close();
    this.#client.close();
    process.stderr.write(`${renderFigures(this.#availability.figures())}\n`);
    process.stderr.write(`${renderOutcomes(found.operations)}\n`);
    return this.#report(found);
  }

  #report(found: Findings): Report {
    const {seed, minutes} = this.#options;
    const {acknowledged} = this.#ledger;
    const violations = [
      ...this.#violations,
      ...this.#operator.violations,
      ...this.#availability.violations(),
    ];
    const orders = this.#operator.counts;
    const run = {seed, minutes, acknowledged, struck: this.#struck, orders, violations};
    const report = reportOf(run, found);
    const {never} = report;
    if (never.length > 0) this.#ground.say(`never came about: ${never.join(', ')}`);
    return report;
  }

  /** What was wrong while it was, where a call waits long: afterwards nobody can tell. */
  async #tellOfWaits(): Promise<void> {
    let toldMs = 0;
    let lookedMs = performance.now();
    while (!this.#stop.signal.aborted) {
      await sleep(LOOK_MS);
      const nowMs = performance.now();
      if (nowMs - lookedMs > LOOK_MS + STALL_MS_MIN)
        this.#availability.stood({startMs: lookedMs + LOOK_MS, endMs: nowMs});
      lookedMs = nowMs;
      const waitedMs = this.#availability.waitedMs(nowMs);
      if (waitedMs < toldMs) toldMs = 0;
      if (waitedMs < toldMs + TOLD_EVERY_MS) continue;
      toldMs = waitedMs;
      void this.#tellOfWait(waitedMs);
    }
  }

  async #tellOfWait(waitedMs: number): Promise<void> {
    const {cluster, say} = this.#ground;
    const seen = await Promise.all(cluster.nodes.map(viewOf));
    say([`a call waits ${(waitedMs / 1000).toFixed(1)} s`, ...seen].join('\n          '));
  }

  async #found(): Promise<void> {
    const {cluster, say} = this.#ground;
    const unrest = await untilNone(async () => {
      const definition = {name: DATABASE, shards: SHARDS, replicas: REPLICAS, ifNotExists: true};
      await this.#client.admin.createDatabase(definition);
      await this.#client.write(firstLines());
      return unrestOf(cluster, this.#client);
    }, START_MS_MAX);
    if (unrest.length > 0) throw new Error(`the cluster did not begin: ${unrest.join('; ')}`);
    say(`${NODES} nodes in ${cluster.directory}`);
  }

  async #strikeAll(): Promise<void> {
    const {disks} = this.#ground;
    const beganMs = Math.min(performance.now(), FOUNDING_MS_MAX);
    const endMs = beganMs + this.#options.minutes * 60_000;
    const shape = {seed: this.#options.seed, nodes: NODES, fillable: disks.nodes};
    for (const round of planRounds(shape)) {
      const leftMs = endMs - performance.now();
      if (leftMs < ROUND_MS_MIN) return;
      if (leftMs >= (round.scope === 'damage' ? DAMAGE_MS : round.lengthMs))
        await this.#strike(round);
    }
  }

  async #strike(round: Round): Promise<void> {
    const {cluster, say} = this.#ground;
    if (round.scope === 'damage' && !(await this.#mayDamage(round))) return;
    const startMs = performance.now();
    const what = round.faults.map(({kind, node, other}) =>
      kind.endsWith('Pair') || kind === 'split' ? `${kind} ${node}-${other}` : `${kind} ${node}`,
    );
    say(`round ${round.number} (${round.scope}): ${what.join(', ')}`);
    const spans: FaultSpan[] = [];
    await Promise.all(
      round.faults.map(async (fault) => {
        const {kind, beginMs, endMs} = fault;
        await sleep(beginMs);
        const {scope, number} = round;
        const now = performance.now();
        spans.push(this.#availability.begin({kind, scope, round: number, beginMs: now}));
        try {
          const end = await beginFault(this.#ground, fault);
          if (end === undefined) return;
          this.#struck.set(kind, (this.#struck.get(kind) ?? 0) + 1);
          await sleep(Math.max(0, startMs + endMs - performance.now()));
          end();
        } catch (error) {
          this.#violate(`round ${number}, ${kind} of node ${fault.node}: ${String(error)}`);
        }
      }),
    );
    await sleep(Math.max(0, startMs + round.lengthMs - performance.now()));
    cluster.links.heal();
    this.#startEnded(round);
    const healedMs = performance.now();
    for (const span of spans) span.healedMs = healedMs;
    const unrest = await untilNone(() => unrestOf(cluster, this.#client), WHOLE_MS_MAX);
    const seconds = ((performance.now() - healedMs) / 1000).toFixed(1);
    if (unrest.length === 0) say(`whole ${seconds} s after round ${round.number}`);
    else this.#violate(`not whole ${seconds} s after round ${round.number}: ${unrest.join('; ')}`);
    for (const span of spans) span.endMs = performance.now();
  }

  /** The promise is about one lost copy, not about two. */
  async #mayDamage({number}: Round): Promise<boolean> {
    const scarce = await untilNone(() => scarcity(this.#client), WHOLE_MS_MAX);
    if (scarce.length > 0)
      this.#violate(`before round ${number} copies were not made good: ${scarce.join('; ')}`);
    return scarce.length === 0;
  }

  /** A node that ended by itself is a fault of the product; the run goes on with it. */
  #startEnded({number}: Round): void {
    for (const node of this.#ground.cluster.nodes) {
      if (node.isRunning) continue;
      this.#violate(`after round ${number}: ${node.fault ?? `node ${node.number} is down`}`);
      node.start();
    }
  }

  #violate(what: string): void {
    this.#ground.say(`VIOLATION ${what}`);
    this.#violations.push(what);
  }
}
