// Typed arrays that grow by a factor. The old array stays as it is, so whoever pinned it goes on
// reading the rows that were there: that is what makes memtables cheap to pin.

/** The first allocation, in elements: small tables are many. */
const CAPACITY_MIN = 16;
/** Doubling wastes up to half; from this size on a fifth is spare, and growing is still linear in all. */
const DOUBLING_BYTES_MAX = 1 << 20;

type GrowableArray =
  | Uint8Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array;

/** `array`, or a longer copy of it that has room for `needed` elements. */
export function withCapacity<A extends GrowableArray>(array: A, needed: number): A {
  if (needed <= array.length) return array;
  const factor = array.byteLength < DOUBLING_BYTES_MAX ? 2 : 1.25;
  const length = Math.max(needed, Math.ceil(array.length * factor), CAPACITY_MIN);
  const grown = new (array.constructor as new (length: number) => A)(length);
  (grown as Uint8Array).set(array as Uint8Array);
  return grown;
}

/** Ascending or arbitrary 32-bit numbers, appended one by one. */
export class Int32List {
  #values = new Int32Array(0);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  push(value: number): void {
    this.#values = withCapacity(this.#values, this.#count + 1);
    this.#values[this.#count++] = value;
  }

  at(position: number): number {
    return this.#values[position]!;
  }

  /** The numbers so far; later pushes do not change it. */
  view(): Int32Array {
    return this.#values.subarray(0, this.#count);
  }

  get bytes(): number {
    return this.#values.byteLength;
  }
}
