// The few forms of DER (ITU-T X.690) that a certificate is made of: tag, length, content. Node.js signs and
// reads certificates but writes none, and this is all that is missing.

const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** From then on years have four digits (RFC 5280, 4.1.2.5). */
const GENERALIZED_FROM_YEAR = 2050;

/** One value under any tag, those of a context among them. */
export function tagged(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  return Buffer.concat([Buffer.of(tag), lengthOf(content.length), content]);
}

export const sequence = (...parts: readonly Uint8Array[]): Buffer => tagged(TAG.sequence, ...parts);
export const set = (...parts: readonly Uint8Array[]): Buffer => tagged(TAG.set, ...parts);
export const octetString = (bytes: Uint8Array): Buffer => tagged(TAG.octetString, bytes);
export const utf8 = (text: string): Buffer => tagged(TAG.utf8, Buffer.from(text, 'utf8'));
export const yes = (): Buffer => tagged(TAG.boolean, Buffer.of(0xff));

/** @param bytes of a positive number, the highest first. */
export function integer(bytes: Uint8Array): Buffer {
  const start = bytes.findIndex((byte) => byte !== 0);
  const digits = start < 0 ? Buffer.of(0) : bytes.subarray(start);
  // The highest bit is the sign.
  const sign = digits[0]! >= 0x80 ? Buffer.of(0) : Buffer.alloc(0);
  return tagged(TAG.integer, sign, digits);
}

/** @param unusedBits at the end of the last byte. */
export function bitString(bytes: Uint8Array, unusedBits = 0): Buffer {
  return tagged(TAG.bitString, Buffer.of(unusedBits), bytes);
}

export function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap(base128);
  return tagged(TAG.oid, Buffer.from(bytes));
}

/** In whole seconds of UTC. */
export function time(at: Date): Buffer {
  const digits = at.toISOString().replaceAll(/[-:T]|\.\d+/g, '');
  return at.getUTCFullYear() < GENERALIZED_FROM_YEAR
    ? tagged(TAG.utcTime, Buffer.from(digits.slice(2), 'ascii'))
    : tagged(TAG.generalizedTime, Buffer.from(digits, 'ascii'));
}

/** Whole values (tag and length with them) that stand one after the other in the content of `value`. */
export function partsOf(value: Uint8Array): Uint8Array[] {
  const {start, end} = extentOf(value, 0);
  const parts: Uint8Array[] = [];
  for (let at = start; at < end; ) {
    const next = extentOf(value, at).end;
    parts.push(value.subarray(at, next));
    at = next;
  }
  return parts;
}

/** Without its tag and length. */
export function contentOf(value: Uint8Array): Uint8Array {
  const {start, end} = extentOf(value, 0);
  return value.subarray(start, end);
}

function extentOf(bytes: Uint8Array, at: number): {readonly start: number; readonly end: number} {
  const short = bytes[at + 1] ?? 0;
  if (short < 0x80) return {start: at + 2, end: at + 2 + short};
  const digits = short & 0x7f;
  let length = 0;
  for (const byte of bytes.subarray(at + 2, at + 2 + digits)) length = length * 256 + byte;
  const start = at + 2 + digits;
  return {start, end: start + length};
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.of(length);
  const digits: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) digits.unshift(rest % 256);
  return Buffer.of(0x80 | digits.length, ...digits);
}

/** Seven bits a byte, all but the last marked. */
function base128(number: number): number[] {
  const digits = [number % 128];
  for (let rest = Math.floor(number / 128); rest > 0; rest = Math.floor(rest / 128))
    digits.unshift(0x80 | (rest % 128));
  return digits;
}
