// The scenario "backup": TSBS rows are backed up whole, and again unchanged, beside writes of one row as fast as
// they are answered; then they are restored beside the database that they came from, by the command that people
// type, in a process of its own.

import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdir} from 'node:fs/promises';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {type Backup, FlotillaClient} from '@flotilla/client';
import {makeBodyFile} from '../body-file.ts';
import {FlotillaCluster, MAIN} from '../clusters/flotilla-cluster.ts';
import {roundMs} from '../latencies.ts';
import {load} from '../loader.ts';
import {until} from '../operations/cluster-orders.ts';
import {CountedLoad} from '../operations/counted-load.ts';
import {ProcessUsage} from '../process-usage.ts';
import {type DiskReport, withBenchDirectory} from '../scenario.ts';
import {type RowsParameters, rowCountOf, START_MS, type ValueKind} from '../tsbs-rows.ts';

const LOADED = 'loaded';
const RESTORED = 'restored';
const SMALL = 'small';
const SHARDS = 4;
const INTERVAL_MS = 10_000;
const BATCH_ROWS = 5_000;
const CONNECTIONS = 4;
const BACKUP_MS_MAX = 3_600_000;
const BEGIN_MS_MAX = 10_000;

export interface BackupOptions {
  readonly nodes: number;
  readonly hosts: number;
  readonly hours: number;
  readonly values: ValueKind;
  /** Of writes without a backup beside them. */
  readonly stillSeconds: number;
  /** That a node reads a second for the backup. Absent: what it reads for anybody who does not say. */
  readonly rate?: number | undefined;
  readonly engineThreads?: number | undefined;
  say(text: string): void;
}

export interface BackupResult {
  readonly target: string;
  readonly nodes: number;
  readonly rows: number;
  /** Of the backup. */
  readonly bytes: number;
  readonly fullMs: number;
  readonly fullMegabytesPerSecond: number;
  readonly unchangedMs: number;
  readonly p99Ms: number;
  readonly backupP99Ms: number;
  readonly p99Ratio: number;
  readonly restoreMs: number;
  readonly restoredRowsPerSecond: number;
  readonly restoreMegabytesPerSecond: number;
  /** Of all nodes together, until the last row was acknowledged. */
  readonly restoreCpuMicrosPerRow: number;
}

export interface BackupReport extends DiskReport {
  readonly scenario: 'backup';
  readonly results: readonly BackupResult[];
}

export function runBackup(options: BackupOptions): Promise<BackupReport> {
  return withBenchDirectory(async (directory) => {
    const {nodes, engineThreads} = options;
    const cluster = await FlotillaCluster.start(directory, {nodes, engineThreads});
    const client = new FlotillaClient({urls: cluster.urls, timeoutMs: BACKUP_MS_MAX});
    try {
      const result = await new BackupBench(cluster, client, {...options, directory}).run();
      return {scenario: 'backup', results: [result]};
    } finally {
      client.close();
      await cluster.stop();
    }
  });
}

class BackupBench {
  readonly #cluster: FlotillaCluster;
  readonly #client: FlotillaClient;
  readonly #options: BackupOptions & {readonly directory: string};
  readonly #rows: RowsParameters;
  readonly #backups: string;

  constructor(
    cluster: FlotillaCluster,
    client: FlotillaClient,
    options: BackupOptions & {readonly directory: string},
  ) {
    this.#cluster = cluster;
    this.#client = client;
    this.#options = options;
    const {hosts, hours, values} = options;
    this.#rows = {hosts, hours, values, intervalMs: INTERVAL_MS, seed: 1, startMs: START_MS};
    this.#backups = path.join(options.directory, 'backups');
  }

  async run(): Promise<BackupResult> {
    const {nodes, stillSeconds, say} = this.#options;
    await mkdir(this.#backups);
    await this.#fill();
    await this.#client.admin.createDatabase({name: SMALL, replicas: nodes, shards: 1});
    const {urls} = this.#cluster;
    const small = new CountedLoad({urls, database: SMALL, clients: 1, rowsPerBody: 1, days: 1});
    small.start();
    await sleep(stillSeconds * 1_000);
    const still = small.takeWindow();
    const full = await this.#backUp();
    const beside = small.takeWindow();
    say(`${full.bytes} bytes, whole in ${full.ms} ms`);
    const unchanged = await this.#backUp();
    say(`unchanged in ${unchanged.ms} ms`);
    await small.stop();
    const restored = await this.#restore(full.bytes);
    const [p99Ms, backupP99Ms] = [still.quantile(0.99), beside.quantile(0.99)];
    return {
      ...{target: 'flotilla', nodes, rows: rowCountOf(this.#rows), bytes: full.bytes},
      fullMs: full.ms,
      fullMegabytesPerSecond: megabytesPerSecond(full.bytes, full.ms),
      unchangedMs: unchanged.ms,
      p99Ms: roundMs(p99Ms),
      backupP99Ms: roundMs(backupP99Ms),
      p99Ratio: roundMs(backupP99Ms / p99Ms),
      ...restored,
    };
  }

  /** Then all of it lies in parts, compacted. */
  async #fill(): Promise<void> {
    const {directory, nodes, say} = this.#options;
    await this.#client.admin.createDatabase({name: LOADED, replicas: nodes, shards: SHARDS});
    const {urls, clients} = this.#cluster;
    await using file = await makeBodyFile({
      ...{directory, rows: this.#rows, batchRows: BATCH_ROWS, gzip: false},
    });
    const writes = urls.map((url) => `${url}/api/v1/write?db=${LOADED}`);
    const {seconds} = await load(file, {urls: writes, connections: CONNECTIONS});
    say(`${rowCountOf(this.#rows)} rows written in ${seconds.toFixed(1)} s`);
    for (const {admin} of clients) {
      await admin.flushStorage({timeoutMs: BACKUP_MS_MAX});
      await admin.compactStorage({timeoutMs: BACKUP_MS_MAX});
    }
  }

  async #backUp(): Promise<{bytes: number; ms: number}> {
    const {admin} = this.#client;
    const {rate} = this.#options;
    const wanted = {directory: this.#backups, database: LOADED, bytesPerSecond: rate};
    let backup: Backup | undefined;
    // One that has just ended is told as done a moment before the next may begin.
    await until('a backup begins', BEGIN_MS_MAX, async () => {
      backup = await admin.createBackup(wanted);
      return true;
    });
    const {id} = backup!;
    await until('the backup ends', BACKUP_MS_MAX, async () => {
      backup = await admin.backup(this.#backups, id);
      return backup?.state !== 'running';
    });
    const {state, startedAt, endedAt, bytes, error} = backup!;
    if (state !== 'done') throw new Error(`the backup ${state}: ${error}`);
    return {bytes, ms: Date.parse(endedAt!) - Date.parse(startedAt!)};
  }

  async #restore(bytes: number) {
    const {say} = this.#options;
    const rows = rowCountOf(this.#rows);
    const usage = new ProcessUsage(this.#cluster.pids);
    const cpuBefore = usage.cpuSeconds();
    const startMs = performance.now();
    const words = ['restore', this.#backups, '--db', LOADED, '--as', RESTORED];
    const child = spawn(process.execPath, [MAIN, ...words, '--url', this.#cluster.urls.join(',')], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const [code] = await once(child, 'exit');
    if (code !== 0) throw new Error(`the restore ended with ${code}`);
    const ms = performance.now() - startMs;
    const cpuSeconds = usage.cpuSeconds() - cpuBefore;
    say(`restored in ${Math.round(ms)} ms`);
    await this.#compare(rows);
    return {
      restoreMs: Math.round(ms),
      restoredRowsPerSecond: Math.round((rows * 1000) / ms),
      restoreMegabytesPerSecond: megabytesPerSecond(bytes, ms),
      restoreCpuMicrosPerRow: roundMs((cpuSeconds * 1e6) / rows),
    };
  }

  async #compare(rows: number): Promise<void> {
    const sql = 'SELECT count(*) AS n, sum(usage_user) AS s FROM cpu';
    const [was, is] = await Promise.all(
      [LOADED, RESTORED].map(async (database) => (await this.#client.query(sql, {database}))[0]),
    );
    // Sums of floats depend on the order in which they are made.
    const isNear = Math.abs(Number(was?.['s']) / Number(is?.['s']) - 1) < 1e-9;
    if (Number(is?.['n']) !== rows || !isNear)
      throw new Error(`restored ${JSON.stringify(is)} of ${JSON.stringify(was)}`);
  }
}

function megabytesPerSecond(bytes: number, ms: number): number {
  return Math.round(bytes / ms / 10) / 100;
}
