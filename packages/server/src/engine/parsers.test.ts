import {type DatabaseId, LIMITS} from '@flotilla/base';
import type {WriteRequest} from '@flotilla/router';
import {expect, test} from 'vitest';
import {Parsers} from './parsers.ts';

const OPTIONS = {precision: 'ns', nowMs: 0} as const;
const KIB = 1024;

function body(series: number, prefix = 'h'): Buffer {
  return Buffer.from(
    Array.from({length: series}, (_, i) => `m,host=${prefix}${i} f=1 1\n`).join(''),
  );
}

function parse(parsers: Parsers, database: number, bytes: Uint8Array): WriteRequest['batch'] {
  parsers.begin(database as DatabaseId, bytes, OPTIONS);
  return parsers.readOn(Number.POSITIVE_INFINITY)!;
}

/** Whether the parser of a database gives the same object for the series of an earlier body. */
function remembers(parsers: Parsers, database: number, series: unknown): boolean {
  const {tables} = parse(parsers, database, body(1));
  return tables[0]!.series[0] === series;
}

function write(parsers: Parsers, database: number, series: number): unknown {
  return parse(parsers, database, body(series)).tables[0]!.series[0];
}

test('together they remember so many bytes: who was written longest ago is forgotten first', () => {
  const parsers = new Parsers(600 * KIB);
  const first = write(parsers, 1, 400);
  const oneBytes = parsers.bytes;
  expect(oneBytes).toBeGreaterThan(100 * KIB);
  const second = write(parsers, 2, 400);
  expect(parsers.bytes).toBe(2 * oneBytes);
  expect(remembers(parsers, 1, first)).toBe(true);
  for (let database = 3; database <= 40; database++) {
    write(parsers, database, 400);
    expect(parsers.bytes).toBeLessThanOrEqual(600 * KIB);
  }
  expect(parsers.size).toBeGreaterThan(1);
  expect(remembers(parsers, 1, first)).toBe(false);
  expect(remembers(parsers, 2, second)).toBe(false);
});

test('one that alone remembers too much is forgotten after its body', () => {
  const parsers = new Parsers(100 * KIB);
  write(parsers, 1, 4_000);
  expect(parsers.bytes).toBe(0);
  expect(parsers.size).toBe(0);
  const series = write(parsers, 1, 10);
  expect(remembers(parsers, 1, series)).toBe(true);
});

test('series_caches_bytes_max: it is what a thread gets, and as many databases as that they are few', () => {
  const parsers = new Parsers();
  for (let database = 1; database <= 100; database++) write(parsers, database, 1);
  expect(parsers.size).toBe(64);
  const large = parsers.bytes;
  expect(large).toBeLessThan(LIMITS.series_caches_bytes_max.value);
});

test('what is counted is at least what the text of names takes, in series, fields and tables', () => {
  const texts = [
    Array.from({length: 500}, (_, i) => `m,host=${'h'.repeat(1_000)}${i} f=1 1\n`),
    Array.from({length: 500}, (_, i) => `m f${'x'.repeat(900)}${i}=1 1\n`),
    Array.from({length: 500}, (_, i) => `m${'x'.repeat(900)}${i} f=1 1\n`),
  ];
  for (const lines of texts) {
    const parsers = new Parsers();
    parse(parsers, 1, Buffer.from(lines.join('')));
    expect(parsers.bytes).toBeGreaterThan(500 * 900);
  }
});
