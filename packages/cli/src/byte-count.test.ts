import {expect, it} from 'vitest';
import {ByteCount} from './byte-count.ts';

it.each([
  ['512MiB', 512 * 1024 ** 2],
  ['4GB', 4e9],
  ['1.5 gib', 1.5 * 1024 ** 3],
  ['2TiB', 2 * 1024 ** 4],
  ['10kB', 10_000],
])('%s is a size', (text, bytes) => {
  expect(ByteCount.parse(text)).toBe(bytes);
});

it.each(['', '4', '4G', '-1GB', '1e9', 'GiB', '4 gigabytes'])('%j is none', (text) => {
  expect(ByteCount.safeParse(text).error?.issues[0]?.message).toBe(
    'want a size with its unit, as 4GiB or 512MB',
  );
});
