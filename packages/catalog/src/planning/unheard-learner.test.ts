// Goal: a removal that allows fewer voters waits for a learner that its set's leader has not heard, and not for ever.

import type {NodeId, OperationId} from '@flotilla/base';
import {expect, test} from 'vitest';
import {clusterOf, makeSets, must, reportsOf} from './cluster.fixture.ts';
import {planNext} from './reconcile.ts';
import type {ReplicaReport} from './reports.ts';

function setUp() {
  const machine = clusterOf(4);
  const [id] = makeSets(machine, [{voters: [1, 2, 3], learners: [4]}]);
  const [, source, , learner] = machine.catalog.replicaSet(id!)!.replicas;
  const command = {type: 'create-operation', kind: 'remove-replica', startedBy: 'ann'} as const;
  const of = {replicaSet: id!, source: source!.replica, sourceNode: source!.node};
  must(machine, {...command, ...of, allowFewerVoters: true, atMs: 0});
  const operation = () => machine.catalog.operation(1 as OperationId)!;
  /** Carries out what is proposed, and tells which members are to change. */
  const pass = (nowMs: number, isHeard: boolean) => {
    const reports = reportsOf(machine.catalog, {});
    const {replicas} = reports.get(1 as NodeId)!;
    const leader = [...replicas.values()].find(({set}) => set === id)!;
    const progress = leader.progress!.map((one) =>
      one.replica === learner!.replica && !isHeard
        ? ({...one, matchIndex: 0, state: 'probe', active: false} as const)
        : one,
    );
    (replicas as Map<typeof leader.replica, ReplicaReport>).set(leader.replica, {
      ...leader,
      progress,
    });
    const changes: string[] = [];
    for (const action of planNext(machine.catalog, reports, nowMs)) {
      if (action.type === 'change-config') changes.push(...action.changes.map(({type}) => type));
      if (action.type === 'propose' && action.command.type === 'update-operation')
        must(machine, action.command);
    }
    return changes;
  };
  return {operation, pass, learner: learner!.replica, set: id!};
}

test('it is given up when the leader has not heard the learner for two minutes', () => {
  const {operation, pass, learner, set} = setUp();
  for (let nowMs = 1_000; nowMs < 119_000; nowMs += 1_000) expect(pass(nowMs, false)).toEqual([]);
  expect(operation()).toMatchObject({state: 'running', waiting: {atMs: 30_000}});
  for (let nowMs = 119_000; nowMs < 130_000; nowMs += 1_000) expect(pass(nowMs, false)).toEqual([]);
  expect(operation()).toMatchObject({
    state: 'failed',
    errorCode: 'DEADLINE_EXCEEDED',
    error: `the leader of replica set ${set} has not heard replica ${learner} on node 4, which may hold all, for two minutes: see to the connection between nodes 1 and 4, or remove that learner first (flotilla replica-set remove-replica ${set} --replica ${learner})`,
  });
});

test('it goes on when the learner is heard before', () => {
  const {operation, pass} = setUp();
  for (let nowMs = 1_000; nowMs < 119_000; nowMs += 1_000) pass(nowMs, false);
  expect(pass(119_000, true)).toEqual(['voter', 'remove']);
  expect(operation().state).toBe('running');
});
