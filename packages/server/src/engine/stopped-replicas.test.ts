import {DbError, type ReplicaId, type ReplicaSetId} from '@flotilla/base';
import {expect, test} from 'vitest';
import type {ReplicaView} from './cluster-view.ts';
import type {EntryOrderBook} from './entry-orders.ts';
import {StoppedAdmin, skipFault} from './stopped-admin.ts';
import {HOLD_METHOD, StoppedReplicas, type StoppedReplicasDeps} from './stopped-replicas.ts';

const SET = 7 as ReplicaSetId;
const REPLICA = 1 as ReplicaId;

function replicasOf(more: Partial<StoppedReplicasDeps> = {}) {
  const reopened: number[] = [];
  const opened: number[] = [];
  const stopped = [
    {set: SET, replica: REPLICA, failedIndex: 17},
    {set: 8 as ReplicaSetId, replica: 2 as ReplicaId, failedIndex: 18},
    {set: 9 as ReplicaSetId, replica: 3 as ReplicaId, failedIndex: undefined},
  ];
  const settled = new Set<ReplicaSetId>();
  const skipped = {skipped: [17], held: []};
  const replicas = new StoppedReplicas({
    host: {
      stoppedReplicas: () => stopped,
      reopenReplica: async ({set}) => void reopened.push(set),
      status: () => undefined,
    },
    copy: {catalog: {}, onUpdate: () => undefined, waitForVersion: async () => undefined} as never,
    orders: {
      of: ({set}: {set: number}) => (set === SET ? skipped : undefined),
      settle: async () => settled,
    } as unknown as EntryOrderBook,
    monotonicMs: () => 0,
    log: {warn: () => undefined, error: () => undefined} as never,
    onOpened: (set) => void opened.push(set),
    ...more,
  });
  return {replicas, reopened, opened, settled};
}

test('what stopped at an entry that is to be skipped is opened anew by itself, and nothing else', async () => {
  const {replicas, reopened, opened} = replicasOf();
  replicas.settle();
  replicas.settle();
  await new Promise(setImmediate);
  expect(reopened).toEqual([SET]);
  expect(opened).toEqual([SET]);
});

test('where an order was withdrawn what had stopped before its entry goes on', async () => {
  const orders = {of: () => undefined, settle: async () => new Set([8])};
  const {replicas, reopened} = replicasOf({orders: orders as never});
  replicas.settle();
  await new Promise(setImmediate);
  expect(reopened).toEqual([8]);
});

test('a promise is given for an order that is open, by a replica that has not come to the entry', async () => {
  const promised: object[] = [];
  let status: object | undefined;
  let skipOrder: object | undefined;
  const configuration = {voters: [1, 2], votersOutgoing: [2, 3], learners: [4]};
  const before = {replica: REPLICA, store: 0, appliedIndex: 16, firstIndex: 1, flushedIndex: 3};
  const {replicas} = replicasOf({
    host: {status: () => status, stoppedReplicas: () => []} as never,
    copy: {
      catalog: {replicaSet: () => ({skipOrder})},
      onUpdate: () => undefined,
      waitForVersion: async () => undefined,
    } as never,
    orders: {hold: async (...args: object[]) => void promised.push(args)} as never,
  });
  const ask = async (request: unknown): Promise<unknown> => {
    const payload = new TextEncoder().encode(JSON.stringify(request));
    const answer = replicas.handlers().call.get(HOLD_METHOD)!(payload, {set: SET} as never);
    return JSON.parse(new TextDecoder().decode(await answer));
  };
  const order = {replica: 1, index: 17, order: 9};
  await expect(ask({replica: 1})).rejects.toMatchObject({code: 'INVALID_ARGUMENT'});
  await expect(ask(order)).rejects.toThrow('the order to skip entry 17 was withdrawn meanwhile');
  skipOrder = {order: 9, index: 17};
  await expect(ask(order)).rejects.toMatchObject({code: 'REPLICA_GONE'});
  for (const ahead of [{appliedIndex: 17}, {firstIndex: 18}, {flushedIndex: 17}]) {
    status = {...before, configuration, ...ahead};
    await expect(ask(order)).rejects.toThrow('replica 1 has applied entry 17 meanwhile');
  }
  status = {...before, configuration};
  await expect(ask({...order, order: 8})).rejects.toThrow('withdrawn');
  await expect(ask({...order, replica: 2})).rejects.toMatchObject({code: 'REPLICA_GONE'});
  expect(promised).toEqual([]);
  expect(await ask(order)).toEqual({appliedIndex: 16, members: [1, 2, 3, 4]});
  expect(promised).toEqual([
    [
      {set: SET, replica: 1, store: 0},
      {index: 17, order: 9},
    ],
  ]);
});

test('an entry is skipped only where every replica says that it has not applied it', () => {
  const replica = (node: number, more: Partial<ReplicaView>) =>
    ({node, replica: node + 10, state: 'follower', appliedIndex: 16, ...more}) as ReplicaView;
  const failed = replica(1, {state: 'failed', failedIndex: 17});
  const fault = (...replicas: ReplicaView[]) => skipFault(SET, 17, replicas);
  expect(fault(failed, replica(2, {}))).toBeUndefined();
  const ahead = [replica(2, {appliedIndex: 17}), replica(3, {appliedIndex: 9, failedIndex: 19})];
  expect(fault(failed, ...ahead)).toMatch(
    /^replica 12 on node 2, replica 13 on node 3 have applied entry 17: .* replica-set retry 7$/,
  );
  const silent = replica(2, {state: 'unreachable', appliedIndex: undefined});
  const unopened = replica(3, {
    state: 'stopped',
    appliedIndex: 0,
    isUnopened: true,
    stopped: 'EIO',
  });
  expect(fault(failed, silent, unopened)).toMatch(
    /^replica 12 on node 2: the node does not answer, .*; replica 13 on node 3 could not be opened \(EIO\), whether it has applied entry 17 is not known; .*retry 7/,
  );
  // It will never be opened again, so it never applies anything.
  expect(fault(failed, {...unopened, isLost: true})).toBeUndefined();
  expect(fault(failed, replica(2, {state: 'missing', appliedIndex: undefined}))).toMatch(
    /replica 12 on node 2 is not made yet/,
  );
  expect(fault(replica(1, {}))).toBe('no replica of set 7 has failed at entry 17');
  // It failed behind it: it has applied it.
  expect(fault(replica(1, {failedIndex: 19}))).toMatch(/has applied entry 17/);
  expect(fault(replica(1, {appliedIndex: 11, failedIndex: 12}))).toMatch(/one failed at entry 12/);
});

test('where a node does not answer in time the order is withdrawn, in time of its own', async () => {
  const proposed: [object, number][] = [];
  let nowMs = 0;
  const failed = {node: 1, replica: 11, state: 'failed', appliedIndex: 16, failedIndex: 17};
  const admin = new StoppedAdmin({
    clock: {wallMs: () => 1, monotonicMs: () => nowMs} as never,
    viewOf: async () => ({replicas: [failed]}) as never,
    propose: (async (command: object, deadlineMs: number) => {
      if (deadlineMs <= nowMs) throw new DbError('META_UNAVAILABLE', 'the deadline passed');
      proposed.push([command, deadlineMs]);
      return {order: 9};
    }) as never,
    rpc: {
      call: async (_to: object, _method: string, _payload: object, {deadlineMs = 0}) => {
        nowMs = deadlineMs;
        throw new DbError('DEADLINE_EXCEEDED', 'node 1 does not answer');
      },
    } as never,
  });
  const order = {index: 17, by: 'ann'};
  const skipping = admin.skip({id: SET} as never, order, 2_000);
  await expect(skipping).rejects.toThrow('node 1 does not answer');
  expect(proposed.map(([command]) => command)).toMatchObject([
    {type: 'begin-skip', set: SET, ...order},
    {type: 'end-skip', set: SET, order: 9},
  ]);
});

test('a retry answers once each replica has stopped again or is past the entry, led or not', async () => {
  const replica = (node: number, more: object) => ({node, replica: node + 10, ...more});
  const leading = replica(1, {state: 'leader', appliedIndex: 20});
  const failed = replica(2, {state: 'failed', appliedIndex: 16, failedIndex: 17});
  const opened = replica(2, {state: 'follower', appliedIndex: 12});
  const past = replica(2, {state: 'follower', appliedIndex: 17});
  const answerOf = async (...views: object[]) => {
    const left = [failed, ...views];
    const admin = new StoppedAdmin({
      clock: {monotonicMs: () => 0, setTimer: (_ms: number, then: () => void) => then()} as never,
      viewOf: async () => ({leader: 1, replicas: [leading, left.shift()]}) as never,
      propose: async () => ({}) as never,
      rpc: {call: async () => new Uint8Array(0)} as never,
    });
    const {replicas} = await admin.retry({id: SET} as never, 2_000);
    expect(left).toEqual([]);
    return replicas[1];
  };
  expect(await answerOf(opened, opened, failed)).toBe(failed);
  expect(await answerOf(opened, past)).toBe(past);
});
