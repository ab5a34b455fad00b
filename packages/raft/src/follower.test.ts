import {expect, test} from 'vitest';
import {EMPTY_CONFIGURATION} from './configuration.ts';
import {RaftLab} from './lab/index.ts';
import type {AppendReply, SnapshotMessage} from './message.ts';

/** 1 follows 2 and holds entries 6 to 9, committed up to 8. */
function followingLab(): RaftLab {
  const lab = new RaftLab();
  lab.addNodes(3, {voters: [1, 2, 3], index: 5, term: 5});
  const entries = ['a', 'b', 'c', 'd'].map((data) => ({term: 6, data}));
  lab.setState(1, {term: 6, entries, commit: 8});
  lab.stabilize();
  return lab;
}

function snapshotAt(index: number, term: number): SnapshotMessage {
  const configuration = {...EMPTY_CONFIGURATION, voters: [2, 3]};
  const snapshot = {index, term, configuration, configIndex: 5};
  return {type: 'snapshot', from: 2, to: 1, term: 7, session: 1, snapshot};
}

test.each([
  ['older', 6, 6],
  ['as old', 8, 6],
  ['older and of another term', 7, 5],
])(
  'a snapshot at or below the commit index is answered with it and changes nothing: %s',
  (_, index, term) => {
    const lab = followingLab();
    const before = lab.log(1);
    lab.replica(1).receive(snapshotAt(index, term));
    lab.process(1);
    lab.persist(1);
    const replies = lab.deliver({from: 1, drop: true}) as AppendReply[];
    expect(replies).toMatchObject([{type: 'appendReply', rejected: false, index: 8}]);
    expect(lab.log(1)).toEqual(before);
    expect(lab.config(1).voters).toEqual([1, 2, 3]);
  },
);
