import {expect, test} from 'vitest';
import type {Role} from '../output.ts';
import {RaftLab} from './index.ts';

function three(options = {}): RaftLab {
  const lab = new RaftLab();
  lab.addNodes(3, {voters: [1, 2, 3], ...options});
  return lab;
}

test('nodes start with an empty log, in no term', () => {
  const lab = three();
  expect(lab.log(1)).toEqual([]);
  expect(lab.status(1)).toEqual({
    role: 'follower',
    term: 0,
    vote: 0,
    leader: 0,
    commitIndex: 0,
    appliedIndex: 0,
    lastIndex: 0,
  });
  lab.campaign(1);
  lab.stabilize();
  expect(lab.log(3)).toEqual([{index: 1, term: 1, data: ''}]);
});

test('or behind an index, and in the term that is given', () => {
  const lab = three({index: 7});
  lab.campaign(1);
  lab.stabilize();
  expect(lab.status(2)).toMatchObject({term: 1, leader: 1, commitIndex: 8, lastIndex: 8});
  const later = three({index: 7, term: 4});
  expect(later.status(1)).toMatchObject({term: 4, appliedIndex: 7});
});

test('a member that comes later replays the history of a log that began empty', () => {
  const lab = three();
  lab.campaign(1);
  lab.stabilize();
  expect(lab.addNodes(1)).toEqual([4]);
  lab.proposeConfig(1, [{type: 'learner', id: 4}]);
  lab.stabilize();
  lab.proposeConfig(1, [{type: 'voter', id: 4}]);
  lab.stabilize();
  for (const id of [1, 4]) expect(lab.config(id).voters).toEqual([1, 2, 3, 4]);
  expect(lab.log(4)).toEqual(lab.log(1));
});

test('a member that comes later to a log behind an index gets a snapshot', () => {
  const lab = three({index: 7});
  lab.campaign(1);
  lab.stabilize();
  lab.addNodes(1);
  lab.proposeConfig(1, [{type: 'voter', id: 4}]);
  lab.stabilize();
  expect(lab.config(4).voters).toEqual([1, 2, 3, 4]);
  expect(lab.status(4).appliedIndex).toBe(9);
});

test('nothing moves unless told', () => {
  const lab = three();
  lab.campaign(1);
  expect(lab.status(1).role).toBe('candidate');
  expect(lab.messages()).toEqual([]);
  lab.process(1);
  // A request for a vote waits for the write that holds the candidate's own.
  expect(lab.messages()).toEqual([]);
  lab.persist(1);
  expect(lab.messages()).toMatchObject([
    {type: 'vote', from: 1, to: 2, term: 1, lastIndex: 0, lastTerm: 0, transfer: false},
    {type: 'vote', from: 1, to: 3, term: 1},
  ]);
  expect(lab.deliver({to: 3, drop: true}).length).toBe(1);
  lab.deliver();
  expect(lab.messages()).toEqual([]);
  lab.process(2);
  lab.persist(2);
  expect(lab.messages()).toMatchObject([{type: 'voteReply', from: 2, to: 1, granted: true}]);
});

test('of what waits as much moves as is told', () => {
  const lab = three();
  lab.campaign(1);
  lab.stabilize();
  for (const data of ['a', 'b', 'c']) {
    lab.propose(1, data);
    lab.process(1);
  }
  lab.persist(1, 2);
  lab.stabilize([2, 3]);
  expect(lab.log(1).map(({data}) => data)).toEqual(['', 'a', 'b', 'c']);
  expect(lab.progress(1).get(1)).toEqual({
    state: 'replicate',
    matchIndex: 3,
    nextIndex: 4,
    inflight: 0,
  });
  expect(lab.progress(1).get(2)).toMatchObject({matchIndex: 1, nextIndex: 5, inflight: 3});
  lab.persist(1);
  lab.stabilize();
  expect(lab.status(1).appliedIndex).toBe(4);
});

test('the log shows what was proposed before anything was taken or stored', () => {
  const lab = three();
  lab.campaign(1);
  lab.stabilize();
  lab.propose(1, 'a');
  const both = [
    {index: 1, term: 1, data: ''},
    {index: 2, term: 1, data: 'a'},
  ];
  expect(lab.log(1)).toEqual(both);
  lab.replica(1).step({type: 'evict', uptoIndex: 1});
  expect(lab.log(1)).toEqual(both);
  expect(lab.status(1).lastIndex).toBe(2);
  lab.restart(1);
  expect(lab.log(1)).toEqual(both.slice(0, 1));
});

test.each<[Role, boolean]>([
  ['follower', false],
  ['candidate', false],
  ['candidate', true],
  ['preCandidate', true],
  ['leader', false],
  ['leader', true],
])('setState makes a %s (pre-votes: %s) of the given term, log and vote', (role, preVote) => {
  const lab = three({preVote});
  const entries = [
    {term: 1, data: 'a'},
    {term: 3, data: 'b'},
  ];
  lab.setState(1, {term: 4, entries, commit: 1, role});
  expect(lab.status(1)).toMatchObject({role, term: 4, commitIndex: 1});
  expect(lab.log(1).slice(0, 2)).toEqual([
    {index: 1, term: 1, data: 'a'},
    {index: 2, term: 3, data: 'b'},
  ]);
  expect(lab.log(1).slice(2)).toEqual(role === 'leader' ? [{index: 3, term: 4, data: ''}] : []);
  expect(lab.status(1).vote).toBe(role === 'candidate' || role === 'leader' ? 1 : 0);
  if (role !== 'leader') expect(lab.messages()).toEqual([]);
});

test('setState keeps what it is not told to change', () => {
  const lab = three();
  lab.setState(1, {term: 4, vote: 2});
  lab.setState(1, {entries: [{index: 1, term: 2}]});
  expect(lab.status(1)).toMatchObject({term: 4, vote: 2, lastIndex: 1});
  lab.setState(1, {config: {voters: [1, 2]}});
  expect(lab.config(1).voters).toEqual([1, 2]);
});

test('under lease reads a leader can be made too', () => {
  const lab = three({checkQuorum: true, leaseReads: true});
  lab.setState(1, {term: 3, role: 'leader'});
  expect(lab.status(1)).toMatchObject({role: 'leader', term: 3});
});

const KING = {role: 'king' as Role};

test.each<[string, RegExp, (lab: RaftLab) => unknown]>([
  ['an unknown replica', /no replica 9/, (lab) => lab.status(9)],
  [
    'an unknown option',
    /addNodes knows no prevote: it takes preVote/,
    (lab) => lab.addNodes(1, {prevote: true} as object),
  ],
  ['an unknown state', /setState knows no log/, (lab) => lab.setState(1, {log: []} as object)],
  ['an unknown filter', /deliver knows no node/, (lab) => lab.deliver({node: 1} as object)],
  [
    'an unknown message',
    /no message type MsgApp/,
    (lab) => lab.deliver({type: 'MsgApp' as 'vote'}),
  ],
  ['voters without number', /the number of nodes is -1/, (lab) => lab.addNodes(-1)],
  ['half a tick', /the number of ticks is 0.5/, (lab) => lab.tick(1, 0.5)],
  ['nothing to propose', /nothing to propose/, (lab) => lab.propose(1)],
  ['a number to propose', /text or bytes, not number/, (lab) => lab.propose(1, 5 as never)],
  ['writes without number', /the number of writes is -1/, (lab) => lab.persist(1, -1)],
  ['half an entry', /the number of entries is 0.5/, (lab) => lab.apply(1, 0.5)],
  ['messages without number', /the number of messages is -1/, (lab) => lab.deliver({count: -1})],
  ['an unknown role', /no role king: there are follower/, (lab) => lab.setState(1, KING)],
  ['an unknown mode', /no failover mode off/, (lab) => lab.setFailover(1, 'off' as 'manual')],
  [
    'an entry out of place',
    /entry 5 comes where 1 belongs/,
    (lab) => lab.setState(1, {entries: [{index: 5, term: 1}]}),
  ],
  [
    'terms that go back',
    /entry 2 is of term 1/,
    (lab) => lab.setState(1, {entries: [{term: 2}, {term: 1}]}),
  ],
  [
    'a term before the log',
    /term 1 is before 2/,
    (lab) => lab.setState(1, {term: 1, entries: [{term: 2}]}),
  ],
  ['a commit without entry', /commit 3 is past/, (lab) => lab.setState(1, {commit: 3})],
  [
    'a leader that has no vote',
    /replica 1 cannot be/,
    (lab) => lab.setState(1, {term: 1, config: {voters: [2]}, role: 'leader'}),
  ],
  [
    'a pre-candidate without pre-votes',
    /cannot be preCandidate/,
    (lab) => lab.setState(1, {term: 1, role: 'preCandidate'}),
  ],
  ['a log cut above what is applied', /cannot compact to 2/, (lab) => lab.compact(1, 2)],
])('%s is refused in words', (_, words, misuse) => {
  expect(() => misuse(three())).toThrow(words);
});
