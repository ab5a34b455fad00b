// Flags of one byte each (0 or 1) to one bit each and back, low bits first.

import {assert} from '@flotilla/base';

/** @param out  needs ceil(count / 8) bytes from `start` */
export function packFlags(flags: Uint8Array, count: number, out: Uint8Array, start: number): void {
  assert(count <= flags.length && start + Math.ceil(count / 8) <= out.length, 'bad count');
  let next = start;
  let gathered = 0;
  for (let i = 0; i < count; i++) {
    gathered |= flags[i]! << (i & 7);
    if ((i & 7) === 7) {
      out[next++] = gathered;
      gathered = 0;
    }
  }
  if ((count & 7) !== 0) out[next] = gathered;
}

/** @param packed  needs ceil(count / 8) bytes from `start` */
export function unpackFlags(
  packed: Uint8Array,
  start: number,
  count: number,
  out: Uint8Array,
): void {
  assert(count <= out.length && start + Math.ceil(count / 8) <= packed.length, 'bad count');
  for (let i = 0; i < count; i++) out[i] = (packed[start + (i >> 3)]! >> (i & 7)) & 1;
}

export function countFlags(flags: Uint8Array, count: number): number {
  assert(count <= flags.length, 'bad count');
  let sum = 0;
  for (let i = 0; i < count; i++) sum += flags[i]!;
  return sum;
}
