import {DbError, LIMITS, type ReplicaSetId, type RpcContext, type TableId} from '@flotilla/base';
import {expect, test} from 'vitest';
import type {DeleteApplied} from './applied.ts';
import {decodeCommand} from './command.ts';
import {deleteHandler, encodeDeleteRequest} from './delete-handler.ts';
import {ReplicaMachine} from './replica-machine.ts';

const SET = 3 as ReplicaSetId;
const CONTEXT = {set: SET} as RpcContext;
const REQUEST = {
  router: {incarnation: 1, sequence: 2},
  deletion: {table: 7 as TableId, startOffset: 5, endOffset: 9, tags: undefined},
};

interface Situation {
  readonly applied?: DeleteApplied;
  readonly role?: string;
  readonly tombstoneCount?: number;
  /** What reading its series ends with. */
  readonly loading?: Promise<void> | undefined;
  readonly payload?: Uint8Array;
}

/** What the client's side is told, and what was proposed. */
async function handle({
  applied = {status: 'deleted'},
  role = 'leader',
  tombstoneCount = 0,
  loading,
  payload = encodeDeleteRequest(REQUEST),
}: Situation) {
  const storage = {tombstoneCount};
  let unread = loading;
  const load = (): Promise<void> | undefined =>
    unread?.then(() => {
      unread = undefined;
    });
  const own = {storage: {value: storage}, load: {value: load}};
  const machine = Object.create(ReplicaMachine.prototype, own);
  const proposed: Uint8Array[] = [];
  const host = {
    propose: async (_set: ReplicaSetId, payload: Uint8Array) => {
      if (role !== 'leader') throw new DbError('NOT_LEADER', 'elsewhere');
      proposed.push(payload);
      return applied;
    },
    stateMachine: () => machine as ReplicaMachine,
    status: () => ({role}),
  };
  try {
    const answer = await deleteHandler(host, () => 0)(payload, CONTEXT);
    return {answer: answer.length === 0 ? 'acknowledged' : 'bytes', proposed};
  } catch (error) {
    return {answer: (error as DbError).code, proposed};
  }
}

test('what was asked is proposed, and only what was applied is acknowledged', async () => {
  const {answer, proposed} = await handle({});
  expect(answer).toBe('acknowledged');
  expect(proposed.map(decodeCommand)).toEqual([{type: 'delete', request: REQUEST}]);
  const answerTo = async (applied: DeleteApplied) => (await handle({applied})).answer;
  expect(await answerTo({status: 'duplicate'})).toBe('acknowledged');
  expect(await answerTo({status: 'forgotten'})).toBe('OUTCOME_UNKNOWN');
  expect(await answerTo({status: 'dropped-table', table: 7})).toBe('TABLE_NOT_FOUND');
});

test('at tombstones_per_replica_max a leader proposes none; a follower names the leader all the same', async () => {
  const max = LIMITS.tombstones_per_replica_max.value;
  expect((await handle({tombstoneCount: max - 1})).answer).toBe('acknowledged');
  expect(await handle({tombstoneCount: max})).toEqual({answer: 'OVERLOADED', proposed: []});
  expect((await handle({tombstoneCount: max, role: 'follower'})).answer).toBe('NOT_LEADER');
});

test('a leader has its series read before it proposes, and a follower reads nothing', async () => {
  const loading = Promise.resolve();
  expect((await handle({loading})).answer).toBe('acknowledged');
  const damaged = new DbError('REPLICA_STOPPED', 'its series cannot be read');
  const failed = Promise.reject(damaged);
  expect(await handle({loading: failed})).toEqual({answer: 'REPLICA_STOPPED', proposed: []});
  expect((await handle({loading: failed, role: 'follower'})).answer).toBe('NOT_LEADER');
});

test.each(['{"router"', '{}', '{"router":{"incarnation":1,"sequence":2},"deletion":{"table":7}}'])(
  'what no replica could apply is not proposed: %s',
  async (text) => {
    const payload = Buffer.from(text);
    expect(await handle({payload})).toEqual({answer: 'INVALID_ARGUMENT', proposed: []});
  },
);
