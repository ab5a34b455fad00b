import type {NodeId, ReplicaId, ReplicaSetId} from '@flotilla/base';
import {expect, test} from 'vitest';
import type {Command} from '../commands.ts';
import type {CatalogMachine} from '../machine/catalog-machine.ts';
import {clusterOf, makeSets, must, reportsOf} from './cluster.fixture.ts';
import {planNext} from './reconcile.ts';

const id = (node: number) => node as NodeId;

function declared({catalog}: CatalogMachine): readonly NodeId[] {
  const commands = planNext(catalog, reportsOf(catalog, {}), 9).flatMap((action): Command[] =>
    action.type === 'propose' ? [action.command] : [],
  );
  const [order, ...more] = commands.filter((command) => command.type === 'declare-lost');
  expect(more).toEqual([]);
  return order?.nodes ?? [];
}

const holders = ({catalog}: CatalogMachine, set: ReplicaSetId) =>
  catalog.replicaSet(set)!.replicas.map(({node}) => node);

test('a set that opens after a node was declared lost is rid of it, once', () => {
  const machine = clusterOf(3);
  const requests = [1, 2, 3].map((node) => ({node: id(node), role: 'voter' as const}));
  const range = {timeMs: 0, startMs: 0, endMs: 1};
  must(machine, {type: 'ensure-bucket', database: 1 as never, ...range, placements: [requests]});
  const [{id: set}] = [...machine.catalog.replicaSets()] as unknown as [{id: ReplicaSetId}];
  must(machine, {type: 'declare-lost', nodes: [id(3)], atMs: 2});
  expect(declared(machine), 'it is to open first').toEqual([]);
  must(machine, {type: 'open-replica-sets', sets: [set]});
  expect(holders(machine, set)).toEqual([1, 2, 3]);
  expect(declared(machine)).toEqual([3]);
  must(machine, {type: 'declare-lost', nodes: [id(3)], atMs: 9});
  expect(holders(machine, set)).toEqual([1, 2]);
  expect(declared(machine)).toEqual([]);
});

test('a set that gets its majority by a change of members is rid of them when that has ended', () => {
  const machine = clusterOf(5);
  const [set] = makeSets(machine, [{voters: [1, 4, 5]}]) as [ReplicaSetId];
  const source = machine.catalog.replicaSet(set)!.replicas[2]!.replica;
  const by = {startedBy: 'ann', atMs: 2} as const;
  const move = {kind: 'move-replica', replicaSet: set, source, targetNode: id(2)} as const;
  must(machine, {type: 'create-operation', ...move, ...by});
  const add = [{node: id(2), role: 'learner' as const}];
  must(machine, {type: 'set-placement', set, expectedEpoch: 1, add, remove: [], roles: []});
  must(machine, {type: 'declare-lost', nodes: [id(4), id(5)], atMs: 3});
  expect(declared(machine), 'it waits for its recovery').toEqual([]);
  const learner = machine.catalog.replicaSet(set)!.replicas[3]!.replica;
  const roles = [{replica: learner as ReplicaId, role: 'voter' as const}];
  const swapped = {expectedEpoch: 2, add: [], remove: [source], roles};
  must(machine, {type: 'set-placement', set, ...swapped});
  expect(declared(machine), 'the move goes on').toEqual([]);
  const {id: operation, step: expectedStep} = machine.catalog.operationOf(set)!;
  must(machine, {type: 'update-operation', operation, expectedStep, state: 'done', atMs: 4});
  expect(declared(machine)).toEqual([4]);
});

test('one that left by itself, or holds what has no majority without it, is not spoken of', () => {
  const machine = clusterOf(4);
  makeSets(machine, [{voters: [1, 2, 3]}]);
  must(machine, {type: 'set-node-state', node: id(4), state: 'draining'});
  must(machine, {type: 'set-node-state', node: id(4), state: 'decommissioned'});
  must(machine, {type: 'declare-lost', nodes: [id(2), id(3)], atMs: 2});
  expect(declared(machine)).toEqual([]);
});
