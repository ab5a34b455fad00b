import type {ReplicaSetId} from '@flotilla/base';
import {FlushSchedule, ReplicaMachine} from '@flotilla/replica';
import {expect, test} from 'vitest';
import {FlushRound} from './flush-round.ts';

function machineOf(rows: {bytes: number; looks: number}): ReplicaMachine {
  const get = (): number => {
    rows.looks += 1;
    return rows.bytes;
  };
  const no = {value: false};
  return Object.create(ReplicaMachine.prototype, {
    memtableBytes: {get},
    isFlushing: no,
    isFlushRefused: no,
  });
}

test('looked at is what changed and what has rows; what is gone is forgotten', () => {
  const rows = Array.from({length: 100}, () => ({bytes: 0, looks: 0}));
  const machines = new Map(rows.map((one, set) => [set, machineOf(one)]));
  let changed: number[] = [...machines.keys()];
  const host = {
    stateMachine: (set: number) => machines.get(set),
    watchChanges: () => () => changed as ReplicaSetId[],
  };
  // Two of these replicas fit.
  const round = new FlushRound(host, new FlushSchedule(20));
  rows[7]!.bytes = 10;
  rows[8]!.bytes = 10;
  expect(round.due(0)).toEqual([]);
  for (const one of rows) one.looks = 0;
  changed = [];
  expect(round.due(1_000)).toEqual([]);
  expect(rows.filter(({looks}) => looks > 0).length).toBe(2);
  // Row 9 comes while something happens in its group; the replica of set 8 goes.
  rows[9]!.bytes = 10;
  machines.delete(8);
  changed = [8, 9];
  expect(round.due(2_000)).toEqual([]);
  changed = [];
  rows[9]!.bytes = 11;
  expect(round.due(3_000)).toEqual([machines.get(9)]);
  rows[9]!.bytes = 0;
  for (const one of rows) one.looks = 0;
  expect(round.due(4_000)).toEqual([]);
  expect(round.due(5_000)).toEqual([]);
  expect(rows[9]!.looks).toBe(1);
});
