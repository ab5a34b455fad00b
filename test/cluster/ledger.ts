// What a load sent and what became of it, and the comparison with what the cluster holds: every
// acknowledged row present with every value exact, none twice, none that was never sent.

import {type FlotillaClient, FlotillaError} from '@flotilla/client';

const START_S = 1_600_000_000;
const INTERVAL_S = 10;
const FIELDS = 4;

export interface LoadShape {
  readonly hosts: number;
  readonly ticks: number;
  /** Lines in a body. */
  readonly batch: number;
}

/**
 * Field `field` of a host at a tick: a function of the three that no two rows are likely to share. By hand, as a
 * row is computed at each look at it: a generator for each value took a third of the time of a send.
 */
function fieldValue(host: number, tick: number, field: number): number {
  let mix = host * 1_000_003 + tick * 17 + field;
  mix = Math.imul(mix ^ (mix >>> 16), 0x85ebca6b);
  mix = Math.imul(mix ^ (mix >>> 13), 0xc2b2ae35);
  return ((mix ^ (mix >>> 16)) >>> 0) / 1024;
}

const STATE = {unsent: 0, unknown: 1, acknowledged: 2} as const;

export class Ledger {
  readonly #shape: LoadShape;
  /** Per row (tick-major): unsent, unknown or acknowledged. */
  readonly #states: Uint8Array;
  #next = 0;
  #isStopped = false;
  /** Bodies that the client reported as failed. */
  failures: unknown[] = [];

  constructor(shape: LoadShape) {
    this.#shape = shape;
    this.#states = new Uint8Array(shape.hosts * shape.ticks);
  }

  get rowCount(): number {
    return this.#states.length;
  }

  get sentRows(): number {
    return this.#next;
  }

  /** What was not begun yet is left to the next `send`. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Sends what is left of the load; several of these share it. `onBody` is told after each answer. */
  async send(
    client: FlotillaClient,
    onBody: (ledger: Ledger) => void | Promise<void> = () => undefined,
  ): Promise<void> {
    this.#isStopped = false;
    while (this.#next < this.rowCount && !this.#isStopped) {
      const first = this.#next;
      const end = Math.min(first + this.#shape.batch, this.rowCount);
      this.#next = end;
      this.#states.fill(STATE.unknown, first, end);
      try {
        await client.write(this.#body(first, end), {timeoutMs: 30_000});
        this.#states.fill(STATE.acknowledged, first, end);
      } catch (error) {
        if (!(error instanceof FlotillaError)) throw error;
        this.failures.push(error);
      }
      await onBody(this);
    }
  }

  #body(first: number, end: number): string {
    const lines: string[] = [];
    for (let row = first; row < end; row++) {
      const host = row % this.#shape.hosts;
      const tick = Math.floor(row / this.#shape.hosts);
      const values = Array.from(
        {length: FIELDS},
        (_, field) => `f${field}=${fieldValue(host, tick, field)}`,
      );
      lines.push(
        `load,host=h${host} ${values.join(',')},tick=${tick}i ${START_S + tick * INTERVAL_S}000000000`,
      );
    }
    return lines.join('\n');
  }

  /** Differences between what was acknowledged and the rows that `client` reads; empty when there are none. */
  async compare(client: FlotillaClient, options: {stale: boolean}): Promise<string[]> {
    const differences: string[] = [];
    const seen = new Uint8Array(this.rowCount);
    for await (const row of client.queryStream('SELECT * FROM load', {
      ...options,
      timeoutMs: 120_000,
    })) {
      const problem = this.#check(row, seen);
      if (problem !== undefined) differences.push(problem);
    }
    for (let row = 0; row < this.rowCount; row++) {
      if (this.#states[row] === STATE.acknowledged && seen[row] === 0)
        differences.push(`row ${row} was acknowledged and is missing`);
    }
    return differences;
  }

  #check(row: Readonly<Record<string, unknown>>, seen: Uint8Array): string | undefined {
    const host = Number(String(row['host']).slice(1));
    const tick = Number(row['tick']);
    const number = tick * this.#shape.hosts + host;
    const time = new Date((START_S + tick * INTERVAL_S) * 1000).toISOString().replace('.000Z', 'Z');
    if (
      !Number.isInteger(number) ||
      number < 0 ||
      number >= this.rowCount ||
      row['time'] !== time
    ) {
      return `a row that was never sent: ${JSON.stringify(row)}`;
    }
    if (this.#states[number] === STATE.unsent) return `row ${number} was not sent and is there`;
    if (seen[number]! > 0) return `row ${number} is there twice`;
    seen[number] = 1;
    for (let field = 0; field < FIELDS; field++) {
      if (row[`f${field}`] !== fieldValue(host, tick, field))
        return `row ${number}: f${field} is ${String(row[`f${field}`])}`;
    }
    return undefined;
  }
}
