// Items as bytes.

import type {ReplicaId, ReplicaSetId} from '@flotilla/base';
import {ByteWriter} from '@flotilla/wire';
import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {decodeEntries, decodeItems, encodeItem, type LogItem} from './log-item.ts';

describe('items', () => {
  const number = fc.oneof(fc.maxSafeNat(), fc.nat(200));
  const ids = fc.array(number, {maxLength: 3});
  const configuration = fc.record({
    voters: ids,
    votersOutgoing: ids,
    learners: ids,
    learnersNext: ids,
    autoLeave: fc.boolean(),
  });
  const optional = <Value>(arbitrary: fc.Arbitrary<Value>) =>
    fc.option(arbitrary, {nil: undefined});
  const point = fc.record({index: number, term: number, configuration});
  const snapshot = fc.record({index: number, term: number, configuration, configIndex: number});
  const keys = {
    set: number as fc.Arbitrary<ReplicaSetId>,
    replica: number as fc.Arbitrary<ReplicaId>,
  };
  const type = <Name extends string>(name: Name) => fc.constant(name);
  const item: fc.Arbitrary<LogItem> = fc.oneof(
    fc.record({...keys, type: type('create'), founding: optional(point)}),
    fc.record({...keys, type: type('tombstone'), dataGone: fc.boolean()}),
    fc.record({...keys, type: type('failover'), manual: fc.boolean()}),
    fc.record({...keys, type: type('compact'), firstIndex: number, prevTerm: number}),
    fc.record({...keys, type: type('configured'), index: number}),
    fc.record({...keys, type: type('damaged')}),
    fc.record({...keys, type: type('renumbered'), offset: number}),
    fc.record({...keys, type: type('gap'), after: number, until: number}),
    fc.record({...keys, type: type('loss'), isSettled: fc.boolean()}),
    fc.record({
      ...keys,
      type: type('group'),
      founding: optional(point),
      snapshot: optional(snapshot),
      term: number,
      vote: number,
      commit: number,
      firstIndex: number,
      prevTerm: number,
      lastIndex: number,
      manual: fc.boolean(),
      damaged: fc.boolean(),
      configIndexes: ids,
    }),
    fc
      .record({
        ...keys,
        type: type('write'),
        term: number,
        vote: number,
        commit: number,
        truncateFrom: optional(number),
        snapshot: optional(snapshot),
        first: fc.nat(2 ** 40),
        payloads: fc.array(fc.tuple(number, fc.uint8Array({maxLength: 30})), {maxLength: 4}),
      })
      .map(({first, payloads, ...rest}) => ({
        ...rest,
        entries: payloads.map(([term, payload], i) => ({
          term,
          index: first + i,
          type: 'config' as const,
          payload,
        })),
      })),
  );

  test('come back, and their entries are found in place', () => {
    fc.assert(
      fc.property(fc.array(item), (items) => {
        const writer = new ByteWriter();
        for (const one of items) encodeItem(writer, one);
        const bytes = writer.finish();
        const back = decodeItems(bytes, 0, bytes.length)!.map(({item: one, entryBlock}) => {
          if (one.type !== 'write' || entryBlock === undefined) return one;
          const {offset, bytes: length, firstIndex, count} = entryBlock;
          const block = bytes.slice(offset, offset + length);
          return {...one, entries: decodeEntries(block, firstIndex, count)!};
        });
        expect(back).toEqual(items);
      }),
    );
  });

  test('decoding is total', () => {
    fc.assert(
      fc.property(fc.uint8Array({maxLength: 80}), (bytes) => {
        decodeItems(bytes, 0, bytes.length);
      }),
    );
  });

  test('of changed items too, and of entries in them', () => {
    const change = fc.tuple(fc.nat(), fc.integer({min: 0, max: 255}));
    const changes = fc.array(change, {minLength: 1, maxLength: 4});
    fc.assert(
      fc.property(fc.array(item, {minLength: 1}), changes, (items, changed) => {
        const writer = new ByteWriter();
        for (const one of items) encodeItem(writer, one);
        const bytes = writer.finish();
        for (const [at, to] of changed) bytes[at % bytes.length] = to;
        for (const {entryBlock} of decodeItems(bytes, 0, bytes.length) ?? []) {
          if (entryBlock === undefined) continue;
          const {offset, bytes: length, firstIndex, count} = entryBlock;
          const block = bytes.subarray(offset, offset + length);
          expect(decodeEntries(block, firstIndex, count)).toHaveLength(count);
        }
      }),
      {numRuns: 1_000},
    );
  });
});
