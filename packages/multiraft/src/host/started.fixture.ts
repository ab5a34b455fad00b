// What tests of whole hosts share: a cluster that runs, and what became of what it was asked.

import {DbError, type ReplicaId, type ReplicaSetId} from '@flotilla/base';
import {TestCluster, type TestClusterOptions} from './cluster.fixture.ts';

export const SET = 1 as ReplicaSetId;
export const bytes = (value: string) => new TextEncoder().encode(value);

export async function started(options: TestClusterOptions = {}): Promise<TestCluster> {
  const cluster = new TestCluster(options);
  await cluster.startAll();
  return cluster;
}

export function code(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'ok',
    (error: unknown) => (error instanceof DbError ? error.code : String(error)),
  );
}

/** What it was refused with; undefined if it was not. */
export function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** Another replica takes the place of that one on its node, in one joint change: its id. */
export async function replace(
  cluster: TestCluster,
  node: number,
  replica: ReplicaId,
): Promise<ReplicaId> {
  const successor = cluster.place(node);
  await cluster.clock.resolve(cluster.host(node).createReplica({set: SET, replica: successor}));
  const deadlineMs = cluster.clock.monotonicMs() + 10_000;
  const changes = [
    {type: 'remove', id: replica},
    {type: 'learner', id: successor},
  ] as const;
  const leader = cluster.host(cluster.leader(1));
  await cluster.clock.resolve(leader.proposeConfig(SET, changes, 'joint', {deadlineMs}));
  return successor;
}
