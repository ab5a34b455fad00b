// Which replica goes where a set has one too many.

import {expect, test} from 'vitest';
import {planShrinking} from './membership.ts';
import {type Situation, view} from './situation.fixture.ts';

const learners = {voters: [1], learners: [2, 3], leader: 1};

test.each<[string, number, Situation, readonly number[]]>([
  ['the youngest learner', 2, learners, [3]],
  ['one that is behind, or dead, before those that are not', 2, {...learners, lagging: [2]}, [2]],
  ['nobody where as many are wanted', 3, learners, []],
  ['no voter', 2, {voters: [1, 2, 3], leader: 1}, []],
  ['nobody while it is not known who leads', 2, {...learners, leader: 0}, []],
])('of a set with too many replicas goes %s', (_name, wanted, situation, expected) => {
  const action = planShrinking(view(situation), wanted);
  const command = action?.type === 'propose' ? action.command : undefined;
  expect(command?.type === 'set-placement' ? command.remove : []).toEqual(expected);
});
