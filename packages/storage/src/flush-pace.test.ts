// A flush says how far it is behind, so that writes that come as fast as the thread takes them do not fill
// the memory while it waits.

import type {ColumnId, ReplicaId, ReplicaSetId, TableId} from '@flotilla/base';
import {encodeSeriesKey, type ShareTable} from '@flotilla/column';
import {MemoryDisk, MemoryManifestStore} from '@flotilla/testkit';
import {expect, test} from 'vitest';
import {Manifest} from './manifest.ts';
import {ReplicaStorage} from './replica-storage.ts';

const TABLE = 1 as TableId;
const ROWS = 500;
const FIELDS = 10;
const SHARES_BEFORE = 100;
/** While a flush waits for each of its slices. */
const SHARES_IN_PAUSE = 5;

function shareOf(n: number): ShareTable {
  return {
    table: TABLE,
    rowCount: ROWS,
    series: [encodeSeriesKey(TABLE, [{column: 1 as ColumnId, value: 'a'}])],
    seriesOfRow: new Int32Array(ROWS),
    offsets: Float64Array.from({length: ROWS}, (_, row) => n * ROWS + row),
    columns: Array.from({length: FIELDS}, (_, field) => ({
      column: (2 + field) as ColumnId,
      count: ROWS,
      rows: undefined,
      values: {type: 'integer', values: new Float64Array(ROWS).fill(n)},
    })),
  };
}

test('a flush grows urgent with what is written beside it, and is not when it begins', async () => {
  let index = 0;
  const asked: {readonly work: string; readonly urgency: number}[] = [];
  const write = (): void => {
    index += 1;
    storage.applyWrite(index, {tables: [shareOf(index)]});
  };
  const storage: ReplicaStorage = await ReplicaStorage.open({
    disk: new MemoryDisk(),
    directory: 'replicas/1-1',
    manifest: await Manifest.open(new MemoryManifestStore()),
    set: 1 as ReplicaSetId,
    replica: 1 as ReplicaId,
    bucket: {startUnits: 1_767_225_600_000n, unitsPerSecond: 1_000},
    slices: {
      due: async ({work, urgency}) => {
        asked.push({work, urgency: urgency!()});
        for (let i = 0; i < SHARES_IN_PAUSE; i++) write();
      },
    },
  });
  for (let i = 0; i < SHARES_BEFORE; i++) write();
  const point = () => ({index, term: 1, configuration, extra: new Uint8Array(0)});
  const configuration = {
    voters: [],
    votersOutgoing: [],
    learners: [],
    learnersNext: [],
    autoLeave: false,
  };
  await storage.flush(point());
  expect(new Set(asked.map(({work}) => work))).toEqual(new Set(['flush']));
  const urgencies = asked.map(({urgency}) => urgency);
  expect(urgencies[0]).toBeLessThan(0.1);
  expect(urgencies.toSorted((a, b) => a - b)).toEqual(urgencies);
  // As much again as is being written: as far behind as can be.
  expect(urgencies.at(-1)).toBe(1);
  asked.length = 0;
  let pressure = 0;
  write();
  await storage.flush(point(), () => (pressure = Math.min(1, pressure + 0.5)));
  expect(asked.map(({urgency}) => urgency).slice(0, 2)).toEqual([0.5, 1]);
});
