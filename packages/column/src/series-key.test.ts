import {type ColumnId, FatalError, type TableId} from '@flotilla/base';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {decodeSeriesKey, encodeSeriesKey, seriesHash} from './series-key.ts';
import {xxHash32} from './xx-hash.ts';

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const hashOf = (text: string, seed = 0): number => xxHash32(ascii(text), 0, text.length, seed);

test('xxHash32 gives the published values', () => {
  expect(hashOf('')).toBe(0x02cc5d05);
  expect(hashOf('a')).toBe(0x550d7456);
  expect(hashOf('abc')).toBe(0x32d153ff);
  expect(hashOf('Nobody inspects the spammish repetition')).toBe(0xe2293b2f);
  expect(hashOf('abc', 0x9747b28c)).not.toBe(hashOf('abc'));
});

test('a hash depends on the bytes between start and end alone', () => {
  const bytes = ascii('..abc..');
  expect(xxHash32(bytes, 2, 5, 0)).toBe(hashOf('abc'));
});

const tags = fc
  .uniqueArray(
    fc.record({
      column: fc.integer({min: 1, max: 5000}),
      value: fc.string({unit: 'grapheme', minLength: 1}),
    }),
    {selector: (tag) => tag.column, maxLength: 12},
  )
  .map((list) =>
    list
      .sort((a, b) => a.column - b.column)
      .map(({column, value}) => ({column: column as ColumnId, value})),
  );

test('a key gives back its table and tags', () => {
  fc.assert(
    fc.property(fc.integer({min: 1, max: 2 ** 40}), tags, (table, list) => {
      const key = encodeSeriesKey(table as TableId, list);
      expect(decodeSeriesKey(key)).toEqual({table, tags: list});
    }),
  );
});

test('bytes that are no key are damage', () => {
  fc.assert(
    fc.property(fc.uint8Array({maxLength: 30}), (bytes) => {
      try {
        decodeSeriesKey(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(FatalError);
      }
    }),
  );
  expect(() => decodeSeriesKey(Uint8Array.of(1, 2, 1, 97, 2, 1, 97))).toThrow(FatalError);
  expect(() => decodeSeriesKey(Uint8Array.of(1, 2, 1, 0xff))).toThrow(FatalError);
});

test('tags out of order and empty values are our own mistakes', () => {
  const tag = (column: number, value: string) => ({column: column as ColumnId, value});
  expect(() => encodeSeriesKey(1 as TableId, [tag(2, 'a'), tag(1, 'b')])).toThrow('BUG');
  expect(() => encodeSeriesKey(1 as TableId, [tag(1, '')])).toThrow('BUG');
});

/**
 * Key sets as fleets have them: numbered hosts with a few shared tags. Chi-square against the
 * uniform distribution for every number of shards, p > 0.001 by Wilson and Hilferty's approximation.
 */
test('a million typical keys spread evenly over 2 to 64 shards', () => {
  const count = 1_000_000;
  const hashes = new Uint32Array(count);
  for (let i = 0; i < count; i++) hashes[i] = typicalHash(i);
  for (let shards = 2; shards <= 64; shards++) {
    const counts = new Float64Array(shards);
    for (let i = 0; i < count; i++) counts[hashes[i]! % shards]! += 1;
    const mean = count / shards;
    const chiSquare = counts.reduce((sum, n) => sum + (n - mean) ** 2 / mean, 0);
    expect(chiSquare, `${shards} shards`).toBeLessThan(chiSquareLimit(shards - 1));
    expect(Math.max(...counts), `${shards} shards`).toBeLessThan(mean * 1.05);
  }
});

/** Other fleets: the key as encodeSeriesKey makes it, from what differs between two series. */
const FLEETS: Readonly<Record<string, (i: number) => {table: number; values: string[]}>> = {
  'ten tags of TSBS': (i) => ({
    table: 1,
    values: [
      `host_${i}`,
      `eu-west-1${'abc'[i % 3]}`,
      `${i % 100}`,
      'Ubuntu16.04LTS',
      'x64',
      ['SF', 'NYC', 'LON', 'CHI'][i % 4]!,
      `${i % 20}`,
      `${i % 2}`,
      ['production', 'staging', 'test'][i % 3]!,
    ],
  }),
  'counters alone': (i) => ({table: 300, values: [String(i)]}),
  'numbers of one width': (i) => ({table: 2, values: [String(i).padStart(12, '0')]}),
  'hexadecimal ids': (i) => ({table: 7, values: [(i * 0x9e3779b1).toString(16).padStart(16, '0')]}),
  'one device, many sensors': (i) => ({
    table: 9,
    values: ['plc-1', `s${i % 500}`, `${Math.floor(i / 500)}`],
  }),
  'many tables': (i) => ({table: 1 + (i % 4_000), values: [`v${Math.floor(i / 4_000)}`]}),
  addresses: (i) => ({table: 5, values: [`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, 'eth0']}),
};

test.each(Object.keys(FLEETS))('%s spread evenly over 2 to 64 shards', (fleet) => {
  const hashes = Uint32Array.from({length: 50_000}, (_, i) => {
    const {table, values} = FLEETS[fleet]!(i);
    const tags = values.map((value, tag) => ({column: (tag + 1) as ColumnId, value}));
    return seriesHash(encodeSeriesKey(table as TableId, tags));
  });
  expect(new Set(hashes).size).toBeGreaterThan(49_990);
  for (let shards = 2; shards <= 64; shards++) {
    const counts = new Float64Array(shards);
    for (const hash of hashes) counts[hash % shards]! += 1;
    const mean = hashes.length / shards;
    const chiSquare = counts.reduce((sum, n) => sum + (n - mean) ** 2 / mean, 0);
    expect(chiSquare, `${shards} shards`).toBeLessThan(chiSquareLimit(shards - 1));
  }
});

const REGIONS = ['eu-west-1', 'us-east-1', 'ap-southeast-2'].map(ascii);
const HOST = ascii('host_');
const keyBytes = new Uint8Array(64);

/** Of the key that encodeSeriesKey makes, put together in place: a million in half a second. */
function typicalHash(i: number): number {
  const digits = String(i);
  const region = REGIONS[i % 3]!;
  keyBytes.set([7, 1, HOST.length + digits.length]);
  keyBytes.set(HOST, 3);
  let at = 3 + HOST.length;
  for (let d = 0; d < digits.length; d++) keyBytes[at++] = digits.charCodeAt(d);
  keyBytes[at++] = 2;
  keyBytes[at++] = region.length;
  keyBytes.set(region, at);
  at += region.length;
  return xxHash32(keyBytes, 0, at, 0);
}

test('the keys of the spread test are canonical', () => {
  const tags = [
    {column: 1 as ColumnId, value: 'host_4711'},
    {column: 2 as ColumnId, value: 'us-east-1'},
  ];
  expect(typicalHash(4711)).toBe(seriesHash(encodeSeriesKey(7 as TableId, tags)));
});

/** Upper 0.1 % point. */
function chiSquareLimit(degrees: number): number {
  const z = 3.0902;
  return degrees * (1 - 2 / (9 * degrees) + z * Math.sqrt(2 / (9 * degrees))) ** 3;
}
