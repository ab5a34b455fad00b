// Bodies of 100 rows of TSBS's cpu table, made as fast as a copy: the lines of a body are laid out once and
// only the times, 19 digits each, are written anew. A thousand hosts, ten integer fields; ten bodies are a
// row of each host, and the next ten are a second later.

import {FIELDS} from '../tsbs-rows.ts';

const HOSTS = 1_000;
const ROWS_PER_BODY = 100;
const BODIES_PER_SECOND_OF_DATA = HOSTS / ROWS_PER_BODY;
/** Layouts of the same hosts with other values, in turn. */
const VARIANTS = 8;
const TIME_DIGITS = 19;

export const DATA_START_MS = Date.UTC(2026, 0, 1);
export {ROWS_PER_BODY};

interface Layout {
  readonly bytes: Buffer;
  /** Where each line's time begins. */
  readonly timeAt: readonly number[];
}

export class CpuBodies {
  readonly #layouts: readonly Layout[];

  constructor() {
    const count = VARIANTS * BODIES_PER_SECOND_OF_DATA;
    this.#layouts = Array.from({length: count}, (_, i) => layoutOf(i));
  }

  /** Body `n`: no two hold the same row. */
  body(n: number): Buffer {
    const {bytes, timeAt} = this.#layouts[n % this.#layouts.length]!;
    const body = Buffer.from(bytes);
    const time = `${timeMsOf(n)}000000`;
    for (const at of timeAt) body.write(time, at, 'latin1');
    return body;
  }
}

/** Of all rows in body `n`. */
export function timeMsOf(n: number): number {
  return DATA_START_MS + Math.floor(n / BODIES_PER_SECOND_OF_DATA) * 1000;
}

function layoutOf(n: number): Layout {
  const firstHost = (n % BODIES_PER_SECOND_OF_DATA) * ROWS_PER_BODY;
  const lines: Buffer[] = [];
  const timeAt: number[] = [];
  let offset = 0;
  for (let row = 0; row < ROWS_PER_BODY; row++) {
    const host = firstHost + row;
    const fields = FIELDS.map((field, i) => `${field}=${(host * 31 + n * 17 + i * 7) % 101}i`);
    const tags = `hostname=host_${host},region=eu-west-1,service=${host % 20}`;
    const line = Buffer.from(`cpu,${tags} ${fields.join(',')} ${'0'.repeat(TIME_DIGITS)}\n`);
    timeAt.push(offset + line.length - 1 - TIME_DIGITS);
    offset += line.length;
    lines.push(line);
  }
  return {bytes: Buffer.concat(lines), timeAt};
}
