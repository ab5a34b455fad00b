// Single decisions that a law hangs on, each by hand: the simulation meets most of them too rarely to
// rely on. What happens before is made up as directly as it can be.

import {SeededRandom} from '@flotilla/base';
import {expect, test} from 'vitest';
import {EMPTY_CONFIGURATION} from './configuration.ts';
import type {Entry} from './entry.ts';
import {type LabNodesOptions, RaftLab} from './lab/index.ts';
import type {Append, Message, SnapshotMessage} from './message.ts';
import {bootstrapState, type GroupOptions} from './options.ts';
import type {Output} from './output.ts';
import {RaftGroup} from './raft-group.ts';

/** Its log begins at index 5, term 5. */
function group(over: Partial<GroupOptions> = {}, voters = [1, 2, 3]): RaftGroup {
  return new RaftGroup({
    id: 1,
    random: new SeededRandom(1),
    timing: {electionTicks: 10, heartbeatTicks: 1},
    limits: {
      messageBytesMax: 1_000,
      inflightMessagesMax: 4,
      inflightBytesMax: 1_000,
      uncommittedBytesMax: 1_000,
      appliedBytesPerOutput: 1_000,
    },
    preVote: true,
    checkQuorum: true,
    ...bootstrapState({...EMPTY_CONFIGURATION, voters}),
    ...over,
  });
}

function receive(to: RaftGroup, message: Message): void {
  to.step({type: 'message', message});
}

function append(from: number, term: number, over: Partial<Append> = {}): Append {
  const envelope = {type: 'append', from, to: 1, term, session: 1} as const;
  return {...envelope, prevIndex: 5, prevTerm: 5, entries: [], commitIndex: 5, ...over};
}

function entries(term: number, ...indexes: number[]): Entry[] {
  return indexes.map((index) => ({term, index, type: 'normal', payload: new Uint8Array(1)}));
}

function snapshotAt(index: number, term: number): SnapshotMessage {
  const configuration = {...EMPTY_CONFIGURATION, voters: [1, 2, 3]};
  const snapshot = {index, term, configuration, configIndex: 5};
  return {type: 'snapshot', from: 2, to: 1, term, session: 1, snapshot};
}

/** Takes the output; what it writes is durable, what it applies is applied. */
function carryOut(of: RaftGroup): Output {
  const output = of.take();
  if (output.write !== undefined) of.step({type: 'persisted', seq: output.write.seq});
  if (output.apply !== undefined) of.step({type: 'applied', index: output.apply.hi});
  return output;
}

function ledLab(options: LabNodesOptions = {}, count = 3): RaftLab {
  const lab = new RaftLab();
  const voters = Array.from({length: count}, (_, at) => at + 1);
  lab.addNodes(count, {voters, index: 5, term: 5, checkQuorum: true, ...options});
  for (const id of voters) lab.tick(id, options.leaseReads === true ? 10 : 0);
  lab.campaign(1);
  lab.stabilize();
  expect(lab.status(1).role).toBe('leader');
  for (const id of voters) lab.takeEvents(id);
  return lab;
}

/** Replica 1 proposes and these alone hear of it, store it and answer. */
function replicateTo(lab: RaftLab, ids: readonly number[]): void {
  lab.process(1);
  lab.persist(1);
  for (const id of ids) {
    lab.deliver({from: 1, to: id});
    lab.process(id);
    lab.persist(id);
    lab.deliver({from: id, to: 1});
  }
  lab.deliver({drop: true});
}

test('a vote in a term that is already durable is written before it is told', () => {
  const voter = group();
  receive(voter, {type: 'voteReply', from: 3, to: 1, term: 6, granted: false});
  carryOut(voter);
  expect(voter.status()).toMatchObject({term: 6, vote: 0});
  const log = {lastIndex: 5, lastTerm: 5, transfer: false};
  receive(voter, {type: 'vote', from: 2, to: 1, term: 6, ...log});
  const {send, write, afterWrite} = voter.take();
  expect(write).toMatchObject({term: 6, vote: 2});
  expect(send).toEqual([]);
  expect(afterWrite).toMatchObject([{seq: write!.seq, messages: [{granted: true}]}]);
});

test('the own vote counts with its own write, not with an earlier one', () => {
  const voter = group({preVote: false}, [1]);
  receive(voter, append(2, 6, {entries: entries(6, 6)}));
  const first = voter.take().write!;
  voter.step({type: 'campaign'});
  const second = voter.take().write!;
  voter.step({type: 'persisted', seq: first.seq});
  expect(voter.status().role).toBe('candidate');
  voter.step({type: 'persisted', seq: second.seq});
  expect(voter.status().role).toBe('leader');
});

test('an append that came twice is not acknowledged before its entries are durable', () => {
  const follower = group();
  const message = append(2, 6, {entries: entries(6, 6)});
  receive(follower, message);
  const {write} = follower.take();
  receive(follower, message);
  const again = follower.take();
  expect(again.write).toBeUndefined();
  expect(again.send).toEqual([]);
  expect(again.afterWrite).toMatchObject([{seq: write!.seq, messages: [{index: 6}]}]);
});

test('an append of an old term changes nothing, even while no leader is known', () => {
  const follower = group();
  receive(follower, append(3, 6, {entries: entries(6, 6)}));
  receive(follower, {type: 'voteReply', from: 3, to: 1, term: 7, granted: false});
  carryOut(follower);
  expect(follower.status()).toMatchObject({term: 7, leader: 0});
  receive(follower, append(2, 5, {entries: entries(5, 6, 7)}));
  expect(follower.status()).toMatchObject({leader: 0, lastIndex: 6, lastTerm: 6});
  const {send} = follower.take();
  expect(send).toMatchObject([{type: 'appendReply', to: 2, term: 7, rejected: true}]);
});

test('a commit index is taken only as far as the append was verified', () => {
  const follower = group();
  receive(follower, append(2, 6, {entries: entries(6, 6, 7)}));
  receive(follower, append(3, 7, {prevIndex: 6, prevTerm: 6, commitIndex: 9}));
  // What is at 7 may be another leader's.
  expect(follower.status()).toMatchObject({lastIndex: 7, commitIndex: 6});
});

test('who is about to become a snapshot does not stand', () => {
  const follower = group();
  receive(follower, snapshotAt(20, 6));
  carryOut(follower);
  for (let tick = 0; tick < 100; tick++) follower.step({type: 'tick'});
  expect(follower.status()).toMatchObject({role: 'follower', pendingSnapshotIndex: 20});
  follower.step({type: 'snapshotInstalled', index: 20});
  for (let tick = 0; tick < 20; tick++) follower.step({type: 'tick'});
  expect(follower.status().role).toBe('preCandidate');
});

test('a voter learns from the request what is committed, also without pre-votes', () => {
  const voter = group();
  receive(voter, append(2, 6, {entries: entries(6, 6, 7)}));
  const ask = {type: 'vote', from: 3, to: 1, term: 7, transfer: true} as const;
  receive(voter, {...ask, lastIndex: 6, lastTerm: 6, commitIndex: 6, commitTerm: 6});
  expect(voter.status()).toMatchObject({commitIndex: 6, vote: 0});
});

test('heartbeats keep a follower from standing', () => {
  const follower = group();
  for (let tick = 1; tick <= 200; tick++) {
    const heartbeat = {from: 2, to: 1, term: 6, session: 1, commitIndex: 5, round: tick} as const;
    if (tick % 5 === 0) receive(follower, {type: 'heartbeat', ...heartbeat});
    follower.step({type: 'tick'});
    expect(follower.status().role).toBe('follower');
  }
});

test('proposals that a snapshot jumps over are unknown, those behind it lost', () => {
  const lab = ledLab();
  const [first, second] = [lab.propose(1, 'a'), lab.propose(1, 'b')];
  lab.process(1);
  lab.persist(1);
  receive(lab.replica(1).group, snapshotAt(7, 7));
  const {dropped} = lab.replica(1).group.take();
  expect(dropped).toMatchObject([
    {proposalId: first, reason: 'unknown'},
    {proposalId: second, reason: 'lost'},
  ]);
});

test('a deposed leader drops its reads at once', () => {
  const lab = ledLab();
  const readId = lab.readIndex(1);
  lab.process(1);
  receive(lab.replica(1).group, append(2, 7));
  lab.process(1);
  expect(lab.takeEvents(1).dropped).toMatchObject([{kind: 'read', readId, leaderHint: 2}]);
});

test('a follower that hears of another leader drops what it had asked the old one', () => {
  const lab = ledLab();
  const readId = lab.readIndex(3);
  lab.process(3);
  receive(lab.replica(3).group, {...append(2, 7), to: 3});
  lab.process(3);
  expect(lab.takeEvents(3).dropped).toMatchObject([{kind: 'read', readId, leaderHint: 2}]);
});

test('a smaller quorum commits and confirms what the larger one was waiting for', () => {
  const lab = ledLab({}, 4);
  lab.proposeConfig(1, [{type: 'remove', id: 4}], 'simple');
  replicateTo(lab, [2, 3]);
  lab.process(1);
  expect(lab.status(1).commitIndex).toBe(7);
  lab.propose(1, 'waits');
  const readId = lab.readIndex(1);
  replicateTo(lab, [2]);
  // Two of four voters: not yet.
  expect(lab.status(1).commitIndex).toBe(7);
  expect(lab.takeEvents(1).reads).toEqual([]);
  lab.apply(1);
  lab.process(1);
  expect(lab.status(1).commitIndex).toBe(8);
  expect(lab.takeEvents(1).reads).toMatchObject([{readId}]);
});

test('a leader that removed itself leads, and proposes nothing, until the others know', () => {
  const lab = ledLab();
  lab.proposeConfig(1, [{type: 'remove', id: 1}], 'simple');
  replicateTo(lab, [2]);
  lab.process(1);
  lab.apply(1);
  lab.process(1);
  expect(lab.status(1).role).toBe('leader');
  const proposalId = lab.propose(1, 'late');
  lab.process(1);
  expect(lab.takeEvents(1).dropped).toMatchObject([{proposalId, reason: 'transferring'}]);
  lab.tick(1);
  lab.stabilize();
  expect(lab.status(1).role).toBe('follower');
  expect(lab.config(3).voters).toEqual([2, 3]);
});

test('a new member has its chance to speak before the quorum is checked', () => {
  const lab = ledLab({}, 1);
  lab.addNodes(2, {});
  lab.tick(1, 9);
  const changes = [2, 3].map((id) => ({type: 'voter', id}) as const);
  lab.proposeConfig(1, changes, 'joint-explicit');
  replicateTo(lab, []);
  lab.process(1);
  lab.apply(1);
  expect(lab.config(1).voters).toEqual([1, 2, 3]);
  lab.tick(1);
  expect(lab.status(1).role).toBe('leader');
  lab.tick(1, 10);
  expect(lab.status(1).role).toBe('follower');
});

test('a snapshot that the host never made is asked for again', () => {
  const lab = ledLab();
  lab.setReachable(1, 3, false);
  lab.propose(1, 'a', 'b');
  lab.stabilize([1, 2]);
  lab.compact(1, 9);
  lab.setReachable(1, 3, true);
  lab.process(1);
  lab.deliver({to: 3});
  lab.process(3);
  lab.persist(3);
  lab.deliver({to: 1});
  lab.process(1);
  expect(lab.replica(1).wanted.splice(0)).toEqual([{to: 3}]);
  for (let tick = 0; tick < 10; tick++) {
    lab.tick(1);
    lab.process(1);
    lab.deliver({from: 1, to: 2});
    lab.process(2);
    lab.deliver({from: 2, to: 1});
  }
  expect(lab.replica(1).wanted).toEqual([{to: 3}]);
});

/** Whether a read at replica 1 is answered without a round. */
function servesByLease(lab: RaftLab): boolean {
  lab.takeEvents(1);
  lab.readIndex(1);
  lab.process(1);
  return lab.takeEvents(1).reads.length > 0;
}

test('a lease runs from when its round was sent, not from when it was answered', () => {
  const lab = ledLab({leaseReads: true});
  lab.tick(1, 10);
  lab.stabilize();
  lab.tick(1);
  lab.process(1);
  lab.deliver({to: 2});
  lab.process(2);
  // Seven ticks are three quarters of the election timeout.
  lab.tick(1, 7);
  lab.deliver({from: 2, to: 1});
  expect(servesByLease(lab)).toBe(false);
});

test('no lease while the target of a transfer catches up', () => {
  const lab = ledLab({leaseReads: true});
  lab.tick(1);
  lab.stabilize();
  expect(servesByLease(lab)).toBe(true);
  lab.propose(1, 'a');
  lab.transfer(1, 2);
  lab.process(1);
  expect(lab.messages().some(({type}) => type === 'timeoutNow')).toBe(false);
  expect(servesByLease(lab)).toBe(false);
});

test('no lease in the term once a target was told to stand, even after the transfer was given up', () => {
  const lab = ledLab({leaseReads: true});
  lab.transfer(1, 2);
  lab.process(1);
  lab.deliver({type: 'timeoutNow', drop: true});
  for (let tick = 0; tick < 12; tick++) {
    lab.tick(1);
    lab.process(1);
    lab.deliver({type: 'timeoutNow', drop: true});
    lab.stabilize([1, 3]);
    lab.deliver({drop: true});
  }
  expect(lab.replica(1).group.status()).toMatchObject({role: 'leader', transferTo: 0});
  expect(servesByLease(lab)).toBe(false);
});
