// A point as a line of line protocol. Whatever the format cannot carry exactly is refused here, at
// the call that made it, and not by a node a second later.

export type Precision = 'ns' | 'us' | 'ms' | 's' | 'm' | 'h';

/** A field of the unsigned type: 0 to 2^64 - 1. */
export class Unsigned {
  readonly value: bigint;

  constructor(value: bigint | number) {
    this.value = BigInt(value);
    if (this.value < 0n || this.value >= 1n << 64n) {
      throw new TypeError(`${value} is no unsigned integer of 64 bits`);
    }
  }
}

/** A number is a float, also where it is whole: integers are bigint. */
export type FieldValue = number | bigint | Unsigned | boolean | string;

export interface Point {
  readonly table: string;
  /** Those without a value are left out. */
  readonly tags?: Readonly<Record<string, string | undefined>> | undefined;
  /** Those without a value are left out; one must have one. */
  readonly fields: Readonly<Record<string, FieldValue | null | undefined>>;
  /**
   * A number or bigint counts in the precision of the write. Required: lines without a time get that
   * of the node, one for the whole body, and of two in one series the first would be lost.
   */
  readonly time: Date | number | bigint;
}

const MS_PER_UNIT = {ms: 1, s: 1_000, m: 60_000, h: 3_600_000};
const UNITS_PER_MS = {ns: 1_000_000n, us: 1_000n};

/** The line, without its end. Throws TypeError for what line protocol has no form for. */
export function lineOfPoint(point: Point, precision: Precision = 'ns'): string {
  // A backslash before an equals sign would be taken for its escape, in a table too.
  let line = nameText(point.table, / |,|(?<=\\)=/g);
  if (/^[#\t]/.test(line)) throw new TypeError('a table begins with no # (a comment) and no tab');
  for (const [name, value] of Object.entries(point.tags ?? {})) {
    if (value === undefined || value === '') continue;
    line += `,${nameText(name, / |,|=/g)}=${nameText(value, / |,|=/g)}`;
  }
  const fields: string[] = [];
  for (const [name, value] of Object.entries(point.fields)) {
    if (value === undefined || value === null) continue;
    fields.push(`${nameText(name, / |,|=/g)}=${valueText(name, value)}`);
  }
  if (fields.length === 0) throw new TypeError(`a point of ${point.table} has no field`);
  return `${line} ${fields.join(',')} ${timeText(point.time, precision)}`;
}

/** Backslashes are themselves in names, so one at the end would escape what comes behind the name. */
function nameText(name: string, special: RegExp): string {
  if (name === '' || /[\n\0]|\\$/.test(name)) {
    const shown = JSON.stringify(name);
    throw new TypeError(
      `${shown}: a name is not empty, has no newline and no backslash at its end`,
    );
  }
  return name.replace(special, '\\$&');
}

function valueText(name: string, value: FieldValue): string {
  switch (typeof value) {
    case 'string':
      return `"${value.replace(/["\\]/g, '\\$&')}"`;
    case 'boolean':
      return String(value);
    case 'bigint':
      return `${value}i`;
    case 'number':
      if (Number.isFinite(value)) return Object.is(value, -0) ? '-0' : String(value);
      throw new TypeError(`field ${name}: ${value} is no number that can be stored`);
    default:
      return `${value.value}u`;
  }
}

function timeText(time: Date | number | bigint, precision: Precision): string {
  if (typeof time === 'bigint') return String(time);
  if (typeof time === 'number') {
    if (Number.isSafeInteger(time)) return String(time);
    throw new TypeError(`time ${time}: not a whole number below 2^53; give it as a bigint`);
  }
  const ms = time.getTime();
  if (Number.isNaN(ms)) throw new TypeError('time: the Date is invalid');
  if (precision === 'ns' || precision === 'us') return String(BigInt(ms) * UNITS_PER_MS[precision]);
  return String(Math.floor(ms / MS_PER_UNIT[precision]));
}
