// What a lease rests on, by hand: the promise of those that answered, and a clock that leaves nothing
// out. Each test names the way by which a stale read would come.

import {expect, test} from 'vitest';
import {type LabNodesOptions, RaftLab} from './lab/index.ts';
import type {Message} from './message.ts';

/** 1 leads 2 and 3 in term 6 with a fresh lease, and nothing is on its way. */
function leasedLab(options: LabNodesOptions = {}): RaftLab {
  const lab = new RaftLab();
  const lease = {checkQuorum: true, leaseReads: true};
  lab.addNodes(3, {voters: [1, 2, 3], index: 5, term: 5, ...lease, ...options});
  for (const id of [1, 2, 3]) lab.tick(id, options.electionTicks ?? 10);
  lab.campaign(1);
  lab.stabilize();
  lab.tick(1);
  lab.stabilize();
  lab.takeEvents(1);
  return lab;
}

function servesByLease(lab: RaftLab): boolean {
  lab.takeEvents(1);
  lab.readIndex(1);
  lab.process(1);
  return lab.takeEvents(1).reads.length > 0;
}

function receive(lab: RaftLab, message: Message): void {
  lab.replica(message.to).receive(message);
}

/** 3 asks 2 for its vote in `term`, as a candidate whose log is as good as any. */
function voteFrom3(lab: RaftLab, term: number, transfer = false): boolean {
  receive(lab, {type: 'vote', from: 3, to: 2, term, lastIndex: 6, lastTerm: 6, transfer});
  lab.process(2);
  lab.persist(2);
  const replies = lab.deliver({from: 2, to: 3, drop: true});
  return replies.some((reply) => reply.type === 'voteReply' && reply.granted);
}

test('a lease ends by the clock, not by the ticks that a stall swallowed', () => {
  const lab = leasedLab();
  expect(servesByLease(lab)).toBe(true);
  lab.stall(1, 60);
  expect(servesByLease(lab)).toBe(false);
});

test('without a clock there is no lease, and reads go by rounds', () => {
  const lab = leasedLab();
  const {group} = lab.replica(1);
  group.step({type: 'readIndex', readId: 99});
  const {reads, send} = group.take();
  expect(reads).toEqual([]);
  expect(send.filter(({type}) => type === 'heartbeat').length).toBe(2);
});

test('the lease ends before the earliest moment at which a follower may forget its promise', () => {
  for (const electionTicks of [2, 3, 4, 5, 8, 10, 20]) {
    const lab = leasedLab({electionTicks, failover: 'manual'});
    expect(servesByLease(lab), `E=${electionTicks}`).toBe(true);
    lab.tick(1);
    lab.process(1);
    lab.deliver({type: 'heartbeat'});
    for (const id of [2, 3]) lab.process(id);
    lab.deliver({type: 'heartbeatReply'});
    lab.process(1);
    lab.deliver({drop: true});
    // The follower's next tick comes at once, so its timeout is over one tick early.
    lab.stall(1, electionTicks - 1);
    expect(servesByLease(lab), `E=${electionTicks}`).toBe(false);
  }
});

test('who answered the leader does not stand on order while its answer is worth a lease', () => {
  const lab = leasedLab();
  lab.campaign(2);
  expect(lab.status(2).role).toBe('follower');
  lab.tick(2, 10);
  lab.campaign(2);
  expect(lab.status(2).role).not.toBe('follower');
});

test('a higher term alone frees nobody from its promise', () => {
  const lab = leasedLab();
  // A late refusal of a pre-vote from another partition brings the term, and no leader.
  receive(lab, {type: 'preVoteReply', from: 3, to: 2, term: 9, granted: false});
  expect(lab.status(2)).toMatchObject({term: 9, leader: 0});
  expect(voteFrom3(lab, 9)).toBe(false);
  expect(voteFrom3(lab, 10)).toBe(false);
  expect(lab.status(2).term).toBe(9);
  expect(servesByLease(lab)).toBe(true);
  lab.tick(2, 10);
  expect(voteFrom3(lab, 11)).toBe(true);
});

test('a transfer frees the voters, as it ended the lease', () => {
  const lab = leasedLab();
  lab.transfer(1, 3);
  lab.process(1);
  expect(servesByLease(lab)).toBe(false);
  expect(voteFrom3(lab, 7, true)).toBe(true);
});

test('a restarted voter withholds its vote for one lease, from a transfer too', () => {
  const lab = leasedLab();
  lab.restart(2);
  expect(voteFrom3(lab, 7)).toBe(false);
  expect(voteFrom3(lab, 8, true)).toBe(false);
  lab.tick(2, 9);
  expect(voteFrom3(lab, 9, true)).toBe(false);
  lab.tick(2);
  expect(voteFrom3(lab, 10)).toBe(true);
});

test('a restarted target told to stand waits until its own promise is over', () => {
  const lab = leasedLab();
  lab.restart(2);
  lab.tick(1);
  lab.stabilize();
  lab.transfer(1, 2);
  lab.process(1);
  lab.deliver({type: 'timeoutNow'});
  expect(lab.status(2).role).toBe('follower');
});

test('with a dead target a read fails to go by lease, and the group serves again in time', () => {
  const lab = leasedLab();
  lab.transfer(1, 2);
  lab.process(1);
  lab.deliver({to: 2, drop: true});
  expect(servesByLease(lab)).toBe(false);
  for (let tick = 0; tick < 50; tick++) {
    for (const id of [1, 3]) lab.tick(id);
    lab.stabilize([1, 3]);
    lab.deliver({drop: true});
  }
  lab.takeEvents(1);
  lab.readIndex(1);
  lab.propose(1, 'again');
  lab.stabilize([1, 3]);
  const {reads, applied} = lab.takeEvents(1);
  expect([reads.length, applied.length]).toEqual([1, 1]);
});

test('a lease does not outlive a change of the members that gave it', () => {
  const lab = leasedLab({learners: [4]});
  lab.addNodes(1, {voters: [1, 2, 3], learners: [4], index: 5, term: 5});
  lab.tick(1);
  lab.stabilize();
  expect(servesByLease(lab)).toBe(true);
  lab.proposeConfig(1, [{type: 'voter', id: 4}], 'simple');
  while (lab.config(1).voters.length === 3) {
    for (const id of [1, 2, 3]) {
      lab.process(id);
      lab.persist(id);
      lab.apply(id);
    }
    lab.deliver();
  }
  lab.deliver({drop: true});
  expect(servesByLease(lab)).toBe(false);
  lab.deliver({drop: true});
  lab.tick(1);
  lab.stabilize();
  expect(servesByLease(lab)).toBe(true);
});
