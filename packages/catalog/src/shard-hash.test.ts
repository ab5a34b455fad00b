import fc from 'fast-check';
import {expect, test} from 'vitest';
import xxhash from 'xxhash-wasm';
import {hashSeriesKey, shardOf} from './shard-hash.ts';

test.each([
  ['', 0x02cc5d05],
  ['a', 0x550d7456],
  ['abc', 0x32d153ff],
  ['Nobody inspects the spammish repetition', 0xe2293b2f],
])('xxHash32 of %j is the published one', (text, hash) => {
  expect(hashSeriesKey(new TextEncoder().encode(text))).toBe(hash);
});

test('equals an independent xxHash32 on any bytes at any offset', async () => {
  const {h32Raw} = await xxhash();
  fc.assert(
    fc.property(fc.uint8Array({maxLength: 100}), fc.nat(5), (bytes, skip) => {
      const start = Math.min(skip, bytes.length);
      expect(hashSeriesKey(bytes, start)).toBe(h32Raw(bytes.subarray(start)));
    }),
  );
});

test('spreads keys that differ in one digit over shard counts that are powers of two', () => {
  const counts = new Array<number>(16).fill(0);
  for (let i = 0; i < 16_000; i++) {
    counts[shardOf(hashSeriesKey(new TextEncoder().encode(`cpu,host=host_${i}`)), 16)]!++;
  }
  for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150);
});
