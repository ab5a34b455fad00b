// Goal: whatever bytes a part holds under checksums that are right, who reads it, merges it or looks at it gets
// rows or a PartDamage, soon, and with little memory. Method: bytes of one page of a good part are changed, and
// all checksums above it are made right again; beside that the decoders of pages get any bytes at all.

import {crc32} from 'node:zlib';
import {type Disk, FatalError, SeededRandom, type TableId} from '@flotilla/base';
import type {MemoryDisk} from '@flotilla/testkit';
import fc from 'fast-check';
import {beforeAll, expect, test} from 'vitest';
import {BlockRunBuilder} from './block-run.ts';
import {CountedFile} from './counted-file.ts';
import {verifyRows} from './manifest.ts';
import {mergeParts} from './merge-parts.ts';
import {OpenFiles} from './open-files.ts';
import {Part, type PartRecord} from './part.ts';
import {checkPart} from './part-check.ts';
import {
  decodeDirectory,
  decodeFooter,
  decodeTableIndex,
  decodeTrailer,
  encodeDirectory,
  encodeFooter,
  encodeTableIndex,
  encodeTrailer,
  type Page,
  PartDamage,
  type PartVersion,
  type Stripe,
  type TableEntry,
  type TableIndex,
  TRAILER_BYTES,
} from './part-format.ts';
import {replicasIn} from './replica-check.ts';
import {series} from './replica-model.fixture.ts';
import type {ReplicaState} from './replica-state.ts';
import {Trial} from './replica-trial.fixture.ts';
import {Slices} from './slices.ts';
import {loadStripe, PageBodies} from './stripe-reader.ts';

const DIRECTORY = 'replicas/1-1';
const PATH = `${DIRECTORY}/part`;
const WHOLE_PATH = `${DIRECTORY}/whole`;
const MERGED_PATH = `${DIRECTORY}/merged`;
const SERIES_MAX = 10;
const FLIPS = process.env['FLOTILLA_LONGER'] === '1' ? 40_000 : 250;
/** One page at its longest, and what reading a small part takes besides. */
const MEMORY_BYTES_MAX = 160 * 1024 * 1024;
const ONE_MS_MAX = 2_000;

interface Good {
  readonly bytes: Uint8Array;
  readonly record: PartRecord;
}

/** Merged, so that pages of version 2 are compressed. */
async function goodPart(version: PartVersion): Promise<Good> {
  const trial = new Trial([version]);
  trial.storage = await trial.fixture.open(1);
  for (const host of [1, 2]) {
    trial.write(series(host, {count: 700, step: 1_000}, host, [0, 1, 2, 4]));
    const sparse = series(host, {count: 3, step: 1_000}, host, [2, 4]);
    trial.write(sparse.map((point) => ({...point, table: 2})));
    await trial.step({type: 'flush', isAwaited: true});
  }
  await trial.step({type: 'compact', isAll: true});
  await trial.storage.close();
  const {values} = verifyRows(await trial.fixture.store.load());
  const [stored] = replicasIn(values);
  const [record] = (stored!.state as ReplicaState).parts;
  const bytes = trial.fixture.disk.bytesOf(`replicas/1-1/${record!.file}`);
  // Each part has another footer here.
  return {bytes, record: {...record!, checksum: undefined}};
}

const VERSIONS = [1, 2, 4] as const;
const parts = new Map<PartVersion, Good>();
beforeAll(async () => {
  for (const version of VERSIONS) parts.set(version, await goodPart(version));
});

interface Opened {
  readonly footer: Page;
  readonly entries: TableEntry[];
  readonly indexes: TableIndex[];
}

function opened(bytes: Uint8Array): Opened {
  const {version, footer} = decodeTrailer(bytes.subarray(bytes.length - TRAILER_BYTES), PATH);
  const of = ({offset, length}: Page): Uint8Array => bytes.subarray(offset, offset + length);
  const entries = decodeFooter(of(footer));
  return {footer, entries, indexes: entries.map(({index}) => decodeTableIndex(of(index), version))};
}

const pagesOf = ({directory, offsets, columns}: Stripe): Page[] => [
  directory,
  offsets,
  ...columns.values(),
];

const sumOf = (bytes: Uint8Array, {offset, length}: Page): number =>
  crc32(bytes.subarray(offset, offset + length));

/** The pages of a table may be others than those of the good part: its index says so. */
function sumPages(bytes: Uint8Array, {entries, indexes}: Opened, table: number): void {
  const summed = (page: Page): Page => ({...page, crc: sumOf(bytes, page)});
  const stripes = indexes[table]!.stripes.map((each) => ({
    ...each,
    directory: summed(each.directory),
    offsets: summed(each.offsets),
    columns: new Map([...each.columns].map(([column, page]) => [column, summed(page)])),
  }));
  bytes.set(encodeTableIndex({...indexes[table]!, stripes}), entries[table]!.index.offset);
}

function sumIndexes(bytes: Uint8Array, {footer, entries}: Opened): void {
  const summed = entries.map((entry) => ({
    ...entry,
    index: {...entry.index, crc: sumOf(bytes, entry.index)},
  }));
  bytes.set(encodeFooter(summed), footer.offset);
}

function sumFooter(bytes: Uint8Array, {footer}: Opened): void {
  const trailer = encodeTrailer(
    {...footer, crc: sumOf(bytes, footer)},
    bytes.at(-1) as PartVersion,
  );
  bytes.set(trailer, bytes.length - TRAILER_BYTES);
}

/** A part that verifies, with some bytes of one of its pages, indexes or its footer changed. */
function forged(good: Uint8Array, random: SeededRandom): Uint8Array {
  const bytes = Uint8Array.from(good);
  const whole = opened(good);
  const {footer, entries, indexes} = whole;
  const change = ({offset, length}: Page): void => {
    for (let times = 1 + random.below(3); times > 0; times--) {
      const at = offset + random.below(length);
      bytes[at] = random.below(2) === 0 ? random.below(256) : bytes[at]! ^ (1 << random.below(8));
    }
  };
  const table = random.below(entries.length);
  const level = random.below(6);
  const {stripes} = indexes[table]!;
  const stripe = stripes[random.below(stripes.length)]!;
  const pages = pagesOf(stripe);
  if (level >= 2) {
    change(pages[random.below(pages.length)]!);
    sumPages(bytes, whole, table);
  }
  if (level === 1) change(entries[table]!.index);
  sumIndexes(bytes, whole);
  if (level === 0) change(footer);
  sumFooter(bytes, whole);
  return bytes;
}

/** All rows of all tables, as a scan decodes them. */
async function readAll(part: Part): Promise<void> {
  for (const {table} of part.record.tables) {
    const {version, fields, stripes} = await part.tableIndex(table);
    for (const stripe of stripes) {
      const loaded = await loadStripe(part, stripe, {version, fields, withTimes: true});
      loaded.blocks.forEach((_, block) => void loaded.rows(block));
    }
  }
}

const NEEDS = new Set(['count', 'min', 'max', 'sum', 'first', 'last'] as const);

/** The same by their statistics, without their times. */
async function summariseAll(part: Part): Promise<void> {
  for (const {table} of part.record.tables) {
    const {version, fields, stripes} = await part.tableIndex(table);
    const needs = fields.map(() => NEEDS);
    for (const stripe of stripes) {
      const loaded = await loadStripe(part, stripe, {version, fields, withTimes: false});
      loaded.blocks.forEach(
        (_, block) => void loaded.addTo(new BlockRunBuilder(fields, needs, 1), block),
      );
    }
  }
}

/** With an older one of the same rows, so that each block meets another. */
async function mergeBoth(disk: Disk, record: PartRecord): Promise<void> {
  const tables = record.tables.map(({table}) => ({
    table: table as TableId,
    series: Int32Array.from({length: SERIES_MAX}, (_, series) => series),
    partMasks: [[], []],
    masked: new Map(),
    deadColumns: [],
  }));
  const job = {
    directory: DIRECTORY,
    parts: [
      {...record, file: 'whole'},
      {...record, file: 'part'},
    ],
    file: 'merged',
    bucket: {startUnits: 0n, unitsPerSecond: 1_000},
    version: 2,
    tables,
  } as const;
  const slices = new Slices({due: () => undefined}, {work: 'compaction'});
  try {
    await mergeParts(job, {disk, slices});
  } finally {
    await disk.remove(MERGED_PATH);
  }
}

/** Of anything else that goes wrong a node would make the disk's fault, or a mistake of its own. */
async function isDamagedOrNone(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return false;
  } catch (error) {
    if (!(error instanceof PartDamage)) throw error;
    return true;
  }
}

async function withParts(good: Uint8Array): Promise<MemoryDisk> {
  const {disk} = new Trial().fixture;
  await disk.makeDirectory(DIRECTORY);
  for (const path of [PATH, WHOLE_PATH]) {
    await (await disk.open(path, 'create')).close();
    disk.overwrite(path, good);
  }
  return disk;
}

function partOf(disk: Disk, {bytes, record}: Good): Part {
  const place = {disk, directory: DIRECTORY, openFiles: new OpenFiles()};
  return new Part(record, new CountedFile(place, 'part', bytes.length));
}

test.each(VERSIONS)(
  'a part of version %i under right checksums is read and merged, or damaged',
  async (version) => {
    const whole = parts.get(version)!;
    const {bytes: good, record} = whole;
    const disk = await withParts(good);
    expect(await isDamagedOrNone(mergeBoth(disk, record))).toBe(false);
    const random = new SeededRandom(20_261_122 + version);
    let refused = 0;
    for (let i = 0; i < FLIPS; i++) {
      disk.overwrite(PATH, forged(good, random));
      const began = process.cpuUsage();
      const before = process.memoryUsage().arrayBuffers;
      const look = async (): Promise<boolean> => {
        await isDamagedOrNone(mergeBoth(disk, record));
        await isDamagedOrNone(summariseAll(partOf(disk, whole)));
        return isDamagedOrNone(readAll(partOf(disk, whole)));
      };
      const isRefused = await look().catch((error: unknown) => {
        throw new Error(`forgery ${i} of version ${version}`, {cause: error});
      });
      if (isRefused) refused += 1;
      await checkPart(
        disk,
        {path: PATH, record, seriesCount: SERIES_MAX},
        {fault: () => {}, read: () => {}},
      );
      const tookMs = process.cpuUsage(began).user / 1_000;
      const took = process.memoryUsage().arrayBuffers - before;
      expect(tookMs, `forgery ${i}`).toBeLessThan(ONE_MS_MAX);
      expect(took, `forgery ${i}`).toBeLessThan(MEMORY_BYTES_MAX);
    }
    // Most changes of values are other values.
    expect(refused).toBeGreaterThan(FLIPS / 20);
  },
  600_000,
);

test('statistics that are not those of their values are told, under right checksums too', async () => {
  const {bytes: good, record} = parts.get(1)!;
  const disk = await withParts(good);
  const whole = opened(good);
  const [index] = whole.indexes;
  // The integers.
  const page = index!.stripes[0]!.columns.get(index!.fields[1]!.column)!;
  const said = new Set<string>();
  for (let at = page.offset; at < page.offset + page.length; at++) {
    const bytes = Uint8Array.from(good);
    bytes[at] = bytes[at]! ^ 1;
    sumPages(bytes, whole, 0);
    sumIndexes(bytes, whole);
    sumFooter(bytes, whole);
    disk.overwrite(PATH, bytes);
    await checkPart(
      disk,
      {path: PATH, record, seriesCount: SERIES_MAX},
      {
        fault: ({offset, message}) => {
          const [, name] = /its statistics say (\w+)/.exec(message) ?? [];
          if (name === undefined) return;
          expect(offset).toBe(page.offset);
          said.add(name);
        },
        read: () => {},
      },
    );
  }
  expect([...said].sort()).toEqual(['first', 'last', 'max', 'min', 'sum']);
});

test('a part that has lost its end is damaged, and a disk that gives nothing is not taken for that', async () => {
  const whole = parts.get(2)!;
  const disk = await withParts(whole.bytes);
  disk.fail({operation: 'read', path: PATH});
  await expect(isDamagedOrNone(readAll(partOf(disk, whole)))).rejects.toThrow('EIO');
  disk.overwrite(PATH, whole.bytes.subarray(0, whole.bytes.length - 1));
  const reading = readAll(partOf(disk, whole));
  await expect(reading).rejects.toThrow(/^it has lost its end: want \d+ bytes; file=replicas/);
  await expect(reading).rejects.toThrow(PartDamage);
});

test('a directory whose blocks of a series do not follow each other is refused', () => {
  const {bytes} = parts.get(1)!;
  const [stripe] = opened(bytes).indexes[0]!.stripes;
  const block = {series: stripe!.firstSeries, rowCount: 1, minOffset: 0, maxOffset: 9};
  const blocks = [block, {...block, minOffset: 9}];
  const page = encodeDirectory(blocks, 0);
  const shape = {...stripe!, minOffset: 0, rowCount: 2, blockCount: 2};
  expect(() => decodeDirectory(page, shape)).toThrow('block 1 is not behind the one before');
  const behind = encodeDirectory([block, {...block, minOffset: 10, maxOffset: 10}], 0);
  expect(decodeDirectory(behind, shape)).toHaveLength(2);
});

const anyBytes = fc.uint8Array({maxLength: 200});

test('any bytes are no footer, index, directory or page, or are one', () => {
  const stripe = (rowCount: number, blockCount: number) =>
    ({firstSeries: 0, minOffset: 0, rowCount, blockCount}) as unknown as Stripe;
  fc.assert(
    fc.property(anyBytes, fc.nat(2 ** 16), fc.nat(2 ** 12), (bytes, rows, blocks) => {
      const decoders = [
        () => decodeTrailer(bytes, PATH),
        () => decodeFooter(bytes),
        ...VERSIONS.map((version) => () => decodeTableIndex(bytes, version)),
        () => decodeDirectory(bytes, stripe(rows, blocks)),
        ...VERSIONS.map(
          (version) => () => new PageBodies(bytes, blocks, version).body(blocks >> 1),
        ),
      ];
      for (const decode of decoders) {
        try {
          decode();
        } catch (error) {
          expect(error).toBeInstanceOf(FatalError);
        }
      }
    }),
    {numRuns: 2_000},
  );
});

test('a directory of more rows than its stripe, and a stripe of more than there can be, are refused', () => {
  const {bytes} = parts.get(1)!;
  const {indexes} = opened(bytes);
  const [index] = indexes;
  const [stripe] = index!.stripes;
  const {directory} = stripe!;
  const page = bytes.subarray(directory.offset, directory.offset + directory.length);
  expect(() => decodeDirectory(page, {...stripe!, rowCount: stripe!.rowCount + 1})).toThrow(
    /directory: want \d+ rows; have \d+/,
  );
  for (const more of [{rowCount: 2 ** 40}, {blockCount: 2 ** 30}]) {
    const huge = encodeTableIndex({...index!, stripes: [{...stripe!, ...more}]});
    expect(() => decodeTableIndex(huge, 1)).toThrow(/cannot decode count/);
  }
  const inflated = {...directory, inflatedBytes: 2 ** 40};
  const large = encodeTableIndex({
    ...index!,
    version: 2,
    stripes: [{...stripe!, directory: inflated}],
  });
  expect(() => decodeTableIndex(large, 2)).toThrow(/cannot decode count/);
});
