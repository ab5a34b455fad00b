import {DbError, LIMITS, type ReplicaSetId} from '@flotilla/base';
import {readItems} from '@flotilla/wire';
import {describe, expect, test} from 'vitest';
import {TestCluster} from './cluster.fixture.ts';

const SET = 1 as ReplicaSetId;
const bytes = (value: string) => new TextEncoder().encode(value);

async function started(options = {}): Promise<TestCluster> {
  const cluster = new TestCluster(options);
  await cluster.startAll();
  return cluster;
}

function code(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'ok',
    (error: unknown) => (error instanceof DbError ? error.code : String(error)),
  );
}

/** What it was refused with; undefined if it was not. */
function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe('one set on three hosts', () => {
  test('elects, replicates and applies everywhere', async () => {
    const cluster = await started();
    await cluster.found(1);
    for (const value of ['a', 'b', 'c']) await cluster.write(1, value);
    expect(await cluster.agree(1, [1, 2, 3], 3)).toBe(true);
    expect(cluster.values(1, 1)).toEqual(['a', 'b', 'c']);
  });

  test('a follower names the leader, an unknown set is gone', async () => {
    const cluster = await started();
    await cluster.found(1);
    await cluster.write(1, 'a');
    const leader = cluster.leader(1);
    const follower = leader === 1 ? 2 : 1;
    const deadlineMs = cluster.clock.monotonicMs() + 1_000;
    const refused = cluster.host(follower).propose(SET, bytes('x'), {deadlineMs});
    await expect(refused).rejects.toMatchObject({code: 'NOT_LEADER', details: {leader}});
    const nowhere = cluster.host(1).propose(9 as ReplicaSetId, bytes('x'), {deadlineMs});
    expect(await code(nowhere)).toBe('REPLICA_GONE');
  });

  test('a large entry crosses in fragments', async () => {
    const cluster = await started();
    await cluster.found(1);
    const large = 'x'.repeat(3_000_000);
    await cluster.write(1, large);
    expect(await cluster.agree(1, [1, 2, 3], 1)).toBe(true);
    expect(cluster.values(3, 1)[0]).toBe(large);
  });
});

test('a leader that crashes is replaced, restarts with what was acknowledged, and catches up', async () => {
  const cluster = await started();
  await cluster.found(1);
  for (let i = 0; i < 10; i++) await cluster.write(1, `v${i}`);
  const old = cluster.leader(1);
  const beforeMs = cluster.clock.monotonicMs();
  cluster.crash(old);
  await cluster.electAll([1]);
  expect(cluster.clock.monotonicMs() - beforeMs).toBeLessThan(300);
  await cluster.write(1, 'after');
  await cluster.start(old);
  expect(await cluster.agree(1, [1, 2, 3], 11)).toBe(true);
});

test('a set of one voter is led again a few ticks after its node restarted', async () => {
  const cluster = await started({nodes: 1});
  await cluster.found(1, [1]);
  await cluster.write(1, 'a');
  cluster.crash(1);
  await cluster.start(1);
  const beforeMs = cluster.clock.monotonicMs();
  await cluster.electAll([1]);
  expect(cluster.clock.monotonicMs() - beforeMs).toBeLessThanOrEqual(200);
  await cluster.write(1, 'b');
  expect(cluster.values(1, 1)).toEqual(['a', 'b']);
});

describe('members', () => {
  test('a learner added late gets a snapshot, catches up and is promoted', async () => {
    const cluster = await started({nodes: 4});
    await cluster.found(1);
    for (let i = 0; i < 200; i++) await cluster.write(1, `value ${i}`);
    // The log begins at index 6 and a later member at 0: only a snapshot can bring it there.
    const learner = cluster.place(4);
    await cluster.clock.resolve(cluster.host(4).createReplica({set: SET, replica: learner}));
    const leader = cluster.host(cluster.leader(1));
    const deadlineMs = cluster.clock.monotonicMs() + 5_000;
    const {configIndex} = leader.status(SET)!;
    const add = leader.proposeConfig(SET, [{type: 'learner', id: learner}], 'simple', {
      deadlineMs,
      expectedConfigIndex: configIndex,
    });
    await cluster.clock.resolve(add);
    expect(await cluster.agree(1, [1, 2, 3, 4], 200)).toBe(true);
    expect(leader.metrics().snapshotsSent).toBe(1);
    expect(cluster.host(4).metrics().snapshotsReceived).toBe(1);
    await cluster.write(1, 'more');
    expect(await cluster.agree(1, [1, 2, 3, 4], 201)).toBe(true);
    expect(cluster.machine(cluster.leader(1), 1).pinned).toBe(0);
    const promote = leader.proposeConfig(SET, [{type: 'voter', id: learner}], 'simple', {
      deadlineMs,
    });
    await cluster.clock.resolve(promote);
    expect(leader.status(SET)!.configuration.voters).toContain(learner);
    const stale = leader.proposeConfig(SET, [{type: 'remove', id: learner}], 'simple', {
      deadlineMs,
      expectedConfigIndex: configIndex,
    });
    expect(await code(cluster.clock.resolve(stale))).toBe('CONFLICT');
    cluster.crash(4);
    await cluster.start(4);
    expect(await cluster.agree(1, [1, 2, 3, 4], 201)).toBe(true);
    const sameConfig = () => cluster.status(4, 1)!.configIndex === leader.status(SET)!.configIndex;
    expect(await cluster.clock.until(sameConfig, 2_000)).toBe(true);
  });

  test('a move by one joint change, then the old replica is destroyed and stays gone', async () => {
    const cluster = await started({nodes: 4});
    const [first] = await cluster.found(1);
    const sent: Parameters<typeof cluster.network.deliver>[0][] = [];
    cluster.network.tap = (frame) => sent.push(frame);
    for (let i = 0; i < 20; i++) await cluster.write(1, `value ${i}`);
    const replica = cluster.place(4);
    await cluster.clock.resolve(cluster.host(4).createReplica({set: SET, replica}));
    const deadlineMs = cluster.clock.monotonicMs() + 10_000;
    if (cluster.leader(1) === 1) {
      const to = cluster.status(2, 1)!.replica;
      await cluster.clock.resolve(cluster.host(1).transferLeader(SET, to, {deadlineMs}));
    }
    // A leader changes members only once an entry of its own term is committed.
    await cluster.clock.until(() => cluster.leader(1) > 1);
    await cluster.write(1, 'its own');
    const leader = cluster.host(cluster.leader(1));
    const change = (
      changes: Parameters<typeof leader.proposeConfig>[1],
      mode: 'simple' | 'joint',
    ) => cluster.clock.resolve(leader.proposeConfig(SET, changes, mode, {deadlineMs}));
    await change([{type: 'learner', id: replica}], 'simple');
    expect(await cluster.agree(1, [2, 3, 4], 21)).toBe(true);
    await change(
      [
        {type: 'voter', id: replica},
        {type: 'remove', id: first!},
      ],
      'joint',
    );
    await cluster.clock.until(() => leader.status(SET)!.configuration.votersOutgoing.length === 0);
    expect(leader.status(SET)!.configuration.voters).not.toContain(first);
    await cluster.clock.resolve(cluster.host(1).destroyReplica({set: SET, replica: first!}));
    await cluster.clock.resolve(cluster.host(1).destroyReplica({set: SET, replica: first!}));
    expect(cluster.node(1).kept.size).toBe(0);
    // Whatever was ever on its way to it comes again, and is answered.
    const late = [...sent];
    sent.length = 0;
    for (const frame of late) if (frame.to === 1) cluster.network.deliver(frame);
    await cluster.clock.advance(2_000);
    const answers = sent.filter(({from}) => from === 1).flatMap(({frame}) => [...readItems(frame)]);
    expect(answers.some(({kind}) => kind === 'gone')).toBe(true);
    expect(cluster.status(1, 1)).toBeUndefined();
    const again = cluster.host(1).createReplica({set: SET, replica: first!});
    expect(await code(cluster.clock.resolve(again))).toBe('CONFLICT');
    cluster.crash(1);
    await cluster.start(1);
    const reborn = cluster.host(1).createReplica({set: SET, replica: first!});
    expect(await code(cluster.clock.resolve(reborn))).toBe('CONFLICT');
    await cluster.write(1, 'last');
    expect(await cluster.agree(1, [2, 3, 4], 22)).toBe(true);
  });

  test('destroyed and made again under a new id, it sees nothing of before', async () => {
    const cluster = await started();
    const [first] = await cluster.found(1);
    await cluster.write(1, 'a');
    await cluster.clock.resolve(cluster.host(1).destroyReplica({set: SET, replica: first!}));
    const replica = cluster.place(1);
    await cluster.clock.resolve(cluster.host(1).createReplica({set: SET, replica}));
    expect(cluster.status(1, 1)).toMatchObject({replica, term: 0, lastIndex: 0});
    cluster.crash(1);
    await cluster.start(1);
    await cluster.clock.advance(3_000);
    expect(cluster.status(1, 1)).toMatchObject({replica, term: 0, lastIndex: 0, role: 'follower'});
  });

  test('a late order to destroy an older replica leaves the one that lives alone', async () => {
    const cluster = await started();
    const [first] = await cluster.found(1);
    await cluster.clock.resolve(cluster.host(1).destroyReplica({set: SET, replica: first!}));
    const older = cluster.place(1);
    const replica = cluster.place(1);
    await cluster.clock.resolve(cluster.host(1).createReplica({set: SET, replica}));
    await cluster.clock.resolve(cluster.host(1).destroyReplica({set: SET, replica: older}));
    expect(cluster.node(1).kept.size).toBe(1);
    cluster.crash(1);
    await cluster.start(1);
    expect(cluster.node(1).kept.size).toBe(1);
    expect(cluster.status(1, 1)).toMatchObject({replica, stopped: undefined});
  });

  test('a crash between tombstone and removal is finished at the next start', async () => {
    const cluster = await started();
    const [first] = await cluster.found(1);
    const machine = cluster.machine(1, 1);
    machine.destroy = () => new Promise<void>(() => {});
    void cluster.host(1).destroyReplica({set: SET, replica: first!});
    await cluster.clock.advance(100);
    cluster.crash(1);
    expect(cluster.node(1).kept.size).toBe(1);
    await cluster.start(1);
    expect(cluster.node(1).kept.size).toBe(0);
    expect(cluster.status(1, 1)).toBeUndefined();
  });
});

test('an answer to a read of the process before answers no read of this one', async () => {
  const cluster = await started();
  await cluster.found(1);
  await cluster.write(1, 'a');
  const follower = cluster.leader(1) === 1 ? 2 : 1;
  const sent: Parameters<typeof cluster.network.deliver>[0][] = [];
  cluster.network.tap = (frame) => sent.push(frame);
  const read = () =>
    cluster.host(follower).readIndex(SET, {deadlineMs: cluster.clock.monotonicMs() + 5_000});
  const readMany = () => Promise.all(Array.from({length: 50}, read));
  await cluster.clock.resolve(readMany());
  cluster.network.tap = undefined;
  await cluster.write(1, 'b');
  cluster.crash(follower);
  await cluster.start(follower);
  await cluster.clock.until(() => cluster.status(follower, 1)!.leader !== undefined);
  const {commitIndex} = cluster.status(cluster.leader(1), 1)!;
  const reads = readMany();
  for (const frame of sent) if (frame.to === follower) cluster.network.deliver(frame);
  expect(Math.min(...(await cluster.clock.resolve(reads)))).toBe(commitIndex);
});

test('a leader that stops is replaced although its node lives and its followers sleep', async () => {
  const cluster = await started();
  await cluster.found(1);
  await cluster.write(1, 'a');
  const leader = cluster.leader(1);
  await cluster.clock.advance(5_000);
  cluster.machine(leader, 1).apply = () => {
    throw new Error('broken here');
  };
  const deadlineMs = cluster.clock.monotonicMs() + 5_000;
  const lost = cluster.host(leader).propose(SET, bytes('b'), {deadlineMs});
  expect(await code(cluster.clock.resolve(lost))).toBe('OUTCOME_UNKNOWN');
  const beforeMs = cluster.clock.monotonicMs();
  await cluster.electAll([1]);
  expect(cluster.clock.monotonicMs() - beforeMs).toBeLessThan(2_500);
});

test('a read waits until its index is applied where it was asked', async () => {
  const cluster = await started();
  await cluster.found(1);
  await cluster.write(1, 'a');
  const follower = cluster.leader(1) === 1 ? 2 : 1;
  cluster.machine(follower, 1).isReady = false;
  await cluster.write(1, 'b');
  const deadlineMs = cluster.clock.monotonicMs() + 5_000;
  let seen: string[] | undefined;
  const read = cluster
    .host(follower)
    .readIndex(SET, {deadlineMs})
    .then(() => {
      seen = [...cluster.values(follower, 1)];
    });
  await cluster.clock.advance(1_000);
  expect(seen).toBeUndefined();
  cluster.machine(follower, 1).isReady = true;
  await cluster.clock.resolve(read);
  expect(seen).toEqual(['a', 'b']);
});

test('nobody falls asleep under a leader whose node is suspect', async () => {
  const cluster = await started();
  await cluster.found(1);
  await cluster.write(1, 'a');
  const leader = cluster.leader(1);
  const follower = leader === 1 ? 2 : 1;
  await cluster.clock.advance(3_000);
  expect(cluster.status(follower, 1)!.isAsleep).toBe(true);
  const {id, bootEpoch} = cluster.node(leader);
  cluster.host(follower).nodeChanged(id, {state: 'suspect', bootEpoch});
  await cluster.clock.advance(3_000);
  // Its leader lives after all, and says so: that alone is no reason to rely on it.
  expect(cluster.status(follower, 1)).toMatchObject({leader: {node: leader}, isAsleep: false});
});

test('a loop that stood still for a minute deposes nobody', async () => {
  const cluster = await started();
  await cluster.found(1);
  await cluster.write(1, 'a');
  const {term} = cluster.status(1, 1)!;
  cluster.clock.stall(60_000);
  await cluster.clock.advance(500);
  expect(cluster.leader(1)).not.toBe(0);
  expect(cluster.status(1, 1)!.term).toBe(term);
});

describe('fifty sets', () => {
  const sets = Array.from({length: 50}, (_, i) => i + 1);

  test('elect, sleep, send nothing, and wake for a write and for a dead node', async () => {
    const cluster = await started();
    for (const set of sets) await cluster.found(set);
    await cluster.electAll(sets);
    // Long enough for each replica to have asked once how fresh it is.
    await cluster.clock.advance(10_000);
    const before = cluster.network.counts.frames;
    await cluster.clock.advance(4_000);
    // At most the digest that each node sends to each other every ten seconds.
    expect(cluster.network.counts.frames - before).toBeLessThanOrEqual(6);
    expect([...cluster.host(1).statuses()].every((status) => status.isAsleep)).toBe(true);
    await cluster.write(7, 'awake');
    expect(await cluster.agree(7, [1, 2, 3], 1)).toBe(true);
    const beforeMs = cluster.clock.monotonicMs();
    cluster.crash(1);
    await cluster.electAll(sets);
    expect(cluster.clock.monotonicMs() - beforeMs).toBeLessThan(500);
    for (const set of sets) await cluster.write(set, 'after');
    await cluster.start(1);
    for (const set of sets) expect(await cluster.agree(set, [1, 2, 3])).toBe(true);
  });

  test('all at once: one record and few frames serve all sets', async () => {
    const cluster = await started({syncMs: 4});
    for (const set of sets) await cluster.found(set);
    await cluster.electAll(sets);
    const leader = cluster.leader(1);
    const led = sets.filter((set) => cluster.leader(set) === leader);
    await cluster.clock.advance(3_000);
    const {disk} = cluster.node(leader);
    const before = {sync: disk.counts.sync, frames: cluster.network.counts.frames};
    const deadlineMs = cluster.clock.monotonicMs() + 5_000;
    const proposals = led.map((set) =>
      cluster.host(leader).propose(set as ReplicaSetId, bytes('x'), {deadlineMs}),
    );
    await cluster.clock.resolve(Promise.all(proposals));
    expect(disk.counts.sync - before.sync).toBeLessThanOrEqual(3);
    expect(cluster.network.counts.frames - before.frames).toBeLessThan(20);
  });

  test('survives crashes of everyone at any time with all that was acknowledged', async () => {
    const cluster = await started({seed: 5});
    const some = sets.slice(0, 8);
    for (const set of some) await cluster.found(set);
    const acknowledged = new Map<number, string[]>(some.map((set) => [set, []]));
    for (let round = 0; round < 12; round++) {
      const victim = 1 + cluster.random.below(3);
      for (const set of some) {
        await cluster.write(set, `round ${round}`, 20_000);
        acknowledged.get(set)!.push(`round ${round}`);
      }
      for (const set of some) {
        const leader = cluster.leader(set);
        if (leader === 0) continue;
        const deadlineMs = cluster.clock.monotonicMs() + 50;
        const value = `unknown ${round}`;
        const proposal = cluster
          .host(leader)
          .propose(set as ReplicaSetId, bytes(value), {deadlineMs});
        void code(proposal);
      }
      await cluster.clock.advance(cluster.random.below(4));
      cluster.crash(victim);
      await cluster.clock.advance(cluster.random.below(400));
      await cluster.start(victim);
    }
    for (const set of some) {
      expect(await cluster.agree(set, [1, 2, 3], undefined, 30_000)).toBe(true);
      const values = cluster.values(1, set).filter((value) => value.startsWith('round'));
      expect(values).toEqual(acknowledged.get(set));
    }
  });
});

describe('reads', () => {
  test('a read at any replica covers every write acknowledged before it', async () => {
    const cluster = await started();
    await cluster.found(1);
    for (let i = 0; i < 10; i++) {
      await cluster.write(1, `v${i}`);
      const node = 1 + (i % 3);
      const deadlineMs = cluster.clock.monotonicMs() + 3_000;
      await cluster.clock.resolve(cluster.host(node).readIndex(SET, {deadlineMs}));
      expect(cluster.values(node, 1)).toContain(`v${i}`);
    }
  });

  test('a deposed leader answers no read and no write', async () => {
    const cluster = await started();
    await cluster.found(1);
    await cluster.write(1, 'a');
    const old = cluster.leader(1);
    cluster.network.isolate(cluster.node(old).id);
    const deadlineMs = cluster.clock.monotonicMs() + 10_000;
    const read = code(cluster.host(old).readIndex(SET, {deadlineMs}));
    const write = code(cluster.host(old).propose(SET, bytes('lost?'), {deadlineMs}));
    for (const node of cluster.nodes)
      if (node.id !== old)
        node.host!.nodeChanged(cluster.node(old).id, {state: 'suspect', bootEpoch: 1});
    await cluster.clock.until(() => cluster.leader(1) !== old && cluster.leader(1) !== 0);
    await cluster.write(1, 'b');
    expect(await cluster.clock.resolve(read, 20_000)).toMatch(/NO_LEADER|NOT_LEADER/);
    expect(await cluster.clock.resolve(write, 20_000)).toMatch(/NOT_LEADER|OUTCOME_UNKNOWN/);
    cluster.network.heal();
    for (const node of cluster.nodes)
      if (node.id !== old)
        node.host!.nodeChanged(cluster.node(old).id, {state: 'alive', bootEpoch: 1});
    expect(await cluster.agree(1, [1, 2, 3])).toBe(true);
    expect(cluster.values(old, 1).filter((value) => value === 'b')).toHaveLength(1);
  });
});

describe('faults', () => {
  test('a state machine that throws stops its replica alone', async () => {
    const cluster = await started();
    await cluster.found(1);
    await cluster.found(2);
    await cluster.write(1, 'a');
    const stops: unknown[] = [];
    cluster.host(1).onStopped((stop) => stops.push(stop));
    const leader = cluster.leader(1);
    const deadlineMs = cluster.clock.monotonicMs() + 1_000;
    const poison = cluster.host(leader).propose(SET, bytes('poison'), {deadlineMs});
    expect(await code(cluster.clock.resolve(poison))).toBe('OUTCOME_UNKNOWN');
    await cluster.clock.advance(500);
    expect(stops).toMatchObject([
      {set: 1, isStore: false, reason: expect.stringContaining('poisoned')},
    ]);
    expect(cluster.status(1, 1)!.stopped).toContain('poisoned');
    await cluster.write(2, 'fine');
    const after = cluster.host(1).propose(SET, bytes('x'), {deadlineMs: Infinity});
    expect(await code(after)).toBe('REPLICA_STOPPED');
  });

  test('a failed sync stops the store, loses nothing and is never retried', async () => {
    const cluster = await started();
    await cluster.found(1);
    await cluster.write(1, 'a');
    const leader = cluster.leader(1);
    const {disk} = cluster.node(leader);
    const stops: {isStore: boolean}[] = [];
    cluster.host(leader).onStopped((stop) => stops.push(stop));
    disk.fail({operation: 'sync', path: 'segment'});
    const deadlineMs = cluster.clock.monotonicMs() + 1_000;
    const doomed = cluster.host(leader).propose(SET, bytes('b'), {deadlineMs});
    expect(await code(cluster.clock.resolve(doomed))).toMatch(/OUTCOME_UNKNOWN|REPLICA_STOPPED|ok/);
    expect(stops.some((stop) => stop.isStore)).toBe(true);
    const syncs = disk.counts.sync;
    await cluster.clock.advance(1_000);
    expect(disk.counts.sync).toBe(syncs);
    cluster.crash(leader);
    await cluster.electAll([1]);
    await cluster.write(1, 'c');
    await cluster.start(leader);
    expect(await cluster.agree(1, [1, 2, 3])).toBe(true);
    expect(cluster.values(1, 1)).toContain('a');
  });

  test('overload is refused before anything is proposed', async () => {
    const cluster = await started();
    await cluster.found(1);
    await cluster.write(1, 'a');
    const host = cluster.host(cluster.leader(1));
    const large = new Uint8Array(8 * 1024 * 1024);
    const deadlineMs = cluster.clock.monotonicMs() + 30_000;
    const all = Array.from({length: 12}, () => code(host.propose(SET, large, {deadlineMs})));
    const codes = await cluster.clock.resolve(Promise.all(all), 60_000);
    expect(codes.filter((one) => one === 'OVERLOADED').length).toBeGreaterThan(2);
    expect(codes.filter((one) => one === 'ok').length).toBeGreaterThan(4);
  });

  test('proposals_in_flight_bytes_max: one group has half of it, all groups together the whole', async () => {
    const cluster = await started({nodes: 1});
    const sets = [1, 2, 3];
    for (const set of sets) await cluster.found(set, [1]);
    for (const set of sets) await cluster.write(set, 'a');
    const host = cluster.host(1);
    const max = LIMITS.proposals_in_flight_bytes_max.value;
    const large = new Uint8Array(max / 16 - 1_024);
    const deadlineMs = cluster.clock.monotonicMs() + 30_000;
    const propose = (set: number, count: number) =>
      Array.from({length: count}, () =>
        errorOf(host.propose(set as ReplicaSetId, large, {deadlineMs})),
      );
    // Nothing of it is written before time passes.
    const proposed = [propose(1, 9), propose(2, 9), propose(3, 1)].map((all) => Promise.all(all));
    const outcomes = await cluster.clock.resolve(Promise.all(proposed), 60_000);
    const refusals = outcomes.map((all) => all.filter((error) => error !== undefined));
    expect(refusals.map(({length}) => length)).toEqual([1, 1, 1]);
    for (const refusal of refusals.flat())
      expect(refusal).toMatchObject({
        code: 'OVERLOADED',
        details: {limit: 'proposals_in_flight_bytes_max'},
      });
    await cluster.write(3, 'room again');
  });

  test('raft_uncommitted_bytes_max: without a majority the tail ends there', async () => {
    const limits = {groupProposalsBytesMax: LIMITS.proposals_in_flight_bytes_max.value};
    const cluster = await started({limits});
    await cluster.found(1);
    await cluster.write(1, 'a');
    const leader = cluster.leader(1);
    for (const node of [1, 2, 3]) if (node !== leader) cluster.crash(node);
    const large = new Uint8Array(LIMITS.raft_uncommitted_bytes_max.value / 8 - 1_024);
    const propose = (payload: Uint8Array) => {
      const deadlineMs = cluster.clock.monotonicMs() + 20;
      return errorOf(cluster.host(leader).propose(SET, payload, {deadlineMs}));
    };
    for (let i = 0; i < 8; i++)
      expect(await cluster.clock.resolve(propose(large))).toMatchObject({code: 'OUTCOME_UNKNOWN'});
    expect(cluster.status(leader, 1)?.lastIndex).toBeGreaterThan(8);
    expect(await cluster.clock.resolve(propose(new Uint8Array(8_192)))).toMatchObject({
      code: 'OVERLOADED',
      details: {limit: 'raft_uncommitted_bytes_max'},
    });
  });

  test('what cannot be applied is refused before it is proposed', async () => {
    const cluster = await started({nodes: 1});
    await cluster.found(1, [1]);
    await cluster.write(1, 'a');
    const deadlineMs = cluster.clock.monotonicMs() + 1_000;
    cluster.machine(1, 1).isReady = false;
    const refused = cluster.host(1).propose(SET, bytes('b'), {deadlineMs});
    expect(await errorOf(refused)).toMatchObject({code: 'OVERLOADED'});
    cluster.machine(1, 1).isReady = true;
    await cluster.write(1, 'c');
  });

  test('a replica that takes no more still applies what was proposed, and is not wedged', async () => {
    const cluster = await started({nodes: 1});
    await cluster.found(1, [1]);
    await cluster.write(1, 'a');
    const deadlineMs = cluster.clock.monotonicMs() + 1_000;
    const taken = cluster.host(1).propose(SET, bytes('b'), {deadlineMs});
    cluster.machine(1, 1).isTaking = false;
    const refused = cluster.host(1).propose(SET, bytes('c'), {deadlineMs});
    expect(await errorOf(refused)).toMatchObject({code: 'OVERLOADED'});
    await cluster.clock.resolve(taken);
    expect(cluster.machine(1, 1).values).toEqual(['a', 'b']);
    await cluster.clock.advance(6_000);
    expect(cluster.status(1, 1)!.isWedged).toBe(false);
  });

  test('a majority that is lost ends every proposal in time, as unknown', async () => {
    const cluster = await started();
    await cluster.found(1);
    await cluster.write(1, 'a');
    const leader = cluster.leader(1);
    for (const node of [1, 2, 3]) if (node !== leader) cluster.crash(node);
    const deadlineMs = cluster.clock.monotonicMs() + 400;
    const outcome = code(cluster.host(leader).propose(SET, bytes('b'), {deadlineMs}));
    expect(await cluster.clock.resolve(outcome, 1_000)).toBe('OUTCOME_UNKNOWN');
  });
});

describe('operator orders', () => {
  test('leadership moves on order, on a clean stop, and not by itself under manual failover', async () => {
    const cluster = await started();
    await cluster.found(1);
    await cluster.write(1, 'a');
    const leader = cluster.leader(1);
    const other = leader === 3 ? 1 : 3;
    const to = cluster.status(other, 1)!.replica;
    const deadlineMs = cluster.clock.monotonicMs() + 3_000;
    await cluster.clock.resolve(cluster.host(leader).transferLeader(SET, to, {deadlineMs}));
    await cluster.clock.until(() => cluster.leader(1) === other);
    await cluster.stop(other);
    expect(cluster.leader(1)).not.toBe(0);
    await cluster.write(1, 'b');
    await cluster.start(other);
    expect(await cluster.agree(1, [1, 2, 3], 2)).toBe(true);
    for (const node of cluster.nodes)
      await cluster.clock.resolve(node.host!.setFailover(SET, 'manual'));
    const last = cluster.leader(1);
    cluster.crash(last);
    await cluster.clock.advance(5_000);
    expect(cluster.leader(1)).toBe(0);
    const survivor = last === 1 ? 2 : 1;
    cluster.host(survivor).campaign(SET);
    await cluster.electAll([1]);
    await cluster.start(last);
    expect(cluster.status(last, 1)!.failover).toBe('manual');
  });
});

describe('a clean stop', () => {
  // Around the moments when a leader begins to count anew who answers, and falls asleep.
  test('hands over a sleeping group too, whenever it comes', async () => {
    for (let restMs = 0; restMs < 1_500; restMs += 50) {
      const cluster = await started();
      await cluster.found(1);
      await cluster.electAll([1]);
      await cluster.clock.advance(restMs);
      const leader = cluster.leader(1);
      const {term} = cluster.status(leader, 1)!;
      await cluster.stop(leader);
      const [led, there] = [cluster.leader(1), cluster.nodes.find(({host}) => host !== undefined)!];
      expect([restMs, led === 0, cluster.status(there.id, 1)!.term]).toEqual([
        restMs,
        false,
        term + 1,
      ]);
    }
  });
});

describe('stalls', () => {
  test('a leader whose disk stands still gives its leadership away', async () => {
    const cluster = await started();
    await cluster.found(1);
    await cluster.write(1, 'a');
    const leader = cluster.leader(1);
    cluster.slow(leader, 5_000);
    const deadlineMs = cluster.clock.monotonicMs() + 4_000;
    const proposal = code(cluster.host(leader).propose(SET, bytes('b'), {deadlineMs}));
    const moved = () => cluster.leader(1) !== 0 && cluster.leader(1) !== leader;
    expect(await cluster.clock.until(moved, 2_000)).toBe(true);
    await cluster.write(1, 'c');
    await cluster.clock.resolve(proposal, 10_000);
  });

  test('a loop that was late does not take its delay for one of its disk', async () => {
    const cluster = await started();
    await cluster.found(1);
    await cluster.write(1, 'a');
    const leader = cluster.leader(1);
    const {term} = cluster.status(leader, 1)!;
    cluster.slow(leader, 120);
    const deadlineMs = cluster.clock.monotonicMs() + 4_000;
    const proposal = cluster.host(leader).propose(SET, bytes('b'), {deadlineMs});
    await cluster.clock.advance(60);
    cluster.clock.stall(700);
    await cluster.clock.resolve(proposal);
    await cluster.clock.advance(1_000);
    expect([cluster.leader(1), cluster.status(leader, 1)!.term]).toEqual([leader, term]);
  });

  test('a follower that was late reads what its leader sent before it stands', async () => {
    const cluster = await started({latencyMs: 30});
    await cluster.found(1);
    await cluster.write(1, 'a');
    const leader = cluster.leader(1);
    const followers = [1, 2, 3].filter((id) => id !== leader);
    const begun = () =>
      followers.reduce((sum, id) => sum + cluster.host(id).metrics().electionsStarted, 0);
    const before = begun();
    const onTheWay = new Set<number>();
    cluster.network.tap = ({from, to}) => from === leader && onTheWay.add(to);
    expect(await cluster.clock.until(() => onTheWay.size === 2, 1_000)).toBe(true);
    const {id, bootEpoch} = cluster.node(leader);
    for (const follower of followers)
      for (const stalledThreads of [[0], []])
        cluster.host(follower).nodeChanged(id, {state: 'alive', bootEpoch, stalledThreads});
    cluster.clock.stall(400);
    await cluster.clock.advance(1_000);
    expect([cluster.leader(1), begun()]).toEqual([leader, before]);
  });

  test('a slow disk hands nothing to a replica whose own thread or disk stands still', async () => {
    const cluster = await started();
    await cluster.found(1);
    await cluster.write(1, 'a');
    const leader = cluster.leader(1);
    const [one, other] = [1, 2, 3].filter((id) => id !== leader);
    for (const late of [one!, other!]) {
      const state = {state: 'alive' as const, bootEpoch: 1, stalledThreads: [0]};
      cluster.host(leader).nodeChanged(cluster.node(late).id, state);
    }
    cluster.slow(leader, 5_000);
    const deadlineMs = cluster.clock.monotonicMs() + 4_000;
    const proposal = code(cluster.host(leader).propose(SET, bytes('b'), {deadlineMs}));
    await cluster.clock.advance(1_500);
    expect(cluster.leader(1)).toBe(leader);
    // One of them is well again.
    const well = {state: 'alive' as const, bootEpoch: 1, stalledThreads: []};
    cluster.host(leader).nodeChanged(cluster.node(one!).id, well);
    expect(await cluster.clock.until(() => cluster.leader(1) === one, 1_000)).toBe(true);
    await cluster.clock.resolve(proposal, 10_000);
  });

  test('what a stalled thread leads is led by another', async () => {
    const cluster = await started();
    await cluster.found(1);
    await cluster.write(1, 'a');
    const leader = cluster.leader(1);
    await cluster.clock.advance(3_000);
    cluster.network.isolate(cluster.node(leader).id);
    for (const node of cluster.nodes) {
      if (node.id === leader) continue;
      const state = {state: 'alive' as const, bootEpoch: 1, stalledThreads: [0]};
      node.host!.nodeChanged(cluster.node(leader).id, state);
    }
    const moved = () =>
      [1, 2, 3].some((id) => id !== leader && cluster.status(id, 1)!.role === 'leader');
    expect(await cluster.clock.until(moved, 300)).toBe(true);
  });
});
