// What young collections of V8 leave in memory of what was let go of.

import v8 from 'node:v8';
import vm from 'node:vm';

const ROUNDS = 20;
const AT_ONCE = 64;
const VALUE_BYTES = 8 * 1024;

/** Bytes that stay of some 10 MB: rounds of values that come and go behind a full collection. */
export function bytesKept(come: (value: object) => () => void): number {
  v8.setFlagsFromString('--expose-gc');
  const collect = vm.runInNewContext('gc') as (options?: {readonly type: 'minor'}) => void;
  v8.setFlagsFromString('--no-expose-gc');
  // Whoever stays makes that the table, if it is one, grows old.
  come({});
  collect();
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let round = 0; round < ROUNDS; round++) {
    const going = Array.from({length: AT_ONCE}, () => come(new Array(VALUE_BYTES / 8).fill(round)));
    for (const go of going) go();
  }
  collect({type: 'minor'});
  collect({type: 'minor'});
  return process.memoryUsage().heapUsed - before;
}
