import {DbError, META_SET, type NodeId, type ReplicaSetId} from '@flotilla/base';
import {CatalogMachine, planBucket} from '@flotilla/catalog';
import {expect, test} from 'vitest';
import {NodeClock} from '../adapters/node-clock.ts';
import type {ReplicaView} from './cluster-view.ts';
import {Elections} from './elections.ts';
import {replicaView, setView, unreachable} from './set-view.fixture.ts';

const clock = new NodeClock();

/** The views are what the nodes tell, one after the other; the last one stays. */
function elections(views: readonly (readonly ReplicaView[])[], isTrial = false) {
  const machine = new CatalogMachine();
  const node = {incarnation: 'i', address: 'n1:8902', engineThreads: 1, version: '1'};
  machine.apply({type: 'found-cluster', clusterId: 'c', node, atMs: 1}, 1);
  machine.apply(planBucket(machine.catalog, 1 as never, 0)!, 2);
  const [set] = machine.catalog.replicaSets();
  const ordered: unknown[] = [];
  let looks = 0;
  const service = new Elections({
    access: {
      catalog: machine.catalog,
      refresh: async () => {
        throw new DbError('META_UNAVAILABLE', 'meta is gone');
      },
    },
    view: {
      replicaSet: async ({id}) => setView(views[Math.min(looks++, views.length - 1)]!, id),
    },
    rpc: {
      call: async (to, method) => {
        ordered.push([to.node, method]);
        return new Uint8Array(0);
      },
    },
    clock,
    isTrial,
  });
  const elect = (to: number, withinMs = 300) =>
    service.elect(set!.id, to as NodeId, clock.monotonicMs() + withinMs);
  return {service, set: set!.id, ordered, elect};
}

const three = [replicaView(1), replicaView(2), replicaView(3)];

test('the one chosen stands, and is waited for, without the meta group', async () => {
  const led = [replicaView(1), replicaView(2, {leader: true, state: 'leader'}), replicaView(3)];
  const {elect, ordered} = elections([three, three, led]);
  expect(await elect(2)).toMatchObject({leader: 2});
  expect(ordered).toEqual([[2, 'replica.campaign']]);
  const again = elections([led]);
  expect(await again.elect(2)).toMatchObject({leader: 2});
  expect(again.ordered).toEqual([]);
});

test('one that stands no more is told again, and one that stands is left to it', async () => {
  const led = [replicaView(1), replicaView(2, {leader: true, state: 'leader'}), replicaView(3)];
  const tellings = async (state: string): Promise<number> => {
    const waiting = [replicaView(1), replicaView(2, {state}), replicaView(3)];
    const {elect, ordered} = elections([...Array.from({length: 15}, () => waiting), led]);
    expect(await elect(2, 5_000)).toMatchObject({leader: 2});
    return ordered.length;
  };
  expect(await tellings('follower')).toBeGreaterThan(1);
  expect(await tellings('preCandidate')).toBe(1);
  expect(await tellings('candidate')).toBe(1);
});

test.each([
  [
    'another leads',
    [replicaView(1, {leader: true}), replicaView(2)],
    2,
    'CONFLICT',
    /node 1 leads/,
  ],
  ['its node is away', [replicaView(1), unreachable(2)], 2, 'CONFLICT', /does not answer/],
  ['it has no replica', three, 7, 'NOT_FOUND', /it has some on 1, 2, 3/],
])('where %s nobody stands', async (_name, replicas, to, code, message) => {
  const {elect, ordered} = elections([replicas as ReplicaView[]]);
  await expect(elect(to)).rejects.toMatchObject({code, message: expect.stringMatching(message)});
  expect(ordered).toEqual([]);
});

test('one that is not elected is told why, or who was instead', async () => {
  const behind = [replicaView(1), replicaView(2, {lastIndex: 3}), replicaView(3)];
  const {elect, ordered} = elections([behind]);
  await expect(elect(2)).rejects.toMatchObject({
    code: 'CONFLICT',
    message: expect.stringMatching(/was not elected: its log ends at .*\(4, 3\).* hold more/),
  });
  expect(ordered).toHaveLength(1);
  const other = elections([three, [replicaView(1, {leader: true}), ...three.slice(1)]]);
  await expect(other.elect(2)).rejects.toThrow('node 1 was elected instead');
});

test('a dry run says what speaks against it, and nobody stands', async () => {
  const behind = elections(
    [[replicaView(1), replicaView(2, {lastIndex: 3}), replicaView(3)]],
    true,
  );
  await expect(behind.elect(2)).rejects.toMatchObject({code: 'CONFLICT'});
  expect(await behind.elect(3)).toMatchObject({leader: undefined});
  expect(behind.ordered).toEqual([]);
});

test('a set that this copy lacks is looked for in meta', async () => {
  const {service} = elections([three]);
  const deadlineMs = clock.monotonicMs() + 1_000;
  const unknown = service.candidates(999 as ReplicaSetId, deadlineMs);
  await expect(unknown).rejects.toMatchObject({code: 'META_UNAVAILABLE'});
  expect(await service.candidates(META_SET, deadlineMs)).toHaveLength(3);
});
