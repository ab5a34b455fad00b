// Goal: whatever a replica's state says under checksums that are right, who opens, reads and merges the replica gets
// rows or a FatalError, soon and with little memory, and nothing outside its directory goes. Method: one value of
// a good state is put to an edge, or its lists are turned round or doubled, and the manifest takes it as its own;
// beside that the file of a snapshot gets any bytes at all.

import {crc32} from 'node:zlib';
import {FatalError, SeededRandom} from '@flotilla/base';
import {MemoryManifestStore} from '@flotilla/testkit';
import fc from 'fast-check';
import {beforeAll, expect, test} from 'vitest';
import {Manifest, verifyRows} from './manifest.ts';
import {replicasIn} from './replica-check.ts';
import {deleteOf, EVERYTHING, linesOf, series, specOf} from './replica-model.fixture.ts';
import {
  decodeStateFile,
  decodeStateJson,
  encodeStateFile,
  encodeStateJson,
  type ReplicaState,
} from './replica-state.ts';
import {Trial} from './replica-trial.fixture.ts';

const FORGERIES = process.env['FLOTILLA_LONGER'] === '1' ? 20_000 : 400;
const DIRECTORY = 'replicas/1-1';
const NEIGHBOUR = 'replicas/00000001.part';
const KEY = 'replica/1/1/state';
const MEMORY_BYTES_MAX = 128 * 1024 * 1024;
const ONE_MS_MAX = 3_000;

interface Good {
  readonly state: ReplicaState;
  readonly files: ReadonlyMap<string, Uint8Array>;
}

let good: Good;
beforeAll(async () => {
  const trial = new Trial([2]);
  trial.storage = await trial.fixture.open(1);
  for (const host of [1, 2, 3]) {
    trial.write(series(host, {count: 60, step: 1_000}, host));
    trial.write([{...series(host, {count: 1, step: 1_000}, host)[0]!, table: 2}]);
    await trial.step({type: 'flush', isAwaited: true});
  }
  trial.changeTable('drop', 2);
  trial.append((storage, index) => storage.applyDropColumn(index, 1 as never, 4 as never));
  trial.delete(deleteOf(1, 5_000, 9_000));
  await trial.step({type: 'flush', isAwaited: true});
  const {disk, store} = trial.fixture;
  await trial.storage.close();
  const {values} = verifyRows(await store.load());
  const [stored] = replicasIn(values);
  const state = stored!.state as ReplicaState;
  const names = (await disk.list(DIRECTORY)).map(({name}) => name);
  good = {state, files: new Map(names.map((name) => [name, disk.bytesOf(`${DIRECTORY}/${name}`)]))};
  expect([state.parts.length, state.keyFiles.length, state.tombstones.length]).toEqual([3, 3, 1]);
});

type Json = null | boolean | number | string | Json[] | {[name: string]: Json};
const EDGES: readonly Json[] = [
  ...[-1, 0, 1, 3, 0.5, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 40, 2 ** 53 - 1, 2 ** 53, 1e300],
  ...[null, true, '', 'x', '../00000001.part', '../../replicas/00000001.part', '00000002.keys'],
  ...[[], [null], {}, {op: 'not'}, {op: 'and', of: null}, {op: 'match', column: 1, pattern: '('}],
];

/** Every place below `value`, as the object or list that it stands in and its name there. */
function placesIn(value: Json, found: [Record<string, Json>, string][] = []) {
  if (typeof value !== 'object' || value === null) return found;
  const within = value as Record<string, Json>;
  for (const name of Object.keys(within)) {
    found.push([within, name]);
    placesIn(within[name]!, found);
  }
  return found;
}

function forged(random: SeededRandom): {json: Json; what: string} {
  const {tombstones, ...state} = JSON.parse(
    Buffer.from(encodeStateJson(good.state)).toString(),
  ) as {[name: string]: Json};
  const json: Json = {...state, tombstones: tombstones!};
  let what = '';
  for (let times = 1 + random.below(2); times > 0; times--) {
    const places = placesIn(json);
    const [within, name] = places[random.below(places.length)]!;
    const value = within[name]!;
    const kind = Array.isArray(value) ? random.below(4) : 3;
    if (kind === 0) within[name] = (value as Json[]).toReversed();
    if (kind === 1) within[name] = [...(value as Json[]), ...(value as Json[])];
    if (kind === 2) within[name] = (value as Json[]).slice(1);
    if (kind === 3) within[name] = EDGES[random.below(EDGES.length)]!;
    what += ` ${name}: ${JSON.stringify(within[name]).slice(0, 80)}`;
  }
  return {json, what};
}

/** A replica whose manifest holds that state, with the good one's files. */
async function placed(json: Uint8Array): Promise<Trial> {
  const trial = new Trial([2]);
  const {disk, store} = trial.fixture;
  await disk.makeDirectory(DIRECTORY);
  const put = async (path: string, bytes: Uint8Array): Promise<void> => {
    await (await disk.open(path, 'create')).close();
    disk.overwrite(path, bytes);
  };
  for (const [name, bytes] of good.files) await put(`${DIRECTORY}/${name}`, bytes);
  await put(NEIGHBOUR, Uint8Array.of(7));
  const manifest = await Manifest.open(store);
  await manifest.commit({put: [[KEY, json]]});
  return trial;
}

/** As a node does with a replica, in turn: opened, read, written to, flushed, merged and closed. */
async function lived(trial: Trial): Promise<void> {
  const storage = await trial.fixture.openUnloaded(1);
  trial.storage = storage;
  try {
    storage.view();
    await storage.load();
    for (const query of EVERYTHING) await linesOf(storage.scan(specOf(query)));
    const index = (storage.durablePoint()?.index ?? 0) + 1;
    storage.applyNothing(index);
    await storage.flush({index, term: 9, configuration: {}, extra: new Uint8Array(0)});
    await storage.compactAll();
    for (const query of EVERYTHING) await linesOf(storage.scan(specOf(query)));
  } finally {
    await storage.close().catch((error: unknown) => expect(error).toBeInstanceOf(FatalError));
  }
}

test('a state under right checksums is lived with, or refused, and nothing of others goes', async () => {
  const random = new SeededRandom(20_261_123);
  await lived(await placed(encodeStateJson(good.state)));
  let refused = 0;
  for (let i = 0; i < FORGERIES; i++) {
    const {json, what} = forged(random);
    const told = `forgery ${i}:${what}`;
    const trial = await placed(Buffer.from(JSON.stringify(json)));
    const began = process.cpuUsage();
    const before = process.memoryUsage().arrayBuffers;
    const failure = await lived(trial).then(
      () => undefined,
      (error: unknown) => error as Error,
    );
    expect(process.cpuUsage(began).user / 1_000, told).toBeLessThan(ONE_MS_MAX);
    expect(process.memoryUsage().arrayBuffers - before, told).toBeLessThan(MEMORY_BYTES_MAX);
    expect([...trial.fixture.disk.bytesOf(NEIGHBOUR)], told).toEqual([7]);
    if (failure === undefined) continue;
    refused += 1;
    expect(failure, `${told}: ${failure.stack}`).toBeInstanceOf(FatalError);
  }
  expect(refused).toBeGreaterThan(FORGERIES / 4);
}, 600_000);

test.each<[string, (state: ReplicaState) => unknown, RegExp]>([
  [
    'a file outside its directory',
    ({parts: [one, ...more]}) => ({parts: [{...one!, file: '../00000001.part'}, ...more]}),
    /^replica state.parts\[0\].file: want .*; have "\.\.\/00000001.part"$/,
  ],
  [
    'a file twice',
    ({parts}) => ({parts: [parts[0]!, {...parts[1]!, file: parts[0]!.file}]}),
    /want each file once/,
  ],
  [
    'a next file that is there',
    () => ({nextFile: 2}),
    /^replica state.nextFile: want a number above/,
  ],
  [
    'a next file beyond count',
    () => ({nextFile: 2 ** 60}),
    /^replica state.nextFile: want an integer/,
  ],
  [
    'parts in another order',
    ({parts}) => ({parts: parts.toReversed()}),
    /want a range of the log from \d+ on; have \[\d+,\d+\]/,
  ],
  [
    'a part of a range that goes backwards',
    ({parts: [one]}) => ({parts: [{...one!, lo: 5, hi: 4}]}),
    /want a range of the log from 0 on; have \[5,4\]/,
  ],
  [
    'a part of fewer bytes than its end takes',
    ({parts: [one]}) => ({parts: [{...one!, bytes: 3}]}),
    /^replica state.parts\[0\].bytes: want an integer of 24 to/,
  ],
  [
    'series beyond 32 bits',
    ({keyFiles: [one]}) => ({keyFiles: [{...one!, count: 2 ** 32}]}),
    /^replica state.keyFiles\[0\].count: want/,
  ],
  ['no list of parts', () => ({parts: {}}), /^replica state.parts: want a list; have {}$/],
  [
    'a delete of no condition',
    ({tombstones: [one]}) => ({tombstones: [{...one!, tags: {op: 'or', of: [{op: 'if'}]}}]}),
    /^replica state.tombstones\[0\].tags\[0\].op: want a condition; have "if"$/,
  ],
])('a state with %s is refused', (_what, change, message) => {
  const json = encodeStateJson({...good.state, ...(change(good.state) as ReplicaState)});
  const decode = (): ReplicaState => decodeStateJson(json, new Uint8Array(0));
  expect(decode).toThrow(message);
  expect(decode).toThrow(FatalError);
});

test('a condition that is deeper than any stack is refused', () => {
  let tags: unknown = {op: 'null', column: 1};
  for (let depth = 0; depth < 3_000; depth++) tags = {op: 'not', of: tags};
  const tombstones = [{...good.state.tombstones[0]!, tags: tags as never}];
  const json = encodeStateJson({...good.state, tombstones});
  expect(() => decodeStateJson(json, new Uint8Array(0))).toThrow('no deeper than 1000');
});

const summed = (bytes: Uint8Array): Uint8Array => {
  const end = bytes.length - 4;
  new DataView(bytes.buffer).setUint32(end, crc32(bytes.subarray(0, end)), true);
  return bytes;
};

test('any bytes are no state of a snapshot, or are one', () => {
  const whole = encodeStateFile(good.state);
  const changes = fc.array(fc.tuple(fc.nat(whole.length - 5), fc.nat(255)), {maxLength: 3});
  const changed = fc.tuple(changes, fc.nat(20)).map(([all, cut]) => {
    const bytes = Uint8Array.from(whole.subarray(0, whole.length - cut));
    for (const [at, to] of all) if (at < bytes.length) bytes[at] = to;
    return bytes;
  });
  const any = fc.uint8Array({minLength: 4, maxLength: 60});
  fc.assert(
    fc.property(fc.oneof(changed, any), (bytes) => {
      try {
        const {parts, keyFiles} = decodeStateFile(summed(bytes), 'state');
        expect(parts.length + keyFiles.length).toBeLessThan(20);
      } catch (error) {
        expect(error).toBeInstanceOf(FatalError);
      }
    }),
    {numRuns: 3_000},
  );
  const longer = Uint8Array.from([...whole.subarray(0, -4), 0, 0, 0, 0, 0]);
  expect(() => decodeStateFile(summed(longer), 'state')).toThrow('1 bytes behind the state');
});

test('a store of rows with hostile commit numbers is refused, and so is a row twice', async () => {
  const store = new MemoryManifestStore();
  await (await Manifest.open(store)).commit({put: [['a', Uint8Array.of(1)]]});
  const whole = await store.load();
  const rowOf = (key: string, number: number, value: Uint8Array): Uint8Array => {
    const crc = crc32(value, crc32(`${key}\0${number}\0`));
    const bytes = new Uint8Array(13 + value.length);
    const view = new DataView(bytes.buffer);
    view.setUint8(0, 1);
    view.setFloat64(1, number, true);
    view.setUint32(9, crc, true);
    bytes.set(value, 13);
    return bytes;
  };
  const commitOf = (number: number, rowSum: number): Uint8Array => {
    const value = new Uint8Array(16);
    const view = new DataView(value.buffer);
    view.setFloat64(0, number, true);
    view.setUint32(12, rowSum, true);
    return value;
  };
  const sumOf = (row: Uint8Array): number => new DataView(row.buffer).getUint32(9, true);
  for (const number of [Number.NaN, -1, 0.5, Infinity, 2 ** 53]) {
    const row = rowOf('a', number, Uint8Array.of(1));
    const last = rowOf('!commit', 9, commitOf(9, sumOf(row)));
    const opening = Manifest.open({
      ...store,
      load: async () => [
        ['!commit', last],
        ['a', row],
      ],
    } as never);
    await expect(opening, `${number}`).rejects.toThrow(
      /^manifest row a: want the number of a commit/,
    );
    const good = rowOf('a', 1, Uint8Array.of(1));
    const end = rowOf('!commit', 9, commitOf(number, sumOf(good)));
    const load = async () => [
      ['!commit', end],
      ['a', good],
    ];
    await expect(Manifest.open({...store, load} as never), `${number}`).rejects.toThrow(
      /^manifest row !commit: want the number of a commit/,
    );
  }
  const twice = async () => [...whole, whole.at(-1)!];
  await expect(Manifest.open({...store, load: twice} as never)).rejects.toThrow(
    'manifest row a: it is there twice',
  );
});
