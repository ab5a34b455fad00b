import {afterEach, describe, expect, it} from 'vitest';
import {cleanUp, fakeCluster, run} from '../program.fixture.ts';

afterEach(cleanUp);

const SIZES = {parts: 4, partBytes: 1_200_000, memtableBytes: 2_000, indexBytes: 500};
const TABLE = {
  tenant: 'default',
  database: 'm',
  table: 'cpu',
  replicaSets: 1,
  rows: 1_000,
  memtableRows: 10,
  partBytes: 1_200_000,
  bytesPerValue: 1.23456,
};
const NODES = [
  {
    node: 1,
    address: '127.0.0.1:8902',
    isReachable: true,
    replicas: 1,
    loaded: 1,
    ...SIZES,
    flushedBytes: 1_000_000,
    compactedBytes: 1_500_000,
    writeAmplification: 2.5,
  },
  {node: 2, isReachable: false},
];
const REPLICA = {
  replica: 5,
  node: 1,
  state: 'loaded',
  partCount: 4,
  partBytes: 1_200_000,
  largestPartBytes: 700_000,
  rows: 1_000,
  seriesCount: 7,
  memtableBytes: 2_000,
  indexBytes: 500,
  tombstones: 1,
  flushes: 1,
  isFlushDue: false,
  compactions: 0,
  due: {parts: 4, bytes: 1_200_000},
};
const SET = {
  id: 12,
  tenant: 'default',
  database: 'm',
  bucket: {start: '2026-11-19T00:00:00.000Z', end: '2026-11-26T00:00:00.000Z'},
  shard: 0,
  replicas: [REPLICA, {replica: 6, node: 2, state: 'unreachable'}],
};

describe('storage show', () => {
  it('shows nodes and tables of all', async () => {
    const found = {nodes: NODES, tables: [TABLE]};
    const {url, seen} = await fakeCluster({'GET /admin/v1/storage': () => found});
    const {code, out} = await run(['storage', 'show'], {url});
    expect(code).toBe(0);
    expect(seen[0]!.path).toBe('/admin/v1/storage');
    expect(out).toContain('1 table, 1.2 MB in 4 parts on 2 nodes; in memory: memtables 2.0 kB');
    expect(out).toMatch(/^ +1 +127\.0\.0\.1:8902 +1 +1 +4 +1\.2 MB .* 2\.5 +-$/m);
    expect(out).toMatch(/^ +2 .*does not answer$/m);
    expect(out).toMatch(/^m +cpu +1000 +10 +1\.2 MB +1\.235 +1$/m);
    const json = await run(['storage', 'show', '--json'], {url});
    expect(JSON.parse(json.out)).toMatchObject(found);
  });

  it('shows the sets of a database, with what is under way or due', async () => {
    const found = {nodes: NODES, tables: [TABLE], sets: [SET]};
    const {url, seen} = await fakeCluster({'GET /admin/v1/storage': () => found});
    const {out} = await run(['storage', 'show', 'm', '--tenant', 't'], {url});
    expect(seen[0]!.path).toBe('/admin/v1/storage?tenant=t&db=m');
    expect(out).toContain('1 table, 1 replica set, ');
    expect(out).toMatch(/^ *12 +2026-11-19T00:00 +0 +1\/2 +4 +1\.2 MB +1000 /m);
    expect(out).toContain(
      'node 1: flushing, 4 parts (1.2 MB) to merge, 1 delete to carry out; node 2: unreachable',
    );
  });

  it('shows the replicas and parts of a set, which is a number', async () => {
    const part = {file: '00000001.part', bytes: 700_000, rowCount: 600, lo: 0, hi: 90};
    const whole = {...SET, replicas: [{...REPLICA, parts: [part]}, SET.replicas[1]]};
    const found = {nodes: NODES, tables: [TABLE], sets: [whole]};
    const {url, seen} = await fakeCluster({'GET /admin/v1/storage': () => found});
    const {out} = await run(['storage', 'show', '12'], {url});
    expect(seen[0]!.path).toBe('/admin/v1/storage?set=12');
    expect(out).toMatch(/^ +5 +1 +loaded +4 +1\.2 MB +700\.0 kB +1000 +7 /m);
    expect(out).toMatch(/^ +6 +2 +unreachable +- /m);
    expect(out).toMatch(/^ +1 +00000001\.part +700\.0 kB +600 +1-90$/m);
  });

  it('names the parts that compactions leave out, and why none is due', async () => {
    const parts = [1, 2].map((number) => {
      const part = {file: `0000000${number}.part`, bytes: 700_000, rowCount: 600, lo: 0, hi: 90};
      return number === 1 ? part : {...part, isLeftOut: true};
    });
    const replicas = [{...REPLICA, due: undefined, flushes: 0, leftOut: 1, parts}];
    const found = {nodes: NODES, tables: [TABLE], sets: [{...SET, replicas}]};
    const {url} = await fakeCluster({'GET /admin/v1/storage': () => found});
    const {out} = await run(['storage', 'show', '12'], {url});
    expect(out).toContain('1 part left out of compactions, 1 delete to carry out');
    expect(out).toMatch(/00000001\.part +700\.0 kB +600 +1-90 +-$/m);
    expect(out).toMatch(/00000002\.part +700\.0 kB +600 +1-90 +left out of compactions$/m);
  });

  it('fits a terminal', async () => {
    const found = {nodes: NODES, tables: [TABLE], sets: [SET]};
    const {url} = await fakeCluster({'GET /admin/v1/storage': () => found});
    const {out} = await run(['storage', 'show', 'm'], {url, tty: true});
    const tables = out.split('\n').slice(1);
    expect(Math.max(...tables.map(({length}) => length))).toBeLessThanOrEqual(80);
  });
});
