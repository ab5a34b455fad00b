import {
  DbError,
  type Log,
  META_SET,
  type NodeId,
  type ReplicaId,
  type ReplicaSetId,
} from '@flotilla/base';
import {beforeEach, expect, test} from 'vitest';
import type {NodeConnections} from '../connections/index.ts';
import {encodeRpcFrame, refuseRpcFrame} from '../connections/rpc-frame.ts';
import type {ToEngine} from '../engine/messages.ts';
import type {EngineLink} from './engine-link.ts';
import {Relay} from './relay.ts';

const OTHER = 2 as NodeId;
const GROUPS = [1, 3, 0];

let relay: Relay;
let delivered: (readonly [thread: number, frame: Uint8Array])[];
let sent: Uint8Array[];
let warnings: number;
let vetted: Set<NodeId>;

beforeEach(() => {
  delivered = [];
  sent = [];
  warnings = 0;
  vetted = new Set([OTHER]);
  const log: Log = {
    info: () => undefined,
    error: () => undefined,
    warn: () => {
      warnings += 1;
    },
  };
  const send = (_to: NodeId, _channel: string, frame: Uint8Array) => sent.push(frame) > 0;
  const connections = {send} as unknown as NodeConnections;
  relay = new Relay({
    self: 1 as NodeId,
    connections,
    liveness: () => undefined,
    isVetted: (node) => vetted.has(node),
    log,
  });
  const link = (thread: number): EngineLink => ({
    post: (message: ToEngine) => {
      if (message.type === 'frame') delivered.push([thread, message.frame]);
    },
    close: async () => undefined,
  });
  relay.attach([link(0), link(1)]);
  for (const thread of [0, 1]) relay.hosted((thread + 10) as ReplicaSetId, thread, true);
});

function callFrame(set: number): Uint8Array {
  const head = {callerThread: 1, callerEpoch: 1, callId: 1, set: set as ReplicaSetId};
  const body = {type: 'call', timeoutMs: 1, method: 'm', payload: new Uint8Array(0)} as const;
  return encodeRpcFrame({head, body});
}

test('a call about a set that no thread has told yet is refused until all have told theirs', () => {
  const call = callFrame(99);
  relay.receive(OTHER, 'control', call);
  expect(delivered).toEqual([]);
  expect(sent).toEqual([refuseRpcFrame(call, new DbError('UNAVAILABLE', 'the node is starting'))]);
  relay.receive(OTHER, 'control', callFrame(10));
  relay.receive(OTHER, 'control', callFrame(META_SET));
  expect(delivered.splice(0).map(([thread]) => thread)).toEqual([0, 0]);
  relay.complete();
  relay.receive(OTHER, 'control', call);
  expect(delivered.map(([thread]) => thread)).toEqual([1]);
  expect(sent).toHaveLength(1);
});

test('nothing is asked of a thread that has no replica of the set before the asking node is vetted', () => {
  relay.complete();
  vetted.clear();
  relay.receive(OTHER, 'control', callFrame(99));
  expect([delivered.length, sent.length]).toEqual([0, 1]);
  relay.receive(OTHER, 'control', callFrame(11));
  vetted.add(OTHER);
  relay.receive(OTHER, 'control', callFrame(99));
  expect(delivered.map(([thread]) => thread)).toEqual([1, 1]);
});

test('an order about a set comes where the highest of its used replica ids is known', () => {
  const [set, own, dealtAnew] = [98, 97, 95] as ReplicaSetId[] as [
    ReplicaSetId,
    ReplicaSetId,
    ReplicaSetId,
  ];
  const threadOf = (id: ReplicaSetId): number => {
    relay.receive(OTHER, 'control', callFrame(id));
    return delivered.splice(0)[0]![0];
  };
  relay.buried(set, 1, 7 as ReplicaId);
  relay.buried(set, 0, 5 as ReplicaId);
  relay.buried(own, 0, 5 as ReplicaId);
  relay.buried(own, 1, 7 as ReplicaId);
  relay.complete();
  expect([set, own, dealtAnew].map(threadOf)).toEqual([1, 1, 1]);
  // Where it lives it comes first; where it lived last the most is known.
  relay.hosted(dealtAnew, 0, true);
  relay.buried(dealtAnew, 0, 9 as ReplicaId);
  relay.hosted(dealtAnew, 0, false);
  expect(threadOf(dealtAnew)).toBe(0);
  relay.buried(dealtAnew, 1, 8 as ReplicaId);
  expect(threadOf(dealtAnew)).toBe(0);
  relay.buried(dealtAnew, 1, 12 as ReplicaId);
  expect(threadOf(dealtAnew)).toBe(1);
});

test('sets that other threads hold are told', () => {
  expect([relay.heldBeside(0), relay.heldBeside(1)]).toEqual([[11], [10]]);
});

/** An item of a group: kind, set, length, payload. */
const item = (set: number, ...payload: number[]) => [1, set, payload.length, ...payload];

test("groups' items go to the threads that host their sets, strays to thread 0", () => {
  const frame = Uint8Array.from([...GROUPS, ...item(10, 7), ...item(11, 8), ...item(99, 9)]);
  relay.receive(OTHER, 'control', frame);
  expect(delivered).toEqual([
    [0, Uint8Array.from([...GROUPS, ...item(10, 7), ...item(99, 9)])],
    [1, Uint8Array.from([...GROUPS, ...item(11, 8)])],
  ]);
});

test.each([
  ['of another version', [9, 3, 0, ...item(10, 7), ...item(11, 8)]],
  ['of an unknown kind', [1, 77, 0, ...item(10, 7), ...item(11, 8)]],
  ['of a call that is cut short', [0x20, 0, 1]],
  ['of nothing', []],
])('a frame %s is dropped and counted', (_what, bytes) => {
  relay.receive(OTHER, 'control', Uint8Array.from(bytes));
  relay.receive(OTHER, 'bulk', Uint8Array.from(bytes));
  expect(delivered).toEqual([]);
  expect(relay.status()).toEqual({malformed: 2});
  expect(warnings).toBe(1);
});

test('items behind one that is broken are left out, and the frame goes on', () => {
  const frame = Uint8Array.from([...GROUPS, ...item(10, 7), ...item(11, 8), 1, 10, 200]);
  relay.receive(OTHER, 'control', frame);
  expect(delivered.map(([thread]) => thread)).toEqual([0, 1]);
});
