// Rows of TSBS's "devops, cpu-only" as line protocol: at each tick every host in turn, ten fields that
// walk at random within [0, 100]. The same parameters give the same bytes. The generator is this
// project's own, so they are not the bytes of TSBS's Go program: same shape, other values.

import {assert, SeededRandom} from '@flotilla/base';
import {linePrefixOfHost} from './tsbs-hosts.ts';

export const FIELDS = [
  'usage_user',
  'usage_system',
  'usage_idle',
  'usage_nice',
  'usage_iowait',
  'usage_irq',
  'usage_softirq',
  'usage_steal',
  'usage_guest',
  'usage_guest_nice',
] as const;

/** integer: as TSBS writes them (`58i`). float: every digit. decimal: two digits after the point. */
export type ValueKind = 'integer' | 'float' | 'decimal';

export interface RowsParameters {
  readonly hosts: number;
  readonly hours: number;
  readonly intervalMs: number;
  readonly values: ValueKind;
  /** TSBS's ten, unless said otherwise; those beyond them are numbered. */
  readonly fields?: number | undefined;
  readonly seed: number;
  /** Time of the first tick. */
  readonly startMs: number;
  /** A tenth of the rows, those of each tenth tick, come so late. */
  readonly lateMs?: number | undefined;
}

const LATE_EVERY_TICKS = 10;

/** Whether each late row has a time of its own. */
export function fitsLate({lateMs = 0, intervalMs}: Pick<RowsParameters, 'lateMs' | 'intervalMs'>) {
  return lateMs % (LATE_EVERY_TICKS * intervalMs) === 0;
}

/** TSBS's own first tick. */
export const START_MS = Date.UTC(2016, 0, 1);

/** More than any line has: 220 bytes of tags and the time, and of each field its name and 20 digits. */
const HEAD_BYTES_MAX = 384;
const FIELD_BYTES_MAX = 64;
const NANOSECONDS_OF_MILLISECOND = '000000';

export function tickCountOf({hours, intervalMs}: RowsParameters): number {
  // An hour's fraction times 3,600,000 may miss a whole number by the last bit.
  return Math.floor((hours * 3_600_000 + 1e-6) / intervalMs);
}

function fieldNames({fields = FIELDS.length}: RowsParameters): readonly string[] {
  return Array.from({length: fields}, (_, i) => FIELDS[i] ?? `usage_${i + 1}`);
}

export function rowCountOf(parameters: RowsParameters): number {
  return parameters.hosts * tickCountOf(parameters);
}

/** Writes rows one after another into buffers of its caller. */
export class RowsGenerator {
  readonly #parameters: RowsParameters;
  readonly #prefixes: readonly Buffer[];
  readonly #normal: NormalSource;
  readonly #names: readonly string[];
  /** One value for each field of each host; host-major. */
  readonly #values: Float64Array;
  readonly #rowCount: number;
  #row = 0;

  constructor(parameters: RowsParameters) {
    const random = new SeededRandom(parameters.seed);
    this.#parameters = parameters;
    this.#names = fieldNames(parameters);
    this.#prefixes = Array.from({length: parameters.hosts}, (_, host) =>
      Buffer.from(linePrefixOfHost(host, random), 'latin1'),
    );
    this.#values = Float64Array.from(
      {length: parameters.hosts * this.#names.length},
      () => random.next() * 100,
    );
    this.#normal = new NormalSource(random);
    this.#rowCount = rowCountOf(parameters);
  }

  get isDone(): boolean {
    return this.#row === this.#rowCount;
  }

  /** Writes at most `rowsMax` rows into `out` from its start; returns how many bytes and rows. */
  fill(out: Buffer, rowsMax: number): {bytes: number; rows: number} {
    const needed = RowsGenerator.bufferBytes(rowsMax, this.#names.length);
    assert(out.length >= needed, 'buffer too small');
    const rows = Math.min(rowsMax, this.#rowCount - this.#row);
    let cursor = 0;
    for (let i = 0; i < rows; i++) cursor = this.#writeRow(out, cursor);
    return {bytes: cursor, rows};
  }

  static bufferBytes(rowsMax: number, fields: number = FIELDS.length): number {
    return rowsMax * (HEAD_BYTES_MAX + fields * FIELD_BYTES_MAX);
  }

  #writeRow(out: Buffer, start: number): number {
    const {hosts, intervalMs, startMs, lateMs = 0} = this.#parameters;
    const host = this.#row % hosts;
    const tick = (this.#row - host) / hosts;
    this.#row++;
    const prefix = this.#prefixes[host]!;
    out.set(prefix, start);
    let cursor = start + prefix.length;
    cursor += out.write(this.#fieldsText(host * this.#names.length), cursor, 'latin1');
    const time = startMs + tick * intervalMs - (tick % LATE_EVERY_TICKS === 0 ? lateMs : 0);
    cursor += out.write(` ${time}${NANOSECONDS_OF_MILLISECOND}\n`, cursor, 'latin1');
    return cursor;
  }

  #fieldsText(first: number): string {
    const {values} = this.#parameters;
    let text = '';
    for (let field = 0; field < this.#names.length; field++) {
      const value = clamp(this.#values[first + field]! + this.#normal.next());
      this.#values[first + field] = value;
      text += `${field === 0 ? '' : ','}${this.#names[field]}=${formatValue(value, values)}`;
    }
    return text;
  }
}

function clamp(value: number): number {
  return Math.max(0, Math.min(100, value));
}

export function formatValue(value: number, kind: ValueKind): string {
  if (kind === 'integer') return `${Math.trunc(value)}i`;
  return kind === 'float' ? String(value) : value.toFixed(2);
}

/** Standard normal deviates, two at a time. @see Marsaglia and Bray (1964), the polar method. */
class NormalSource {
  readonly #random: SeededRandom;
  #spare: number | undefined;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  next(): number {
    if (this.#spare !== undefined) {
      const spare = this.#spare;
      this.#spare = undefined;
      return spare;
    }
    let x = 0;
    let y = 0;
    let square = 0;
    do {
      x = this.#random.next() * 2 - 1;
      y = this.#random.next() * 2 - 1;
      square = x * x + y * y;
    } while (square >= 1 || square === 0);
    const factor = Math.sqrt((-2 * Math.log(square)) / square);
    this.#spare = y * factor;
    return x * factor;
  }
}
