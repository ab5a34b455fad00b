// What rows of one shape cost: written as fast as they are taken, flushed and compacted, and counted until the
// nodes are quiet.

import {mkdir, rm} from 'node:fs/promises';
import path from 'node:path';
import {type BodyFile, makeBodyFile} from '../body-file.ts';
import {FlotillaCluster} from '../clusters/flotilla-cluster.ts';
import {load} from '../loader.ts';
import {scrape, sumOf} from '../node-figures.ts';
import {ProcessUsage} from '../process-usage.ts';
import {waitUntilQuiet} from '../quiet.ts';
import {countRows, settle} from '../targets/flotilla.ts';
import {DATABASE} from '../targets/target.ts';
import {type RowsParameters, rowCountOf} from '../tsbs-rows.ts';

const BATCH_ROWS = 10_000;
const CONNECTIONS = 4;
/** As many parts as a merge takes at least. */
export const PORTIONS = 4;
/** So that each machine measures the same: what threads share is another question. */
const ENGINE_THREADS = 1;

export interface RowSet {
  readonly name: string;
  /** As many replicas. */
  readonly nodes: number;
  readonly rows: RowsParameters;
}

/** Where nothing else is said, of all nodes together. */
export interface SetCosts {
  readonly rows: number;
  readonly cpuMicrosPerRow: number;
  /** Of one replica, like all bytes on disk. */
  readonly logBytesPerRow: number;
  readonly flushedBytesPerRow: number;
  readonly partBytesPerRow: number;
  readonly keyBytesPerHost: number;
  /** Of the node that took most. */
  readonly memoryBytes: number;
}

interface Counts {
  readonly cpuSeconds: number;
  readonly logBytes: number;
  readonly flushedBytes: number;
}

export async function measureSet(
  set: RowSet,
  place: {readonly directory: string; readonly say: (text: string) => void},
): Promise<SetCosts> {
  const directory = path.join(place.directory, set.name);
  await mkdir(directory);
  try {
    const shape = {directory, rows: set.rows, batchRows: BATCH_ROWS, gzip: false};
    await using file = await makeBodyFile(shape);
    const options = {nodes: set.nodes, engineThreads: ENGINE_THREADS};
    const cluster = await FlotillaCluster.start(directory, options);
    try {
      const [first] = cluster.clients;
      await first!.admin.createDatabase({name: DATABASE, replicas: set.nodes});
      const usage = new ProcessUsage(cluster.pids);
      await untilQuiet(usage, place.say);
      const before = await countsOf(cluster, usage);
      const urls = cluster.urls.map((url) => `${url}/api/v1/write?db=${DATABASE}&precision=ns`);
      await loadInPortions(file, {urls, cluster});
      await settle(cluster.clients);
      await untilQuiet(usage, place.say);
      const after = await countsOf(cluster, usage);
      await checkRows(cluster, set);
      return await costsOf(set, cluster, {before, after});
    } finally {
      await cluster.stop();
    }
  } finally {
    await rm(directory, {recursive: true, force: true});
  }
}

/** Flushed after each: what is merged from several parts is what stays on disks. */
async function loadInPortions(
  file: BodyFile,
  {urls, cluster}: {readonly urls: readonly string[]; readonly cluster: FlotillaCluster},
): Promise<void> {
  const {length} = file.bodies;
  for (let portion = 0; portion < PORTIONS; portion++) {
    const start = Math.floor((portion * length) / PORTIONS);
    const end = Math.floor(((portion + 1) * length) / PORTIONS);
    await load(file, {urls, connections: CONNECTIONS, bodies: {start, end}});
    await Promise.all(cluster.clients.map(({admin}) => admin.flushStorage()));
  }
}

async function untilQuiet(usage: ProcessUsage, say: (text: string) => void): Promise<void> {
  const isQuiet = await waitUntilQuiet(() => usage.cpuSeconds());
  if (!isQuiet) say('not quiet after a minute: what is counted is as of now');
}

async function countsOf({urls}: FlotillaCluster, usage: ProcessUsage): Promise<Counts> {
  const cpuSeconds = usage.cpuSeconds();
  const samples = (await Promise.all(urls.map(scrape))).flat();
  return {
    cpuSeconds,
    logBytes: sumOf(samples, 'flotilla_log_written_bytes_total'),
    flushedBytes: sumOf(samples, 'flotilla_storage_flushed_bytes_total'),
  };
}

async function checkRows({clients}: FlotillaCluster, {nodes, rows}: RowSet): Promise<void> {
  const wanted = rowCountOf(rows);
  const counted = await countRows(clients[0]!, nodes);
  if (counted !== wanted) throw new Error(`${wanted} rows were acknowledged, ${counted} are there`);
}

async function costsOf(
  {nodes: replicas, rows: shape}: RowSet,
  {clients, pids}: FlotillaCluster,
  {before, after}: {readonly before: Counts; readonly after: Counts},
): Promise<SetCosts> {
  const rows = rowCountOf(shape);
  const {nodes} = await clients[0]!.admin.storage();
  const sum = (key: 'partBytes' | 'keyBytes') =>
    nodes.reduce((bytes, node) => bytes + Number(node[key]), 0);
  const ofReplica = rows * replicas;
  return {
    rows,
    cpuMicrosPerRow: ((after.cpuSeconds - before.cpuSeconds) * 1e6) / rows,
    logBytesPerRow: (after.logBytes - before.logBytes) / ofReplica,
    flushedBytesPerRow: (after.flushedBytes - before.flushedBytes) / ofReplica,
    partBytesPerRow: sum('partBytes') / ofReplica,
    keyBytesPerHost: sum('keyBytes') / (shape.hosts * replicas),
    memoryBytes: Math.max(...pids.map((pid) => new ProcessUsage([pid]).peakRssBytes())),
  };
}
