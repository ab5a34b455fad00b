// One row per situation: what the group is and which step was saved, and what is done next.

import type {OperationId, ReplicaSetId} from '@flotilla/base';
import {expect, test} from 'vitest';
import type {Operation} from '../model.ts';
import {
  type Decision,
  planLeaderTransfer,
  planRepairInPlace,
  planReplicaAddition,
  planReplicaMove,
  planReplicaRemoval,
} from './member-operation.ts';
import {type Situation, view} from './situation.fixture.ts';

function operation(kind: Operation['kind'], step: string, more: object = {}): Operation {
  return {
    id: 1 as OperationId,
    kind,
    state: 'running',
    replicaSet: 1 as ReplicaSetId,
    step,
    history: [],
    startedBy: 'test',
    createdAtMs: 0,
    ...more,
  };
}

function print(decision: Decision): string {
  switch (decision.type) {
    case 'wait':
      return 'wait';
    case 'advance':
      return [
        `-> ${decision.step}`,
        ...(decision.target === undefined ? [] : [`target ${decision.target}`]),
        ...(decision.targetNode === undefined ? [] : [`on ${decision.targetNode}`]),
      ].join(' ');
    case 'give-up':
      return 'give up';
    case 'finish':
      return decision.state;
    default: {
      const {action} = decision;
      if (action.type === 'change-config') {
        const changes = action.changes.map(({type, id}) => `${type} ${id}`).join(', ');
        return `${action.mode} [${changes}] at ${action.expectedConfigIndex} on ${action.node}`;
      }
      if (action.type === 'transfer-leader') return `lead to ${action.to}`;
      if (action.type === 'destroy-replica') return `destroy ${action.replica}`;
      if (action.type === 'propose' && action.command.type === 'set-placement') {
        const {add, remove, replicasWanted, expectedEpoch} = action.command;
        const changes = [
          ...add.map(({node}) => `add ${node}`),
          ...remove.map((id) => `remove ${id}`),
          ...(replicasWanted === undefined ? [] : [`wanted ${replicasWanted}`]),
        ];
        return [...changes, `epoch ${expectedEpoch}`].join(' ');
      }
      return action.type;
    }
  }
}

// A move of replica 1 to node 4, where its successor is replica 4.
const three = {voters: [1, 2, 3], leader: 2};
const withTarget = {...three, learners: [4]};
const swapped = {voters: [2, 3, 4], leader: 2, placed: [1, 2, 3, 4], reported: [1, 2, 3, 4]};

test.each<[string, string, Situation, object?]>([
  ['create', 'add 4 epoch 7', three, {target: undefined}],
  // The placement was changed, and we crashed before saving the step.
  ['create', '-> learner target 4', {...three, placed: [1, 2, 3, 4]}, {target: undefined}],
  ['learner', 'wait', {...three, placed: [1, 2, 3, 4]}],
  [
    'learner',
    'simple [learner 4] at 40 on 2',
    {...three, placed: [1, 2, 3, 4], reported: [1, 2, 3, 4]},
  ],
  ['learner', '-> catch-up', withTarget],
  ['learner', 'wait', {...withTarget, leader: 0}],
  ['catch-up', 'wait', {...withTarget, lagging: [4]}],
  ['catch-up', 'wait', {...withTarget, empty: [4]}],
  // Unknown lag is not small lag.
  ['catch-up', 'wait', {...withTarget, leader: 0}],
  ['catch-up', '-> swap', withTarget],
  // It would be waited for without end, and nothing else may begin meanwhile.
  ['learner', 'give up', {...withTarget, damaged: [4]}],
  ['catch-up', 'give up', {...withTarget, damaged: [4]}],
  ['swap', 'give up', {...withTarget, damaged: [4]}],
  ['learner', 'give up', three],
  // It is a member no more, whoever took it out: nobody would wait for it with reason.
  ['catch-up', '-> learner', {...three, placed: [1, 2, 3, 4]}],
  ['swap', '-> learner', {...three, placed: [1, 2, 3, 4]}],
  ['swap', 'joint [voter 4, remove 1] at 40 on 2', {...withTarget, damaged: [1]}],
  ['swap', 'joint [voter 4, remove 1] at 40 on 2', withTarget],
  // What was so when the step began may be so no more.
  ['swap', 'wait', {...withTarget, lagging: [4]}],
  ['swap', 'wait', {...withTarget, dead: [4]}],
  // A leader is never swapped out: the lead goes first.
  ['swap', 'lead to 2', {...withTarget, leader: 1}],
  ['swap', 'lead to 3', {...withTarget, leader: 1, lagging: [2]}],
  ['swap', 'wait', {...withTarget, leader: 1, lagging: [2, 3]}],
  ['swap', 'wait', {voters: [2, 3, 4], outgoing: [1, 2, 3], leader: 2}],
  // The swap was committed, and we crashed before saving: it is noticed and not proposed twice.
  ['swap', '-> confirm', swapped],
  // A sole voter: explicit, and the lead moves inside the joint state.
  [
    'swap',
    'joint-explicit [voter 4, remove 1] at 40 on 1',
    {voters: [1], learners: [4], leader: 1},
  ],
  ['swap', 'lead to 4', {voters: [4], outgoing: [1], leader: 1, autoLeave: false}],
  ['swap', 'leave [] at 40 on 4', {voters: [4], outgoing: [1], leader: 4, autoLeave: false}],
  // A learner is moved without a joint change.
  ['swap', 'simple [remove 1] at 40 on 2', {voters: [2], learners: [1, 4], leader: 2}],
  ['swap', 'wait', {voters: [2], learners: [1, 4], leader: 2, lagging: [4]}],
  // The group counts it still, or again: what it says goes before what was asked of it.
  ['confirm', 'wait', {voters: [2, 3, 4], outgoing: [1, 2, 3], leader: 2}],
  ['confirm', 'wait', {voters: [1, 2, 3, 4], leader: 2}],
  ['confirm', 'remove 1 epoch 7', swapped],
  ['confirm', '-> destroy-source', {...swapped, placed: [2, 3, 4]}],
  ['destroy-source', 'destroy 1', {...swapped, placed: [2, 3, 4]}],
  ['destroy-source', 'destroy 1', {...swapped, placed: [2, 3, 4], volatile: [2]}],
  ['destroy-source', 'wait', {...swapped, placed: [2, 3, 4], volatile: [2, 3]}],
  ['destroy-source', 'wait', {...swapped, placed: [2, 3, 4], leader: 0}],
  ['destroy-source', 'done', {...swapped, placed: [2, 3, 4], reported: [2, 3, 4]}],
])('move at %s: %s', (step, expected, situation, more = {}) => {
  const ids = {source: 1, target: 4, sourceNode: 1, targetNode: 4, ...more};
  const move = operation('move-replica', step, ids);
  expect(print(planReplicaMove(move, view(situation)))).toBe(expected);
});

test.each<[string, string, Situation]>([
  ['create', 'cancelled', three],
  ['create', 'remove 4 epoch 7', {...three, placed: [1, 2, 3, 4]}],
  ['learner', 'simple [remove 4] at 40 on 2', withTarget],
  ['learner', 'remove 4 epoch 7', {...three, placed: [1, 2, 3, 4]}],
  ['catch-up', 'simple [remove 4] at 40 on 2', withTarget],
  ['catch-up', 'wait', {...withTarget, leader: 0}],
  ['swap', 'simple [remove 4] at 40 on 2', withTarget],
  // After the joint change it goes on.
  ['swap', 'wait', {voters: [2, 3, 4], outgoing: [1, 2, 3], leader: 2}],
  ['swap', '-> confirm', swapped],
  ['confirm', 'remove 1 epoch 7', swapped],
  ['destroy-source', 'destroy 1', {...swapped, placed: [2, 3, 4]}],
  ['destroy-source', 'done', {...swapped, placed: [2, 3, 4], reported: [2, 3, 4]}],
])('cancelled move at %s: %s', (step, expected, situation) => {
  const ids = {source: 1, target: 4, sourceNode: 1, targetNode: 4, state: 'cancelling'};
  const move = operation('move-replica', step, ids);
  expect(print(planReplicaMove(move, view(situation)))).toBe(expected);
});

test('what could not go on has failed when it is taken back', () => {
  const ids = {source: 1, target: 4, sourceNode: 1, targetNode: 4, state: 'cancelling'};
  const move = operation('move-replica', 'learner', {...ids, errorCode: 'NO_PLACE'});
  expect(print(planReplicaMove(move, view(three)))).toBe('failed');
});

const gone = {voters: [2, 3], leader: 2, placed: [2, 3]};

test.each<[string, string, Situation, object?]>([
  ['change', 'simple [remove 1] at 40 on 2', three],
  ['confirm', 'remove 1 epoch 7', {...gone, placed: [1, 2, 3], reported: [1, 2, 3]}],
  ['destroy-source', 'destroy 1', {...gone, reported: [1, 2, 3]}],
  // Then it goes on like a move that has nobody to take out.
  ['destroy-source', '-> create on 1', gone],
  ['destroy-source', 'cancelled', gone, {state: 'cancelling'}],
  // Its node is away by then: it is healed like any that lacks a replica.
  ['destroy-source', 'done', gone, {sourceNode: 9}],
])('a repair in place at %s: %s', (step, expected, situation, more = {}) => {
  const repair = operation('repair', step, {source: 1, sourceNode: 1, ...more});
  expect(print(planRepairInPlace(repair, view(situation), 3))).toBe(expected);
});

test('a repair in place ends where the set has enough without the replica', () => {
  const repair = operation('repair', 'destroy-source', {source: 1, sourceNode: 1});
  expect(print(planRepairInPlace(repair, view(gone), 2))).toBe('done');
});

test.each<[string, string, Situation]>([
  ['create', 'add 1 epoch 7', gone],
  ['swap', '-> confirm', {...gone, learners: [4], placed: [2, 3, 4]}],
  ['confirm', '-> destroy-source', {...gone, learners: [4], placed: [2, 3, 4]}],
  ['destroy-source', 'done', {...gone, learners: [4], placed: [2, 3, 4]}],
])('its second half at %s: %s', (step, expected, situation) => {
  const ids = {source: 1, target: 4, sourceNode: 1, targetNode: 1};
  expect(print(planReplicaMove(operation('repair', step, ids), view(situation)))).toBe(expected);
});

test.each<[string, Situation, object?]>([
  ['simple [remove 1] at 40 on 2', {voters: [2], learners: [1], leader: 2}],
  ['joint [voter 4, remove 1] at 40 on 2', withTarget],
  ['failed', three],
  // A new leader does not know yet how far the learner is, or it is behind: it is on its way.
  ['wait', {...withTarget, lagging: [4]}],
  ['failed', {...withTarget, lagging: [4], dead: [4]}],
  ['failed', {...withTarget, lagging: [4], damaged: [4]}],
  ['joint [remove 1, learner 3] at 40 on 2', three, {allowFewerVoters: true}],
  // One that is behind is not waited for then, one that the new leader has not heard yet is.
  [
    'joint [remove 1, learner 3] at 40 on 2',
    {...withTarget, lagging: [4]},
    {allowFewerVoters: true},
  ],
  ['wait', {...withTarget, unheard: [4]}, {allowFewerVoters: true}],
  [
    'joint [remove 1, learner 3] at 40 on 2',
    {...withTarget, unheard: [4], dead: [4]},
    {allowFewerVoters: true},
  ],
  // Of five three are left: one that is damaged is none of them.
  [
    'joint [remove 1, learner 4] at 40 on 2',
    {voters: [1, 2, 3, 4, 5], leader: 2, damaged: [4]},
    {allowFewerVoters: true},
  ],
  ['simple [remove 1] at 40 on 2', three, {kind: 'repair'}],
  ['lead to 2', {...three, leader: 1}, {allowFewerVoters: true}],
  ['failed', {voters: [1], leader: 1}],
  // A sole voter beside a learner: as in a move, the lead goes to it inside the joint state.
  ['joint-explicit [voter 4, remove 1] at 40 on 1', {voters: [1], learners: [4], leader: 1}],
  ['wait', {voters: [1], learners: [4], leader: 1, lagging: [4]}],
  ['failed', {voters: [1], learners: [4], leader: 1, placed: [1]}],
  ['lead to 4', {voters: [4], outgoing: [1], leader: 1, autoLeave: false}],
  ['leave [] at 40 on 4', {voters: [4], outgoing: [1], leader: 4, autoLeave: false}],
  ['wait', {voters: [2, 3, 4], outgoing: [1, 2, 3], leader: 2}],
  // Voters stay odd, or become it.
  ['simple [remove 1] at 40 on 2', {voters: [1, 2, 3, 4], leader: 2}],
  // The other of two would hold each write alone: a learner takes the place, or it is allowed.
  ['joint [voter 4, remove 1] at 40 on 2', {voters: [1, 2], learners: [4], leader: 2}],
  [
    'simple [remove 1] at 40 on 2',
    {voters: [1, 2], learners: [4], leader: 2},
    {allowFewerVoters: true},
  ],
  ['simple [remove 1] at 40 on 2', {voters: [1, 2], learners: [4], leader: 2}, {kind: 'repair'}],
  ['failed', {voters: [1, 2], leader: 2}],
  ['wait', {voters: [1, 2], learners: [4], leader: 2, lagging: [4]}],
  ['simple [remove 1] at 40 on 2', {voters: [1, 2], leader: 2}, {allowFewerVoters: true}],
  ['simple [remove 1] at 40 on 2', {voters: [1, 2], leader: 2}, {kind: 'repair'}],
  ['cancelled', three, {state: 'cancelling'}],
  // After the change it goes on.
  ['-> confirm', swapped, {state: 'cancelling'}],
  ['-> confirm', swapped],
])('removal: %s', (expected, situation, more = {}) => {
  const removal = operation('remove-replica', 'change', {source: 1, sourceNode: 1, ...more});
  expect(print(planReplicaRemoval(removal, view(situation)))).toBe(expected);
});

test('one that became a member by an order that was on its way is taken out after all', () => {
  const late = {voters: [2, 3], learners: [1], leader: 2};
  const ids = {source: 1, sourceNode: 1};
  for (const kind of ['remove-replica', 'repair'] as const)
    expect(print(planReplicaRemoval(operation(kind, 'confirm', ids), view(late)))).toBe(
      '-> change',
    );
  const cancelled = operation('remove-replica', 'change', {...ids, state: 'cancelling'});
  expect(print(planReplicaRemoval(cancelled, view(late)))).toBe('cancelled');
});

test.each([
  ['test', 'remove 1 wanted 3 epoch 7'],
  ['operation 9', 'remove 1 epoch 7'],
])('a removal started by "%s" is confirmed by: %s', (startedBy, expected) => {
  const removal = operation('remove-replica', 'confirm', {source: 1, sourceNode: 1, startedBy});
  expect(print(planReplicaRemoval(removal, view(swapped)))).toBe(expected);
});

test.each<[string, string, Situation, number, object?]>([
  ['create', 'add 4 epoch 7', three, 3],
  ['create', 'remove 4 epoch 7', {...three, placed: [1, 2, 3, 4]}, 3, {state: 'cancelling'}],
  ['catch-up', 'wait', {...withTarget, lagging: [4]}, 3],
  ['learner', 'simple [remove 4] at 40 on 2', withTarget, 3, {state: 'cancelling'}],
  ['catch-up', 'simple [remove 4] at 40 on 2', withTarget, 3, {state: 'cancelling'}],
  ['catch-up', 'give up', {...withTarget, damaged: [4]}, 3],
  ['catch-up', '-> confirm', withTarget, 3],
  // One of those that were wanted was missing: no more are wanted than before.
  ['confirm', 'done', withTarget, 5],
  ['confirm', 'wanted 4 epoch 7', withTarget, 3],
  ['confirm', 'done', withTarget, 4],
  // It is too late to take it back.
  ['confirm', 'wanted 4 epoch 7', withTarget, 3, {state: 'cancelling'}],
])('an addition at %s, which ends as a caught-up learner: %s', (step, expected, ...rest) => {
  const [situation, wanted, more = {}] = rest;
  const addition = operation('add-replica', step, {target: 4, targetNode: 4, ...more});
  expect(print(planReplicaAddition(addition, view(situation), wanted))).toBe(expected);
});

test.each<[string, Situation]>([
  // What is repaired and leads holds other rows than the rest: it sends them to nobody.
  ['lead to 2', {...three, placed: [1, 2, 3, 4], reported: [1, 2, 3, 4], leader: 1}],
  ['simple [learner 4] at 40 on 2', {...three, placed: [1, 2, 3, 4], reported: [1, 2, 3, 4]}],
])('repair of a replica that lives: %s', (expected, situation) => {
  const ids = {source: 1, target: 4, sourceNode: 1, targetNode: 4};
  expect(print(planReplicaMove(operation('repair', 'learner', ids), view(situation)))).toBe(
    expected,
  );
});

test.each<[string, Situation]>([
  // Elected again after the learner was added.
  ['lead to 2', {...withTarget, leader: 1, lagging: [4]}],
  ['lead to 2', {...withTarget, leader: 1}],
  ['wait', {...withTarget, lagging: [4]}],
  ['-> swap', {...withTarget}],
])('repair of a replica that lives, while its successor catches up: %s', (expected, situation) => {
  const ids = {source: 1, target: 4, sourceNode: 1, targetNode: 4};
  const repair = operation('repair', 'catch-up', ids);
  expect(print(planReplicaMove(repair, view(situation)))).toBe(expected);
  const move = operation('move-replica', 'catch-up', ids);
  expect(print(planReplicaMove(move, view(situation)))).not.toMatch(/lead/);
});

test.each<[string, Situation]>([
  ['done', {...three, leader: 3}],
  ['lead to 3', three],
  ['wait', {...three, leader: 0}],
  ['wait', {...three, lagging: [3]}],
  ['failed', {voters: [1, 2], learners: [3], leader: 2}],
])('transfer: %s', (expected, situation) => {
  const transfer = operation('transfer-leader', 'transfer', {target: 3});
  expect(print(planLeaderTransfer(transfer, view(situation)))).toBe(expected);
});
