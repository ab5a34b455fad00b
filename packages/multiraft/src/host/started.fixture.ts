// What tests of whole hosts share: a cluster that runs, and what became of what it was asked.

import {DbError, type ReplicaSetId} from '@flotilla/base';
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
