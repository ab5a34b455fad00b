// The scenario "buckets": one node with many old buckets of many series each, one replica set a bucket.
// What a replica costs in memory after a restart that nobody asked anything, after a query over all of them,
// and once nobody has used them for long. A node with one bucket beside it does the same, so that what the
// program itself takes for it is not counted.

import {type ChildProcess, fork} from 'node:child_process';
import {once} from 'node:events';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {SeededRandom} from '@flotilla/base';
import {FlotillaClient} from '@flotilla/client';
import {freePorts} from '@flotilla/testkit';
import {keepAliveAgent} from '../keep-alive-agent.ts';
import {roundMs} from '../latencies.ts';
import {scrape, sumOf} from '../node-figures.ts';
import {postLines} from '../post-lines.ts';
import {type DiskReport, withBenchDirectory} from '../scenario.ts';
import {answers} from '../targets/server-process.ts';
import {linePrefixOfHost} from '../tsbs-hosts.ts';
import type {HeapFigures, ToHeapNode} from './heap-node.ts';

const MAIN = path.resolve(import.meta.dirname, 'heap-node.ts');
const DATABASE = 'old';
const WEEK_MS = 7 * 86_400_000;
const START_MS = Date.UTC(2024, 0, 1);
const ROWS_PER_BODY = 10_000;
/** While they are written none stays in memory for long. */
const WRITING_UNLOAD_MS = 2_000;
const WAIT_MS_MAX = 600_000;
const POLL_MS = 200;

export interface BucketsOptions {
  readonly buckets: number;
  readonly series: number;
  /** Longer than the query over all of them takes; then it is waited for. */
  readonly unloadSeconds: number;
  say(text: string): void;
}

export interface BucketsResult {
  readonly target: string;
  readonly buckets: number;
  /** Of each bucket. */
  readonly series: number;
  /** Of a replica, its group included: after a restart, loaded by a query, unloaded again. */
  readonly restarted: HeapFigures;
  readonly loaded: HeapFigures;
  readonly unloaded: HeapFigures;
  /** From the start of the process until all groups are led. */
  readonly startMs: number;
  /** A query over all buckets, of which none is loaded. */
  readonly firstQueryMs: number;
  readonly secondQueryMs: number;
  /** Of a replica: to read its keys, with the wait for those before it. */
  readonly loadMsMean: number;
}

export interface BucketsReport extends DiskReport {
  readonly scenario: 'buckets';
  readonly results: readonly BucketsResult[];
}

export function runBuckets(options: BucketsOptions): Promise<BucketsReport> {
  return withBenchDirectory(async (directory) => {
    const {buckets, series} = options;
    const one = await measureNode(path.join(directory, 'one'), {...options, buckets: 1});
    const all = await measureNode(path.join(directory, 'all'), {...options, buckets: buckets + 1});
    const each = (of: 'restarted' | 'loaded' | 'unloaded'): HeapFigures => ({
      heapBytes: Math.round((all[of].heapBytes - one[of].heapBytes) / buckets),
      bufferBytes: Math.round((all[of].bufferBytes - one[of].bufferBytes) / buckets),
    });
    const memory = {
      restarted: each('restarted'),
      loaded: each('loaded'),
      unloaded: each('unloaded'),
    };
    return {
      scenario: 'buckets',
      results: [{target: 'flotilla', ...all, buckets, series, ...memory}],
    };
  });
}

async function measureNode(
  directory: string,
  options: BucketsOptions,
): Promise<Omit<BucketsResult, 'target'>> {
  const {buckets, series, unloadSeconds, say} = options;
  const writing = await HeapNode.start(directory, WRITING_UNLOAD_MS);
  await fill(writing, options);
  await writing.stop();
  const startedMs = performance.now();
  const node = await HeapNode.start(directory, unloadSeconds * 1_000);
  try {
    await node.until('flotilla_raft_groups', {role: 'leader'}, buckets + 1);
    const startMs = Math.round(performance.now() - startedMs);
    await node.until('flotilla_storage_replicas', {state: 'unloaded'}, buckets);
    const restarted = await node.measure();
    const firstQueryMs = await node.countAll(buckets * series);
    const secondQueryMs = await node.countAll(buckets * series);
    const loaded = await node.measure();
    const metrics = await scrape(node.url);
    const load = 'flotilla_storage_load_duration_seconds';
    const loads = sumOf(metrics, `${load}_count`);
    const loadMsMean = roundMs((1_000 * sumOf(metrics, `${load}_sum`)) / loads);
    say(`${buckets} buckets of ${series} series, read in ${Math.round(firstQueryMs)} ms`);
    await node.until('flotilla_storage_replicas', {state: 'unloaded'}, buckets);
    const unloaded = await node.measure();
    const times = {startMs, firstQueryMs, secondQueryMs, loadMsMean};
    return {buckets, series, restarted, loaded, unloaded, ...times};
  } finally {
    await node.stop();
  }
}

/** A row of each series in each bucket, flushed. */
async function fill(node: HeapNode, {buckets, series, say}: BucketsOptions): Promise<void> {
  const {client} = node;
  const layout = {shards: 1, replicas: 1, bucketDuration: '7d'};
  await client.admin.createDatabase({name: DATABASE, ...layout});
  const random = new SeededRandom(1);
  const hosts = Array.from({length: series}, (_, host) => linePrefixOfHost(host, random));
  const agent = keepAliveAgent();
  try {
    for (let bucket = 0; bucket < buckets; bucket++) {
      const end = `usage_user=${bucket}i ${START_MS + bucket * WEEK_MS}000000`;
      for (let first = 0; first < series; first += ROWS_PER_BODY) {
        const lines = hosts.slice(first, first + ROWS_PER_BODY).map((host) => host + end);
        const url = `${node.url}/api/v1/write?db=${DATABASE}&precision=ns`;
        await postLines(url, Buffer.from(lines.join('\n')), agent);
      }
      if (bucket % 10 === 9) say(`${bucket + 1} buckets are written`);
    }
  } finally {
    agent.destroy();
  }
  await client.admin.flushStorage({timeoutMs: WAIT_MS_MAX});
}

class HeapNode {
  readonly url: string;
  readonly client: FlotillaClient;
  readonly #child: ChildProcess;

  private constructor(url: string, child: ChildProcess) {
    this.url = url;
    this.client = new FlotillaClient({urls: [url], timeoutMs: WAIT_MS_MAX});
    this.#child = child;
  }

  static async start(dataDirectory: string, unloadAfterMs: number): Promise<HeapNode> {
    const listen = `127.0.0.1:${await freePorts(2)}`;
    const child = fork(MAIN, [JSON.stringify({dataDirectory, listen, unloadAfterMs})], {
      execArgv: ['--expose-gc'],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    process.once('exit', () => child.kill('SIGKILL'));
    const node = new HeapNode(`http://${listen}`, child);
    const deadlineMs = performance.now() + WAIT_MS_MAX;
    while (!(await answers(`${node.url}/ready`))) {
      if (child.exitCode !== null || performance.now() > deadlineMs)
        throw new Error(`the node on ${dataDirectory} does not start`);
      await sleep(POLL_MS);
    }
    return node;
  }

  async measure(): Promise<HeapFigures> {
    const answer = once(this.#child, 'message');
    this.#child.send('measure' satisfies ToHeapNode);
    const [figures] = await answer;
    return figures as HeapFigures;
  }

  /** How long it took, in milliseconds. */
  async countAll(want: number): Promise<number> {
    const beganMs = performance.now();
    const [row] = await this.client.query('SELECT count(usage_user) AS n FROM cpu', {
      database: DATABASE,
    });
    const tookMs = roundMs(performance.now() - beganMs);
    if (Number(row?.['n']) !== want) throw new Error(`${row?.['n']} rows, want ${want}`);
    return tookMs;
  }

  async until(metric: string, labels: Record<string, string>, want: number): Promise<void> {
    const deadlineMs = performance.now() + WAIT_MS_MAX;
    while (sumOf(await scrape(this.url), metric, labels) < want) {
      if (performance.now() > deadlineMs) throw new Error(`${metric} does not become ${want}`);
      await sleep(POLL_MS);
    }
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.send('stop' satisfies ToHeapNode);
    await ended;
  }
}
