// The rows that a load sent and what became of them, and the comparison with what a node shows: every
// acknowledged row there with every value exact, none twice, none that was never sent. A row is a
// function of its number, so that only its state is kept.

import {SeededRandom} from '@flotilla/base';
import type {Row} from '@flotilla/client';

const START_S = 1_600_000_000;
/** Of data time between two rows of a host: half an hour of load fills some buckets of a week. */
const INTERVAL_S = 1_200;
const HOSTS = 100;
/** More of a kind says nothing more. */
const EXAMPLES_MAX = 5;

const STATE = {unsent: 0, unknown: 1, acknowledged: 2} as const;
const GROW_ROWS = 65_536;

export interface RowRange {
  readonly first: number;
  readonly end: number;
}

export interface RowDifferences {
  /** Acknowledged, and missing or with another value. */
  readonly lost: number;
  /** Never sent, or there twice. */
  readonly phantom: number;
  readonly examples: readonly string[];
}

export class RowLedger {
  #states = new Uint8Array(GROW_ROWS);
  #sent = 0;
  #acknowledged = 0;

  get acknowledged(): number {
    return this.#acknowledged;
  }

  get sent(): number {
    return this.#sent;
  }

  /** The next rows, whose outcome is unknown from now on. */
  take(count: number): RowRange {
    const [first, end] = [this.#sent, this.#sent + count];
    while (end > this.#states.length) {
      const grown = new Uint8Array(this.#states.length + GROW_ROWS);
      grown.set(this.#states);
      this.#states = grown;
    }
    this.#states.fill(STATE.unknown, first, end);
    this.#sent = end;
    return {first, end};
  }

  acknowledge({first, end}: RowRange): void {
    this.#states.fill(STATE.acknowledged, first, end);
    this.#acknowledged += end - first;
  }

  /** @param rows all that there are, in any order. */
  async compare(rows: AsyncIterable<Row> | Iterable<Row>): Promise<RowDifferences> {
    const seen = new Uint8Array(this.#sent);
    const lost = new Examples();
    const phantom = new Examples();
    for await (const row of rows) {
      const number = row['row'];
      if (typeof number !== 'number' || rowOutside(number, this.#sent)) {
        phantom.add(`a row that was never sent: ${JSON.stringify(row)}`);
        continue;
      }
      if (seen[number] !== 0) phantom.add(`row ${number} is there twice`);
      seen[number] = 1;
      const wanted = rowOf(number);
      const wrong = Object.keys(wanted).find((name) => row[name] !== wanted[name]);
      if (wrong === undefined) continue;
      // What was acknowledged is not there as it was; what was not, nobody ever wrote so.
      const isLost = this.#states[number] === STATE.acknowledged;
      (isLost ? lost : phantom).add(`row ${number}: ${wrong} is ${String(row[wrong])}`);
    }
    for (let number = 0; number < this.#sent; number++)
      if (seen[number] === 0 && this.#states[number] === STATE.acknowledged)
        lost.add(`row ${number} was acknowledged and is missing`);
    const examples = [...lost.texts, ...phantom.texts];
    return {lost: lost.count, phantom: phantom.count, examples};
  }
}

function rowOutside(number: number, sent: number): boolean {
  return !(Number.isInteger(number) && number >= 0 && number < sent);
}

/** As a query shows it. */
export function rowOf(number: number): Readonly<Record<string, string | number>> {
  const host = number % HOSTS;
  const seconds = START_S + Math.floor(number / HOSTS) * INTERVAL_S;
  return {
    time: new Date(seconds * 1000).toISOString().replace('.000Z', 'Z'),
    host: `h${host}`,
    row: number,
    f: new SeededRandom(number).uint32() / 1024,
  };
}

/** As line protocol. */
export function linesOf({first, end}: RowRange): string {
  const lines: string[] = [];
  for (let number = first; number < end; number++) {
    const {host, row, f} = rowOf(number);
    const seconds = START_S + Math.floor(number / HOSTS) * INTERVAL_S;
    lines.push(`load,host=${host} row=${row}i,f=${f} ${seconds}000000000`);
  }
  return lines.join('\n');
}

class Examples {
  count = 0;
  readonly texts: string[] = [];

  add(text: string): void {
    this.count += 1;
    if (this.texts.length < EXAMPLES_MAX) this.texts.push(text);
  }
}
