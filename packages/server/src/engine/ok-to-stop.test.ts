import {META_SET, type NodeId} from '@flotilla/base';
import {describe, expect, test} from 'vitest';
import type {ClusterFacts, ReplicaSetView, ReplicaView} from './cluster-view.ts';
import {okToStop} from './ok-to-stop.ts';
import {replicaView, setView, unreachable} from './set-view.fixture.ts';

function facts(
  sets: readonly ReplicaSetView[],
  metaReplicas: readonly ReplicaView[] = [],
): ClusterFacts {
  return {
    sets,
    meta: {leader: 1 as NodeId, replicas: metaReplicas},
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
  expect(ask(facts([], lagging.replicas), 2)).toMatchObject({sets: [{id: META_SET, present: 2}]});
});

/** A member tells who votes: in a change of members the ones before, too. */
const telling = (configIndex: number, ...majorities: number[][]): Partial<ReplicaView> => {
  return {voting: {configIndex, majorities: majorities.map((ids) => ids.map((id) => 30 + id))}};
};

describe.each(['a set', 'the meta group'])('of %s', (of) => {
  const asked = (replicas: readonly ReplicaView[], ...nodes: number[]) =>
    ask(of === 'a set' ? facts([setView(replicas)]) : facts([], replicas), ...nodes);

  test('whoever is away, or has no replica that takes part, is none to count on', () => {
    expect(asked([replicaView(1), replicaView(2), replicaView(3)], 2).ok).toBe(true);
    const named = of === 'a set' ? {id: 12, database: 'public'} : {id: META_SET, database: 'meta'};
    for (const third of [
      unreachable(4),
      ...['missing', 'failed', 'stopped', 'wedged'].map((state) => replicaView(3, {state})),
    ])
      expect(asked([replicaView(1), replicaView(2), third], 2)).toMatchObject({
        ok: false,
        sets: [{...named, voters: 3, present: 2, left: 1, needed: 2}],
      });
  });

  test('what is placed as a voter and is none yet is none to count on', () => {
    const leader = replicaView(1, {leader: true, state: 'leader', ...telling(5, [1])});
    const replicas = [leader, replicaView(2), replicaView(3)];
    expect(asked(replicas, 1)).toMatchObject({ok: false, sets: [{voters: 1, left: 0, needed: 1}]});
    expect(asked(replicas, 2, 3), 'nobody needs them').toMatchObject({ok: true});
  });

  test('both majorities of a change of members are needed', () => {
    const leader = replicaView(1, {
      leader: true,
      state: 'leader',
      ...telling(7, [1, 2, 4], [1, 2, 3]),
    });
    const away = {state: 'unreachable'};
    const replicas = [leader, replicaView(2), replicaView(3, away), replicaView(4)];
    expect(asked(replicas, 4), 'the old voters are two').toMatchObject({ok: true});
    expect(asked(replicas, 2)).toMatchObject({ok: false, sets: [{voters: 3, present: 2, left: 1}]});
  });

  test('the leader knows, else who knows the latest; one that is placed nowhere is not there', () => {
    const replicas = [1, 2, 3].map((node) => replicaView(node, telling(node, [1, 2, 3])));
    const odd = [...replicas.slice(0, 2), replicaView(3, telling(9, [1, 2, 9]))];
    expect(asked(replicas, 3)).toMatchObject({ok: true});
    expect(asked(odd, 2)).toMatchObject({ok: false, sets: [{voters: 3, present: 2}]});
    const led = [{...odd[0]!, leader: true}, ...odd.slice(1)];
    expect(asked(led, 2)).toMatchObject({ok: true});
  });
});
