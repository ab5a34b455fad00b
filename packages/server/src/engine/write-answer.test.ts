import {DbError, type ErrorCode, type ReplicaSetId} from '@flotilla/base';
import type {SetOutcome, WriteOutcome} from '@flotilla/router';
import {describe, expect, test} from 'vitest';
import {writeAnswer} from './write-answer.ts';

function set(id: number, outcome: SetOutcome['outcome'], code?: ErrorCode): SetOutcome {
  const error = code === undefined ? undefined : new DbError(code, `${code} of set ${id}`);
  return {set: id as ReplicaSetId, outcome, rowCount: 10, error};
}

const written = set(1, 'written');
const bad = {line: 3, code: 'LINE_SYNTAX' as const, reason: 'missing fields', text: 'cpu'};

function answerOf(sets: readonly SetOutcome[], lines: WriteOutcome['lines'] = []) {
  const writtenRows = 10 * sets.filter(({outcome}) => outcome === 'written').length;
  const answer = writeAnswer({writtenRows, rejectedLines: lines.length, lines, sets});
  const body =
    answer.body === undefined ? undefined : JSON.parse(Buffer.from(answer.body).toString());
  return {...answer, body};
}

test('all written is 204 without a body', () => {
  expect(answerOf([written, set(2, 'written')])).toEqual({
    status: 204,
    headers: {},
    body: undefined,
  });
  expect(answerOf([])).toMatchObject({status: 204});
});

describe('the worst outcome decides', () => {
  test.each([
    {what: 'bad lines alone', sets: [written], lines: [bad], status: 400, code: 'LINES_REJECTED'},
    {
      what: 'no leader',
      sets: [written, set(2, 'refused', 'NO_LEADER')],
      lines: [],
      status: 503,
      code: 'NO_LEADER',
    },
    {
      what: 'overload beats bad lines',
      sets: [set(2, 'refused', 'OVERLOADED')],
      lines: [bad],
      status: 429,
      code: 'OVERLOADED',
    },
    {
      what: 'a full disk beats bad lines',
      sets: [set(2, 'refused', 'DISK_FULL')],
      lines: [bad],
      status: 507,
      code: 'DISK_FULL',
    },
    {
      what: 'unknown beats all',
      sets: [written, set(2, 'refused', 'NO_LEADER'), set(3, 'unknown', 'OUTCOME_UNKNOWN')],
      lines: [bad],
      status: 504,
      code: 'OUTCOME_UNKNOWN',
    },
  ])('$what: $status', ({sets, lines, status, code}) => {
    const answer = answerOf(sets, lines);
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({code, error_code: code});
    const isToWait = status === 429 || status === 503;
    expect(answer.headers['retry-after']).toBe(isToWait ? '1' : undefined);
  });

  test('something final beside something retryable is told as retryable', () => {
    const sets = [set(2, 'refused', 'SERIES_LIMIT'), set(3, 'refused', 'NO_LEADER')];
    expect(answerOf(sets)).toMatchObject({status: 503});
  });
});

test('the body counts what was written, refused and unknown, by replica set', () => {
  const sets = [written, set(2, 'refused', 'NO_LEADER'), set(3, 'unknown', 'OUTCOME_UNKNOWN')];
  expect(answerOf(sets, [bad]).body.details).toEqual({
    written: 10,
    rejected: 1,
    lines: [bad],
    replicaSets: [
      {id: '2', outcome: 'refused', code: 'NO_LEADER', lines: 10},
      {id: '3', outcome: 'unknown', code: 'OUTCOME_UNKNOWN', lines: 10},
    ],
  });
});

test('the message says what to do', () => {
  const unknown = answerOf([set(2, 'unknown', 'OUTCOME_UNKNOWN')]).body.message;
  expect(unknown).toContain('OUTCOME_UNKNOWN of set 2');
  expect(unknown).toContain('the same Idempotency-Key');
  const refused = answerOf([set(2, 'refused', 'NO_LEADER'), set(3, 'refused', 'NO_LEADER')]);
  expect(refused.body.message).toMatch(/and 1 more replica sets\); .*; send it again$/);
  // A body that must be taken whole, and never will be as it is.
  const full = answerOf([set(2, 'refused', 'SERIES_LIMIT')]).body.message;
  expect(full).toMatch(/rows are written$/);
  expect(answerOf([written], [bad]).body.message).toBe(
    '1 line rejected, 10 rows written; line 3: missing fields',
  );
});

test('a hundred failed replica sets are listed', () => {
  const sets = Array.from({length: 150}, (_, i) => set(i + 1, 'refused', 'NO_LEADER'));
  expect(answerOf(sets).body.details.replicaSets).toHaveLength(100);
});
