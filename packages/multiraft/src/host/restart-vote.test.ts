// What outlives a process: the vote it gave, and which entry made its members.

import type {NodeId, ReplicaSetId} from '@flotilla/base';
import type {Message} from '@flotilla/raft';
import {
  ByteWriter,
  decodeMessage,
  encodeMessage,
  readItems,
  startGroupsFrame,
  writeItem,
} from '@flotilla/wire';
import {expect, test} from 'vitest';
import {TestCluster} from './cluster.fixture.ts';

test('a voter that restarts gives no second vote in the term', async () => {
  const cluster = new TestCluster();
  await cluster.startAll();
  const voters = await cluster.found(1);
  await cluster.write(1, 'a');
  const leader = cluster.leader(1);
  const voter = leader === 1 ? 2 : 1;
  const rival = 6 - leader - voter;
  const {term} = cluster.status(voter, 1)!;
  // Nobody leads it when it comes back, so that its vote alone can speak against another.
  cluster.network.cut(leader as NodeId, voter as NodeId);
  cluster.crash(voter);
  await cluster.start(voter);
  const replies: Message[] = [];
  cluster.network.tap = ({from, frame}) => {
    if (from !== voter) return;
    for (const item of readItems(frame)) {
      const message = item.kind === 'message' ? decodeMessage(item.payload) : undefined;
      if (message?.type === 'voteReply') replies.push(message);
    }
  };
  const writer = new ByteWriter(256);
  startGroupsFrame(writer, 0);
  const asked = {from: voters[rival - 1]!, to: voters[voter - 1]!, term};
  const vote: Message = {type: 'vote', ...asked, lastIndex: 1_000, lastTerm: term, transfer: true};
  writeItem(writer, {kind: 'message', set: 1, payload: encodeMessage(vote)});
  cluster.host(voter).receive(rival as NodeId, 'control', writer.finish());
  await cluster.clock.advance(50);
  expect(replies).toMatchObject([{to: asked.from, term, granted: false}]);
});

test('a replica that restarts knows which entry made its members', async () => {
  const cluster = new TestCluster();
  await cluster.startAll();
  await cluster.found(1);
  for (const value of ['a', 'b', 'c']) await cluster.write(1, value);
  const restarted = cluster.leader(1) === 1 ? 2 : 1;
  await cluster.agree(1, [1, 2, 3], 3);
  await cluster.machine(restarted, 1).flush();
  const {configIndex} = cluster.status(restarted, 1)!;
  cluster.crash(restarted);
  await cluster.start(restarted);
  expect(cluster.status(restarted, 1)!.appliedIndex).toBeGreaterThan(configIndex);
  expect(cluster.status(restarted, 1)!.configIndex).toBe(configIndex);
});

test('voters that lose power do not ask the one for its vote that a change removed and that is gone', async () => {
  const cluster = new TestCluster();
  await cluster.startAll();
  const [first, second] = await cluster.found(1, [1, 2]);
  const set = 1 as ReplicaSetId;
  await cluster.write(1, 'a');
  const third = cluster.place(3);
  await cluster.clock.resolve(cluster.host(3).createReplica({set, replica: third}));
  const deadlineMs = cluster.clock.monotonicMs() + 10_000;
  if (cluster.leader(1) === 1) {
    await cluster.clock.resolve(cluster.host(1).transferLeader(set, second!, {deadlineMs}));
    await cluster.write(1, 'its own');
  }
  const leader = cluster.host(2);
  const learner = leader.proposeConfig(set, [{type: 'learner', id: third}], 'simple', {deadlineMs});
  await cluster.clock.resolve(learner);
  const changes = [
    {type: 'voter', id: third},
    {type: 'remove', id: first!},
  ] as const;
  await cluster.clock.resolve(leader.proposeConfig(set, changes, 'joint', {deadlineMs}));
  const members = (node: number) => cluster.status(node, 1)!.configuration;
  const isLeft = (node: number) =>
    members(node).voters.includes(third) && members(node).votersOutgoing.length === 0;
  expect(await cluster.clock.until(() => isLeft(2) && isLeft(3))).toBe(true);
  await cluster.clock.advance(10);
  await cluster.clock.resolve(cluster.host(1).destroyReplica({set, replica: first!}));
  for (const node of [2, 3]) cluster.crash(node);
  for (const node of [2, 3]) await cluster.start(node);
  await cluster.electAll([1]);
  expect(isLeft(cluster.leader(1))).toBe(true);
});
