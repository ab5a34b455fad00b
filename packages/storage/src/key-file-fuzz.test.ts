// Goal: whatever a key file holds under a checksum that is right, who loads it gets its keys or a FatalError, soon
// and with little memory, and `check` names what a load refuses. Method: bytes of a good file are changed, or its
// counts and lengths put to the edges of what they are written in, and its checksum is made right again.

import {crc32} from 'node:zlib';
import {type ColumnId, FatalError, SeededRandom, type SeriesId, type TableId} from '@flotilla/base';
import {ByteWriter, encodeSeriesKey} from '@flotilla/column';
import {MemoryDisk} from '@flotilla/testkit';
import {beforeEach, expect, test} from 'vitest';
import {encodeKeys, KEY_MAGIC, type KeyFileRecord, loadKeys} from './key-file.ts';
import {checkKeyFile} from './key-file-check.ts';
import {SeriesIndex} from './series-index.ts';
import {Slices} from './slices.ts';

const FORGERIES = process.env['FLOTILLA_LONGER'] === '1' ? 200_000 : 3_000;
const PATH = 'keys';
const MEMORY_BYTES_MAX = 32 * 1024 * 1024;
const ONE_MS_MAX = 1_000;
const EDGES = [0, 127, 128, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, 2 ** 53];
const slices = new Slices({due: () => undefined}, {work: 'flush'});

const keyOf = (host: number): Uint8Array =>
  encodeSeriesKey(
    (1 + (host % 2)) as TableId,
    [
      {column: 1 as ColumnId, value: `host_${host}`},
      {column: 300 as ColumnId, value: 'é'.repeat(host)},
    ].slice(0, 1 + (host % 3)),
  );

const KEYS = Array.from({length: 12}, (_, host) => keyOf(host + 1));

let disk: MemoryDisk;
beforeEach(async () => {
  disk = new MemoryDisk();
  await (await disk.open(PATH, 'create')).close();
});

interface Head {
  readonly firstSeries: number;
  readonly count: number;
}

const HEAD: Head = {firstSeries: 0, count: KEYS.length};

/** @param lengths  said in place of the keys' own */
function fileOf(
  keys: readonly Uint8Array[],
  {firstSeries, count}: Head = {firstSeries: 0, count: keys.length},
  lengths: readonly (number | undefined)[] = [],
): Uint8Array {
  const writer = new ByteWriter();
  writer.bytes(KEY_MAGIC);
  writer.varint(firstSeries);
  writer.varint(count);
  for (const [i, key] of keys.entries()) {
    writer.varint(lengths[i] ?? key.length);
    writer.bytes(key);
  }
  writer.u32(0);
  return summed(writer.copy());
}

function summed(bytes: Uint8Array): Uint8Array {
  const end = bytes.length - 4;
  new DataView(bytes.buffer).setUint32(end, crc32(bytes.subarray(0, end)), true);
  return bytes;
}

const recordOf = (bytes: Uint8Array, head: Partial<Head> = {}): KeyFileRecord => ({
  file: PATH,
  bytes: bytes.length,
  ...HEAD,
  ...head,
});

async function loaded(bytes: Uint8Array, record = recordOf(bytes)): Promise<SeriesIndex> {
  disk.overwrite(PATH, bytes);
  const index = new SeriesIndex();
  for (let i = 0; i < record.firstSeries; i++) index.add(encodeSeriesKey((9 + i) as TableId, []));
  await loadKeys(disk, PATH, record, {index, slices});
  return index;
}

async function faultsOf(record: KeyFileRecord): Promise<string[]> {
  const faults: string[] = [];
  const check = {fault: ({message}: {message: string}) => faults.push(message), read: () => {}};
  await checkKeyFile(disk, {path: PATH, record}, check);
  return faults;
}

function edged(random: SeededRandom): Uint8Array {
  const edge = EDGES[random.below(EDGES.length)]!;
  switch (random.below(4)) {
    case 0:
      return fileOf(KEYS, {...HEAD, count: edge});
    case 1:
      return fileOf(KEYS, {...HEAD, firstSeries: edge});
    case 2: {
      const lengths = new Array<number | undefined>(KEYS.length).fill(undefined);
      lengths[random.below(KEYS.length)] = edge;
      return fileOf(KEYS, HEAD, lengths);
    }
    default:
      return fileOf(KEYS.with(random.below(KEYS.length), KEYS[random.below(KEYS.length)]!));
  }
}

function forged(random: SeededRandom): Uint8Array {
  const kind = random.below(4);
  if (kind === 0) return edged(random);
  const length = kind === 1 ? 4 + random.below(200) : 0;
  const bytes = length > 0 ? new Uint8Array(length) : fileOf(KEYS);
  const changes = kind === 1 ? bytes.length : 1 + random.below(3);
  for (let i = 0; i < changes; i++) {
    const at = kind === 1 ? i : KEY_MAGIC.length + random.below(bytes.length - KEY_MAGIC.length);
    bytes[at] = random.below(2) === 0 ? random.below(256) : bytes[at]! ^ (1 << random.below(8));
  }
  const cut = kind === 2 ? random.below(bytes.length - 4) : 0;
  return summed(bytes.slice(0, bytes.length - cut));
}

test('keys under a right checksum are loaded, or refused and named by a check', async () => {
  const random = new SeededRandom(20_261_123);
  expect((await loaded(fileOf(KEYS))).count).toBe(KEYS.length);
  let refused = 0;
  for (let i = 0; i < FORGERIES; i++) {
    const bytes = forged(random);
    const record = recordOf(bytes);
    const began = process.cpuUsage();
    const before = process.memoryUsage().arrayBuffers;
    const outcome = await loaded(bytes).catch((error: unknown) => error);
    const faults = await faultsOf(record);
    const told = `forgery ${i}: ${String(outcome)}`;
    expect(process.cpuUsage(began).user / 1_000, told).toBeLessThan(ONE_MS_MAX);
    expect(process.memoryUsage().arrayBuffers - before, told).toBeLessThan(MEMORY_BYTES_MAX);
    if (outcome instanceof SeriesIndex) {
      const again = await encodeKeys({index: outcome, slices}, 0, outcome.count);
      const twice = await loaded(again.bytes, recordOf(again.bytes));
      for (let id = 0; id < KEYS.length; id++)
        expect(twice.key(id as SeriesId), told).toEqual(outcome.key(id as SeriesId));
      continue;
    }
    refused += 1;
    expect(outcome, told).toBeInstanceOf(FatalError);
    // Which would take an index of all keys.
    if (!String(outcome).includes('occur twice')) expect(faults, told).not.toEqual([]);
  }
  expect(refused).toBeGreaterThan(FORGERIES / 2);
}, 600_000);

const tagged = (...columns: number[]): Uint8Array => {
  const writer = new ByteWriter();
  writer.varint(1);
  for (const column of columns) {
    writer.varint(column);
    writer.varint(1);
    writer.u8(97);
  }
  return writer.copy();
};

test.each<[string, Uint8Array, Partial<Head>, RegExp]>([
  [
    'more keys than it says',
    fileOf([...KEYS, keyOf(99)], HEAD),
    {},
    /bytes behind the last of 12 keys/,
  ],
  ['fewer', fileOf(KEYS.slice(1), HEAD), {}, /cannot decode: want 1 bytes; have 0/],
  ['keys beyond the manifest', fileOf(KEYS, {...HEAD, count: 2 ** 32}), {}, /series from 0/],
  ['other series', fileOf(KEYS, {...HEAD, firstSeries: 3}), {}, /series from 3, want 0/],
  [
    'series that overlap those before it',
    fileOf(KEYS, {...HEAD, firstSeries: 1}),
    {firstSeries: 2},
    /series from 1, want 2/,
  ],
  ['a key twice', fileOf(KEYS.with(3, KEYS[8]!)), {}, /occur twice/],
  [
    'a key that ends behind the file',
    fileOf(KEYS, HEAD, [2 ** 32 - 1]),
    {},
    /want 4294967295 bytes/,
  ],
  ['a key without a table', fileOf(KEYS.with(2, new Uint8Array(0))), {}, /cannot decode/],
  ['tags that go backwards', fileOf(KEYS.with(2, tagged(7, 5))), {}, /column 5 after 7/],
  ['a tag twice', fileOf(KEYS.with(2, tagged(5, 5))), {}, /column 5 after 5/],
])('a key file with %s is refused', async (_what, bytes, head, message) => {
  const loading = loaded(bytes, recordOf(bytes, head));
  await expect(loading).rejects.toThrow(message);
  await expect(loading).rejects.toThrow(FatalError);
});

test('a file of another size than the manifest says is refused before memory is taken for it', async () => {
  const bytes = fileOf(KEYS);
  for (const size of [bytes.length + 1, bytes.length - 1, 2 ** 40]) {
    const loading = loaded(bytes, {...recordOf(bytes), bytes: size});
    await expect(loading).rejects.toThrow(`want ${size} bytes; have ${bytes.length}; file=keys`);
  }
});

test('a check of a key that goes on for ever ends with the longest that there could be', async () => {
  const longest = new Uint8Array(20 * 1024 * 1024);
  const bytes = fileOf([longest]);
  disk.overwrite(PATH, bytes);
  let asked = 0;
  const open = disk.open.bind(disk);
  disk.open = async (...args) => {
    const file = await open(...args);
    const readAt = (offset: number, length: number): Promise<Uint8Array> => {
      asked += 1;
      return file.readAt(offset, length);
    };
    return {...file, size: () => file.size(), close: () => file.close(), readAt} as never;
  };
  const faults = await faultsOf(recordOf(bytes, {count: 1}));
  expect(faults).toEqual([expect.stringContaining('cannot decode count')]);
  // For its checksum, and then the head and one piece.
  expect(asked).toBeLessThan(21 + 4);
});
