import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import type {Log, NodeId} from '@flotilla/base';
import {afterEach, beforeEach, expect, test} from 'vitest';
import {NodeClock} from '../adapters/index.ts';
import type {SeenLife} from './known-lives.ts';
import {StoreRecords} from './store-records.ts';

const OTHER = 2 as NodeId;

let directory: string;
let warnings: string[];
let seen: SeenLife[];

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'flotilla-records-'));
  warnings = [];
  seen = [];
});
afterEach(() => rm(directory, {recursive: true, force: true}));

function open(): StoreRecords {
  const warn = (_fields: unknown, message: string) => warnings.push(message);
  return new StoreRecords({
    directory,
    clock: new NodeClock(),
    log: {warn} as unknown as Log,
    seen: () => seen,
  });
}

function life(bootEpoch: number, ...records: [number, number][]): SeenLife {
  return {node: OTHER, bootEpoch, durableRecords: new Map(records)};
}

test('the highest that was told is kept, in this life and over restarts', async () => {
  const first = open();
  expect(first.of(OTHER)).toBeUndefined();
  seen = [life(3, [0, 70], [1, 5])];
  expect(first.of(OTHER)?.bootEpoch).toBe(3);
  await first.close();
  // An older image speaks.
  seen = [life(2, [0, 40], [1, 6])];
  const second = open();
  expect(second.of(OTHER)).toEqual({
    bootEpoch: 3,
    records: [
      {store: 0, record: 70},
      {store: 1, record: 6},
    ],
  });
  await second.close();
  expect(open().of(OTHER)?.records).toEqual(second.of(OTHER)?.records);
});

test('the last life that was vetted is kept with them', async () => {
  const first = open();
  seen = [{...life(3, [0, 7]), life: 33}];
  expect(first.of(OTHER)?.life).toBe(33);
  // It does not tell: it is not vetted yet, or of an older build.
  seen = [life(4, [0, 7])];
  expect(first.of(OTHER)).toMatchObject({bootEpoch: 4, life: 33});
  seen = [{...life(5, [0, 7]), life: 55}];
  await first.close();
  // Of an earlier start than the one that is known.
  seen = [{...life(4, [0, 7]), life: 44}];
  expect(open().of(OTHER)).toMatchObject({bootEpoch: 5, life: 55});
});

test('a damaged file is forgotten, with a word', async () => {
  seen = [life(1, [0, 9])];
  await open().close();
  const file = path.join(directory, 'store-records.json');
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.replace('9', '8'));
  seen = [];
  expect(open().of(OTHER)).toBeUndefined();
  expect(warnings).toHaveLength(1);
});
