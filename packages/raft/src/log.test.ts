import {BugError} from '@flotilla/base';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {EMPTY_CONFIGURATION} from './configuration.ts';
import type {Entry} from './entry.ts';
import {RaftLog} from './log.ts';

const PAYLOAD = Uint8Array.of(1, 2, 3);

function entriesFrom(firstIndex: number, terms: readonly number[]): Entry[] {
  return terms.map((term, at) => ({
    term,
    index: firstIndex + at,
    type: 'normal',
    payload: PAYLOAD,
  }));
}

function logOf(terms: readonly number[], snapshotIndex = 0, snapshotTerm = 0): RaftLog {
  const entries = entriesFrom(snapshotIndex + 1, terms);
  return new RaftLog({snapshotIndex, snapshotTerm, entries}, snapshotIndex, snapshotIndex);
}

const terms = fc
  .array(fc.integer({min: 0, max: 2}), {maxLength: 12})
  .map((steps) => steps.map((_, at) => 1 + steps.slice(0, at + 1).reduce((a, b) => a + b, 0)));

test('findConflictByTerm is the last place that can agree', () => {
  fc.assert(
    fc.property(
      terms,
      fc.integer({min: 0, max: 14}),
      fc.integer({min: 0, max: 20}),
      (all, index, term) => {
        const log = logOf(all);
        let at = Math.min(index, all.length);
        while (at > 0 && all[at - 1]! > term) at--;
        expect(log.findConflictByTerm(index, term)).toEqual({index: at, term: all[at - 1] ?? 0});
      },
    ),
    {numRuns: 1_000},
  );
});

test('the log behaves as a plain array under any appends, truncations and compactions', () => {
  const operation = fc.oneof(
    fc.record({kind: fc.constant('append' as const), n: fc.integer({min: 1, max: 3})}),
    fc.record({kind: fc.constant('truncate' as const), n: fc.integer({min: 0, max: 3})}),
    fc.record({kind: fc.constant('write' as const), n: fc.constant(0)}),
    fc.record({kind: fc.constant('apply' as const), n: fc.integer({min: 1, max: 4})}),
    fc.record({kind: fc.constant('compact' as const), n: fc.integer({min: 0, max: 3})}),
    fc.record({kind: fc.constant('evict' as const), n: fc.integer({min: 0, max: 3})}),
  );
  fc.assert(
    fc.property(fc.array(operation, {maxLength: 40}), (operations) => {
      const log = logOf([], 5, 5);
      const model = [...Array(5).fill(0), 5];
      let seq = 0;
      let term = 5;
      for (const {kind, n} of operations) {
        if (kind === 'append') {
          term++;
          log.append(entriesFrom(log.lastIndex + 1, Array(n).fill(term)));
          for (let i = 0; i < n; i++) model.push(term);
        } else if (kind === 'truncate' && log.lastIndex - n > log.commitIndex) {
          log.truncate(log.lastIndex - n);
          model.length = log.lastIndex + 1;
        } else if (kind === 'write' && log.hasUnwritten()) {
          log.takeUnwritten(++seq);
          log.persisted(seq);
          expect(log.stableIndex).toBe(log.lastIndex);
        } else if (kind === 'apply') {
          log.commitTo(Math.min(log.commitIndex + n, log.lastIndex));
          if (log.hasApplicable()) log.takeApplicable(60);
          log.appliedTo(log.applyingIndex);
        } else if (kind === 'compact') log.compact(log.appliedIndex + 1 - n);
        else if (kind === 'evict') log.evict(log.appliedIndex - n);
        expect(log.lastIndex).toBe(model.length - 1);
        expect(log.lastTerm).toBe(model.at(-1));
        for (let index = log.snapshotIndex; index <= log.lastIndex; index++) {
          expect(log.termAt(index)).toBe(model[index]);
          if (index >= log.cachedFrom) expect(log.entryAt(index).index).toBe(index);
        }
        expect(log.termAt(log.lastIndex + 1)).toBeUndefined();
        expect(log.termAt(log.snapshotIndex - 1)).toBeUndefined();
      }
    }),
    {numRuns: 300},
  );
});

test('a confirmed write says nothing about what replaced its entries', () => {
  const log = logOf([1]);
  log.append(entriesFrom(2, [1, 1]));
  expect(log.takeUnwritten(1).entries.length).toBe(2);
  log.truncate(2);
  log.append(entriesFrom(2, [2, 2]));
  expect(log.takeUnwritten(2)).toEqual({entries: entriesFrom(2, [2, 2]), truncateFrom: 2});
  log.persisted(1);
  expect(log.stableIndex).toBe(1);
  log.persisted(2);
  expect(log.stableIndex).toBe(3);
});

test('an unwritten truncation leaves nothing to truncate on disk', () => {
  const log = logOf([1]);
  log.append(entriesFrom(2, [1, 1]));
  log.truncate(2);
  expect(log.hasUnwritten()).toBe(false);
});

test('a snapshot replaces everything, and is stable only by its own write', () => {
  const log = logOf([1, 1]);
  log.append(entriesFrom(3, [1]));
  log.takeUnwritten(1);
  log.restore({index: 9, term: 4, configuration: EMPTY_CONFIGURATION, configIndex: 9});
  expect([log.firstIndex, log.lastIndex, log.lastTerm, log.commitIndex]).toEqual([10, 9, 4, 9]);
  log.takeUnwritten(2);
  log.persisted(1);
  expect(log.stableIndex).toBe(0);
  log.persisted(2);
  expect(log.stableIndex).toBe(9);
  expect(log.appliedIndex).toBe(0);
  log.snapshotInstalled();
  expect(log.appliedIndex).toBe(9);
});

test('logs compare by term first, then by length', () => {
  const log = logOf([1, 1, 3]);
  expect(log.isUpToDate(3, 3)).toBe(true);
  expect(log.isUpToDate(2, 3)).toBe(false);
  expect(log.isUpToDate(9, 2)).toBe(false);
  expect(log.isUpToDate(1, 4)).toBe(true);
});

test('slices give one entry at least, and no more bytes than asked for', () => {
  const log = logOf([1, 1, 1, 1]);
  expect(log.slice(1, 4, 0).length).toBe(1);
  expect(log.slice(1, 4, 2 * (PAYLOAD.length + 16)).length).toBe(2);
  expect(log.slice(2, 3, Infinity).map(({index}) => index)).toEqual([2, 3]);
});

test('a broken promise of the host is a bug, not a value', () => {
  const log = logOf([1, 1, 1]);
  log.commitTo(2);
  expect(() => log.truncate(2)).toThrow(BugError);
  expect(() => log.commitTo(4)).toThrow(BugError);
  expect(() => log.append(entriesFrom(9, [1]))).toThrow(BugError);
  expect(() => log.compact(3)).toThrow(BugError);
  expect(() => logOf([2, 1])).toThrow(BugError);
  expect(
    () => new RaftLog({snapshotIndex: 5, snapshotTerm: 5, entries: entriesFrom(7, [5])}, 5, 5),
  ).toThrow(BugError);
});

test('a log opens with its payloads on disk', () => {
  const log = new RaftLog(
    {
      snapshotIndex: 5,
      snapshotTerm: 5,
      entries: entriesFrom(9, [7, 7]),
      terms: [
        {index: 6, term: 6},
        {index: 8, term: 7},
      ],
    },
    8,
    8,
  );
  expect([5, 6, 7, 8, 9, 10].map((index) => log.termAt(index))).toEqual([5, 6, 6, 7, 7, 7]);
  expect(log.cachedFrom).toBe(9);
});
