// Law: however many writes are under way at once, and whatever becomes of each, a replica set holds no more
// series than it may; a series is refused only where no room is left, and once nothing is under way all that find
// room are taken.

import {DbError, type ReplicaSetId, type RpcContext, type TableId} from '@flotilla/base';
import {decodeShare, encodeShare} from '@flotilla/column';
import * as fc from 'fast-check';
import {expect, test} from 'vitest';
import {decodeCommand} from './command.ts';
import {ReplicaMachine} from './replica-machine.ts';
import {SeriesUnderway} from './series-underway.ts';
import {type WriteHost, writeHandler} from './write-handler.ts';

const SET = 3 as ReplicaSetId;
const CONTEXT = {set: SET} as RpcContext;
const MAX = 6;

interface Pending {
  readonly keys: readonly number[];
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: DbError) => void;
  readonly onDecided: (() => void) | undefined;
}

/** All that waits for what has happened has gone on. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A leader whose proposals are decided when it is said, in the order of the log. */
class Leader {
  readonly known = new Set<number>();
  readonly log: Pending[] = [];
  readonly #handle: ReturnType<typeof writeHandler>;

  constructor() {
    const {known, log} = this;
    const storage = {
      isLoaded: true,
      seriesId: (key: Uint8Array) => (known.has(key[0]!) ? key[0] : undefined),
      get seriesCount() {
        return known.size;
      },
    };
    const own = {
      storage: {value: storage},
      load: {value: () => undefined},
      appliedTerm: {value: 1},
    };
    const machine = Object.create(ReplicaMachine.prototype, own) as ReplicaMachine;
    const host: WriteHost = {
      propose: (_set, payload, {onDecided}) =>
        new Promise((resolve, reject) => {
          log.push({keys: keysOf(payload), resolve, reject, onDecided});
        }),
      stateMachine: () => machine,
      status: () => ({role: 'leader', term: 1}),
      readIndex: async () => 1,
    };
    this.#handle = writeHandler(host, () => 0, {seriesPerSetMax: MAX});
  }

  /** With what it is refused at once. */
  async write(keys: readonly number[]): Promise<string | undefined> {
    let refusal: string | undefined;
    this.#handle(shareOf(keys), CONTEXT).catch(({code}: DbError) => {
      refusal = code;
    });
    await turn();
    return refusal;
  }

  roomFor(keys: readonly number[]): number {
    const fresh = keys.filter((key) => !this.known.has(key));
    return MAX - this.known.size - fresh.length;
  }

  /** What became of the oldest. */
  async decide(isApplied: boolean): Promise<void> {
    const pending = this.log.shift();
    if (pending === undefined) return;
    if (isApplied) for (const key of pending.keys) this.known.add(key);
    pending.onDecided?.();
    if (isApplied) pending.resolve({status: 'applied', rowCount: 1});
    else pending.reject(new DbError('NOT_LEADER', 'it was lost'));
    await turn();
  }

  /** Its entry is in the log, whatever its client hears. */
  async expire(at: number): Promise<void> {
    this.log[at]?.reject(new DbError('OUTCOME_UNKNOWN', 'not in time'));
    await turn();
  }

  /** If all in the log is applied. */
  get countMax(): number {
    return new Set([...this.known, ...this.log.flatMap(({keys}) => keys)]).size;
  }
}

function keysOf(payload: Uint8Array): number[] {
  const command = decodeCommand(payload);
  if (command.type !== 'write') throw new Error(`a ${command.type} was proposed`);
  const {series} = decodeShare(command.share).tables[0]!;
  return series.map((key) => (typeof key === 'number' ? key : key[0]!));
}

function shareOf(keys: readonly number[]): Uint8Array {
  const rows = {
    rowCount: keys.length,
    series: keys.map((key) => Uint8Array.of(key)),
    seriesOfRow: Int32Array.from(keys.keys()),
    offsets: new Float64Array(keys.length),
    columns: [],
  };
  return encodeShare({
    router: {incarnation: 1, sequence: 2},
    tables: [{table: 7 as TableId, ...rows}],
  });
}

const step = fc.oneof(
  fc.record({
    type: fc.constant('write' as const),
    keys: fc.uniqueArray(fc.nat(9), {minLength: 1, maxLength: 4}),
  }),
  fc.record({type: fc.constant('decide' as const), isApplied: fc.boolean()}),
  fc.record({type: fc.constant('expire' as const), at: fc.nat(3)}),
);

test('a set never holds more than it may, and its room comes back with what is decided', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, {maxLength: 40}), async (steps) => {
      const leader = new Leader();
      for (const one of steps) {
        if (one.type === 'write') {
          const refusal = await leader.write(one.keys);
          if (leader.roomFor(one.keys) >= 0) expect(refusal).not.toBe('SERIES_LIMIT');
          if (leader.log.length === 0) expect(refusal, 'for nothing').not.toBe('OVERLOADED');
        }
        if (one.type === 'decide') await leader.decide(one.isApplied);
        if (one.type === 'expire') await leader.expire(one.at);
        expect(leader.countMax).toBeLessThanOrEqual(MAX);
      }
      while (leader.log.length > 0) await leader.decide(true);
      const rest = Array.from({length: MAX - leader.known.size}, (_, i) => 20 + i);
      if (rest.length > 0) await leader.write(rest);
      expect(leader.countMax).toBe(MAX);
    }),
    {numRuns: 200},
  );
});

test('of writes side by side as many are taken as there is room for, and the others are told to wait', async () => {
  const leader = new Leader();
  const codes = await Promise.all(Array.from({length: 20}, (_, i) => leader.write([i])));
  expect(codes.filter((code) => code === 'OVERLOADED')).toHaveLength(20 - MAX);
  expect(leader.log.length).toBe(MAX);
  while (leader.log.length > 0) await leader.decide(true);
  expect(await leader.write([19])).toBe('SERIES_LIMIT');
  expect(await leader.write([0, 5])).toBeUndefined();
  expect(leader.log.length).toBe(1);
});

test('an end counts once', () => {
  const underway = new SeriesUnderway();
  const [first, second] = [underway.begin(SET, 2), underway.begin(SET, 3)];
  first();
  first();
  expect(underway.count(SET)).toBe(3);
  second();
  expect(underway.count(SET)).toBe(0);
});
