// What comes late, and what the host could not do at first: seen from outside, by hand.

import {expect, test} from 'vitest';
import {RaftLab} from './lab/index.ts';
import type {Message} from './message.ts';

/** 1 leads; 3 heard nothing, and what it needs is no longer in the log of 1. */
function labWithLateMember(): RaftLab {
  const lab = new RaftLab();
  lab.addNodes(3, {voters: [1, 2, 3], index: 5, term: 5});
  lab.campaign(1);
  lab.stabilize([1, 2]);
  lab.propose(1, 'a', 'b');
  lab.stabilize([1, 2]);
  lab.compact(1, 9);
  lab.deliver({to: 3, drop: true});
  return lab;
}

/** Until the leader wants a snapshot for 3, without giving it one. */
function untilSnapshotWanted(lab: RaftLab): void {
  for (let round = 0; round < 20 && lab.replica(1).wanted.length === 0; round++) {
    lab.tick(1);
    for (const id of [1, 3]) {
      lab.process(id);
      lab.persist(id);
      lab.deliver({from: id});
    }
  }
  expect(lab.replica(1).wanted).toEqual([{to: 3}]);
}

test('a snapshot that the host has not delivered is asked for again', () => {
  const lab = labWithLateMember();
  untilSnapshotWanted(lab);
  lab.replica(1).wanted = [];
  lab.tick(1, 10);
  lab.process(1);
  expect(lab.replica(1).wanted).toEqual([{to: 3}]);
});

test('a snapshot that comes twice, the second time after newer entries, changes nothing', () => {
  const lab = labWithLateMember();
  untilSnapshotWanted(lab);
  lab.sendSnapshots(1);
  lab.process(1);
  const [message] = lab.messages().filter(({type}) => type === 'snapshot');
  const contents = lab.replica(1).snapshot();
  lab.stabilize();
  lab.propose(1, 'c');
  lab.stabilize();
  lab.compact(3, 10);
  const before = [lab.status(3), lab.replica(3).applied.length];
  lab.replica(3).receive(message as Message, contents);
  lab.stabilize();
  expect([lab.status(3), lab.replica(3).applied.length]).toEqual(before);
});

test('entries whose read failed are read again at the next heartbeat reply', () => {
  const lab = new RaftLab();
  lab.addNodes(3, {voters: [1, 2, 3], index: 5, term: 5});
  lab.campaign(1);
  lab.stabilize();
  lab.propose(1, 'a');
  lab.process(1);
  lab.deliver({to: 3, drop: true});
  lab.stabilize([1, 2]);
  lab.deliver({to: 3, drop: true});
  const leader = lab.replica(1);
  leader.step({type: 'evict', uptoIndex: 7});
  const {entries} = leader.disk;
  leader.disk.entries = [];
  lab.reportUnreachable(1, 3);
  for (let round = 0; round < 3; round++) {
    lab.tick(1);
    for (const id of [1, 3]) lab.process(id);
    lab.deliver({from: 1, to: 3});
    lab.process(3);
    lab.persist(3);
    lab.deliver({from: 3, to: 1});
  }
  expect(lab.status(3).lastIndex).toBe(6);
  leader.disk.entries = entries;
  lab.tick(1);
  lab.stabilize();
  expect(lab.status(3).lastIndex).toBe(7);
});

test('an append commits no further than it shows the logs to agree', () => {
  const lab = new RaftLab();
  lab.addNodes(3, {voters: [1, 2, 3], index: 5, term: 5});
  lab.setState(2, {entries: [{term: 6}, {term: 6, data: 'of an old leader'}]});
  for (const id of [1, 3]) lab.setState(id, {term: 6, entries: [{term: 6}]});
  lab.campaign(1);
  lab.process(1);
  lab.persist(1);
  lab.deliver({to: 2, drop: true});
  lab.stabilize([1, 3]);
  lab.deliver({to: 2, drop: true});
  // Out of memory, so that the next probe of 2 asks without entries.
  lab.replica(1).step({type: 'evict', uptoIndex: 7});
  lab.tick(1);
  lab.stabilize([1, 3]);
  for (let round = 0; round < 2; round++) {
    lab.deliver({from: 1, to: 2});
    lab.process(2);
    lab.persist(2);
    expect(lab.log(2).at(-1)?.data).toBe('of an old leader');
    expect(lab.status(2).commitIndex).toBeLessThanOrEqual(6);
    lab.deliver({from: 2, to: 1});
    lab.process(1);
  }
});

test('answers that come late prolong a lease from when they were asked for, not from now', () => {
  const lab = new RaftLab();
  const lease = {checkQuorum: true, leaseReads: true};
  lab.addNodes(3, {voters: [1, 2, 3], index: 5, term: 5, ...lease});
  for (const id of [1, 2, 3]) lab.tick(id, 10);
  lab.campaign(1);
  lab.stabilize();
  lab.tick(1);
  lab.process(1);
  lab.deliver({from: 1});
  for (const id of [2, 3]) lab.process(id);
  // The answers are on their way for six ticks of the leader.
  for (let tick = 0; tick < 6; tick++) {
    lab.tick(1);
    lab.process(1);
    lab.deliver({from: 1, drop: true});
  }
  lab.deliver({to: 1});
  lab.process(1);
  lab.tick(1, 2);
  lab.process(1);
  lab.takeEvents(1);
  lab.readIndex(1);
  lab.process(1);
  expect(lab.takeEvents(1).reads).toEqual([]);
});
