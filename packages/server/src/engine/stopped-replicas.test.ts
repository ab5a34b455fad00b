import type {ReplicaId, ReplicaSetId} from '@flotilla/base';
import type {Catalog} from '@flotilla/catalog';
import {expect, test} from 'vitest';
import type {ReplicaView} from './cluster-view.ts';
import {skipFault} from './stopped-admin.ts';
import {StoppedReplicas} from './stopped-replicas.ts';

const SET = 7 as ReplicaSetId;

test('what stopped at an entry that is to be skipped is opened anew by itself, and nothing else', async () => {
  const reopened: number[] = [];
  const opened: number[] = [];
  const stopped = [
    {set: SET, replica: 1 as ReplicaId, failedIndex: 17},
    {set: 8 as ReplicaSetId, replica: 2 as ReplicaId, failedIndex: 18},
    {set: 9 as ReplicaSetId, replica: 3 as ReplicaId, failedIndex: undefined},
  ];
  const replicas = new StoppedReplicas({
    host: {
      stoppedReplicas: () => stopped,
      reopenReplica: async ({set}) => void reopened.push(set),
    },
    catalog: {
      replicaSet: (set: number) => ({skippedEntries: set === SET ? [{index: 17}] : undefined}),
    } as unknown as Catalog,
    log: {warn: () => undefined} as never,
    onOpened: (set) => void opened.push(set),
  });
  replicas.settle();
  replicas.settle();
  await new Promise(setImmediate);
  expect(reopened).toEqual([SET]);
  expect(opened).toEqual([SET]);
});

test('an entry is skipped only where every replica says that it has not applied it', () => {
  const replica = (node: number, more: Partial<ReplicaView>) =>
    ({node, replica: node + 10, state: 'follower', appliedIndex: 16, ...more}) as ReplicaView;
  const failed = replica(1, {state: 'failed', failedIndex: 17});
  const fault = (...replicas: ReplicaView[]) => skipFault(SET, 17, replicas);
  expect(fault(failed, replica(2, {}))).toBeUndefined();
  expect(fault(failed, replica(2, {state: 'missing', appliedIndex: undefined}))).toBeUndefined();
  expect(fault(failed, replica(2, {appliedIndex: 17}))).toMatch(/replica 12 on node 2 has applied/);
  expect(fault(failed, replica(2, {state: 'unreachable'}))).toMatch(/node 2 does not answer/);
  expect(fault(replica(1, {}))).toBe('no replica of set 7 has failed at entry 17');
  expect(fault(replica(1, {failedIndex: 19}))).toMatch(/one failed at entry 19/);
});
