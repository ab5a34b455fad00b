import type {ReplicaSetId, RpcContext} from '@flotilla/base';
import {expect, test} from 'vitest';
import {encodeFence, type Fence, type FenceWork, fenceHandler} from './fence-handler.ts';
import {ReplicaMachine} from './replica-machine.ts';

const CONTEXT = {set: 3 as ReplicaSetId} as unknown as RpcContext;
const COLUMN = {table: 1, column: 2} as unknown as Fence;
const TABLE = {table: 1} as unknown as Fence;

function replica(role: string) {
  const dead = {table: false, column: false};
  const storage = {
    fateOf: () => (dead.table ? 'dropped' : 'live'),
    isDeadColumn: () => dead.column,
  };
  const machine = Object.create(ReplicaMachine.prototype, {storage: {value: storage}});
  const host = {status: () => ({role}), stateMachine: () => machine};
  return {dead, host};
}

function work(wait: () => Promise<void>, confirm: FenceWork['confirm'] = async () => undefined) {
  return {wait, confirm};
}

test('the leader answers once the drop is applied', async () => {
  for (const fence of [TABLE, COLUMN]) {
    const {dead, host} = replica('leader');
    let waits = 0;
    const answer = fenceHandler(
      host,
      work(async () => {
        if (++waits === 3) dead[fence === TABLE ? 'table' : 'column'] = true;
      }),
    );
    expect(await answer(encodeFence(fence), CONTEXT)).toEqual(new Uint8Array(0));
    expect(waits).toBe(3);
  }
});

test('a column of a dropped table is dead with it', async () => {
  const {dead, host} = replica('leader');
  dead.table = true;
  const answer = fenceHandler(
    host,
    work(async () => undefined),
  );
  await expect(answer(encodeFence(COLUMN), CONTEXT)).resolves.toBeDefined();
});

test('a database is dropped once all its tables are', async () => {
  const live = new Set([1, 2]);
  const storage = {fateOf: (table: number) => (live.has(table) ? 'live' : 'dropped')};
  const machine = Object.create(ReplicaMachine.prototype, {storage: {value: storage}});
  const host = {status: () => ({role: 'leader'}), stateMachine: () => machine};
  const answer = fenceHandler(
    host,
    work(async () => void live.delete(live.values().next().value!)),
  );
  const fence = {tables: [1, 2]} as unknown as Fence;
  await answer(encodeFence(fence), CONTEXT);
  expect(live.size).toBe(0);
});

test('a recovery is told once all its tables live again', async () => {
  const dead = new Set([1, 2]);
  const storage = {fateOf: (table: number) => (dead.has(table) ? 'dropped' : 'live')};
  const machine = Object.create(ReplicaMachine.prototype, {storage: {value: storage}});
  const host = {status: () => ({role: 'leader'}), stateMachine: () => machine};
  const answer = fenceHandler(
    host,
    work(async () => void dead.delete(dead.values().next().value!)),
  );
  await answer(encodeFence({recovered: [1, 2]} as unknown as Fence), CONTEXT);
  expect(dead.size).toBe(0);
});

test.each([
  ['a recovery', {recovered: [1, 2]}, {type: 'recover-table', table: 1}],
  ['a drop', {table: 1}, {type: 'drop-table', table: 1}],
] as const)(
  '%s is told once an entry says it behind those that were on their way',
  async (_, fence, said) => {
    const {dead, host} = replica('leader');
    const isRecovery = 'recovered' in fence;
    dead.table = !isRecovery;
    const told: unknown[] = [];
    let waits = 0;
    const answer = fenceHandler(
      host,
      work(
        async () => {
          if (++waits === 2) dead.table = !isRecovery;
        },
        // What was on its way said the opposite.
        async (_set, command) => {
          if (told.push(command) === 1) dead.table = isRecovery;
        },
      ),
    );
    await answer(encodeFence(fence as unknown as Fence), CONTEXT);
    expect([told, waits]).toEqual([[said, said], 2]);
  },
);

test('a follower says nothing of what it has applied: it may be behind', async () => {
  const {dead, host} = replica('follower');
  dead.table = true;
  const answer = fenceHandler(
    host,
    work(async () => undefined),
  );
  await expect(answer(encodeFence(TABLE), CONTEXT)).rejects.toMatchObject({code: 'NOT_LEADER'});
});

test('a follower that is behind, no replica, and a drop that never comes are failures', async () => {
  const at = (host: Parameters<typeof fenceHandler>[0]) =>
    fenceHandler(
      host,
      work(async () => undefined),
    )(encodeFence(TABLE), CONTEXT);
  await expect(at(replica('follower').host)).rejects.toMatchObject({code: 'NOT_LEADER'});
  await expect(at(replica('leader').host)).rejects.toMatchObject({code: 'UNAVAILABLE'});
  const gone = {status: () => undefined, stateMachine: () => undefined};
  await expect(at(gone)).rejects.toMatchObject({code: 'REPLICA_GONE'});
});
