// The scenario "steady": three nodes at a share of their best rate, for as long as asked. Beside the
// writes run wide queries, one after another with a pause, and flushes of one node after another, in the
// first round with a full compaction: so a short run has all of them. The rest of the compactions are
// those that flushes bring. The best rate is found first, with all of that beside it: a share of what the
// nodes can do without it would leave them nothing to do it with.

import type http from 'node:http';
import {monitorEventLoopDelay} from 'node:perf_hooks';
import {setTimeout as sleep} from 'node:timers/promises';
import {FlotillaCluster} from '../clusters/flotilla-cluster.ts';
import {runClosedLoop} from '../consensus/closed-loop.ts';
import {keepAliveAgent} from '../keep-alive-agent.ts';
import {roundMs} from '../latencies.ts';
import {type MachineUsage, machineTimes, machineUsage} from '../machine-usage.ts';
import {longestMs, type Sample, scrape, sumOf} from '../node-figures.ts';
import {postLines} from '../post-lines.ts';
import {type ThreadTimes, threadTimes} from '../process-usage.ts';
import {type DiskReport, withBenchDirectory} from '../scenario.ts';
import {CpuBodies, ROWS_PER_BODY, timeMsOf} from './cpu-bodies.ts';
import {type FailureKind, Failures} from './failures.ts';
import {runOpenLoop} from './open-loop.ts';

const NODES = 3;
const DATABASE = 'steady';
/** Enough bodies under way to keep three nodes busy, few enough to refuse none. */
const FINDING_CLIENTS = 12;
const WARMUP_SECONDS = 3;
const QUERY_PAUSE_MS = 1_000;
/** What a query looks at: the last five minutes of data of all hosts. */
const QUERY_RANGE_MS = 300_000;
const ELECTIONS = 'flotilla_raft_elections_started_total';
const STORAGE_MS_MAX = 600_000;
/** Threads that ran less than this share of the run are not told of. */
const THREAD_SHARE_MIN = 0.01;

export interface SteadyOptions {
  readonly minutes: number;
  /** Of the best rate, 0 to 1. */
  readonly load: number;
  readonly findingSeconds: number;
  /** Between two nodes' flush and compaction. */
  readonly storageSeconds: number;
  readonly engineThreads?: number | undefined;
  say(text: string): void;
}

export interface Pause {
  /** `node1/main`, `node1/0`, ... */
  readonly thread: string;
  /** Upper bounds of the highest bucket of /metrics that grew. */
  readonly eventLoopMaxMs: number;
  readonly gcMaxMs: number;
}

/** Of all threads of one name in a node, during the run. */
export interface NodeThreads extends ThreadTimes {
  readonly threads: string;
}

export interface SteadyResult {
  readonly target: string;
  readonly minutes: number;
  readonly bestRowsPerSecond: number;
  readonly rowsPerSecond: number;
  readonly elections: number;
  /** Those that were, by what made a replica stand. */
  readonly electionCauses: Readonly<Record<string, number>>;
  readonly leaderChanges: number;
  readonly writes: number;
  readonly failedWrites: number;
  readonly failures: readonly FailureKind[];
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
  readonly queries: number;
  readonly failedQueries: readonly FailureKind[];
  readonly flushes: number;
  readonly compactions: number;
  /** What all engine threads together gave to it. */
  readonly querySeconds: number;
  readonly upkeepSeconds: number;
  /** The client's own event loop: what of `maxMs` may be its. */
  readonly clientLoopMaxMs: number;
  readonly pauses: readonly Pause[];
  /** Those that ran for a hundredth of the run or more. */
  readonly nodeThreads: readonly NodeThreads[];
  readonly machine: MachineUsage;
}

export interface SteadyReport extends DiskReport {
  readonly scenario: 'steady';
  readonly results: readonly SteadyResult[];
}

export function runSteady(options: SteadyOptions): Promise<SteadyReport> {
  return withBenchDirectory(async (directory) => {
    const {engineThreads} = options;
    const cluster = await FlotillaCluster.start(directory, {nodes: NODES, engineThreads});
    const agent = keepAliveAgent();
    try {
      await cluster.clients[0]!.admin.createDatabase({name: DATABASE, replicas: NODES});
      return {scenario: 'steady', results: [await measure(cluster, agent, options)]};
    } finally {
      agent.destroy();
      await cluster.stop();
    }
  });
}

async function measure(
  cluster: FlotillaCluster,
  agent: http.Agent,
  options: SteadyOptions,
): Promise<SteadyResult> {
  const bodies = new CpuBodies();
  let written = 0;
  const write = () => {
    const n = written++;
    const url = `${cluster.urls[n % NODES]}/api/v1/write?db=${DATABASE}&precision=ns`;
    return postLines(url, bodies.body(n), agent);
  };
  await write();
  await cluster.ledSets(DATABASE);
  const {findingSeconds: seconds} = options;
  const warmupSeconds = Math.min(WARMUP_SECONDS, seconds);
  const nowMs = () => timeMsOf(written);
  const {result: best} = await withUpkeep(cluster, nowMs, options, () =>
    runClosedLoop({clients: FINDING_CLIENTS, warmupSeconds, seconds, write}),
  );
  const perSecond = best.writesPerSecond * options.load;
  options.say(`best: ${best.writesPerSecond * ROWS_PER_BODY} rows/s`);

  const before = await scrapeNodes(cluster);
  const machineBefore = machineTimes();
  const timesBefore = cluster.pids.map((pid) => threadTimes(pid));
  const delay = monitorEventLoopDelay({resolution: 10});
  delay.enable();
  const {result, asked} = await withUpkeep(cluster, nowMs, options, () =>
    runOpenLoop({perSecond, seconds: options.minutes * 60, write}),
  );
  const {latencies, failed, failures} = result;
  const nodeThreads = threadsBetween(
    timesBefore,
    cluster.pids.map((pid) => threadTimes(pid)),
    options.minutes * 60 * THREAD_SHARE_MIN,
  );
  const machine = machineUsage(machineBefore, machineTimes());
  delay.disable();
  tellFailures('writes', failures, options);
  tellFailures('queries', asked.failures, options);
  const after = await scrapeNodes(cluster);
  const grown = (name: string, labels?: Sample['labels']) =>
    sumOf(after.flat(), name, labels) - sumOf(before.flat(), name, labels);
  const secondsOf = (work: string) =>
    Math.round(grown('flotilla_work_slice_seconds_sum', {work}) * 10) / 10;
  return {
    target: 'flotilla',
    minutes: options.minutes,
    bestRowsPerSecond: best.writesPerSecond * ROWS_PER_BODY,
    rowsPerSecond: Math.round(perSecond * ROWS_PER_BODY),
    elections: grown(ELECTIONS),
    electionCauses: causesOf(after.flat(), (cause) => grown(ELECTIONS, {cause})),
    leaderChanges: grown('flotilla_raft_leader_changes_total'),
    writes: latencies.count,
    failedWrites: failed,
    failures,
    p50Ms: roundMs(latencies.quantile(0.5)),
    p99Ms: roundMs(latencies.quantile(0.99)),
    p999Ms: roundMs(latencies.quantile(0.999)),
    maxMs: roundMs(latencies.quantile(1)),
    queries: asked.count,
    failedQueries: asked.failures,
    flushes: grown('flotilla_storage_flushes_total'),
    compactions: grown('flotilla_storage_compactions_total'),
    querySeconds: secondsOf('query'),
    upkeepSeconds: secondsOf('flush') + secondsOf('compaction'),
    clientLoopMaxMs: roundMs(delay.max / 1e6),
    pauses: pausesBetween(before, after),
    nodeThreads,
    machine,
  };
}

/** Runs queries, flushes and compactions for as long as `work` takes. */
async function withUpkeep<T>(
  cluster: FlotillaCluster,
  nowMs: () => number,
  {storageSeconds}: SteadyOptions,
  work: () => Promise<T>,
): Promise<{readonly result: T; readonly asked: Asked}> {
  const stop = new AbortController();
  const beside = Promise.all([
    query(cluster, nowMs, stop.signal),
    flushAndCompact(cluster, storageSeconds, stop.signal),
  ]);
  const working = work();
  // A failure of what runs beside ends the run at once, not after an hour.
  const result = await Promise.race([working, beside.then(() => working)]);
  stop.abort();
  const [asked] = await beside;
  return {result, asked};
}

function tellFailures(what: string, failures: readonly FailureKind[], {say}: SteadyOptions): void {
  for (const {count, status, code, message, firstSeconds, lastSeconds} of failures)
    say(
      `${count} ${what} failed, from ${firstSeconds} s to ${lastSeconds} s: ${status} ${code} ${message}`,
    );
}

function causesOf(
  samples: readonly Sample[],
  grown: (cause: string) => number,
): Record<string, number> {
  const causes = samples.flatMap(({name, labels}) =>
    name === ELECTIONS ? [labels['cause'] as string] : [],
  );
  const counts = [...new Set(causes)].map((cause) => [cause, grown(cause)] as const);
  return Object.fromEntries(counts.filter(([, count]) => count > 0));
}

interface Asked {
  /** Queries that came to their end. */
  readonly count: number;
  readonly failures: readonly FailureKind[];
}

async function query(
  cluster: FlotillaCluster,
  nowMs: () => number,
  signal: AbortSignal,
): Promise<Asked> {
  const startMs = performance.now();
  const failures = new Failures();
  let count = 0;
  for (let turn = 0; !signal.aborted; turn++) {
    const from = new Date(nowMs() - QUERY_RANGE_MS).toISOString();
    const client = cluster.clients[turn % NODES]!;
    try {
      await client.query(
        'SELECT hostname, avg(usage_user) AS mean, max(usage_idle) AS most ' +
          `FROM cpu WHERE time >= '${from}' GROUP BY hostname`,
        {database: DATABASE},
      );
      count += 1;
    } catch (error) {
      failures.add(error, (performance.now() - startMs) / 1000);
    }
    await pause(QUERY_PAUSE_MS, signal);
  }
  return {count, failures: failures.kinds()};
}

async function flushAndCompact(
  cluster: FlotillaCluster,
  seconds: number,
  signal: AbortSignal,
): Promise<void> {
  for (let turn = 0; ; turn++) {
    await pause(seconds * 1000, signal);
    if (signal.aborted) return;
    const {admin} = cluster.clients[turn % NODES]!;
    await admin.flushStorage({timeoutMs: STORAGE_MS_MAX});
    // Later than in the first round all that there is takes minutes, and no operator orders that each hour.
    if (turn < NODES) await admin.compactStorage({timeoutMs: STORAGE_MS_MAX});
  }
}

/** Returns early when the run ends. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, {signal});
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

function scrapeNodes(cluster: FlotillaCluster): Promise<Sample[][]> {
  return Promise.all(cluster.urls.map((url) => scrape(url)));
}

function pausesBetween(
  before: readonly (readonly Sample[])[],
  after: readonly (readonly Sample[])[],
): Pause[] {
  return after.flatMap((samples, node) => {
    const earlier = before[node]!;
    const threads = samples
      .filter(({name}) => name === 'flotilla_heap_used_bytes')
      .map(({labels}) => labels['thread']!);
    return threads.map((thread) => ({
      thread: `node${node + 1}/${thread}`,
      eventLoopMaxMs: longestMs(earlier, samples, {
        name: 'flotilla_event_loop_delay_seconds',
        thread,
      }),
      gcMaxMs: longestMs(earlier, samples, {name: 'flotilla_gc_pause_seconds', thread}),
    }));
  });
}

function threadsBetween(
  before: readonly ReadonlyMap<string, ThreadTimes>[],
  after: readonly ReadonlyMap<string, ThreadTimes>[],
  runSecondsMin: number,
): NodeThreads[] {
  const tenths = (seconds: number) => Math.round(seconds * 10) / 10;
  return after.flatMap((times, node) =>
    [...times].flatMap(([name, {runSeconds, waitSeconds}]): NodeThreads[] => {
      const earlier = before[node]!.get(name) ?? {runSeconds: 0, waitSeconds: 0};
      const ran = runSeconds - earlier.runSeconds;
      if (ran < runSecondsMin) return [];
      const threads = `node${node + 1}/${name}`;
      const waited = waitSeconds - earlier.waitSeconds;
      return [{threads, runSeconds: tenths(ran), waitSeconds: tenths(waited)}];
    }),
  );
}
