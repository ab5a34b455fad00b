// What scenarios do not reach: input of any shape, payloads that left memory, leases, deadlines.

import {BugError, SeededRandom} from '@flotilla/base';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {EMPTY_CONFIGURATION} from './configuration.ts';
import type {Entry} from './entry.ts';
import {RaftLab} from './lab/index.ts';
import type {Message} from './message.ts';
import {bootstrapState, type GroupOptions} from './options.ts';
import {RaftGroup} from './raft-group.ts';

const VOTERS = {...EMPTY_CONFIGURATION, voters: [1, 2, 3]};

function groupOptions(over: Partial<GroupOptions> = {}): GroupOptions {
  return {
    id: 1,
    random: new SeededRandom(1),
    timing: {electionTicks: 10, heartbeatTicks: 1},
    limits: {
      messageBytesMax: 100,
      inflightMessagesMax: 4,
      inflightBytesMax: 1_000,
      uncommittedBytesMax: 1_000,
      appliedBytesPerOutput: 100,
    },
    preVote: true,
    checkQuorum: true,
    ...bootstrapState(VOTERS),
    ...over,
  };
}

function labOfThree(
  options: {leaseReads?: boolean; commitWaits?: boolean; heartbeatTicks?: number} = {},
): RaftLab {
  const lab = new RaftLab();
  lab.addNodes(3, {voters: [1, 2, 3], index: 5, term: 5, checkQuorum: true, ...options});
  // Under lease reads nobody votes in the first election timeout of its life.
  for (const id of [1, 2, 3]) lab.tick(id, options.leaseReads === true ? 10 : 0);
  lab.campaign(1);
  lab.stabilize();
  expect(lab.status(1).role).toBe('leader');
  for (const id of [1, 2, 3]) lab.takeEvents(id);
  return lab;
}

const number = fc.oneof(
  fc.integer({min: -1, max: 12}),
  fc.constantFrom(0.5, Number.NaN, Number.MAX_SAFE_INTEGER, Number.POSITIVE_INFINITY),
);
const entry = fc.record({
  term: number,
  index: number,
  type: fc.constantFrom('normal', 'noop'),
  payload: fc.constant(new Uint8Array(1)),
});
const anyMessage = fc.record({
  type: fc.constantFrom(
    'append',
    'appendReply',
    'vote',
    'voteReply',
    'preVote',
    'preVoteReply',
    'heartbeat',
    'heartbeatReply',
    'snapshot',
    'timeoutNow',
    'readIndex',
    'readIndexReply',
    'fromTheFuture',
  ),
  from: fc.constantFrom(0, 1, 2, 3, 4),
  to: fc.constantFrom(1, 1, 1, 2),
  term: number,
  session: number,
  prevIndex: number,
  prevTerm: number,
  commitIndex: number,
  commitTerm: number,
  entries: fc.array(entry, {maxLength: 3}),
  index: number,
  rejected: fc.boolean(),
  granted: fc.boolean(),
  transfer: fc.boolean(),
  hintIndex: number,
  hintTerm: number,
  lastIndex: number,
  lastTerm: number,
  round: number,
  readId: number,
  snapshot: fc.record({
    index: number,
    term: number,
    configIndex: number,
    configuration: fc.constantFrom(VOTERS, {...VOTERS, learners: [1]}),
  }),
});

test('nothing that a node sends makes a group throw', () => {
  fc.assert(
    fc.property(fc.array(anyMessage, {maxLength: 30}), (messages) => {
      const group = new RaftGroup(groupOptions());
      for (const message of messages) {
        group.step({type: 'message', message: message as unknown as Message});
        const {write, apply} = group.take();
        if (write !== undefined) group.step({type: 'persisted', seq: write.seq});
        if (apply !== undefined) group.step({type: 'applied', index: apply.hi});
      }
    }),
    {numRuns: 1_000},
  );
});

test('malformed input is dropped and counted', () => {
  const group = new RaftGroup(groupOptions());
  const message = {type: 'timeoutNow', from: 2, to: 9, term: 5} as const;
  group.step({type: 'message', message});
  expect(group.status().badInput.malformed).toBe(1);
  expect(group.hasOutput()).toBe(false);
});

test('a broken promise of the host is a bug', () => {
  const group = new RaftGroup(groupOptions());
  expect(() => group.step({type: 'persisted', seq: 1})).toThrow(BugError);
  expect(() => group.step({type: 'applied', index: 9})).toThrow(BugError);
  expect(() => new RaftGroup(groupOptions({id: 0}))).toThrow(BugError);
  expect(() => new RaftGroup(groupOptions({leaseReads: true, checkQuorum: false}))).toThrow(
    BugError,
  );
});

test('take leaves nothing behind', () => {
  const group = new RaftGroup(groupOptions());
  for (let i = 0; i < 20; i++) group.step({type: 'tick'});
  expect(group.hasOutput()).toBe(true);
  group.take();
  expect(group.hasOutput()).toBe(false);
});

/** Replica 1 leads, and 3 lacks entries whose payloads 1 has only on its disk. */
function labWithEvicted(): RaftLab {
  const lab = labOfThree();
  lab.setReachable(1, 3, false);
  lab.propose(1, 'a', 'b', 'c');
  lab.stabilize([1, 2]);
  const {group} = lab.replica(1);
  group.step({type: 'evict', uptoIndex: 8});
  expect(group.status().cachedFrom).toBe(9);
  lab.setReachable(1, 3, true);
  // The probe and its answer: nothing is read before the logs are known to match.
  expect(group.take().needEntries).toEqual([]);
  const {session} = group.status().progress.get(3)!;
  const reply = {from: 3, to: 1, term: 6, session, index: 6, commitIndex: 6} as const;
  const accepted = {...reply, rejected: false, hintIndex: 0, hintTerm: 0};
  group.step({type: 'message', message: {type: 'appendReply', ...accepted}});
  const {needEntries, send} = group.take();
  expect(needEntries).toEqual([{firstIndex: 7, lastIndex: 8, bytesMax: 1 << 20}]);
  expect(send.flatMap((sent) => (sent.type === 'append' ? sent.entries : []))).toEqual([]);
  return lab;
}

test('payloads that left memory are read from the stored log', () => {
  const lab = labWithEvicted();
  const {group, disk} = lab.replica(1);
  const entries = disk.entries.filter(({index}) => index === 7 || index === 8);
  group.step({type: 'entries', firstIndex: 7, entries});
  const appends = group.take().send.filter(({type}) => type === 'append');
  expect(appends).toMatchObject([
    {prevIndex: 6, entries: [{index: 7}, {index: 8}]},
    {prevIndex: 8, entries: [{index: 9}]},
  ]);
});

test('a failed read is asked for again at the next heartbeat reply', () => {
  const lab = labWithEvicted();
  lab.replica(1).step({type: 'entries', firstIndex: 7, entries: undefined});
  expect(lab.replica(1).group.hasOutput()).toBe(false);
  lab.tick(1);
  lab.stabilize();
  expect(lab.log(3).map(({data}) => data)).toEqual(['', 'a', 'b', 'c']);
});

test('a stored log that disagrees with memory stops the group', () => {
  const {group} = labWithEvicted().replica(1);
  const wrong: Entry[] = [{term: 5, index: 7, type: 'normal', payload: new Uint8Array(1)}];
  expect(() => group.step({type: 'entries', firstIndex: 7, entries: wrong})).toThrow(BugError);
});

test('a log that was cut while it was being read asks for a snapshot', () => {
  const lab = labWithEvicted();
  const {group, disk} = lab.replica(1);
  const entries = disk.entries.filter(({index}) => index === 7 || index === 8);
  group.step({type: 'compacted', firstIndex: 9});
  group.step({type: 'entries', firstIndex: 7, entries});
  const {send, wantSnapshot} = group.take();
  expect(send.filter(({type}) => type === 'append')).toEqual([]);
  expect(wantSnapshot).toEqual([{to: 3}]);
});

test('what a late vote says is committed does not disturb a snapshot that is being installed', () => {
  const group = new RaftGroup(groupOptions());
  const from2 = {from: 2, to: 1, term: 6, session: 1} as const;
  const snapshot = {index: 20, term: 6, configuration: VOTERS, configIndex: 5};
  group.step({type: 'message', message: {...from2, type: 'snapshot', snapshot}});
  const entries = [21, 22].map((index) => {
    return {term: 6, index, type: 'normal', payload: new Uint8Array(1)} as const;
  });
  const append = {type: 'append', prevIndex: 20, prevTerm: 6, entries, commitIndex: 20} as const;
  group.step({type: 'message', message: {...from2, ...append}});
  const refused = {type: 'voteReply', granted: false, commitIndex: 21, commitTerm: 6} as const;
  group.step({type: 'message', message: {from: 3, to: 1, term: 6, ...refused}});
  expect(group.status()).toMatchObject({commitIndex: 21, pendingSnapshotIndex: 20});
});

test('proposals of a leader that removed itself and hears nobody end', () => {
  const lab = labOfThree();
  lab.proposeConfig(1, [{type: 'remove', id: 1}], 'simple');
  lab.stabilize([2, 3]);
  lab.process(1);
  lab.persist(1);
  lab.deliver({to: 2});
  lab.stabilize([2]);
  const proposalId = lab.propose(1, 'late');
  lab.process(1);
  lab.deliver({from: 1, drop: true});
  lab.deliver({to: 1});
  lab.process(1);
  lab.apply(1);
  lab.process(1);
  expect(lab.config(1).voters).toEqual([2, 3]);
  lab.takeEvents(1);
  lab.tick(1, 20);
  lab.process(1);
  expect(lab.takeEvents(1).dropped).toMatchObject([{proposalId, reason: 'unknown'}]);
});

test('a committed change of members that is not applied forbids standing', () => {
  const lab = labOfThree();
  lab.proposeConfig(1, [{type: 'learner', id: 4}], 'simple');
  lab.process(1);
  lab.persist(1);
  for (let round = 0; round < 2; round++) {
    lab.deliver({to: 2});
    lab.process(2);
    lab.persist(2);
    lab.deliver({to: 1});
    lab.process(1);
  }
  expect(lab.status(2)).toMatchObject({commitIndex: 7, appliedIndex: 6});
  lab.campaign(2);
  expect(lab.status(2).role).toBe('follower');
  lab.apply(2);
  lab.campaign(2);
  expect(lab.status(2).role).toBe('candidate');
});

test('a lease serves reads without a round, and ends without answers', () => {
  const lab = labOfThree({leaseReads: true});
  lab.tick(1);
  lab.stabilize();
  const first = lab.readIndex(1);
  lab.process(1);
  expect(lab.takeEvents(1).reads).toEqual([{readId: first, index: 6}]);
  lab.tick(1, 8);
  lab.process(1);
  lab.readIndex(1);
  lab.process(1);
  expect(lab.takeEvents(1).reads).toEqual([]);
});

test.each([
  {mode: 'automatic', standsAtTick: 1},
  {mode: 'automatic', standsAtTick: 10, leaseReads: true},
  {mode: 'manual', standsAtTick: undefined},
] as const)('a sole voter stands at its first tick: %j', ({standsAtTick, mode, ...lease}) => {
  const stored = bootstrapState({...EMPTY_CONFIGURATION, voters: [1], learners: [2]});
  const group = new RaftGroup(groupOptions({...stored, failover: mode, ...lease}));
  let tick = 0;
  while (tick < 50 && group.status().role === 'follower') {
    group.step({type: 'tick'});
    tick++;
  }
  expect(tick).toBe(standsAtTick ?? 50);
});

test('no lease while leadership is being given away, nor after the target was told', () => {
  const lab = labOfThree({leaseReads: true});
  lab.tick(1);
  lab.stabilize();
  lab.transfer(1, 2);
  lab.process(1);
  lab.deliver({drop: true});
  lab.readIndex(1);
  lab.process(1);
  expect(lab.takeEvents(1).reads).toEqual([]);
});

test('under lease reads a follower does not forget its leader, and nobody rests', () => {
  const lab = labOfThree({leaseReads: true});
  lab.tick(1);
  lab.stabilize();
  lab.forgetLeader(2);
  expect(lab.status(2).leader).toBe(1);
  expect(lab.replica(1).idle).toBe(false);
});

test('under lease reads a restarted replica votes only after an election timeout', () => {
  const lab = labOfThree({leaseReads: true});
  lab.restart(2);
  lab.restart(3);
  lab.campaign(3);
  lab.stabilize([2, 3]);
  expect(lab.status(3).role).toBe('follower');
  lab.tick(2, 10);
  lab.tick(3, 10);
  lab.campaign(3);
  lab.stabilize([2, 3]);
  expect(lab.status(3).role).toBe('leader');
});

test('a read without a quorum ends in time, with check-quorum and without', () => {
  for (const checkQuorum of [true, false]) {
    const lab = new RaftLab();
    lab.addNodes(3, {voters: [1, 2, 3], index: 5, term: 5, checkQuorum});
    lab.campaign(1);
    lab.stabilize();
    lab.takeEvents(1);
    const readId = lab.readIndex(1);
    lab.tick(1, 20);
    lab.process(1);
    expect(lab.takeEvents(1).dropped).toMatchObject([{kind: 'read', readId}]);
  }
});

test('reads that come together share one round', () => {
  const lab = labOfThree();
  for (let i = 0; i < 5; i++) lab.readIndex(1);
  lab.process(1);
  expect(lab.messages().filter(({type}) => type === 'heartbeat').length).toBe(2);
  lab.stabilize();
  expect(lab.takeEvents(1).reads.length).toBe(5);
});

test('proposals of one turn share one append for each member', () => {
  const lab = labOfThree();
  for (let i = 0; i < 5; i++) lab.propose(1, `p${i}`);
  lab.process(1);
  expect(lab.messages().filter(({type}) => type === 'append').length).toBe(2);
});

test('a commit that may wait goes with the next append, or at the next tick', () => {
  const lab = labOfThree({commitWaits: true, heartbeatTicks: 5});
  const commits = () => [1, 2, 3].map((id) => lab.status(id).commitIndex);
  // The first entry of a term is told at once: it says that the leader is in office.
  expect(commits()).toEqual([6, 6, 6]);
  lab.propose(1, 'a');
  lab.stabilize();
  expect(commits()).toEqual([7, 6, 6]);
  lab.propose(1, 'b');
  lab.stabilize();
  expect(commits()).toEqual([8, 7, 7]);
  lab.tick(1, 1);
  lab.stabilize();
  expect(commits()).toEqual([8, 8, 8]);
  lab.tick(1, 1);
  lab.process(1);
  expect(lab.messages(), 'told once').toEqual([]);
});

test('a change of members is told at once, with what waited before it', () => {
  const lab = labOfThree({commitWaits: true, heartbeatTicks: 5});
  lab.propose(1, 'a');
  lab.stabilize();
  lab.proposeConfig(1, [{type: 'learner', id: 3}]);
  lab.stabilize();
  expect([1, 2, 3].map((id) => lab.status(id).commitIndex)).toEqual([8, 8, 8]);
});

/** The ticks of each wait for a leader that never comes, one campaign after the other. */
function waitsOf(seed: number, ticks: number): number[] {
  const group = new RaftGroup(groupOptions({random: new SeededRandom(seed), preVote: false}));
  const waits: number[] = [];
  for (let tick = 1, began = 0; tick <= ticks; tick++) {
    group.step({type: 'tick'});
    if (group.take().role?.role !== 'candidate') continue;
    waits.push(tick - began);
    began = tick;
  }
  return waits;
}

test('the election timeout is drawn from [E, 2E)', () => {
  for (let seed = 0; seed < 50; seed++) {
    for (const waited of waitsOf(seed, 100)) {
      expect(waited).toBeGreaterThanOrEqual(10);
      expect(waited).toBeLessThan(20);
    }
  }
});

test('the election timeout is drawn anew with each change of role', () => {
  const waits = waitsOf(1, 2_000);
  expect([...new Set(waits)].sort()).toEqual([10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
  // And from the seed alone.
  expect(waitsOf(1, 2_000)).toEqual(waits);
  expect(waitsOf(2, 2_000)).not.toEqual(waits);
});

test('a proposal ends although its leader may lead on without a quorum', () => {
  const lab = new RaftLab();
  lab.addNodes(3, {voters: [1, 2, 3], index: 5, term: 5, checkQuorum: false});
  lab.campaign(1);
  lab.stabilize();
  lab.takeEvents(1);
  const proposalId = lab.propose(1, 'a');
  lab.process(1);
  lab.tick(1, 40);
  lab.process(1);
  expect(lab.status(1).role).toBe('leader');
  expect(lab.takeEvents(1).dropped).toMatchObject([{proposalId, reason: 'unknown'}]);
});

test('who does not lead refuses to give leadership away', () => {
  const lab = labOfThree();
  lab.transfer(2, 3);
  lab.process(2);
  expect(lab.takeEvents(2).transfers).toEqual([{to: 3, outcome: 'refused'}]);
});
