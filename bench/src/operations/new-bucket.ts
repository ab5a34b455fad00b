// The scenario "new-bucket": writes to one database at a fixed rate while buckets with many shards are
// made for another, one after another; and as long without. The ratio of their 99th percentiles says
// what a creation costs those whom it is none of.

import type http from 'node:http';
import {FlotillaClient} from '@flotilla/client';
import {FlotillaCluster} from '../clusters/flotilla-cluster.ts';
import {keepAliveAgent} from '../keep-alive-agent.ts';
import {Latencies, roundMs} from '../latencies.ts';
import {median} from '../median.ts';
import {postLines} from '../post-lines.ts';
import {type DiskReport, withBenchDirectory} from '../scenario.ts';
import {runOpenLoop} from '../steady/open-loop.ts';

const NODES = 3;
const SHARDS = 64;
const OTHERS = 'others';
const GROWING = 'growing';
const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 0, 1);
const SERIES = 100;
const BUCKET_MS_MAX = 60_000;

export interface NewBucketOptions {
  readonly rounds: number;
  /** Of each half of a round: with buckets made, and without. */
  readonly seconds: number;
  /** Writes to the other database. */
  readonly perSecond: number;
  readonly engineThreads?: number | undefined;
  say(text: string): void;
}

export interface NewBucketResult {
  readonly target: string;
  readonly buckets: number;
  readonly shards: number;
  /** Until a bucket's first row is acknowledged. */
  readonly bucketMs: number;
  readonly writes: number;
  readonly failedWrites: number;
  readonly p99Ms: number;
  readonly creatingP99Ms: number;
  readonly p99Ratio: number;
}

export interface NewBucketReport extends DiskReport {
  readonly scenario: 'new-bucket';
  readonly results: readonly NewBucketResult[];
}

export function runNewBucket(options: NewBucketOptions): Promise<NewBucketReport> {
  return withBenchDirectory(async (directory) => {
    const {engineThreads} = options;
    const cluster = await FlotillaCluster.start(directory, {nodes: NODES, engineThreads});
    const agent = keepAliveAgent();
    const client = new FlotillaClient({urls: cluster.urls, timeoutMs: BUCKET_MS_MAX});
    try {
      return {scenario: 'new-bucket', results: [await measure(cluster, client, agent, options)]};
    } finally {
      agent.destroy();
      client.close();
      await cluster.stop();
    }
  });
}

async function measure(
  cluster: FlotillaCluster,
  client: FlotillaClient,
  agent: http.Agent,
  {rounds, seconds, perSecond, say}: NewBucketOptions,
): Promise<NewBucketResult> {
  const {admin} = client;
  await admin.createDatabase({name: OTHERS, replicas: NODES, shards: 4});
  await admin.createDatabase({
    ...{name: GROWING, replicas: NODES, shards: SHARDS, bucketDuration: '1d'},
  });
  let written = 0;
  const write = () => {
    const n = written++;
    const url = `${cluster.urls[n % NODES]}/api/v1/write?db=${OTHERS}`;
    const line = `one,host=h${n % SERIES} v=${n}i ${START_MS + n}000000`;
    return postLines(url, Buffer.from(line), agent);
  };
  await client.write(`one,host=h0 v=0i ${START_MS}000000`, {database: OTHERS});
  await cluster.ledSets(OTHERS);
  // Table and bucket of the first day: what follows makes buckets and nothing else.
  let day = 0;
  const bucketTimes: number[] = [];
  await makeBucket(client, day++);
  const [still, creating] = [new Latencies(), new Latencies()];
  let failedWrites = 0;
  for (let round = 1; round <= rounds; round++) {
    for (const isCreating of [false, true]) {
      const run = runOpenLoop({perSecond, seconds, write});
      const endMs = performance.now() + seconds * 1000;
      while (isCreating && performance.now() < endMs) {
        const startMs = performance.now();
        await makeBucket(client, day++);
        bucketTimes.push(performance.now() - startMs);
      }
      const {latencies, failed} = await run;
      latencies.each((ms) => (isCreating ? creating : still).add(ms));
      failedWrites += failed;
      const p99 = latencies.quantile(0.99).toFixed(1);
      say(`round ${round}, ${isCreating ? 'buckets are made' : 'still'}: p99 ${p99} ms`);
    }
  }
  const [p99Ms, creatingP99Ms] = [still.quantile(0.99), creating.quantile(0.99)];
  return {
    target: 'flotilla',
    buckets: bucketTimes.length,
    shards: SHARDS,
    bucketMs: Math.round(median(bucketTimes)),
    writes: still.count + creating.count,
    failedWrites,
    p99Ms: roundMs(p99Ms),
    creatingP99Ms: roundMs(creatingP99Ms),
    p99Ratio: roundMs(creatingP99Ms / p99Ms),
  };
}

/** Each in two days' distance, so that none is there yet because it was made ahead. */
async function makeBucket(client: FlotillaClient, number: number): Promise<void> {
  const timeMs = START_MS + 2 * number * DAY_MS;
  await client.write(`grown,host=h v=1i ${timeMs}000000`, {database: GROWING});
}
