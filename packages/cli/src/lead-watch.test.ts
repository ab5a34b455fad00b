import type {Operation, ReplicaSet} from '@flotilla/client';
import {expect, test} from 'vitest';
import {whyLeft} from './lead-watch.ts';

const sets = [12, 13, 14].map((id) => {
  const replicas = [1, 2, 3].map((node) => ({node, leader: node === (id === 14 ? 1 : 3)}));
  return {id, replicas} as unknown as ReplicaSet;
});
const on = (replicaSet: number, kind: string, more: object = {}) =>
  ({
    id: replicaSet + 10,
    kind,
    state: 'running',
    step: 'run',
    replicaSet,
    ...more,
  }) as unknown as Operation;
const unfit = 'no other replica of those sets is fit to; see ./flotilla replica-set list';

test.each<[string, Operation[]]>([
  [unfit, []],
  // It goes on under any leader, so that it is not what holds the lead.
  [unfit, [on(12, 'compact'), on(13, 'move-replica', {step: 'catch-up'})]],
  [unfit, [on(12, 'transfer-leader', {state: 'failed'}), on(14, 'transfer-leader')]],
  [
    'operation 22 (transfer-leader) is running on replica set 12, operation 23 (move-replica) is running on replica set 13',
    [on(12, 'transfer-leader'), on(13, 'move-replica', {step: 'swap'})],
  ],
  [
    'operation 22 (transfer-leader) is running on replica set 12; of the others no replica elsewhere is fit to; see ./flotilla replica-set list',
    [on(12, 'transfer-leader')],
  ],
])('%s', (expected, operations) => {
  expect(whyLeft('3', sets, operations)).toBe(expected);
});
