// Values of one memtable column in pages, appended in order and picked by position. The loops keep the
// page they are in: positions of one series ascend, so they change pages far less often than values.

import type {ColumnValues, FieldType} from '@flotilla/column';
import {beginOf, doubleAt, doublePages, lengthOf, Pages, pageOf} from './pages.ts';

export interface ValuePages {
  readonly bytes: number;
  /** Appends the first `count` behind the `start` that are here. */
  append(values: ColumnValues, count: number, start: number): void;
  /** The values at the first `count` positions of `pick`; whatever where a position is negative. */
  gather(pick: Int32Array, count: number): ColumnValues;
}

export function valuePages(type: FieldType): ValuePages {
  switch (type) {
    case 'float':
      return new FloatPages();
    case 'integer':
    case 'unsigned':
      return new NumberPages(type);
    case 'boolean':
      return new BooleanPages();
    case 'string':
      return new StringPages();
  }
}

type Of<Type extends FieldType> = Extract<ColumnValues, {type: Type}>;

class FloatPages implements ValuePages {
  readonly #doubles = doublePages();

  get bytes(): number {
    return this.#doubles.bytes;
  }

  append(values: ColumnValues, count: number, start: number): void {
    this.#doubles.reserve(start + count);
    this.#doubles.write((values as Of<'float'>).values, count, start);
  }

  gather(pick: Int32Array, count: number): ColumnValues {
    return {type: 'float', values: gatherDoubles(this.#doubles.list, pick, count)};
  }
}

type WideArray = BigInt64Array | BigUint64Array;

/** Doubles, and beside those pages that took a value beyond them the exact numbers. */
class NumberPages implements ValuePages {
  readonly #type: 'integer' | 'unsigned';
  readonly #doubles = doublePages();
  /** By number of the page. */
  readonly #wide = new Map<number, WideArray>();
  #wideBytes = 0;

  constructor(type: 'integer' | 'unsigned') {
    this.#type = type;
  }

  get bytes(): number {
    return this.#doubles.bytes + this.#wideBytes;
  }

  append(values: ColumnValues, count: number, start: number): void {
    const source = values as Of<'integer'>;
    this.#doubles.reserve(start + count);
    this.#doubles.write(source.values, count, start);
    if (source.wide === undefined && this.#wide.size === 0) return;
    for (let i = 0; i < count; i++) {
      const page = pageOf(start + i);
      const wide = this.#widePage(page, source.wide !== undefined, start);
      if (wide === undefined) continue;
      wide[start + i - beginOf(page)] = source.wide?.[i] ?? BigInt(source.values[i]!);
    }
  }

  gather(pick: Int32Array, count: number): ColumnValues {
    const values = gatherDoubles(this.#doubles.list, pick, count);
    const wide = this.#picksWide(pick, count) ? this.#gatherWide(pick, count) : undefined;
    return (
      wide === undefined ? {type: this.#type, values} : {type: this.#type, values, wide}
    ) as ColumnValues;
  }

  #gatherWide(pick: Int32Array, count: number): WideArray {
    const out = this.#makeWide(count);
    for (let i = 0; i < count; i++) {
      const row = pick[i]!;
      if (row < 0) continue;
      const page = pageOf(row);
      const exact = this.#wide.get(page)?.[row - beginOf(page)];
      out[i] = exact ?? BigInt(doubleAt(this.#doubles.list, row));
    }
    return out;
  }

  #picksWide(pick: Int32Array, count: number): boolean {
    if (this.#wide.size === 0) return false;
    for (let i = 0; i < count; i++)
      if (pick[i]! >= 0 && this.#wide.has(pageOf(pick[i]!))) return true;
    return false;
  }

  /** The page's exact numbers; made, with those before `start`, if they are wanted. */
  #widePage(number: number, isWanted: boolean, start: number): WideArray | undefined {
    const found = this.#wide.get(number);
    if (found !== undefined || !isWanted) return found;
    const wide = this.#makeWide(lengthOf(number));
    const first = beginOf(number);
    for (let i = first; i < start; i++) wide[i - first] = BigInt(doubleAt(this.#doubles.list, i));
    this.#wide.set(number, wide);
    this.#wideBytes += wide.byteLength;
    return wide;
  }

  #makeWide(length: number): WideArray {
    return this.#type === 'integer' ? new BigInt64Array(length) : new BigUint64Array(length);
  }
}

class BooleanPages implements ValuePages {
  readonly #bits = new Pages<Uint8Array>((length) => new Uint8Array(length));

  get bytes(): number {
    return this.#bits.bytes;
  }

  append(values: ColumnValues, count: number, start: number): void {
    this.#bits.reserve(start + count);
    this.#bits.write((values as Of<'boolean'>).values, count, start);
  }

  gather(pick: Int32Array, count: number): ColumnValues {
    const values = new Uint8Array(count);
    const pages = this.#bits.list;
    for (let i = 0; i < count; i++) {
      const row = pick[i]!;
      if (row < 0) continue;
      const page = pageOf(row);
      values[i] = pages[page]![row - beginOf(page)]!;
    }
    return {type: 'boolean', values};
  }
}

class StringPages implements ValuePages {
  /** Of each value in `bytes`, in which one may reach over pages. */
  readonly #ends = new Pages<Uint32Array>((length) => new Uint32Array(length));
  readonly #bytes = new Pages<Uint8Array>((length) => new Uint8Array(length));

  get bytes(): number {
    return this.#ends.bytes + this.#bytes.bytes;
  }

  append(values: ColumnValues, count: number, start: number): void {
    if (count === 0) return;
    const {ends, bytes} = values as Of<'string'>;
    const base = this.#end(start - 1);
    const length = ends[count - 1]!;
    this.#ends.reserve(start + count);
    const moved = new Uint32Array(count);
    for (let i = 0; i < count; i++) moved[i] = base + ends[i]!;
    this.#ends.write(moved, count, start);
    this.#bytes.reserve(base + length);
    this.#bytes.write(bytes, length, base);
  }

  gather(pick: Int32Array, count: number): ColumnValues {
    const starts = new Uint32Array(count);
    const ends = new Uint32Array(count);
    let total = 0;
    for (let i = 0; i < count; i++) {
      const row = pick[i]!;
      if (row >= 0) {
        const number = pageOf(row);
        const page = this.#ends.list[number]!;
        const at = row - beginOf(number);
        const start = at > 0 ? page[at - 1]! : this.#end(row - 1);
        starts[i] = start;
        total += page[at]! - start;
      }
      ends[i] = total;
    }
    return {type: 'string', ends, bytes: this.#copy(starts, ends, total)};
  }

  #end(row: number): number {
    if (row < 0) return 0;
    const page = pageOf(row);
    return this.#ends.list[page]![row - beginOf(page)]!;
  }

  /** What begins at each of `starts`, to end at each of `ends`. */
  #copy(starts: Uint32Array, ends: Uint32Array, total: number): Uint8Array {
    const pages = this.#bytes.list;
    const out = new Uint8Array(total);
    let begin = 0;
    let page = pages[0]!;
    let at = 0;
    for (let i = 0; i < ends.length; i++) {
      const stop = ends[i]!;
      let from = starts[i]! - begin;
      // A plain loop: most strings are shorter than what `set` costs to set up.
      while (at < stop) {
        if (from < 0 || from >= page.length) {
          const number = pageOf(begin + from);
          from += begin - beginOf(number);
          begin = beginOf(number);
          page = pages[number]!;
        }
        const length = Math.min(stop - at, page.length - from);
        for (let end = at + length; at < end; ) out[at++] = page[from++]!;
      }
    }
    return out;
  }
}

export function gatherDoubles(
  pages: readonly Float64Array[],
  pick: Int32Array,
  count: number,
): Float64Array {
  const out = new Float64Array(count);
  for (let i = 0; i < count; ) {
    const row = pick[i]!;
    if (row < 0) {
      i += 1;
      continue;
    }
    const number = pageOf(row);
    const page = pages[number]!;
    const begin = beginOf(number);
    const {length} = page;
    for (; i < count; i++) {
      const at = pick[i]! - begin;
      if (at < 0 || at >= length) break;
      out[i] = page[at]!;
    }
  }
  return out;
}
