import type {ReplicaStatus} from '@flotilla/multiraft';
import {expect, test} from 'vitest';
import {reportOf} from './node-handlers.ts';

const configuration = {voters: [1, 2], learners: []};

function activeOf(isAsleep: boolean, member: {isRecentlyActive: boolean; isReachable: boolean}) {
  const members = [{replica: 2, matchIndex: 9, state: 'replicate', ...member}];
  const status = {set: 1, replica: 1, role: 'leader', configuration, isAsleep, members};
  const report = reportOf(status as unknown as ReplicaStatus, {written: false});
  return report.progress!.map(({active}) => active);
}

test('members that can be reached are active under a leader that sleeps, whoever answered lately', () => {
  const silent = {isRecentlyActive: false, isReachable: true};
  expect(activeOf(true, silent)).toEqual([true]);
  expect(activeOf(false, silent)).toEqual([false]);
  expect(activeOf(true, {isRecentlyActive: false, isReachable: false})).toEqual([false]);
  expect(activeOf(false, {isRecentlyActive: true, isReachable: true})).toEqual([true]);
});
