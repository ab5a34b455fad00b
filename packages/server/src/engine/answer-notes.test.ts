import type {NodeId, ReplicaId, ReplicaSetId} from '@flotilla/base';
import type {FragmentReading} from '@flotilla/router';
import {expect, test} from 'vitest';
import {AnswerNotes} from './answer-notes.ts';

function reading(set: number, ageMs?: number): FragmentReading {
  const origin = {replica: (10 * set) as ReplicaId, appliedIndex: 7, ageMs};
  const batches = (async function* () {})();
  return {set: set as ReplicaSetId, node: 2 as NodeId, origin, batches};
}

function lastLine(notes: AnswerNotes): unknown {
  const line = notes.lastLine();
  return line && JSON.parse(Buffer.from(line).toString('utf8'));
}

test('nothing to say adds nothing', () => {
  const notes = new AnswerNotes();
  expect(notes.headers()).toEqual({});
  expect(notes.lateMissing).toEqual([]);
  expect(notes.lastLine()).toBeUndefined();
});

test('replicas and missing sets are named in order, whatever came first', () => {
  const notes = new AnswerNotes();
  notes.readFrom(reading(4, 12.3));
  notes.readFrom(reading(3));
  notes.missing(9 as ReplicaSetId);
  notes.missing(2 as ReplicaSetId);
  expect(notes.headers()).toEqual({
    'flotilla-missing-replica-sets': '2, 9',
    'flotilla-read-from':
      'set=3;replica=30;node=2;applied_index=7, set=4;replica=40;node=2;applied_index=7;age_ms=13',
  });
  expect(lastLine(notes)).toEqual({
    answer: {
      missingReplicaSets: [9, 2],
      readFrom: [
        {set: 4, replica: 40, node: 2, appliedIndex: 7, ageMs: 13},
        {set: 3, replica: 30, node: 2, appliedIndex: 7, ageMs: null},
      ],
    },
  });
});

test('headers stay short, and the last line has what they leave out', () => {
  const notes = new AnswerNotes();
  for (let set = 1; set <= 100; set++) notes.readFrom(reading(set));
  expect(notes.headers()['flotilla-read-from']).toMatch(/applied_index=7$/);
  expect(notes.lastLine()).toBeUndefined();
  notes.readFrom(reading(101));
  const header = notes.headers()['flotilla-read-from']!;
  expect(header).toMatch(/, more=1$/);
  expect(header.length).toBeLessThan(8_000);
  expect(lastLine(notes)).toMatchObject({answer: {readFrom: {length: 101}}});
});

test('what comes after the headers is late, and in the last line', () => {
  const notes = new AnswerNotes();
  notes.missing(1 as ReplicaSetId);
  notes.headers();
  expect(notes.lateMissing).toEqual([]);
  notes.missing(2 as ReplicaSetId);
  notes.readFrom(reading(3));
  expect(notes.lateMissing).toEqual([2]);
  expect(lastLine(notes)).toMatchObject({answer: {missingReplicaSets: [1, 2]}});
});
