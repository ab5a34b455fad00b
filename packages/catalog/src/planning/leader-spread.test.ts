import type {NodeId, ReplicaId, ReplicaSetId} from '@flotilla/base';
import {expect, test} from 'vitest';
import type {Catalog} from '../catalog.ts';
import type {FailoverMode} from '../model.ts';
import type {GroupView} from './group-view.ts';
import {LeadEdges} from './lead-edges.ts';
import {leadOf, planLeaderSpread} from './leader-spread.ts';
import type {NodeReport, Reports} from './reports.ts';

const NODES = [1, 2, 3] as NodeId[];

interface Sets {
  readonly count?: number;
  readonly pinned?: boolean;
}

/** Node 1 leads all sets, four unless said; each has a replica on every node, numbered like it. */
function groups({count = 4, pinned}: Sets): GroupView[] {
  return Array.from({length: count}, (_, i) => i + 11).map((id) => {
    const replicas = NODES.map((node) => ({node, replica: Number(node) as ReplicaId}));
    const heirs = () => replicas.filter(({node}) => node !== 1);
    const set = {id: id as ReplicaSetId, state: 'open', replicas, pinned};
    const leader = {replica: 1};
    return {set, leaderNode: 1, leader, joint: false, heirs} as unknown as GroupView;
  });
}

function planned(
  failover: FailoverMode,
  diskFree: Record<number, number> = {},
  sets: Sets = {},
): number[] {
  const views = groups(sets);
  const catalog = {
    replicaSet: (id: ReplicaSetId) => views.find(({set}) => set.id === id)?.set,
    failoverOf: () => failover,
    operationOf: () => undefined,
    node: (id: NodeId) => ({id, state: 'active'}),
  } as unknown as Catalog;
  const report = (node: NodeId): NodeReport => {
    return {node, live: true, clockOffsetMs: 0, diskFree: diskFree[node] ?? 1, replicas: new Map()};
  };
  const reports: Reports = new Map(NODES.map((node) => [node, report(node)]));
  const leads = new LeadEdges();
  for (const view of views) leads.put(view.set.id, leadOf(view, catalog));
  const actions = planLeaderSpread(leads, catalog, reports, 0);
  return actions.map((action) => (action.type === 'transfer-leader' ? action.to : 0));
}

test('leads are evened out over the nodes', () => {
  expect(planned('automatic').sort()).toEqual([2, 3]);
});

test('no lead moves by itself under manual failover', () => {
  expect(planned('manual')).toEqual([]);
});

test('no lead goes to a node that takes no writes for want of space', () => {
  expect(planned('automatic', {2: 0.04})).toEqual([3, 3]);
});

test('no lead of a pinned set moves', () => {
  expect(planned('automatic', {}, {pinned: true})).toEqual([]);
});

test('few leads move at a time, as each move pauses writes', () => {
  expect(planned('automatic', {}, {count: 30}).length).toBe(4);
});
