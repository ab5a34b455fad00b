import {DbError, type NodeId, type ReplicaSetId} from '@flotilla/base';
import fc from 'fast-check';
import {beforeEach, expect, test, vi} from 'vitest';
import {NodeClock} from '../adapters/node-clock.ts';
import {decodePassedCall, encodePassedCall, type Presence, passHandlers} from './passed-call.ts';
import {RpcCore} from './rpc.ts';

const [ONE, TWO, THREE] = [1, 2, 3] as NodeId[] as [NodeId, NodeId, NodeId];
const set = 9 as ReplicaSetId;
const log = {info() {}, warn() {}, error() {}};

const clock = new NodeClock();
let cores: Map<NodeId, RpcCore>;
/** Of node 2: called when node 3 goes away from it. */
let awayFromTwo: (() => void)[];
let isAwayFromTwo: boolean;

/** Nodes 1 and 3 have lost each other; both reach 2. */
beforeEach(() => {
  cores = new Map();
  awayFromTwo = [];
  isAwayFromTwo = false;
  const nodes: Presence = {
    isAway: () => isAwayFromTwo,
    onAway: (_node, callback) => {
      awayFromTwo.push(callback);
      return () => {};
    },
  };
  for (const node of [ONE, TWO, THREE]) {
    const send = (to: NodeId, _channel: string, frame: Uint8Array): boolean => {
      if (Math.abs(to - node) === 2) return false;
      clock.defer(() => cores.get(to)!.receive(node, frame));
      return true;
    };
    const owner = {node, thread: 0, bootEpoch: 1, port: {send}, clock, log, hosts: () => true};
    const rpc = new RpcCore(owner);
    rpc.serve(passHandlers({rpc, nodes, clock}));
    cores.set(node, rpc);
  }
});

function serve(answer: (payload: Uint8Array) => Promise<Uint8Array>): void {
  cores.get(THREE)!.serve({call: new Map([['echo', answer]]), stream: new Map()});
}

function ask(via: NodeId | undefined, timeoutMs = 10_000): Promise<Uint8Array> {
  const rpc = cores.get(ONE)!;
  const target = {node: THREE, set, via};
  const deadlineMs = clock.monotonicMs() + timeoutMs;
  return rpc.call(target, 'echo', Uint8Array.of(1, 2), {deadlineMs});
}

test('what a third node passes on is answered as if asked directly', async () => {
  serve(async (payload) => payload.toReversed());
  await expect(ask(undefined)).rejects.toMatchObject({code: 'UNAVAILABLE'});
  expect([...(await ask(TWO))]).toEqual([2, 1]);
});

test('its refusal comes back with its details', async () => {
  serve(async () => {
    throw new DbError('NOT_LEADER', 'node 2 leads', {leader: 2});
  });
  await expect(ask(TWO)).rejects.toMatchObject({code: 'NOT_LEADER', details: {leader: 2}});
});

test('it is given up when the node goes away from the one that passes it on, and is in doubt', async () => {
  serve(() => new Promise(() => {}));
  clock.setTimer(20, () => {
    isAwayFromTwo = true;
    for (const callback of awayFromTwo) callback();
  });
  await expect(ask(TWO)).rejects.toMatchObject({code: 'OUTCOME_UNKNOWN'});
  // From then on it is surely not done.
  await expect(ask(TWO)).rejects.toMatchObject({code: 'UNAVAILABLE'});
});

test('it ends at the deadline of who asked, everywhere', async () => {
  serve(() => new Promise(() => {}));
  await expect(ask(TWO, 30)).rejects.toMatchObject({code: 'DEADLINE_EXCEEDED'});
  await vi.waitFor(() => {
    for (const core of cores.values()) expect(core.status().calls).toBe(0);
  });
});

test('nothing is passed on twice', async () => {
  const twice = encodePassedCall({node: THREE, method: 'rpc.pass', payload: new Uint8Array(0)});
  const asking = cores.get(ONE)!.call({node: TWO, set}, 'rpc.pass', twice, {
    deadlineMs: clock.monotonicMs() + 10_000,
  });
  await expect(asking).rejects.toMatchObject({code: 'INVALID_ARGUMENT'});
});

test('any call passes unchanged, and no bytes are taken for more than they are', () => {
  const call = fc.record({
    node: fc.integer({min: 1, max: 2 ** 21}).map((id) => id as NodeId),
    method: fc.string({maxLength: 60}).filter((text) => text.isWellFormed()),
    payload: fc.uint8Array({maxLength: 100}),
  });
  fc.assert(
    fc.property(call, (passed) => {
      expect(decodePassedCall(encodePassedCall(passed))).toEqual(passed);
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({maxLength: 20}), (bytes) => {
      const passed = decodePassedCall(bytes);
      expect(passed === undefined || passed.payload.length <= bytes.length).toBe(true);
    }),
  );
});
