// A body that must be taken whole: where one line is refused nothing is sent, and nothing is made.

import {DbError} from '@flotilla/base';
import type {ParsedBatch, ParsedField} from '@flotilla/column';
import {beforeEach, expect, test} from 'vitest';
import {DATABASE} from '../fakes.fixture.ts';
import {batchOf, rowsAt, WriteTrial} from './write-trial.fixture.ts';

let trial: WriteTrial;
beforeEach(() => {
  trial = new WriteTrial();
});

test('a body that must be taken whole is not sent where one line is refused', async () => {
  const request = {database: DATABASE, lineText: () => '', deadlineMs: 4_000, acceptPartial: false};
  const batch = rowsAt(0, 2 * 86_400_000);
  const outcome = await trial.cluster.clock.resolve(trial.router().write({...request, batch}));
  expect(outcome).toMatchObject({writtenRows: 0, rejectedLines: 1, sets: []});
  expect(trial.received).toEqual([]);
  const whole = await trial.cluster.clock.resolve(
    trial.router().write({...request, batch: rowsAt(0, 1)}),
  );
  expect(whole).toMatchObject({writtenRows: 2, rejectedLines: 0});
});

test('a body that must be taken whole makes no table, column or bucket if one line is refused', async () => {
  const request = {database: DATABASE, lineText: () => '', deadlineMs: 4_000, acceptPartial: false};
  const made: string[] = [];
  trial.meta.ensureBucket = async () => void made.push('bucket');
  trial.meta.propose = ({type}) => {
    made.push(type);
    throw new DbError('META_UNAVAILABLE', 'not asked');
  };
  const inFuture = rowsAt(0, 2 * 86_400_000);
  const bad = {line: 9, code: 'LINE_SYNTAX', reason: 'invalid number', text: 'x v=?'} as const;
  const malformed = {...batchOf(['fresh'], 2), badLines: [bad], badLineCount: 1};
  for (const batch of [inFuture, malformed]) {
    const outcome = await trial.cluster.clock.resolve(trial.router().write({...request, batch}));
    expect(outcome).toMatchObject({writtenRows: 0, rejectedLines: 1, sets: []});
  }
  expect(made).toEqual([]);
});

test('nor if its lines conflict among each other, or ask for too many buckets', async () => {
  const request = {database: DATABASE, lineText: () => '', deadlineMs: 4_000, acceptPartial: false};
  const made: string[] = [];
  trial.meta.ensureBucket = async () => void made.push('bucket');
  trial.meta.propose = ({type}) => {
    made.push(type);
    throw new DbError('META_UNAVAILABLE', 'not asked');
  };
  /** Line 2 writes the other field. */
  const with2nd = (name: string, values: ParsedField['values']): ParsedBatch => {
    const batch = batchOf(['fresh'], 2);
    const [table] = batch.tables;
    const first = {...table!.fields[0]!, count: 1};
    const second = {name, count: 1, rows: Int32Array.of(1), values};
    return {...batch, tables: [{...table!, fields: [first, second]}]};
  };
  const wide = {type: 'integer', values: Float64Array.of(2 ** 53), wide: [2n ** 53n + 1n]} as const;
  const cases: [ParsedBatch, string][] = [
    [
      with2nd('v', {type: 'boolean', values: Uint8Array.of(1)}),
      'column "v" is float, the line has boolean',
    ],
    [
      with2nd('host', {type: 'boolean', values: Uint8Array.of(1)}),
      'column "host" is a tag, the line has a field of type boolean',
    ],
    [
      with2nd('v', {...wide, wide: BigInt64Array.from(wide.wide)}),
      'column "v" is float, and 9007199254740993i is not exact as a float',
    ],
    [
      rowsAt(...Array.from({length: 17}, (_, week) => -1 - week * 7 * 86_400_000)),
      'the request asks for 17 new buckets',
    ],
  ];
  for (const [batch, reason] of cases) {
    const outcome = await trial.cluster.clock.resolve(trial.router().write({...request, batch}));
    expect(outcome).toMatchObject({writtenRows: 0, rejectedLines: 1, sets: []});
    expect(outcome.lines[0]!.reason).toContain(reason);
  }
  expect(made).toEqual([]);
});
