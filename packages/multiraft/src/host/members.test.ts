// Members come, move and go: what a set is made of changes, and what was destroyed stays gone.

import {readItems} from '@flotilla/wire';
import {expect, test} from 'vitest';
import {code, SET, started} from './started.fixture.ts';

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
  const change = (changes: Parameters<typeof leader.proposeConfig>[1], mode: 'simple' | 'joint') =>
    cluster.clock.resolve(leader.proposeConfig(SET, changes, mode, {deadlineMs}));
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
