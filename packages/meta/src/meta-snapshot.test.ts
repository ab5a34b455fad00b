// Goal: a snapshot is what the catalog was at one index, and is written and read in pieces that hold up no
// thread. Method: slices that a test gives by hand, with commands applied between them.

import {crc32} from 'node:zlib';
import {FatalError, type WorkSlices} from '@flotilla/base';
import {CatalogMachine, CLUSTER_VERSION, type Command} from '@flotilla/catalog';
import type {Snapshot, StagedSnapshot} from '@flotilla/multiraft';
import {MemoryDisk} from '@flotilla/testkit';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {encodeCommand} from './command-codec.ts';
import {openMachine} from './fakes.fixture.ts';
import {ALL_AT_ONCE} from './in-slices.ts';
import {decodeMetaState, encodeBody, HeldFile, type MetaFile} from './meta-snapshot.ts';
import type {MetaStateMachine} from './meta-state-machine.ts';

/** Wide enough that some of them fill a piece. */
const COLUMNS = 250;
const TABLES = 20;

/** One at a time, when the test says so. */
class GivenSlices implements WorkSlices {
  given = 0;
  readonly #waiting: (() => void)[] = [];

  due(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** @param between what the thread does before each slice. */
  async finish<Result>(work: Promise<Result>, between: () => void = () => {}): Promise<Result> {
    let isOver = false;
    const end = () => {
      isOver = true;
    };
    work.then(end, end);
    while (!isOver) {
      await new Promise(setImmediate);
      if (this.#waiting.length === 0) continue;
      between();
      this.given += 1;
      this.#waiting.shift()!();
    }
    return work;
  }
}

const id = <Id extends number>(value: number) => value as Id;
const description = (i: number) => {
  return {incarnation: `i${i}`, address: `näht-${i}:1`, engineThreads: 1, version: '0'};
};
const fields = (count: number) =>
  Array.from({length: count}, (_, i) => ({name: `column_${i}`, type: 'float' as const}));
const table = (name: string): Command => {
  const request = {name, tags: ['hóst'], fields: fields(COLUMNS)};
  return {type: 'create-table', database: id(1), table: request, ifNotExists: true};
};

const FOUNDING: Command[] = [
  {
    type: 'found-cluster',
    clusterId: 'c',
    clusterVersion: CLUSTER_VERSION,
    node: description(1),
    atMs: 1,
  },
  ...[2, 3].map((i): Command => ({type: 'register-node', node: description(i), atMs: 1})),
  ...Array.from({length: TABLES}, (_, i) => table(`t${i}`)),
];

const name = fc.constantFrom('t1', 't3', 't11', 'new');
const anyCommand: fc.Arbitrary<Command> = fc.oneof(
  fc.record({type: fc.constant('create-tenant' as const), name}),
  fc.record({
    type: fc.constant('drop-tenant' as const),
    name,
    atMs: fc.nat(9),
    purgeAtMs: fc.nat(9),
  }),
  fc.record({
    type: fc.constant('ensure-bucket' as const),
    database: fc.constant(id<never>(1)),
    timeMs: fc.constant(0),
    startMs: fc.constant(0),
    endMs: fc.constant(9),
    placements: fc.constant([1, 2, 3].map((node) => [{node, role: 'voter' as const}])),
  }),
  fc.record({
    type: fc.constant('set-placement' as const),
    set: fc.integer({min: 1, max: 6}).map((set) => id<never>(set)),
    expectedEpoch: fc.integer({min: 1, max: 3}),
    add: fc.constant([{node: id<never>(2), role: 'learner' as const}]),
    remove: fc.constant([]),
    roles: fc.constant([]),
  }),
  fc.record({
    type: fc.constant('drop-bucket' as const),
    bucket: fc.integer({min: 1, max: 2}).map((bucket) => id<never>(bucket)),
  }),
  name.map(table),
  fc.record({
    type: fc.constant('drop-table' as const),
    database: fc.constant(id<never>(1)),
    name,
    ifExists: fc.constant(true),
    atMs: fc.nat(9),
    purgeAtMs: fc.nat(9),
  }),
) as unknown as fc.Arbitrary<Command>;

const commands = fc.array(anyCommand, {maxLength: 30});

function applyTo(machine: MetaStateMachine, all: readonly Command[]): void {
  for (const command of all) machine.apply(machine.catalog.version + 1, 5, encodeCommand(command));
}

async function grown(slices: WorkSlices, before: readonly Command[], disk = new MemoryDisk()) {
  const machine = await openMachine(disk, true, slices);
  applyTo(machine, [...FOUNDING, ...before]);
  return machine;
}

async function bytesOf({files}: Snapshot): Promise<string> {
  return Buffer.from(await files[0]!.read(0, files[0]!.bytes)).toString('utf8');
}

async function stagedOn(disk: MemoryDisk, {point, files}: Snapshot): Promise<StagedSnapshot> {
  await disk.makeDirectory('staging');
  const file = await disk.open('staging/catalog.json', 'create');
  await file.writeAt(0, [await files[0]!.read(0, files[0]!.bytes)]);
  await file.close();
  return {point, directory: 'staging', fileNames: ['catalog.json']};
}

/** Two between any two slices. */
function applying(machine: MetaStateMachine, after: readonly Command[]): () => void {
  const rest = [...after];
  return () => applyTo(machine, rest.splice(0, 2));
}

test('a snapshot taken in slices while any commands are applied is the one taken at once at its index', async () => {
  const property = fc.asyncProperty(commands, commands, async (before, after) => {
    const atOnce = await (await grown(ALL_AT_ONCE, before)).snapshot();
    const slices = new GivenSlices();
    const machine = await grown(slices, before);
    const {version} = machine.catalog;
    const snapshot = await slices.finish(machine.snapshot(), applying(machine, after));
    expect(slices.given).toBeGreaterThan(3);
    if (after.length > 0) expect(machine.catalog.version).toBeGreaterThan(version);
    expect(snapshot.point).toEqual(atOnce.point);
    expect(await bytesOf(snapshot)).toBe(await bytesOf(atOnce));
  });
  await fc.assert(property, {numRuns: 30});
});

test('what is flushed in slices while any commands are applied opens as it was at its index', async () => {
  const property = fc.asyncProperty(commands, commands, async (before, after) => {
    const atOnce = await grown(ALL_AT_ONCE, before);
    const slices = new GivenSlices();
    const disk = new MemoryDisk();
    const machine = await grown(slices, before, disk);
    await slices.finish(machine.flush(), applying(machine, after));
    expect(machine.durablePoint().index).toBe(atOnce.catalog.version);
    disk.crash();
    const reopened = await slices.finish(openMachine(disk, true, slices));
    expect(await bytesOf(await slices.finish(reopened.snapshot()))).toBe(
      await bytesOf(await atOnce.snapshot()),
    );
  });
  await fc.assert(property, {numRuns: 20});
});

test('writing, reading, installing and opening wait for a slice before each piece', async () => {
  const slices = new GivenSlices();
  const disk = new MemoryDisk();
  const machine = await grown(slices, [], disk);
  const snapshot = await slices.finish(machine.snapshot());
  const pieces = Math.ceil(snapshot.files[0]!.bytes / (64 * 1024));
  expect(pieces).toBeGreaterThan(3);
  const slicesOf = async (work: Promise<unknown>): Promise<number> => {
    const before = slices.given;
    await slices.finish(work);
    return slices.given - before;
  };
  expect(await slicesOf(machine.snapshot())).toBeGreaterThanOrEqual(pieces);
  expect(await slicesOf(machine.flush())).toBeGreaterThanOrEqual(pieces);
  // Once for the checksum, once for the contents.
  expect(await slicesOf(openMachine(disk, true, slices))).toBeGreaterThanOrEqual(2 * pieces);
  const other = new MemoryDisk();
  const staged = await stagedOn(other, snapshot);
  const machineThere = await openMachine(other, false, slices);
  expect(await slicesOf(machineThere.install(staged))).toBeGreaterThanOrEqual(3 * pieces);
});

test('a flush that is asked for while a snapshot is installed leaves the one that was installed', async () => {
  const slices = new GivenSlices();
  const snapshot = await (await grown(ALL_AT_ONCE, [])).snapshot();
  const disk = new MemoryDisk();
  const staged = await stagedOn(disk, snapshot);
  const machine = await openMachine(disk, true, slices);
  const flushes: Promise<void>[] = [];
  // While its file is written, which a flush would take for one that a crash left.
  const isWriting = () => disk.files().some((path) => path.endsWith('.new'));
  const flush = () => {
    if (isWriting()) flushes.push(machine.flush());
  };
  await slices.finish(machine.install(staged), flush);
  expect(flushes.length).toBeGreaterThan(0);
  await slices.finish(Promise.all(flushes));
  expect(machine.durablePoint()).toEqual(snapshot.point);
  disk.crash();
  const reopened = await slices.finish(openMachine(disk, true, slices));
  expect(reopened.catalog.version).toBe(snapshot.point.index);
});

const POINT = {
  index: 7,
  term: 5,
  configuration: {
    voters: [1],
    votersOutgoing: [],
    learners: [],
    learnersNext: [],
    autoLeave: false,
  },
};

function held(image: Parameters<typeof encodeBody>[0]): MetaFile {
  const file = new HeldFile();
  for (const piece of encodeBody(image)) file.add(piece);
  return file.file('f');
}

test('any changes are read as they were written, wherever a piece ends', async () => {
  const text = fc
    .tuple(fc.constantFrom('ü', '\n', ',\n', '"', '€', '😀', ']}}}', ''), fc.nat(20_000))
    .map(([part, count]) => part.repeat(count));
  const property = fc.asyncProperty(fc.array(text, {maxLength: 12}), async (texts) => {
    const changes = texts.map((zone, i) => {
      return {kind: 'node' as const, id: i, value: {zone} as never};
    });
    const counters = new CatalogMachine().snapshot().counters;
    const state = {point: POINT, machine: {counters, catalog: {version: 7, changes}}};
    const file = held(state);
    expect(await decodeMetaState(file, ALL_AT_ONCE)).toEqual(state);
    // In whatever pieces it is sent.
    const third = Math.ceil(file.bytes / 3);
    const parts = [0, 1, 2].map((i) =>
      file.read(i * third, Math.min(third, file.bytes - i * third)),
    );
    const whole = Buffer.concat(await Promise.all(parts));
    expect(whole.equals(await file.read(0, file.bytes))).toBe(true);
    // An older build reads it in one go, and what that wrote is read here.
    const body = whole.subarray(whole.indexOf('\n') + 1);
    expect(JSON.parse(body.toString('utf8'))).toEqual(state);
  });
  await fc.assert(property, {numRuns: 60});
});

test('a file of one line, as older builds wrote it, is read', async () => {
  const machine = await grown(ALL_AT_ONCE, []);
  const snapshot = await machine.snapshot();
  const now = await decodeMetaState(snapshot.files[0]!, ALL_AT_ONCE);
  const body = Buffer.from(JSON.stringify(now));
  const header = JSON.stringify({format: 1, bytes: body.length, crc32: crc32(body)});
  const bytes = Buffer.concat([Buffer.from(`${header}\n`), body]);
  const read = async (offset: number, length: number) => bytes.subarray(offset, offset + length);
  const old = {name: 'old', bytes: bytes.length, read};
  expect(await decodeMetaState(old, ALL_AT_ONCE)).toEqual(now);
});

test('no byte of a catalog file changes unseen', async () => {
  const disk = new MemoryDisk();
  const machine = await openMachine(disk);
  applyTo(machine, FOUNDING.slice(0, 3));
  await machine.flush();
  const [file = '', ...others] = disk.files();
  expect(others).toEqual([]);
  const {length} = disk.bytesOf(file);
  for (let offset = 0; offset < length; offset++) {
    disk.flipBit(file, offset, offset % 8);
    const opening = openMachine(disk);
    await expect(opening, `at ${offset}`).rejects.toThrow(FatalError);
    await expect(opening, `at ${offset}`).rejects.toThrow(file);
    disk.flipBit(file, offset, offset % 8);
  }
  expect((await openMachine(disk)).catalog.version).toBe(machine.catalog.version);
});

test('any body under a header that is right is read, or refused', async () => {
  const machine = await openMachine(new MemoryDisk());
  applyTo(machine, FOUNDING.slice(0, 3));
  const whole = Buffer.from(await bytesOf(await machine.snapshot()));
  const body = whole.subarray(whole.indexOf('\n') + 1);
  const flips = fc.array(fc.tuple(fc.nat(), fc.integer({min: 0, max: 255})), {maxLength: 4});
  const forged = fc.tuple(flips, fc.nat()).map(([changes, cut]) => {
    const bytes = Uint8Array.from(body);
    for (const [at, to] of changes) bytes[at % bytes.length] = to;
    return cut % 3 === 0 ? bytes.subarray(0, cut % bytes.length) : bytes;
  });
  const property = fc.asyncProperty(
    fc.oneof(forged, fc.uint8Array({maxLength: 90})),
    async (bytes) => {
      const file = new HeldFile();
      file.add(bytes);
      const decoding = decodeMetaState(file.file('catalog'), ALL_AT_ONCE);
      const outcome = await decoding.catch((error: unknown) => error);
      if (outcome instanceof Error)
        expect(outcome, `${Buffer.from(bytes)}`).toBeInstanceOf(FatalError);
      else expect(outcome).toMatchObject({machine: {catalog: {version: expect.any(Number)}}});
    },
  );
  await fc.assert(property, {numRuns: 500});
});
