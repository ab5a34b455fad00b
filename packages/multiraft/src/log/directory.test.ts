import type {ReplicaId} from '@flotilla/base';
import {expect, test} from 'vitest';
import {LogDirectory} from './directory.ts';
import {key, REPLICA, SET} from './log.fixture.ts';

test('a checkpoint tells of each destroyed replica of a set whose data is left', () => {
  const later = {set: SET, replica: 21 as ReplicaId};
  const before = new LogDirectory();
  for (const one of [key, later]) {
    before.apply({type: 'create', ...one}, undefined, 1);
    before.apply({type: 'tombstone', ...one, dataGone: false}, undefined, 1);
  }
  const restored = (from: LogDirectory): LogDirectory => {
    const directory = new LogDirectory();
    for (const item of from.toItems()) directory.apply(item, undefined, 1);
    return directory;
  };
  const after = restored(before);
  expect(new Map(after.tombstones)).toEqual(new Map([[SET, 21]]));
  expect(new Set([...after.unburied()].map(([, replica]) => replica))).toEqual(new Set([11, 21]));
  after.apply({type: 'tombstone', ...later, dataGone: true}, undefined, 1);
  expect([...restored(after).unburied()]).toEqual([[SET, REPLICA]]);
  after.apply({type: 'tombstone', ...key, dataGone: true}, undefined, 1);
  expect([...restored(after).unburied()]).toEqual([]);
  expect(restored(after).tombstones.get(SET)).toBe(21);
});
