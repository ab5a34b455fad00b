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
} as const;
