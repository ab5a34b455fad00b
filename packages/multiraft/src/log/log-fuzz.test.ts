// Goal: whatever the records of a log say under checksums that are right, who opens the log, reads it, goes on
// with it or looks at it gets entries or a FatalError, soon and with little memory. Method: bytes of a good
// record's body are changed, or a record of items with numbers at the edges is put behind the good ones, and the
// checksums are made right again; beside that a segment gets any bytes at all.

import {crc32} from 'node:zlib';
import {FatalError, type ReplicaId, type ReplicaSetId, SeededRandom} from '@flotilla/base';
import type {MemoryDisk} from '@flotilla/testkit';
import {ByteWriter} from '@flotilla/wire';
import {beforeEach, expect, test} from 'vitest';
import {CLEAN_END_NAME} from './clean-end.ts';
import {gap, renumbered} from './directory.ts';
import {entries, FILE, filled, founding, key, open, write} from './log.fixture.ts';
import {checkLog} from './log-check.ts';
import {encodeItem, type LogItem} from './log-item.ts';
import {
  beginRecord,
  decodeSegmentHeader,
  endRecord,
  type LogRecord,
  RECORD_HEADER_BYTES,
  salvageRecords,
  scanSegment,
} from './record.ts';
import {salvagedDirectory} from './salvage.ts';

const FORGERIES = process.env['FLOTILLA_LONGER'] === '1' ? 60_000 : 1_500;
const EDGES = [0, 1, 5, 6, 9, 10, 11, 12, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 2, 2 ** 53 - 1];
const MEMORY_BYTES_MAX = 64 * 1024 * 1024;
const ONE_MS_MAX = 1_000;

let good: Uint8Array;
let records: readonly LogRecord[];
let salt: number;
beforeEach(async () => {
  good = (await filled()).bytesOf(FILE);
  const header = decodeSegmentHeader(good, FILE);
  const scan = scanSegment(good, header, FILE);
  records = scan.records;
  good = good.slice(0, scan.end);
  salt = header.salt;
});

/** A disk whose log has that segment alone, and does not say that it was closed. */
async function diskOf(segment: Uint8Array): Promise<MemoryDisk> {
  const disk = await filled();
  await disk.remove(`store/log/${CLEAN_END_NAME}`);
  disk.overwrite(FILE, segment);
  return disk;
}

const numberIn = (random: SeededRandom): number => EDGES[random.below(EDGES.length)]!;

function configuration(random: SeededRandom) {
  const ids = (): number[] => Array.from({length: random.below(3)}, () => numberIn(random));
  return {...founding.configuration, voters: ids(), learners: ids()};
}

function anyItem(random: SeededRandom): LogItem {
  const number = () => numberIn(random);
  const chance = () => random.below(2) === 0;
  const at =
    random.below(3) === 0 ? {set: number() as ReplicaSetId, replica: number() as ReplicaId} : key;
  const point = {index: number(), term: number(), configuration: configuration(random)};
  const snapshot = chance() ? {...point, configIndex: number()} : undefined;
  const hard = {term: number(), vote: number(), commit: number()};
  switch (random.below(11)) {
    case 0:
      return {type: 'create', ...at, founding: chance() ? point : undefined};
    case 1:
      return {type: 'tombstone', ...at, dataGone: chance()};
    case 2:
      return {type: 'failover', ...at, manual: chance()};
    case 3:
      return {type: 'compact', ...at, firstIndex: number(), prevTerm: number()};
    case 4:
      return {type: 'configured', ...at, index: number()};
    case 5:
      return {type: 'damaged', ...at};
    case 6:
      return {type: 'renumbered', ...at, offset: number()};
    case 7:
      return {type: 'gap', ...at, after: number(), until: number()};
    case 8:
      return {type: 'loss', ...at, isSettled: chance()};
    case 9: {
      const places = {firstIndex: number(), prevTerm: number(), lastIndex: number()};
      const flags = {manual: chance(), damaged: chance()};
      const configIndexes = [number(), number()];
      const first = chance() ? point : undefined;
      return {
        type: 'group',
        ...at,
        ...hard,
        ...places,
        ...flags,
        configIndexes,
        founding: first,
        snapshot,
      };
    }
    default: {
      const truncateFrom = chance() ? number() : undefined;
      const list = chance() ? [] : entries(number(), 1 + random.below(3), number());
      return {type: 'write', ...at, ...hard, truncateFrom, snapshot, entries: list};
    }
  }
}

/** The good segment with a record of such items behind it. */
function appended(random: SeededRandom): {bytes: Uint8Array; what: string} {
  const writer = new ByteWriter();
  const kind = random.below(4) === 0 ? 'checkpoint' : 'turn';
  const start = beginRecord(writer, kind, records.at(-1)!.number + 1);
  const items = Array.from({length: 1 + random.below(3)}, () => anyItem(random));
  for (const item of items) encodeItem(writer, item);
  endRecord(writer, start, salt);
  return {bytes: Buffer.concat([good, writer.finish()]), what: JSON.stringify(items)};
}

function sum(bytes: Uint8Array, {start, end}: LogRecord): void {
  const at = start - RECORD_HEADER_BYTES;
  const seed = crc32(bytes.subarray(at, at + 4), salt);
  new DataView(bytes.buffer).setUint32(at + 4, crc32(bytes.subarray(at + 8, end), seed), true);
}

/** The good segment with some bytes of one body changed. */
function changed(random: SeededRandom): {bytes: Uint8Array; what: string} {
  const bytes = good.slice();
  const record = records[random.below(records.length)]!;
  for (let times = 1 + random.below(3); times > 0; times--) {
    const at = record.start + random.below(record.end - record.start);
    bytes[at] = random.below(2) === 0 ? random.below(256) : bytes[at]! ^ (1 << random.below(8));
  }
  sum(bytes, record);
  return {bytes, what: `record ${record.number}`};
}

/** As a node does: opened, read, written to so that a checkpoint follows, closed and opened again. */
async function lived(disk: MemoryDisk): Promise<void> {
  const log = await open(disk, 1);
  for (const group of [...log.groups()]) {
    const {firstIndex, lastIndex, set, replica} = group;
    if (group.damaged) continue;
    if (lastIndex >= firstIndex)
      await log.read(group, {from: firstIndex, upto: lastIndex, bytesMax: Infinity});
    const item = {type: 'write', set, replica, term: group.term, vote: 0, commit: 0} as const;
    await log.append([{...item, entries: []}]);
  }
  const {durableRecord} = log;
  expect(durableRecord).toBeGreaterThan(0);
  expect(durableRecord + 1).toBeGreaterThan(durableRecord);
  await log.close();
  await (await open(disk)).close();
}

const silent = {fault: () => {}, read: () => {}, unreadable: () => {}};

test('a log under right checksums is gone on with, or refused', async () => {
  const random = new SeededRandom(20_261_123);
  await lived(await diskOf(good));
  let refused = 0;
  for (let i = 0; i < FORGERIES; i++) {
    const {bytes, what} = i % 2 === 0 ? appended(random) : changed(random);
    const told = `forgery ${i}: ${what}`;
    const [disk, again] = [await diskOf(bytes), await diskOf(bytes)];
    const began = process.cpuUsage();
    const before = process.memoryUsage().arrayBuffers;
    const failure = await lived(disk).then(
      () => undefined,
      (error: unknown) => error as Error,
    );
    await checkLog(again, 'store/log', silent);
    await salvagedDirectory({disk: again, path: 'store/log'});
    expect(process.cpuUsage(began).user / 1_000, told).toBeLessThan(ONE_MS_MAX);
    expect(process.memoryUsage().arrayBuffers - before, told).toBeLessThan(MEMORY_BYTES_MAX);
    if (failure === undefined) continue;
    refused += 1;
    expect(failure, `${told}: ${failure.stack}`).toBeInstanceOf(FatalError);
  }
  expect(refused).toBeGreaterThan(FORGERIES / 10);
}, 600_000);

/** What a client may have written as a text: at each place of it begins what looks like a long record. */
function likeRecords(bytesMax: number): Uint8Array {
  const like = new Uint8Array(bytesMax);
  const view = new DataView(like.buffer);
  for (let at = 0; at + RECORD_HEADER_BYTES <= bytesMax; at += RECORD_HEADER_BYTES) {
    view.setUint32(at, bytesMax - at - RECORD_HEADER_BYTES, true);
    view.setUint32(at + 8, 2 ** 30, true);
    view.setUint32(at + 16, 1 | (1 << 8), true);
  }
  return like;
}

test('what looks like many records costs a restart no more than its bytes', async () => {
  const torn = Buffer.concat([good, likeRecords(2 * 1024 * 1024)]);
  const began = process.cpuUsage();
  expect(scanSegment(torn, decodeSegmentHeader(torn, FILE), FILE).records).toHaveLength(
    records.length,
  );
  expect([...salvageRecords(torn, FILE)]).toHaveLength(records.length);
  expect(process.cpuUsage(began).user / 1_000).toBeLessThan(ONE_MS_MAX);
  const later = scanSegment(
    good.subarray(0, records.at(-1)!.start),
    decodeSegmentHeader(good, FILE),
    FILE,
  );
  expect(later.records).toHaveLength(records.length - 1);
}, 600_000);

test.each<[string, LogItem, RegExp]>([
  [
    'compacts past its end',
    {type: 'compact', ...key, firstIndex: 99, prevTerm: 6},
    /compacted to 99, past its end 10$/,
  ],
  ['has a gap that goes backwards', gap({after: 9, until: 8}), /a gap from 9 to 8$/],
  [
    'is numbered beyond count',
    renumbered(2 ** 53 - 1),
    /records are numbered from 9007199254740991 on$/,
  ],
  [
    'has entries beyond count',
    write(entries(2 ** 53 - 2, 3), {snapshot: {...founding, index: 2 ** 53 - 3, configIndex: 5}}),
    /^cannot decode log record 5; file=/,
  ],
  ['goes on where it has not come to', write(entries(90, 1)), /entry 90 of set 1 follows 10$/],
])('a log that %s is refused', async (_what, item, message) => {
  const writer = new ByteWriter();
  const start = beginRecord(writer, 'turn', records.at(-1)!.number + 1);
  encodeItem(writer, item);
  endRecord(writer, start, salt);
  const opening = open(await diskOf(Buffer.concat([good, writer.finish()])));
  await expect(opening).rejects.toThrow(message);
  await expect(opening).rejects.toThrow(FatalError);
});
