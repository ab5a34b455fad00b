import {META_SET, type NodeId} from '@flotilla/base';
import {expect, test} from 'vitest';
import type {ClusterFacts, ReplicaSetView} from './cluster-view.ts';
import {okToStop} from './ok-to-stop.ts';
import {replicaView, setView, unreachable} from './set-view.fixture.ts';

function facts(sets: readonly ReplicaSetView[], metaVoters: readonly number[] = []): ClusterFacts {
  return {
    sets,
    meta: {leader: 1 as NodeId, voters: metaVoters as NodeId[]},
    nodes: [1, 2, 3, 4].map((id) => ({node: {id} as never, isReachable: id !== 4})),
  };
}

const ask = (of: ClusterFacts, ...nodes: number[]) => okToStop(of, nodes as NodeId[]);
const whole = setView([1, 2, 3].map((node) => replicaView(node)));

test('one of three may go, two may not', () => {
  expect(ask(facts([whole]), 2)).toEqual({ok: true, nodes: [2], sets: []});
  expect(ask(facts([whole]), 2, 3)).toMatchObject({
    ok: false,
    sets: [{id: 12, database: 'public', voters: 3, present: 3, left: 1, needed: 2}],
  });
});

test('beside a replica that is away none may go; of what the node holds no voter it may', () => {
  const lacking = setView([replicaView(1), replicaView(2), unreachable(4)]);
  expect(ask(facts([lacking]), 2)).toMatchObject({ok: false, sets: [{present: 2, left: 1}]});
  expect(ask(facts([lacking]), 4), 'it takes no part now').toMatchObject({ok: true});
  expect(ask(facts([lacking]), 3)).toMatchObject({ok: true});
  const learner = setView([replicaView(1), replicaView(2, {role: 'learner'})]);
  expect(ask(facts([learner]), 2)).toMatchObject({ok: true});
  expect(ask(facts([{...lacking, state: 'dropping'}]), 2)).toMatchObject({ok: true});
});

test.each(['missing', 'failed', 'stopped', 'wedged'])(
  'a replica that is %s counts for nothing',
  (state) => {
    const ill = setView([replicaView(1), replicaView(2), replicaView(3, {state})]);
    expect(ask(facts([ill]), 1)).toMatchObject({ok: false});
  },
);

test('a voter that lags far counts for nothing until it has caught up', () => {
  const lagging = setView([replicaView(1), replicaView(2), replicaView(3, {isLate: true})]);
  expect(ask(facts([lagging]), 2)).toMatchObject({
    ok: false,
    sets: [{id: 12, voters: 3, present: 2, left: 1, needed: 2}],
  });
  expect(ask(facts([lagging]), 3), 'it confirms nothing now').toMatchObject({ok: true});
  const meta = {leader: 1 as NodeId, voters: [1, 2, 3] as NodeId[], late: [3 as NodeId]};
  expect(ask({...facts([]), meta}, 2)).toMatchObject({sets: [{id: META_SET, present: 2}]});
});

test('the meta group is asked for too', () => {
  expect(ask(facts([], [1, 2, 4]), 2)).toMatchObject({
    ok: false,
    sets: [{id: META_SET, database: 'meta', voters: 3, present: 2, left: 1}],
  });
  expect(ask(facts([], [1, 2, 3]), 2).ok).toBe(true);
});
