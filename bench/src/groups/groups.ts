// The scenario "groups": many idle replica sets on three processes of the product. They are made as any
// are made: databases of 64 shards with rows in many buckets of a day, the catalog carries all of them.
// Measured against the same three processes before there were any.

import {setTimeout as sleep} from 'node:timers/promises';
import {FlotillaCluster} from '../clusters/flotilla-cluster.ts';
import {roundMs} from '../latencies.ts';
import {type Sample, scrape, sumOf} from '../node-figures.ts';
import {ProcessUsage} from '../process-usage.ts';
import {type DiskReport, withBenchDirectory} from '../scenario.ts';

const NODES = 3;
const SHARDS = 64;
const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2024, 0, 1);
/** A request may make 16 buckets; fewer keep each within its deadline. */
const BUCKETS_PER_WRITE = 2;
/** A look at /metrics goes over all replicas of a node: more of them take CPU from what is measured. */
const POLL_MS = 100;
const ASLEEP_MS_MAX = 60_000;

export interface GroupsOptions {
  readonly groups: number;
  /** How long the idle cluster is watched. */
  readonly idleSeconds: number;
  /**
   * Before anything is looked at, and for how long its heap is: a group sleeps once it was quiet for a second,
   * and the log is flushed and cut for a while.
   */
  readonly settleSeconds: number;
  /** Until all groups are made, or led. */
  readonly waitMsMax: number;
  readonly engineThreads?: number | undefined;
  say(text: string): void;
}

export interface GroupsResult {
  readonly target: string;
  readonly groups: number;
  readonly nodes: number;
  /** Of one core, the mean over the processes. */
  readonly idleCpuPercent: number;
  /** The same of the processes before there was a group. */
  readonly emptyCpuPercent: number;
  /** Heap of all threads of a process, less what it had without groups; the mean over the processes. */
  readonly heapBytesPerGroup: number;
  /** From the start of all three processes on their data until each group has a leader. */
  readonly startMs: number;
  /** From kill -9 of a process until each group has a leader on the others. */
  readonly reelectMs: number;
  /** Raft messages of all three together; beats, one for each pair of nodes, are not among them. */
  readonly idleMessagesPerSecond: number;
  /** Replicas of all three that still ticked when the watch began, of 3 x groups; the rest sleep. */
  readonly awakeReplicas: number;
  /** What it took to make the groups. */
  readonly createSeconds: number;
}

export interface GroupsReport extends DiskReport {
  readonly scenario: 'groups';
  readonly results: readonly GroupsResult[];
}

export function runGroups(options: GroupsOptions): Promise<GroupsReport> {
  return withBenchDirectory(async (directory) => {
    const {engineThreads} = options;
    const cluster = await FlotillaCluster.start(directory, {nodes: NODES, engineThreads});
    try {
      return {scenario: 'groups', results: [await measure(cluster, options)]};
    } finally {
      await cluster.stop();
    }
  });
}

async function measure(cluster: FlotillaCluster, options: GroupsOptions): Promise<GroupsResult> {
  const {say, waitMsMax} = options;
  const settleMs = options.settleSeconds * 1000;
  await sleep(settleMs);
  const empty = await watchIdle(cluster, options);
  const startedMs = performance.now();
  const groups = await makeGroups(cluster, options);
  const all = groups + 1; // The meta group is one.
  await untilLed(cluster, [0, 1, 2], all, waitMsMax);
  const createSeconds = Math.round((performance.now() - startedMs) / 100) / 10;
  say(`${groups} groups made in ${createSeconds} s`);
  const awakeReplicas = await untilAsleep(cluster, settleMs);
  say(`${awakeReplicas} replicas are awake`);
  const idle = await watchIdle(cluster, options);
  say(`idle: ${idle.cpuPercent.toFixed(2)} % of a core each, ${idle.messagesPerSecond} messages/s`);

  for (let node = 0; node < NODES; node++) await cluster.server(node).stop();
  const restartMs = performance.now();
  for (let node = 0; node < NODES; node++) cluster.startNode(node);
  await untilLed(cluster, [0, 1, 2], all, waitMsMax);
  const startMs = performance.now() - restartMs;
  say(`all led ${(startMs / 1000).toFixed(1)} s after the start`);
  await sleep(settleMs);

  const killedMs = performance.now();
  cluster.server(2).signal('SIGKILL');
  await untilLed(cluster, [0, 1], all, waitMsMax);
  const reelectMs = performance.now() - killedMs;
  say(`all led again ${(reelectMs / 1000).toFixed(1)} s after one was killed`);
  return {
    target: 'flotilla',
    groups,
    nodes: NODES,
    idleCpuPercent: roundMs(idle.cpuPercent),
    emptyCpuPercent: roundMs(empty.cpuPercent),
    heapBytesPerGroup: Math.round((idle.heapBytes - empty.heapBytes) / groups),
    startMs: Math.round(startMs),
    reelectMs: Math.round(reelectMs),
    idleMessagesPerSecond: idle.messagesPerSecond,
    awakeReplicas,
    createSeconds,
  };
}

/** Rows in as many buckets as it takes; returns how many replica sets that made. */
async function makeGroups(
  cluster: FlotillaCluster,
  {groups, say, waitMsMax}: GroupsOptions,
): Promise<number> {
  const client = cluster.clients[0]!;
  const shards = Math.min(SHARDS, groups);
  const buckets = Math.ceil(groups / shards);
  const database = 'groups';
  await client.admin.createDatabase({
    name: database,
    shards,
    replicas: NODES,
    bucketDuration: '1d',
  });
  const deadlineMs = performance.now() + waitMsMax;
  for (let first = 0; first < buckets; first += BUCKETS_PER_WRITE) {
    const rows = Array.from({length: Math.min(BUCKETS_PER_WRITE, buckets - first)}, (_, i) => {
      return `idle,host=a value=1 ${START_MS + (first + i) * DAY_MS}000000`;
    });
    for (;;) {
      try {
        await client.write(rows.join('\n'), {database});
        break;
      } catch (error) {
        if (performance.now() > deadlineMs) throw error;
        await sleep(500); // Buckets are made at the pace of the cluster.
      }
    }
    if (first % 16 === 0) say(`${(first + rows.length) * shards} groups asked for`);
  }
  return buckets * shards;
}

interface Idle {
  readonly cpuPercent: number;
  readonly heapBytes: number;
  readonly messagesPerSecond: number;
}

async function watchIdle(
  cluster: FlotillaCluster,
  {idleSeconds, settleSeconds}: GroupsOptions,
): Promise<Idle> {
  const usage = new ProcessUsage(cluster.pids);
  const before = await scrapeAll(cluster, [0, 1, 2]);
  const cpuBefore = usage.cpuSeconds();
  const startMs = performance.now();
  await sleep(idleSeconds * 1000);
  const elapsedSeconds = (performance.now() - startMs) / 1000;
  const cpuSeconds = usage.cpuSeconds() - cpuBefore;
  const after = await scrapeAll(cluster, [0, 1, 2]);
  const heapBytes = await leastHeapBytes(cluster, settleSeconds);
  const name = 'flotilla_raft_messages_sent_total';
  const sent = sumOf(after.flat(), name) - sumOf(before.flat(), name);
  return {
    cpuPercent: (cpuSeconds / elapsedSeconds / NODES) * 100,
    heapBytes,
    messagesPerSecond: Math.round((sent / elapsedSeconds) * 10) / 10,
  };
}

/**
 * Garbage counts as used until it is collected, so the least of several looks is nearest to what is
 * kept. The looks themselves allocate, which brings collections on.
 */
async function leastHeapBytes(cluster: FlotillaCluster, seconds: number): Promise<number> {
  let least = Infinity;
  for (let look = 0; look < (seconds * 1000) / POLL_MS; look++) {
    const samples = (await scrapeAll(cluster, [0, 1, 2])).flat();
    least = Math.min(least, sumOf(samples, 'flotilla_heap_used_bytes') / NODES);
    await sleep(POLL_MS);
  }
  return least;
}

/** Waits until no more replicas fall asleep; how many are awake then. */
async function untilAsleep(cluster: FlotillaCluster, settleMs: number): Promise<number> {
  const deadlineMs = performance.now() + ASLEEP_MS_MAX;
  let least = Infinity;
  for (;;) {
    await sleep(settleMs);
    const samples = (await scrapeAll(cluster, [0, 1, 2])).flat();
    const awake = sumOf(samples, 'flotilla_raft_groups_awake');
    if (awake >= least || performance.now() > deadlineMs) return awake;
    least = awake;
  }
}

/** Waits until the nodes lead `groups` replica sets between them. */
async function untilLed(
  cluster: FlotillaCluster,
  nodes: readonly number[],
  groups: number,
  waitMsMax: number,
): Promise<void> {
  const deadlineMs = performance.now() + waitMsMax;
  let led = 0;
  while (performance.now() < deadlineMs) {
    const samples = (await scrapeAll(cluster, nodes)).flat();
    led = sumOf(samples, 'flotilla_raft_groups', {role: 'leader'});
    if (led >= groups) return;
    await sleep(POLL_MS);
  }
  throw new Error(`${led} of ${groups} groups are led after ${waitMsMax / 1000} s`);
}

function scrapeAll(cluster: FlotillaCluster, nodes: readonly number[]): Promise<Sample[][]> {
  return Promise.all(
    nodes.map(async (node) => {
      try {
        return await scrape(cluster.urls[node]!);
      } catch {
        return []; // A node that starts does not answer yet, and leads nothing.
      }
    }),
  );
}
