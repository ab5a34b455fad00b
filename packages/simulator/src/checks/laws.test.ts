// Each law can fail: what breaks it is told under its name, and what comes close and is right is not. The
// simulator shows that they hold; this, that it would have told.

import type {NodeId, ReplicaId, ReplicaSetId} from '@flotilla/base';
import type {ObservedGroup} from '@flotilla/multiraft';
import type {Configuration, Entry, Message, Output} from '@flotilla/raft';
import {beforeEach, expect, test} from 'vitest';
import type {Applied} from '../workload/register-machine.ts';
import {Laws} from './laws.ts';

const SET = 1 as ReplicaSetId;
const NODE = 1 as NodeId;
const NOBODY = {learners: [], learnersNext: [], votersOutgoing: [], autoLeave: false};

/** What a core would say of itself. */
interface Core {
  term: number;
  vote: number;
  commitIndex: number;
  lastIndex: number;
  firstIndex: number;
  voters: number[];
  terms: Record<number, number>;
  failover: 'automatic' | 'manual';
}

let laws: Laws;
beforeEach(() => {
  laws = new Laws(() => 0);
});

function configurationOf(voters: readonly number[], outgoing: readonly number[] = []) {
  return {...NOBODY, voters: [...voters], votersOutgoing: [...outgoing]} as Configuration;
}

function open(replica: number, core: Partial<Core> = {}, {node = NODE, isImage = false} = {}) {
  const all: Core = {
    ...{term: 1, vote: 0, commitIndex: 0, lastIndex: 0, firstIndex: 1},
    ...{voters: [1, 2, 3], terms: {}, failover: 'automatic' as const},
    ...core,
  };
  const raft = {
    status: () => ({...all, role: 'follower', configuration: configurationOf(all.voters)}),
    termAt: (index: number) => all.terms[index],
  };
  const group = {set: SET, replica: replica as ReplicaId, raft} as unknown as ObservedGroup;
  laws.opened(node, group, isImage);
  return group;
}

function took(group: ObservedGroup, output: object): void {
  laws.took(group, {configurations: [], ...output} as unknown as Output);
}

function leads(group: ObservedGroup, term: number): void {
  took(group, {role: {role: 'leader', term}});
}

function entry(index: number, term: number, text = ''): Entry {
  return {index, term, type: 'normal', payload: new TextEncoder().encode(text)} as Entry;
}

function write(group: ObservedGroup, {term = 1, vote = 0, commit = 0, entries = [] as Entry[]}) {
  took(group, {write: {term, vote, commit, entries}});
}

function takesBack(group: ObservedGroup, term: number, truncateFrom: number): void {
  took(group, {write: {term, vote: 0, commit: 0, entries: [], truncateFrom}});
}

function commits(group: ObservedGroup, ...entries: Entry[]): void {
  took(group, {apply: {entries}});
}

function acknowledges(group: ObservedGroup, index: number, term = 1): void {
  laws.sent(group, {type: 'appendReply', term, index, rejected: false, to: 9} as Message);
}

/** Laws that were broken since the last call. */
function broken(): string[] {
  return [...new Set(laws.violations.splice(0).map(({law}) => law))];
}

test('election safety: a term has one leader', () => {
  const [one, two] = [open(1), open(2)];
  leads(one, 3);
  leads(two, 4);
  expect(broken()).toEqual([]);
  leads(two, 3);
  expect(broken()).toEqual(['election safety']);
});

test('leader completeness: who leads later holds what was committed', () => {
  const one = open(1);
  for (const each of [open(2), open(3)]) acknowledges(each, 5);
  commits(one, entry(5, 1));
  leads(open(3, {lastIndex: 5, terms: {5: 1}}), 2);
  expect(broken()).toEqual([]);
  leads(open(2, {lastIndex: 5}), 3);
  expect(broken()).toEqual(['leader completeness']);
});

test('log matching: an index of a term is one entry, behind one other', () => {
  const [one, two] = [open(1), open(2)];
  write(one, {term: 2, entries: [entry(4, 1), entry(5, 2)]});
  write(two, {term: 2, entries: [entry(4, 1), entry(5, 2)]});
  expect(broken()).toEqual([]);
  write(two, {term: 2, entries: [entry(5, 2, 'another')]});
  expect(broken()).toEqual(['log matching']);
  write(two, {term: 2, entries: [entry(4, 2), entry(5, 2)]});
  expect(broken()).toEqual(['log matching']);
});

test('state machine safety: an index is committed as one entry', () => {
  const [one, two] = [open(1), open(2)];
  acknowledges(two, 5);
  commits(one, entry(5, 1, 'a'));
  commits(two, entry(5, 1, 'a'));
  expect(broken()).toEqual([]);
  commits(two, entry(5, 1, 'b'));
  expect(broken()).toEqual(['state machine safety']);
  took(two, {write: {term: 1, vote: 0, commit: 0, entries: [], snapshot: {index: 5, term: 2}}});
  expect(broken()).toEqual(['state machine safety']);
});

test('monotony: no term, vote or commit goes back', () => {
  const one = open(1);
  write(one, {term: 3, vote: 2, commit: 7});
  write(one, {term: 4, vote: 0, commit: 7});
  write(one, {term: 4, vote: 3, commit: 8});
  expect(broken()).toEqual([]);
  for (const worse of [
    {term: 4, vote: 2, commit: 8},
    {term: 4, vote: 2, commit: 6},
    {term: 3, vote: 2, commit: 6},
  ]) {
    write(one, worse);
    expect(broken()).toEqual(['monotony']);
  }
});

test('leader append-only: who leads a term makes its entries, and takes back none of its log', () => {
  const [one, two] = [open(1), open(2)];
  leads(one, 3);
  for (const each of [one, two]) write(each, {term: 3, entries: [entry(5, 3)]});
  takesBack(two, 3, 5);
  expect(broken()).toEqual([]);
  write(two, {term: 3, entries: [entry(6, 3)]});
  expect(broken()).toEqual(['leader append-only']);
  takesBack(one, 3, 5);
  expect(broken()).toEqual(['leader append-only']);
});

test('durability: who acknowledged what is committed does not take it back', () => {
  const [one, two, three] = [open(1, {term: 4}), open(2, {term: 4}), open(3, {term: 4})];
  acknowledges(two, 5, 4);
  // Of a leader before that of the commit: it may have had another entry there.
  acknowledges(three, 5, 3);
  commits(one, entry(5, 2));
  takesBack(two, 4, 6);
  takesBack(three, 4, 5);
  expect(broken()).toEqual([]);
  takesBack(two, 4, 5);
  expect(broken()).toEqual(['durability']);
});

test('durability: a crash takes back no acknowledgement and no vote', () => {
  const one = open(1, {term: 2});
  acknowledges(one, 6, 2);
  laws.sent(one, {type: 'voteReply', term: 2, granted: true, to: 3} as Message);
  const held = {term: 2, vote: 3, lastIndex: 6};
  open(1, held);
  expect(broken()).toEqual([]);
  for (const less of [{term: 1}, {vote: 2}, {lastIndex: 5}]) {
    open(1, {...held, ...less});
    expect(broken()).toEqual(['durability']);
  }
  // Nobody told it yet that its disk is an old one: it may live, and say nothing.
  const image = open(1, {...held, lastIndex: 5}, {isImage: true});
  expect(broken()).toEqual([]);
  acknowledges(image, 5, 2);
  expect(broken()).toEqual(['durability']);
});

test('quorum: what is committed is held by a majority of the configuration', () => {
  const [one, two] = [open(1), open(2)];
  acknowledges(two, 5);
  commits(one, entry(5, 1));
  expect(broken()).toEqual([]);
  commits(one, entry(6, 1));
  expect(broken()).toEqual(['quorum']);
  // Held for a leader of another term it may be another entry.
  acknowledges(two, 7, 1);
  commits(one, entry(7, 2));
  expect(broken()).toEqual(['quorum']);
});

test('quorum: a majority of a configuration that is long gone is none', () => {
  const one = open(1, {voters: [1, 2, 3]});
  const grown = [[1], [1, 2], [1, 2, 3]].map((voters, i) => ({
    index: 2 + i,
    configuration: configurationOf(voters),
  }));
  took(one, {configurations: grown});
  commits(one, entry(9, 1));
  expect(broken()).toEqual(['quorum']);
});

test('one configuration: an index makes one, and it shares a majority with the one before', () => {
  const [one, two] = [open(1), open(2)];
  const at = (index: number, configuration: Configuration) => ({
    configurations: [{index, configuration}],
  });
  took(one, at(3, configurationOf([1, 2, 3])));
  took(one, at(4, configurationOf([1, 2, 4], [1, 2, 3])));
  took(one, at(5, configurationOf([1, 2, 4])));
  took(two, at(3, configurationOf([1, 2, 3])));
  expect(broken()).toEqual([]);
  took(two, at(4, configurationOf([1, 2, 5], [1, 2, 3])));
  expect(broken()).toEqual(['one configuration']);
  took(one, at(6, configurationOf([1, 5, 6])));
  expect(broken()).toEqual(['one configuration']);
});

test('no zombies: a destroyed replica is never opened again, and none lives on two nodes', () => {
  open(1);
  open(1);
  expect(broken()).toEqual([]);
  open(1, {}, {node: 2 as NodeId});
  expect(broken()).toEqual(['no zombies']);
  open(2);
  laws.destroyed(2);
  open(2);
  expect(broken()).toEqual(['no zombies']);
});

test('equal states, at most once: an index makes one state, a write or a key takes effect at one', () => {
  const command = {incarnation: 1, sequence: 1, register: 0, value: 1, key: 0};
  const result: Applied = {status: 'applied'};
  laws.applied(SET, 1, {index: 5, digest: 7}, {command, result});
  laws.applied(SET, 2, {index: 5, digest: 7}, {command, result});
  laws.applied(SET, 2, {index: 6, digest: 8}, {command: {...command, sequence: 2, key: 4}, result});
  expect(broken()).toEqual([]);
  laws.applied(SET, 3, {index: 5, digest: 8});
  expect(broken()).toEqual(['equal states']);
  laws.applied(SET, 1, {index: 9, digest: 1}, {command, result});
  expect(broken()).toEqual(['at most once']);
  laws.applied(
    SET,
    1,
    {index: 10, digest: 1},
    {command: {...command, sequence: 3, key: 4}, result},
  );
  expect(broken()).toEqual(['at most once']);
});

test('manual failover: nobody stands without an order, and a restart forgets it for nobody', () => {
  const one = open(1, {failover: 'manual'});
  laws.failover.ordered(1);
  took(one, {role: {role: 'candidate', term: 2}});
  took(one, {role: {role: 'follower', term: 2}});
  expect(broken()).toEqual([]);
  took(one, {role: {role: 'candidate', term: 3}});
  expect(broken()).toEqual(['manual failover']);
  open(1, {failover: 'automatic'});
  expect(broken()).toEqual(['manual failover']);
});

test('manual failover: an order outlives the end of the one before, and no more', () => {
  const one = open(1, {failover: 'manual'});
  laws.failover.ordered(1);
  took(one, {role: {role: 'preCandidate', term: 2}});
  laws.failover.ordered(1);
  took(one, {role: {role: 'follower', term: 2}});
  took(one, {role: {role: 'preCandidate', term: 2}});
  laws.failover.ordered(1);
  took(one, {role: {role: 'follower', term: 2}});
  took(one, {role: {role: 'follower', term: 3}});
  expect(broken()).toEqual([]);
  took(one, {role: {role: 'preCandidate', term: 3}});
  expect(broken()).toEqual(['manual failover']);
});
