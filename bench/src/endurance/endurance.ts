// The scenario "endurance": one node takes rows as fast as it can for minutes on end, until far more lies on its
// disk than its memory holds; what it takes and holds is told window by window. Then it is stopped and started, and
// killed and started, over all of that.

import {readFileSync} from 'node:fs';
import type http from 'node:http';
import {setTimeout as sleep} from 'node:timers/promises';
import type {FlotillaClient} from '@flotilla/client';
import {FlotillaCluster} from '../clusters/flotilla-cluster.ts';
import {diskBytesOf} from '../disk.ts';
import {keepAliveAgent} from '../keep-alive-agent.ts';
import {postLines} from '../post-lines.ts';
import {type DiskReport, withBenchDirectory} from '../scenario.ts';
import {CpuBodies, ROWS_PER_BODY} from '../steady/cpu-bodies.ts';
import {type FailureKind, Failures, RefusedWrite} from '../steady/failures.ts';

const DATABASE = 'endurance';
/** A body has so many of the small ones that are laid out. */
const PIECES = 50;
/** What a node that is full answers: it is asked again. */
const LATER_STATUSES: ReadonlySet<number> = new Set([429, 503]);
const BACKOFF_MS = 100;
const STORAGE_MS_MAX = 600_000;

export interface EnduranceOptions {
  readonly minutes: number;
  /** About that: windows of one length fill the load. */
  readonly windowSeconds: number;
  readonly clients: number;
  readonly engineThreads?: number | undefined;
  say(text: string): void;
}

/** Of a part of the load. */
export interface EnduranceWindow {
  readonly rowsPerSecond: number;
  /** Resident, at its end. */
  readonly residentBytes: number;
}

export interface EnduranceResult {
  readonly target: string;
  readonly rows: number;
  readonly windows: readonly EnduranceWindow[];
  /** Rate of the last window by that of the first. */
  readonly lastToFirst: number;
  /** Bodies that were put off, each time. */
  readonly refused: number;
  /** Bodies that were answered with anything else than an acknowledgement or "later". */
  readonly failedBodies: number;
  readonly failures: readonly FailureKind[];
  readonly diskBytes: number;
  /** From the start of the process until it takes traffic, after a clean stop and after kill -9. */
  readonly restartMs: number;
  readonly restartKilledMs: number;
}

export interface EnduranceReport extends DiskReport {
  readonly scenario: 'endurance';
  readonly results: readonly EnduranceResult[];
}

export function runEndurance(options: EnduranceOptions): Promise<EnduranceReport> {
  return withBenchDirectory(async (directory) => {
    const {engineThreads} = options;
    const cluster = await FlotillaCluster.start(directory, {nodes: 1, engineThreads});
    try {
      const client = cluster.clients[0]!;
      await client.admin.createDatabase({name: DATABASE, replicas: 1});
      const load = new EnduranceLoad(cluster.urls[0]!, options);
      const windows = await load.run(() => residentBytes(cluster.pids[0]!));
      const counted = await countRows(client);
      // Of a body that failed some rows may be there.
      if (counted < load.rows || (counted > load.rows && load.failures.count === 0))
        throw new Error(`${load.rows} rows were acknowledged, ${counted} are there`);
      await client.admin.flushStorage({timeoutMs: STORAGE_MS_MAX});
      const diskBytes = await diskBytesOf(cluster.directories[0]!);
      const restartMs = await restarted(cluster, () => cluster.server(0).stop());
      const restartKilledMs = await restarted(cluster, () => cluster.server(0).kill());
      const left = await countRows(client);
      if (left !== counted) throw new Error(`${counted} rows were there, ${left} are left`);
      const lastToFirst = windows.at(-1)!.rowsPerSecond / windows[0]!.rowsPerSecond;
      const result = {
        ...{target: 'flotilla', rows: counted, windows},
        lastToFirst: Math.round(lastToFirst * 1000) / 1000,
        ...{refused: load.refused, failedBodies: load.failures.count},
        failures: load.failures.kinds(),
        ...{diskBytes, restartMs, restartKilledMs},
      };
      return {scenario: 'endurance', results: [result]};
    } finally {
      await cluster.stop();
    }
  });
}

/** Closed loops that are ended by the clock. What fails for another reason than want of room is not sent again. */
class EnduranceLoad {
  readonly failures = new Failures();
  rows = 0;
  refused = 0;
  readonly #url: string;
  readonly #options: EnduranceOptions;
  readonly #bodies = new CpuBodies();
  readonly #startMs = performance.now();
  readonly #endMs: number;
  #next = 0;

  constructor(url: string, options: EnduranceOptions) {
    this.#url = `${url}/api/v1/write?db=${DATABASE}&precision=ns`;
    this.#options = options;
    this.#endMs = this.#startMs + options.minutes * 60_000;
  }

  async run(resident: () => number): Promise<EnduranceWindow[]> {
    const agent = keepAliveAgent();
    try {
      const clients = Array.from({length: this.#options.clients}, () => this.#client(agent));
      const watched = this.#watch(resident);
      await Promise.all([watched, ...clients]);
      return await watched;
    } finally {
      agent.destroy();
    }
  }

  async #watch(resident: () => number): Promise<EnduranceWindow[]> {
    const {windowSeconds, say} = this.#options;
    const windows: EnduranceWindow[] = [];
    // By number: a timer may fire a fraction of a millisecond early, and what is left is no window.
    const count = Math.max(1, Math.round((this.#options.minutes * 60) / windowSeconds));
    const windowMs = (this.#endMs - this.#startMs) / count;
    for (let atMs = this.#startMs; windows.length < count; ) {
      const rowsBefore = this.rows;
      await sleep(this.#startMs + (windows.length + 1) * windowMs - performance.now());
      const seconds = (performance.now() - atMs) / 1000;
      atMs = performance.now();
      const rowsPerSecond = Math.round((this.rows - rowsBefore) / seconds);
      windows.push({rowsPerSecond, residentBytes: resident()});
      say(
        `${this.rows} rows, ${rowsPerSecond} rows/s, ${windows.at(-1)!.residentBytes} B resident`,
      );
    }
    return windows;
  }

  async #client(agent: http.Agent): Promise<void> {
    while (performance.now() < this.#endMs) {
      const first = this.#next;
      this.#next += PIECES;
      const pieces = Array.from({length: PIECES}, (_, i) => this.#bodies.body(first + i));
      await this.#send(Buffer.concat(pieces), agent);
    }
  }

  async #send(body: Buffer, agent: http.Agent): Promise<void> {
    for (;;) {
      try {
        await postLines(this.#url, body, agent);
        this.rows += PIECES * ROWS_PER_BODY;
        return;
      } catch (error) {
        if (!(error instanceof RefusedWrite) || !LATER_STATUSES.has(error.status)) {
          this.failures.add(error, (performance.now() - this.#startMs) / 1000);
          return;
        }
        this.refused += 1;
        await sleep(BACKOFF_MS);
      }
    }
  }
}

async function countRows(client: FlotillaClient): Promise<number> {
  const options = {database: DATABASE, timeoutMs: STORAGE_MS_MAX};
  const [row] = await client.query('SELECT count(usage_user) AS n FROM cpu', options);
  return Number(row?.['n'] ?? 0);
}

async function restarted(cluster: FlotillaCluster, end: () => Promise<void>): Promise<number> {
  await end();
  const startMs = performance.now();
  cluster.startNode(0);
  await cluster.ready(0);
  return Math.round(performance.now() - startMs);
}

function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
}
