import {type NodeId, SeededRandom} from '@flotilla/base';
import {MemoryNetwork, VirtualClock} from '@flotilla/testkit';
import {expect, test} from 'vitest';
import type {NodeState} from '../host/node-states.ts';
import {TIMINGS} from '../host/timing.ts';
import {NodeLiveness} from './node-liveness.ts';

const ONE = 1 as NodeId;
const TWO = 2 as NodeId;

function pair() {
  const clock = new VirtualClock();
  const random = new SeededRandom(3);
  const network = new MemoryNetwork({clock, latencyMs: 1});
  const ages = {turnAgeMs: 0, writeAgeMs: 0, isFull: false};
  const told: Record<number, NodeState[]> = {1: [], 2: []};
  const stalls: number[] = [];
  const beats: Record<number, number> = {1: 0, 2: 0};
  let unread: (() => void)[] | undefined;
  /** What comes while `during` runs is read at its end, in one go. */
  const readLate = async (during: () => Promise<void>): Promise<void> => {
    unread = [];
    await during();
    const late = unread;
    unread = undefined;
    for (const read of late) read();
  };
  const make = (id: NodeId) => {
    const receive = (from: NodeId, _channel: string, frame: Uint8Array) => {
      if (unread === undefined) nodes[id]!.receive(from, frame);
      else unread.push(() => nodes[id]!.receive(from, frame));
    };
    const {send} = network.join(id, receive);
    const liveness = new NodeLiveness({
      bootEpoch: 10,
      life: 1_000 + id,
      clock,
      random,
      transport: {
        send: (...frame) => {
          beats[id]! += 1;
          return send(...frame);
        },
      },
      timing: TIMINGS.local,
      threads: () => [{turnAgeMs: 0, writeAgeMs: 0}, ages],
      stores: () => [{store: 0, durableRecord: 42, isFull: ages.isFull}],
      onChange: (_node, state) => told[id]!.push(state),
      onStall: (threads) => stalls.push(threads[1]!.writeAgeMs),
    });
    liveness.start();
    return liveness;
  };
  const nodes: Record<number, NodeLiveness> = {};
  nodes[1] = make(ONE);
  nodes[2] = make(TWO);
  nodes[1].connected(TWO, 10);
  nodes[2].connected(ONE, 10);
  nodes[2].vetted(ONE);
  const states = (id: number) => told[id]!.map(({state}) => state);
  return {clock, network, nodes, told, beats, states, ages, stalls, readLate, begin: make};
}

test('beats keep a node alive; silence makes it suspect in 500 to 700 ms; a beat brings it back', async () => {
  const {clock, network, nodes, states} = pair();
  await clock.advance(5_000);
  expect(states(1)).toEqual(['alive']);
  expect(nodes[1]!.view(TWO)!.durableRecords.get(0)).toBe(42);
  // Node 1 was not vetted by node 2, which is not to remember it.
  expect([nodes[1]!.view(TWO)!.life, nodes[2]!.view(ONE)!.life]).toEqual([1_002, undefined]);
  network.cut(TWO, ONE);
  await clock.advance(450);
  expect(states(1)).toEqual(['alive']);
  await clock.advance(350);
  expect(states(1)).toEqual(['alive', 'suspect']);
  network.heal();
  await clock.advance(100);
  expect(states(1)).toEqual(['alive', 'suspect', 'alive']);
});

test('ten beats a second, and what is new is told at the next look', async () => {
  const {clock, network, told, beats, ages} = pair();
  await clock.advance(1_020);
  beats[2] = 0;
  await clock.advance(10_000);
  expect(beats[2]).toBe(100);
  for (const isFull of [true, false]) {
    ages.isFull = isFull;
    // Its look and the other's.
    await clock.advance(2 * TIMINGS.local.watchMs + 2);
    expect(told[1]!.at(-1)).toMatchObject({isFull});
  }
  // Who is silent may hear: it is told at each look how long it was not heard.
  network.cut(ONE, TWO);
  await clock.advance(2_000);
  beats[2] = 0;
  await clock.advance(1_000);
  expect(beats[2]).toBe(20);
});

test('a link that fails one way is lost to both, and comes back to both', async () => {
  const {clock, network, states} = pair();
  await clock.advance(1_000);
  network.cut(TWO, ONE);
  await clock.advance(650);
  expect(states(2)).toEqual(['alive']);
  await clock.advance(200);
  expect(states(2)).toEqual(['alive', 'suspect']);
  await clock.advance(5_000);
  expect(states(2)).toEqual(['alive', 'suspect']);
  network.heal();
  await clock.advance(150);
  expect(states(1)).toEqual(['alive', 'suspect', 'alive']);
  expect(states(2)).toEqual(['alive', 'suspect', 'alive']);
});

test('a node that stood still does not take the others for silent', async () => {
  const {clock, network, nodes, states} = pair();
  await clock.advance(1_000);
  // One of the two: what the other sent meanwhile waits for it.
  nodes[1]!.stop();
  network.cut(TWO, ONE);
  await clock.advance(480);
  network.heal();
  nodes[1]!.start();
  clock.stall(400);
  await clock.advance(1_000);
  expect(states(2)).not.toContain('suspect');
});

test('a lost connection is gone at once', async () => {
  const {clock, nodes, states} = pair();
  await clock.advance(100);
  nodes[2]!.stop();
  await clock.advance(60);
  nodes[1]!.disconnected(TWO);
  expect(states(1)).toEqual(['alive', 'gone']);
  await clock.advance(1_000);
  expect(states(1)).toEqual(['alive', 'gone']);
  nodes[1]!.connected(TWO, 11);
  expect(nodes[1]!.view(TWO)).toMatchObject({state: 'alive', bootEpoch: 11});
});

test('a new boot epoch is told although the node never seemed away; an old one is not heard', async () => {
  const {clock, nodes, told} = pair();
  await clock.advance(100);
  nodes[1]!.connected(TWO, 12);
  expect(told[1]!.map(({bootEpoch}) => bootEpoch)).toEqual([10, 12]);
  await clock.advance(100);
  expect(nodes[1]!.view(TWO)!.bootEpoch).toBe(12);
});

test('a life whose beats begin again under a boot epoch that was seen before is heard', async () => {
  const {clock, nodes, states, begin} = pair();
  await clock.advance(10_000);
  nodes[2]!.stop();
  nodes[1]!.disconnected(TWO);
  nodes[2] = begin(TWO);
  nodes[1]!.connected(TWO, 10);
  nodes[2].connected(ONE, 10);
  await clock.advance(5_000);
  expect(states(1)).toEqual(['alive', 'gone', 'alive']);
});

test('an earlier boot epoch is heard again once a later one, of a copy, is gone', async () => {
  const {clock, nodes, told} = pair();
  await clock.advance(100);
  nodes[1]!.disconnected(TWO);
  nodes[1]!.connected(TWO, 12);
  nodes[1]!.connected(TWO, 10);
  expect(nodes[1]!.view(TWO)!.bootEpoch).toBe(12);
  nodes[1]!.disconnected(TWO);
  nodes[1]!.connected(TWO, 10);
  await clock.advance(5_000);
  expect(told[1]!.at(-1)).toMatchObject({state: 'alive', bootEpoch: 10});
  expect(nodes[1]!.view(TWO)!.sinceBeatMs).toBeLessThan(200);
});

test('a late loop suspects nobody', async () => {
  const {clock, nodes, states} = pair();
  await clock.advance(1_000);
  clock.stall(3_000);
  await clock.advance(400);
  expect(states(1)).toEqual(['alive']);
  expect(nodes[1]!.lateCount).toBe(1);
});

test('a stalled thread is named, and so is its return', async () => {
  const {clock, told, ages} = pair();
  await clock.advance(100);
  ages.writeAgeMs = 600;
  await clock.advance(100);
  ages.writeAgeMs = 0;
  await clock.advance(100);
  expect(told[1]!.map(({stalledThreads}) => stalledThreads)).toEqual([[], [1], []]);
});

test('a node holds little of what its own loop is late against its threads', async () => {
  const {clock, told, ages} = pair();
  await clock.advance(100);
  const sinceMs = clock.monotonicMs();
  const tick = () => {
    ages.turnAgeMs = clock.monotonicMs() - sinceMs;
    clock.setTimer(10, tick);
  };
  tick();
  clock.stall(2_000);
  await clock.advance(300);
  // Not late enough to distrust its waits.
  for (let i = 0; i < 10; i++) {
    clock.stall(100);
    await clock.advance(20);
  }
  expect(told[1]!.map(({stalledThreads}) => stalledThreads)).toEqual([[]]);
  // It stands still for longer than others can explain.
  await clock.advance(300);
  expect(told[1]!.map(({stalledThreads}) => stalledThreads)).toEqual([[], [1]]);
});

test('of several beats that are read at once the last says whether a thread stands still', async () => {
  const {clock, told, ages, readLate} = pair();
  await clock.advance(100);
  await readLate(async () => {
    ages.writeAgeMs = 600;
    await clock.advance(100);
    ages.writeAgeMs = 0;
    await clock.advance(60);
  });
  await clock.advance(100);
  expect(told[1]!.map(({stalledThreads}) => stalledThreads)).toEqual([[]]);
});

test('a node is told no record before what it remembers was looked through, and that a disk is full at once', async () => {
  const {clock, nodes, told, ages} = pair();
  ages.isFull = true;
  await clock.advance(1_000);
  expect(nodes[1]!.view(TWO)!.durableRecords.get(0)).toBe(42);
  expect(nodes[2]!.view(ONE)!.durableRecords.get(0)).toBe(0);
  expect(told[2]!.at(-1)).toMatchObject({state: 'alive', isFull: true});
  nodes[1]!.vetted(TWO);
  await clock.advance(100);
  expect(nodes[2]!.view(ONE)!.durableRecords.get(0)).toBe(42);
});

test('a disk is slow at half of a stall; where it stands still its own node says so once', async () => {
  const {clock, ages, told, stalls} = pair();
  await clock.advance(500);
  ages.writeAgeMs = 300;
  await clock.advance(200);
  ages.writeAgeMs = 600;
  await clock.advance(200);
  ages.writeAgeMs = 800;
  await clock.advance(200);
  ages.writeAgeMs = 0;
  await clock.advance(200);
  const troubles = told[1]!.map(({slowThreads, stalledThreads}) => [slowThreads, stalledThreads]);
  expect(troubles.slice(-3)).toEqual([
    [[1], []],
    [[1], [1]],
    [[], []],
  ]);
  // One of each node: both have the ages.
  expect(stalls).toEqual([600, 600]);
});
