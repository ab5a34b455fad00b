// The first byte of an encoded column. Numbers are stored: never change one, only add.

export const ENCODING = {
  /** One number for every row, as a signed varint if it is an integer. */
  constantInteger: 0,
  /** One double for every row, any bit pattern. */
  constantBits: 1,
  /** Integers as packed offsets from their minimum. */
  frameOfReference: 2,
  /** Integers as the first one and packed differences. */
  delta: 3,
  /** Decimal fractions: an exponent, then a column of integers. */
  decimal: 4,
  /** Doubles as they are. */
  raw: 5,
  /** One bit a row. */
  bitmap: 6,
  /** One flag for every row. */
  constantFlag: 7,
  /** Lengths, then the bytes. */
  text: 8,
  /** The distinct texts, then a code a row. */
  dictionary: 9,
  /** 64-bit integers as they are. */
  wideRaw: 10,
  /** 64-bit integers as the first one, then a column of differences within ±2^53. */
  wideOffset: 11,
  /** As frameOfReference; integers that its width does not hold stand behind. */
  patchedFrame: 12,
  /** As delta; differences that its width does not hold stand behind. */
  patchedDelta: 13,
  /** Integers as the first one, the first difference, and patched differences of differences. */
  deltaOfDelta: 14,
  /** As decimal; doubles that are no such fraction stand behind. */
  patchedDecimal: 15,
  /** Doubles as signs, a column of their upper bits and the lower bits packed. */
  splitDoubles: 16,
  /** Doubles that often equal the one before: which do not, and a column of those. */
  repeats: 17,
} as const;

/**
 * Which encodings may be written: those that whoever reads the bytes is sure to know. Version 1 has numbers up
 * to 11 and is that of shares, in logs and frames; version 2 has all. Every version is read.
 */
export type EncodingVersion = 1 | 2;
