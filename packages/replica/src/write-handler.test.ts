import {DbError, type ReplicaSetId, type RpcContext, type TableId} from '@flotilla/base';
import {decodeShare, encodeShare} from '@flotilla/column';
import {beforeEach, describe, expect, test} from 'vitest';
import type {WriteApplied} from './applied.ts';
import {decodeCommand} from './command.ts';
import {IndexBudget} from './index-budget.ts';
import {ReplicaMachine} from './replica-machine.ts';
import {refusedSeries} from './series-limit.ts';
import {type SeriesLimits, type WriteHost, writeHandler} from './write-handler.ts';

const SET = 3 as ReplicaSetId;
const CONTEXT = {set: SET} as RpcContext;
const TERM = 5;
const readIndex = async (): Promise<number> => expect.unreachable('it has applied its term');
const SHARE = encodeShare({
  router: {incarnation: 1, sequence: 2},
  tables: [
    {
      table: 7 as TableId,
      rowCount: 1,
      series: [Uint8Array.of(1)],
      seriesOfRow: Int32Array.of(0),
      offsets: Float64Array.of(0),
      columns: [],
    },
  ],
});

interface Series {
  readonly seriesId?: (key: Uint8Array) => number | undefined;
  readonly seriesCount?: number;
  /** Called where they are not in memory yet. */
  readonly read?: () => Promise<void>;
  readonly appliedTerm?: number;
}

/** A machine as far as the handler looks at it. */
function machine({
  seriesId = () => undefined,
  seriesCount = 0,
  read,
  appliedTerm = TERM,
}: Series = {}): ReplicaMachine {
  const storage = {seriesId, seriesCount, isLoaded: read === undefined};
  const load = (): Promise<void> | undefined => {
    if (storage.isLoaded) return undefined;
    return read?.().then(() => {
      storage.isLoaded = true;
    });
  };
  const own = {storage: {value: storage}, load: {value: load}, appliedTerm: {value: appliedTerm}};
  return Object.create(ReplicaMachine.prototype, own) as ReplicaMachine;
}

/** What the client's side is told when apply made that of the write. */
async function answerTo(applied: WriteApplied): Promise<string> {
  const stateMachine = () => machine();
  const host = {propose: async () => applied, stateMachine, status: () => undefined, readIndex};
  const handle = writeHandler(host, () => 0);
  try {
    return (await handle(SHARE, CONTEXT)).length === 0 ? 'acknowledged' : 'answered with bytes';
  } catch (error) {
    return (error as {code: string}).code;
  }
}

test('only what was applied, now or before, is acknowledged', async () => {
  expect(await answerTo({status: 'applied', rowCount: 1})).toBe('acknowledged');
  expect(await answerTo({status: 'duplicate'})).toBe('acknowledged');
  expect(await answerTo({status: 'forgotten'})).toBe('OUTCOME_UNKNOWN');
  expect(await answerTo({status: 'dropped-table', table: 7})).toBe('TABLE_NOT_FOUND');
  expect(await answerTo({status: 'dropped-column', table: 7, column: 2})).toBe('TABLE_NOT_FOUND');
});

test('a set that is not here is refused before anything is proposed', async () => {
  const host = {
    propose: async () => expect.unreachable('proposed'),
    stateMachine: () => undefined,
    status: () => undefined,
    readIndex,
  };
  const handle = writeHandler(host, () => 0);
  await expect(handle(SHARE, CONTEXT)).rejects.toMatchObject({code: 'REPLICA_GONE'});
});

test('a leader has its series read before it looks at a share; who does not lead reads nothing', async () => {
  let reads = 0;
  const unread = (): ReplicaMachine =>
    machine({
      seriesId: () => 3,
      read: async () => {
        reads += 1;
      },
    });
  const proposedBy = async (role: string): Promise<readonly (Uint8Array | number)[]> => {
    const replica = unread();
    let proposed = new Uint8Array(0);
    const propose = async (_set: ReplicaSetId, payload: Uint8Array) => {
      proposed = new Uint8Array(payload);
      return {status: 'applied', rowCount: 1};
    };
    const status = () => ({role, term: TERM});
    const host = {propose, stateMachine: () => replica, status, readIndex};
    await writeHandler(host, () => 0)(SHARE, CONTEXT);
    const command = decodeCommand(proposed);
    if (command.type !== 'write') throw new Error(`a ${command.type} was proposed`);
    return decodeShare(command.share).tables[0]!.series;
  };
  expect(await proposedBy('leader')).toEqual([3]);
  expect(reads).toBe(1);
  // Whom the host refuses, or a leader of a moment: what it is sent is as good without ids.
  expect(await proposedBy('follower')).toEqual([Uint8Array.of(1)]);
  expect(reads).toBe(1);
});

test('a leader whose series cannot be read says so, and proposes nothing', async () => {
  const failed = new DbError('REPLICA_STOPPED', 'its series cannot be read');
  const replica = machine({read: () => Promise.reject(failed)});
  const host = {
    propose: async () => expect.unreachable('proposed'),
    stateMachine: () => replica,
    status: () => ({role: 'leader', term: TERM}),
    readIndex,
  };
  await expect(writeHandler(host, () => 0)(SHARE, CONTEXT)).rejects.toBe(failed);
});

test('a new leader counts what its term began with before it takes new series', async () => {
  const replica = {appliedTerm: TERM - 1, series: new Set<number>()};
  const storage = {
    isLoaded: true,
    seriesId: (key: Uint8Array) => (replica.series.has(key[0]!) ? key[0] : undefined),
    get seriesCount() {
      return replica.series.size;
    },
  };
  const own = {
    storage: {value: storage},
    load: {value: () => undefined},
    appliedTerm: {get: () => replica.appliedTerm},
  };
  const host = {
    propose: async () => expect.unreachable('proposed'),
    stateMachine: () => Object.create(ReplicaMachine.prototype, own) as ReplicaMachine,
    status: () => ({role: 'leader', term: TERM}),
    // An entry of the leader before took the last room.
    readIndex: async () => {
      replica.appliedTerm = TERM;
      replica.series.add(7);
      return 9;
    },
  };
  const handle = writeHandler(host, () => 0, {seriesPerSetMax: 1});
  await expect(handle(SHARE, CONTEXT)).rejects.toMatchObject({code: 'SERIES_LIMIT'});
});

test('a leader that catches up and makes sure of its lead has one second for both', async () => {
  const replica = {appliedTerm: TERM - 1};
  const own = {
    storage: {value: {isLoaded: true, seriesId: () => undefined, seriesCount: 1}},
    load: {value: () => undefined},
    appliedTerm: {get: () => replica.appliedTerm},
  };
  let nowMs = 5;
  const deadlines: number[] = [];
  const host = {
    propose: async () => expect.unreachable('proposed'),
    stateMachine: () => Object.create(ReplicaMachine.prototype, own) as ReplicaMachine,
    status: () => ({role: 'leader', term: TERM}),
    readIndex: async (_set: ReplicaSetId, {deadlineMs}: {readonly deadlineMs: number}) => {
      deadlines.push(deadlineMs);
      if (deadlines.length === 2) throw new DbError('DEADLINE_EXCEEDED', 'not in time');
      nowMs += 900;
      replica.appliedTerm = TERM;
      return 9;
    },
  };
  const handle = writeHandler(host, () => nowMs, {seriesPerSetMax: 1});
  await expect(handle(SHARE, CONTEXT)).rejects.toMatchObject({
    code: 'NO_LEADER',
    message: expect.stringContaining('not sure of its lead'),
  });
  expect(deadlines).toEqual([1_005, 1_005]);
});

test('a leader that cannot catch up has proposed nothing, and says so', async () => {
  const late = new DbError('DEADLINE_EXCEEDED', 'not in time');
  let deadlineMs = 0;
  const host = {
    propose: async () => expect.unreachable('proposed'),
    stateMachine: () => machine({appliedTerm: TERM - 1}),
    status: () => ({role: 'leader', term: TERM}),
    readIndex: async (_set: ReplicaSetId, options: {readonly deadlineMs: number}) => {
      ({deadlineMs} = options);
      throw late;
    },
  };
  await expect(writeHandler(host, () => 5)(SHARE, CONTEXT)).rejects.toMatchObject({
    code: 'NO_LEADER',
  });
  expect(deadlineMs).toBe(1_005);
});

describe('where there is no room', () => {
  const known = Uint8Array.of(9);
  const [one, two] = [Uint8Array.of(1), Uint8Array.of(2)];
  let proposed: unknown[] = [];
  let role = 'leader';
  /** It has not heard of it yet. */
  let isDeposed = false;
  beforeEach(() => {
    proposed = [];
    role = 'leader';
    isDeposed = false;
  });

  /** Of a replica that knows one of the keys, and four series in all. */
  function handlerWith(limits: SeriesLimits) {
    const seriesId = (key: Uint8Array) => (key[0] === known[0] ? 0 : undefined);
    const full = machine({seriesId, seriesCount: 4});
    const propose: WriteHost['propose'] = async (_set, payload, {onDecided}) => {
      proposed.push(payload);
      onDecided?.();
      return {status: 'applied', rowCount: 1};
    };
    const status = () => ({role, term: TERM});
    const confirmed = async (): Promise<number> => {
      if (isDeposed) throw new DbError('NOT_LEADER', 'another leads');
      return 9;
    };
    const host = {propose, stateMachine: () => full, status, readIndex: confirmed};
    const handle = writeHandler(host, () => 0, limits);
    return (series: readonly Uint8Array[]) => handle(shareOf(series), CONTEXT);
  }

  function shareOf(series: readonly Uint8Array[]): Uint8Array {
    const seriesOfRow = Int32Array.from(series.keys());
    const offsets = new Float64Array(series.length);
    const rows = {rowCount: series.length, series, seriesOfRow, offsets, columns: []};
    return encodeShare({
      router: {incarnation: 1, sequence: 2},
      tables: [{table: 7 as TableId, ...rows}],
    });
  }

  async function refusalOf(handled: Promise<unknown>) {
    const error: DbError = await handled.then(
      () => expect.unreachable('it was taken'),
      (thrown) => thrown,
    );
    const isRefused = refusedSeries(error)!;
    const {code, message, details} = error;
    return {code, message, limit: details['limit'], isRefused};
  }

  test('past series_per_replica_set_max new series are refused by name, and nothing is proposed', async () => {
    const handle = handlerWith({seriesPerSetMax: 5});
    const {code, limit, isRefused} = await refusalOf(handle([one, known, two]));
    expect([code, limit]).toEqual(['SERIES_LIMIT', 'series_per_replica_set_max']);
    expect([0, 1, 2].map((series) => isRefused(0, series))).toEqual([false, false, true]);
    expect(proposed).toEqual([]);
    await handle([one, known]);
    expect(proposed.length).toBe(1);
  });

  test('past its part of max_series too, with what to do; the lesser of both limits counts', async () => {
    const bucket = {database: 'plant "2"', maxSeries: 9, shards: 2};
    const handle = handlerWith({seriesPerSetMax: 6, bucketSeries: () => bucket});
    const {code, limit, message, isRefused} = await refusalOf(handle([one, known, two]));
    expect([code, limit]).toEqual(['SERIES_LIMIT', 'max_series']);
    expect([0, 1, 2].map((series) => isRefused(0, series))).toEqual([false, false, true]);
    expect(message).toBe(
      'database "plant ""2""" takes 9 series in a bucket (max_series), 5 in each of its 2 shards, and replica set 3 is full; known series go on; SHOW CARDINALITY names what makes most, ALTER DATABASE "plant ""2""" SET MAX_SERIES takes more',
    );
    await handle([one, known]);
    expect(proposed.length).toBe(1);
    const own = handlerWith({seriesPerSetMax: 5, bucketSeries: () => ({...bucket, shards: 1})});
    expect(await refusalOf(own([one, two]))).toMatchObject({limit: 'series_per_replica_set_max'});
  });

  test('a max_series below what there is refuses every new series and no known one', async () => {
    const handle = handlerWith({bucketSeries: () => ({database: 'd', maxSeries: 2, shards: 1})});
    const {isRefused} = await refusalOf(handle([one, known]));
    expect([0, 1].map((series) => isRefused(0, series))).toEqual([true, false]);
    await handle([known]);
    expect(proposed.length).toBe(1);
  });

  test('past series_indexes_bytes_max none is taken, known ones go on, and all of them once there is room', async () => {
    const indexes = new IndexBudget(1_000);
    const handle = handlerWith({indexes});
    indexes.change(999);
    await handle([one]);
    indexes.change(1);
    proposed = [];
    const {code, message, limit, isRefused} = await refusalOf(handle([one, known, two]));
    expect([code, limit]).toEqual(['SERIES_LIMIT', 'series_indexes_bytes_max']);
    expect(message).toContain('no memory for more series (series_indexes_bytes_max, here 1000)');
    expect([0, 1, 2].map((series) => isRefused(0, series))).toEqual([true, false, true]);
    expect(proposed).toEqual([]);
    await handle([known]);
    expect(proposed.length).toBe(1);
    indexes.change(-1);
    await handle([one, known, two]);
    expect(proposed.length).toBe(2);
  });

  test('a leader that was deposed without its knowledge refuses no series: the next may know it', async () => {
    isDeposed = true;
    const handle = handlerWith({seriesPerSetMax: 4});
    await expect(handle([one, known])).rejects.toMatchObject({code: 'NOT_LEADER'});
    expect(proposed).toEqual([]);
  });

  test('a follower without memory names its leader, which may have some', async () => {
    const indexes = new IndexBudget(1);
    indexes.change(1);
    role = 'follower';
    // The group refuses it, and says who leads.
    await handlerWith({indexes})([one]);
    expect(proposed.length).toBe(1);
  });
});
