// Values as a plain list that tells every bit pattern apart: what the codecs are compared by.
// Slow and obvious.

import type {ColumnValues, FieldType} from '../column-values.ts';

/** One value: a double's 64 bits, an exact integer, a flag, or a text's bytes. */
export type Plain = bigint | number | string;

/** What a column of `type` holds, value by value. */
export function toPlain(values: ColumnValues, count: number): Plain[] {
  return Array.from({length: count}, (_, i) => plainValue(values, i));
}

/** Columns of doubles by their bits, so that NaN payloads and -0 are values of their own. */
export function floatsOfBits(bits: readonly bigint[]): Float64Array {
  return new Float64Array(BigUint64Array.from(bits).buffer);
}

/** A column of integers, wide if one of them has to be. */
export function integersOf(type: 'integer' | 'unsigned', exact: readonly bigint[]): ColumnValues {
  const values = Float64Array.from(exact, Number);
  const isWide = exact.some((value) => !Number.isSafeInteger(Number(value)));
  if (!isWide) return {type, values};
  return type === 'integer'
    ? {type, values, wide: BigInt64Array.from(exact)}
    : {type, values, wide: BigUint64Array.from(exact)};
}

export function textsOf(texts: readonly string[]): ColumnValues {
  const parts = texts.map((text) => Buffer.from(text));
  let end = 0;
  const ends = Uint32Array.from(parts, (part) => {
    end += part.length;
    return end;
  });
  return {type: 'string', ends, bytes: new Uint8Array(Buffer.concat(parts))};
}

export const FIELD_TYPES: readonly FieldType[] = [
  'float',
  'integer',
  'unsigned',
  'boolean',
  'string',
];

function plainValue(values: ColumnValues, i: number): Plain {
  switch (values.type) {
    case 'float': {
      const {buffer, byteOffset} = values.values;
      return new DataView(buffer, byteOffset).getBigUint64(i * 8, true);
    }
    case 'integer':
    case 'unsigned':
      return values.wide?.[i] ?? BigInt(values.values[i]!);
    case 'boolean':
      return values.values[i]!;
    case 'string': {
      const start = i === 0 ? 0 : values.ends[i - 1]!;
      return Buffer.from(values.bytes.slice(start, values.ends[i])).toString('hex');
    }
  }
}
