// Writes as fast as they are answered, whose rows can be counted afterwards: each client writes the
// numbers 0, 1, 2, ... to series of its own, so that what a series must hold follows from how many of
// its bodies were acknowledged. A series of which a body failed gets no further rows: the last one of
// it may be there or not.

import {FlotillaClient, FlotillaError} from '@flotilla/client';
import {Latencies} from '../latencies.ts';
import {type FailureKind, Failures} from '../steady/failures.ts';

const TABLE = 'counted';
const START_MS = Date.UTC(2026, 0, 1);
const DAY_MS = 86_400_000;
/** Longer than any fault of a bench; a write that takes so long is a failed one. */
const WRITE_MS_MAX = 30_000;
const CHECK_MS_MAX = 300_000;

export interface CountedLoadOptions {
  readonly urls: readonly string[];
  readonly database: string;
  readonly clients: number;
  /** Each of another series, so that a body reaches many shards. */
  readonly rowsPerBody: number;
  /** Days of data time over which the rows of a series go in turn. */
  readonly days: number;
}

interface Written {
  acknowledged: number;
  /** One more may be there. */
  hasDoubt: boolean;
}

export class CountedLoad {
  readonly #options: CountedLoadOptions;
  readonly #series = new Map<string, Written>();
  readonly #failures = new Failures();
  readonly #startMs = performance.now();
  #window = new Latencies();
  #isStopped = false;
  #done: Promise<unknown> = Promise.resolve();

  constructor(options: CountedLoadOptions) {
    this.#options = options;
  }

  start(): void {
    const {clients} = this.#options;
    this.#done = Promise.all(Array.from({length: clients}, (_, i) => this.#run(i)));
    // Who stops the load is told what went wrong; nobody waits for it before.
    this.#done.catch((error: unknown) => {
      this.#failures.add(error, (performance.now() - this.#startMs) / 1000);
    });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#done;
  }

  get failed(): number {
    return this.#failures.count;
  }

  get failures(): readonly FailureKind[] {
    return this.#failures.kinds();
  }

  /** Of writes that ended since the last call. */
  takeWindow(): Latencies {
    const window = this.#window;
    this.#window = new Latencies();
    return window;
  }

  /** Acknowledged rows that a query does not find. Requires `stop`. */
  async lostRows(client: FlotillaClient): Promise<number> {
    const found = new Map<string, {count: number; sum: number}>();
    const {database} = this.#options;
    const sql = `SELECT s, count(*) AS c, sum(n) AS total FROM ${TABLE} GROUP BY s`;
    for (const row of await client.query(sql, {database, timeoutMs: CHECK_MS_MAX}))
      found.set(String(row['s']), {count: Number(row['c']), sum: Number(row['total'])});
    let lost = 0;
    for (const [name, written] of this.#series) lost += lostOf(written, found.get(name));
    return lost;
  }

  async #run(number: number): Promise<void> {
    const {urls, database} = this.#options;
    const from = number % urls.length;
    const own = [...urls.slice(from), ...urls.slice(0, from)];
    const client = new FlotillaClient({urls: own, database, timeoutMs: WRITE_MS_MAX});
    try {
      for (let epoch = 0; !this.#isStopped; epoch++)
        await this.#writeSeries(client, `${number}_${epoch}`);
    } finally {
      client.close();
    }
  }

  /** Until one of its bodies fails. */
  async #writeSeries(client: FlotillaClient, name: string): Promise<void> {
    const {rowsPerBody} = this.#options;
    const names = Array.from({length: rowsPerBody}, (_, i) => `${name}_${i}`);
    const written = {acknowledged: 0, hasDoubt: false};
    for (const each of names) this.#series.set(each, written);
    while (!this.#isStopped) {
      const startMs = performance.now();
      try {
        await client.write(this.#body(names, written.acknowledged));
      } catch (error) {
        if (!(error instanceof FlotillaError)) throw error;
        this.#failures.add(error, (performance.now() - this.#startMs) / 1000);
        written.hasDoubt = true;
        return;
      }
      this.#window.add(performance.now() - startMs);
      written.acknowledged += 1;
    }
  }

  #body(names: readonly string[], n: number): string {
    const {days} = this.#options;
    const timeMs = START_MS + (n % days) * DAY_MS + Math.floor(n / days);
    return names.map((s) => `${TABLE},s=${s} n=${n}i,f=${n / 7} ${timeMs}000000`).join('\n');
  }
}

/** Exported for its test. */
export function lostOf(
  {acknowledged, hasDoubt}: Written,
  found: {readonly count: number; readonly sum: number} | undefined,
): number {
  const {count, sum} = found ?? {count: 0, sum: 0};
  const isWhole = (rows: number) => count === rows && sum === (rows * (rows - 1)) / 2;
  if (isWhole(acknowledged) || (hasDoubt && isWhole(acknowledged + 1))) return 0;
  return Math.max(1, acknowledged - count);
}
