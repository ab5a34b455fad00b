// The scenario "drain": one of four nodes with many replica sets under load gives up all of them, its
// leaders first.

import {setTimeout as sleep} from 'node:timers/promises';
import {FlotillaClient, type Id} from '@flotilla/client';
import {FlotillaCluster} from '../clusters/flotilla-cluster.ts';
import {roundMs} from '../latencies.ts';
import {scrape, sumOf} from '../node-figures.ts';
import {type DiskReport, withBenchDirectory} from '../scenario.ts';
import type {FailureKind} from '../steady/failures.ts';
import {leaderOf, until, untilFinal, untilHealthy} from './cluster-orders.ts';
import {CountedLoad} from './counted-load.ts';

const NODES = 4;
const REPLICAS = 3;
const DATABASE = 'drained';
/** The sets are those of so many buckets of a day. */
const DAYS = 4;
const ROWS_PER_BODY = 20;
const LOOK_MS = 20;
const MADE_MS_MAX = 300_000;
const DRAIN_MS_MAX = 1_800_000;

export interface DrainOptions {
  readonly sets: number;
  readonly clients: number;
  /** Under load before the drain begins. */
  readonly seconds: number;
  readonly engineThreads?: number | undefined;
  say(text: string): void;
}

export interface DrainResult {
  readonly target: string;
  readonly sets: number;
  /** On the node, when the drain began. */
  readonly replicas: number;
  readonly leaders: number;
  readonly state: string;
  readonly failedWrites: number;
  readonly failures: readonly FailureKind[];
  readonly lostRows: number;
  readonly writes: number;
  readonly leadersGoneMs: number;
  readonly drainMs: number;
  readonly p99Ms: number;
  readonly drainingP99Ms: number;
}

export interface DrainReport extends DiskReport {
  readonly scenario: 'drain';
  readonly results: readonly DrainResult[];
}

export function runDrain(options: DrainOptions): Promise<DrainReport> {
  return withBenchDirectory(async (directory) => {
    const {engineThreads} = options;
    const cluster = await FlotillaCluster.start(directory, {nodes: NODES, engineThreads});
    const client = new FlotillaClient({urls: cluster.urls, database: DATABASE});
    try {
      return {scenario: 'drain', results: [await measure(cluster, client, options)]};
    } finally {
      client.close();
      await cluster.stop();
    }
  });
}

async function measure(
  cluster: FlotillaCluster,
  client: FlotillaClient,
  {sets, clients, seconds, say}: DrainOptions,
): Promise<DrainResult> {
  const {urls} = cluster;
  const shards = Math.ceil(sets / DAYS);
  await client.admin.createDatabase({
    ...{name: DATABASE, replicas: REPLICAS, shards, bucketDuration: '1d'},
  });
  const place = {urls, database: DATABASE, clients, rowsPerBody: ROWS_PER_BODY, days: DAYS};
  const load = new CountedLoad(place);
  load.start();
  const made = shards * DAYS;
  await until(`${made} sets are led and whole`, MADE_MS_MAX, async () => {
    const all = await client.admin.replicaSets({database: DATABASE});
    const whole = all.filter(
      (set) => set.replicas.length === REPLICAS && leaderOf(set) !== undefined,
    );
    return all.length >= made && whole.length === all.length;
  });
  await untilHealthy(cluster, client, MADE_MS_MAX);
  say(`${made} replica sets`);
  load.takeWindow();
  await sleep(seconds * 1000);
  const still = load.takeWindow();
  const {node, replicas, leaders} = await busiest(client);
  const url = urls[await cluster.processOf(node)]!;
  say(`node ${node} holds ${replicas} replicas and leads ${leaders}`);
  const startMs = performance.now();
  const {id} = await client.admin.drainNode(node);
  await until('the node leads nothing', DRAIN_MS_MAX, async () => {
    await sleep(LOOK_MS);
    return sumOf(await scrape(url), 'flotilla_raft_groups', {role: 'leader'}) === 0;
  });
  const leadersGoneMs = Math.round(performance.now() - startMs);
  say(`it leads nothing after ${leadersGoneMs} ms`);
  const {state} = await untilFinal(client, id, DRAIN_MS_MAX);
  const drainMs = Math.round(performance.now() - startMs);
  say(`drain ${state} after ${(drainMs / 1000).toFixed(1)} s`);
  const draining = load.takeWindow();
  await load.stop();
  return {
    target: 'flotilla',
    ...{sets: made, replicas, leaders, state},
    failedWrites: load.failed,
    failures: load.failures,
    lostRows: await load.lostRows(client),
    writes: still.count + draining.count,
    ...{leadersGoneMs, drainMs},
    p99Ms: roundMs(still.quantile(0.99)),
    drainingP99Ms: roundMs(draining.quantile(0.99)),
  };
}

/** The node that leads most sets of the database, of those that do not lead meta. */
async function busiest(
  client: FlotillaClient,
): Promise<{node: Id; replicas: number; leaders: number}> {
  const all = await client.admin.replicaSets({database: DATABASE});
  const {metaLeader} = await client.admin.status();
  const nodes = (await client.admin.nodes()).map(({id}) => id as Id);
  const figures = nodes
    .filter((node) => node !== metaLeader)
    .map((node) => ({
      node,
      replicas: all.filter((set) => set.replicas.some((one) => one.node === node)).length,
      leaders: all.filter((set) => leaderOf(set) === node).length,
    }));
  return figures.sort((a, b) => b.leaders - a.leaders)[0]!;
}
