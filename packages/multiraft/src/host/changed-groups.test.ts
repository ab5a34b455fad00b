import type {ReplicaId, ReplicaSetId} from '@flotilla/base';
import {SeededRandom} from '@flotilla/base';
import {expect, test} from 'vitest';
import {ChangedGroups} from './changed-groups.ts';
import {TestCluster} from './cluster.fixture.ts';
import type {ReplicaStatus} from './status.ts';

const SETS = [1, 2, 3, 4, 5, 6];

test('each reader is told of each mark once, and of all at first', () => {
  const changed = new ChangedGroups();
  const one = changed.reader([7 as ReplicaSetId]);
  const two = changed.reader([]);
  changed.mark({set: 8 as ReplicaSetId});
  expect([...one()]).toEqual([7, 8]);
  expect([...one()]).toEqual([]);
  changed.mark({set: 9 as ReplicaSetId});
  expect([...two()]).toEqual([8, 9]);
  expect([...one()]).toEqual([9]);
});

/** What its state machine has flushed is not watched. */
function toldOf(status: ReplicaStatus | undefined): string {
  return JSON.stringify({...status, flushedIndex: undefined});
}

test.each([1, 2, 3])('no status changes unseen, whatever happens (seed %i)', async (seed) => {
  const cluster = new TestCluster({seed, beats: true});
  await cluster.startAll();
  for (const set of SETS) await cluster.found(set);
  const random = new SeededRandom(seed);
  const host = cluster.host(1);
  const changes = host.watchChanges();
  const told = new Map<number, string>();
  let looked = 0;
  const look = (): void => {
    const changed = new Set(changes());
    looked += changed.size;
    for (const set of SETS) {
      const now = toldOf(host.status(set as ReplicaSetId));
      const isChanged = now !== told.get(set);
      if (isChanged) expect(changed, `set ${set}: ${told.get(set)} ${now}`).toContain(set);
      told.set(set, now);
    }
  };
  const steps = [
    (set: number) => cluster.write(set, 'value'),
    async (set: number) => {
      const id = set as ReplicaSetId;
      const {leader, members} = host.status(id)!;
      const to = members.find(({replica}) => replica !== leader?.replica)?.replica;
      const deadlineMs = cluster.clock.monotonicMs() + 1_000;
      if (to === undefined) host.campaign(id);
      else await cluster.clock.resolve(host.transferLeader(id, to as ReplicaId, {deadlineMs}));
    },
    async (set: number) => {
      const mode = random.below(2) === 0 ? 'manual' : 'automatic';
      await cluster.clock.resolve(host.setFailover(set as ReplicaSetId, mode));
    },
    // Its log is cut in its sleep.
    (set: number) => cluster.machine(1, set).flush(),
    () => cluster.clock.advance(12_000),
  ];
  for (let step = 0; step < 40; step++) {
    const outcome = steps[random.below(steps.length)]!(SETS[random.below(SETS.length)]!);
    // What is refused changes nothing, or is seen.
    await outcome.catch((error: unknown) => expect(error).toHaveProperty('code'));
    look();
  }
  const set = 1 as ReplicaSetId;
  const {replica} = host.status(set)!;
  await cluster.clock.resolve(host.destroyReplica({set, replica}));
  look();
  await cluster.clock.advance(60_000);
  look();
  looked = 0;
  await cluster.clock.advance(100);
  look();
  expect(looked).toBe(0);
});

test('a sleeping group that takes entries again is told of', async () => {
  const cluster = new TestCluster({beats: true});
  await cluster.startAll();
  const set = SETS[0] as ReplicaSetId;
  await cluster.found(set);
  await cluster.write(set, 'value');
  const node = cluster.leader(set);
  const host = cluster.host(node);
  const machine = cluster.machine(node, set);
  const changes = host.watchChanges();
  // Who fails over by himself would wake it with offers of its place.
  await cluster.clock.resolve(host.setFailover(set, 'manual'));
  await cluster.clock.advance(2_000);
  machine.isReady = false;
  const deadlineMs = cluster.clock.monotonicMs() + 1_000;
  await expect(host.propose(set, new Uint8Array(1), {deadlineMs})).rejects.toThrow(/flush/);
  await cluster.clock.advance(6_000);
  expect([...changes()]).toContain(set);
  expect(host.status(set)?.isWedged).toBe(true);
  await cluster.clock.advance(2_000);
  changes();
  machine.isReady = true;
  await cluster.clock.advance(2_000);
  expect(host.status(set)).toMatchObject({isWedged: false});
  expect([...changes()]).toContain(set);
});
