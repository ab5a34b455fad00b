// Terms, votes and pre-votes, message by message.

import {expect, test} from 'vitest';
import {EMPTY_CONFIGURATION} from './configuration.ts';
import {type LabNodesOptions, RaftLab} from './lab/index.ts';
import type {Message} from './message.ts';
import type {Role} from './output.ts';

function labOf(options: LabNodesOptions = {}): RaftLab {
  const lab = new RaftLab();
  lab.addNodes(3, {voters: [1, 2, 3], index: 5, term: 5, ...options});
  return lab;
}

function receive(lab: RaftLab, message: Message): void {
  lab.replica(message.to).receive(message);
}

test('a pre-vote answer that comes late starts nothing', () => {
  const lab = labOf({preVote: true, checkQuorum: true});
  lab.campaign(1);
  lab.process(1);
  lab.deliver({type: 'preVote'});
  for (const id of [2, 3]) lab.process(id);
  lab.deliver({from: 2});
  // 3's answer stays behind; 1 is elected without it.
  const late = lab.deliver({type: 'preVoteReply', drop: true});
  lab.stabilize();
  expect(late.length).toBe(1);
  const before = lab.status(1);
  expect(before).toMatchObject({role: 'leader', term: 6});
  for (const message of late) receive(lab, message);
  lab.stabilize();
  expect(lab.status(1)).toEqual(before);
});

test('the own vote of an election that was lost counts in no later one', () => {
  const lab = labOf();
  lab.campaign(1);
  lab.process(1);
  // Its own vote is not on the disk when it stands again.
  lab.campaign(1);
  lab.process(1);
  lab.persist(1, 1);
  const reply = {type: 'voteReply', from: 2, to: 1, term: 7, granted: true} as const;
  receive(lab, reply);
  expect(lab.status(1)).toMatchObject({role: 'candidate', term: 7});
  lab.persist(1);
  expect(lab.status(1).role).toBe('leader');
});

test('a write of an earlier term acknowledges nothing that took its place', () => {
  const lab = labOf();
  lab.campaign(1);
  lab.stabilize();
  lab.propose(1, 'a');
  lab.process(1);
  lab.deliver({drop: true});
  // Another leader's entry takes its place while the write is still out.
  lab.campaign(2);
  lab.stabilize([2, 3]);
  lab.deliver({drop: true});
  lab.tick(2);
  lab.process(2);
  lab.deliver({to: 1});
  lab.process(1);
  lab.deliver({to: 2});
  lab.process(2);
  lab.deliver({to: 1});
  lab.process(1);
  lab.deliver({drop: true});
  lab.campaign(1);
  lab.process(1);
  lab.persist(1, 1);
  receive(lab, {type: 'voteReply', from: 3, to: 1, term: lab.status(1).term, granted: true});
  expect(lab.replica(1).group.status().stableIndex).toBe(6);
});

const MESSAGES: readonly ((term: number) => Message)[] = [
  (term) => ({
    ...envelope(term),
    type: 'append',
    session: 1,
    prevIndex: 5,
    prevTerm: 5,
    entries: [],
    commitIndex: 5,
  }),
  (term) => ({
    ...envelope(term),
    type: 'appendReply',
    session: 1,
    index: 5,
    rejected: true,
    hintIndex: 0,
    hintTerm: 0,
    commitIndex: 0,
  }),
  (term) => ({...envelope(term), type: 'heartbeat', session: 1, commitIndex: 5, round: 1}),
  (term) => ({...envelope(term), type: 'heartbeatReply', session: 1, commitIndex: 5, round: 1}),
  (term) => ({...envelope(term), type: 'vote', lastIndex: 5, lastTerm: 5, transfer: false}),
  (term) => ({...envelope(term), type: 'voteReply', granted: true}),
  (term) => ({...envelope(term), type: 'voteReply', granted: false}),
  (term) => ({...envelope(term), type: 'preVoteReply', granted: false}),
  (term) => ({...envelope(term), type: 'timeoutNow'}),
  (term) => ({...envelope(term), type: 'readIndex', readId: 1}),
  (term) => ({...envelope(term), type: 'readIndexReply', readId: 1, index: 5}),
  (term) => ({...envelope(term), type: 'snapshot', session: 1, snapshot: SNAPSHOT}),
];

const SNAPSHOT = {
  index: 5,
  term: 5,
  configuration: {...EMPTY_CONFIGURATION, voters: [1, 2, 3]},
  configIndex: 5,
};

function envelope(term: number): {from: number; to: number; term: number} {
  return {from: 2, to: 1, term};
}

const ROLES: readonly Role[] = ['follower', 'preCandidate', 'candidate', 'leader'];

test('every message of a higher term that may raise it makes any role a follower', () => {
  for (const role of ROLES) {
    for (const make of MESSAGES) {
      const lab = labOf({preVote: true});
      lab.setState(1, {term: 6, role});
      receive(lab, make(9));
      expect(lab.status(1), `${role}, ${make(9).type}`).toMatchObject({role: 'follower', term: 9});
    }
  }
});

test('of two that ask each other for pre-votes at once one is elected', () => {
  const lab = labOf({preVote: true, checkQuorum: true});
  for (const id of [2, 1]) lab.campaign(id);
  lab.stabilize([1, 2]);
  expect(lab.status(1)).toMatchObject({role: 'leader', term: 6});
  expect(lab.status(2)).toMatchObject({role: 'follower', term: 6});
});

test('who asks for pre-votes stands back for none that it refuses, nor for who is no voter', () => {
  for (const refused of [{lastIndex: 4}, {from: 9}]) {
    const lab = labOf({preVote: true});
    lab.campaign(2);
    receive(lab, {type: 'preVote', from: 1, to: 2, term: 6, lastIndex: 5, lastTerm: 5, ...refused});
    expect(lab.status(2).role).toBe('preCandidate');
  }
});

test('a pre-vote and its grant raise no term', () => {
  for (const role of ROLES) {
    const lab = labOf({preVote: true});
    lab.setState(1, {term: 6, role});
    const before = lab.status(1);
    receive(lab, {...envelope(9), type: 'preVote', lastIndex: 9, lastTerm: 6});
    receive(lab, {...envelope(9), type: 'preVoteReply', granted: true});
    // It stands back, for a longer log.
    const now = role === 'preCandidate' ? 'follower' : role;
    expect(lab.status(1)).toEqual({...before, role: now});
  }
});

test('neither an old append nor a vote that was refused keeps a follower from standing', () => {
  const lab = labOf();
  lab.setState(1, {term: 6, entries: [{term: 6}]});
  for (let tick = 0; tick < 20; tick++) {
    lab.tick(1);
    receive(lab, {...envelope(5), type: 'heartbeat', session: 1, commitIndex: 5, round: 1});
    const {term, role} = lab.status(1);
    if (role !== 'follower') break;
    // Behind the log of 1: refused each time.
    receive(lab, {...envelope(term), type: 'vote', lastIndex: 5, lastTerm: 5, transfer: false});
  }
  expect(lab.status(1).role).toBe('candidate');
});
