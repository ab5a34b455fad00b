// What a rebalance would do, for people: each transfer and move, and what every node carries before and
// after. Nothing is decided from it.

import type {NodeId, ReplicaId, ReplicaSetId} from '@flotilla/base';
import type {Catalog} from '../catalog.ts';
import {finish, wholeRebalance} from './rebalance.ts';
import type {Reports} from './reports.ts';

export interface RebalanceView {
  readonly leads: readonly {
    readonly replicaSet: ReplicaSetId;
    readonly from: NodeId;
    readonly to: NodeId;
  }[];
  readonly replicas: readonly {
    readonly replicaSet: ReplicaSetId;
    readonly replica: ReplicaId;
    readonly from: NodeId;
    readonly to: NodeId;
    /** On disk, where it was told. */
    readonly bytes?: number | undefined;
  }[];
  readonly nodes: readonly NodeShare[];
}

interface NodeShare {
  readonly node: NodeId;
  readonly leads: number;
  readonly leadsAfter: number;
  readonly replicas: number;
  readonly replicasAfter: number;
  /** 0 to 1. */
  readonly diskUsed: number;
  /** Bytes a second; absent until it was measured. */
  readonly writesPerSecond?: number | undefined;
}

/** Everything at once. */
export function describeRebalance(
  catalog: Catalog,
  reports: Reports,
  nowMs: number,
): RebalanceView {
  return finish(describingRebalance(catalog, reports, nowMs));
}

/** It gives way after some milliseconds each; what changes meanwhile may be seen or not. */
export function* describingRebalance(
  catalog: Catalog,
  reports: Reports,
  nowMs: number,
): Generator<void, RebalanceView> {
  const plan = yield* wholeRebalance(catalog, reports, nowMs);
  yield;
  const leads = plan.transfers.flatMap(({node: from, set, to}) => {
    const placed = catalog.replicaSet(set)?.replicas.find(({replica}) => replica === to);
    return placed === undefined ? [] : [{replicaSet: set, from, to: placed.node}];
  });
  yield;
  const replicas = plan.moves.map(({set, source: {replica, node: from}, target}) => {
    const bytes = reports.get(from)?.replicas.get(replica)?.diskBytes;
    return {replicaSet: set.id, replica, from, to: target.id, bytes};
  });
  yield;
  const view = {leads, replicas};
  return {...view, nodes: sharesOf(catalog, reports, view)};
}

function sharesOf(
  catalog: Catalog,
  reports: Reports,
  view: Pick<RebalanceView, 'leads' | 'replicas'>,
): NodeShare[] {
  const leadsChange = changesOf(view.leads);
  const replicasChange = changesOf(view.replicas);
  return [...catalog.nodes()]
    .filter(({state}) => state !== 'decommissioned')
    .map(({id: node}) => {
      const report = reports.get(node);
      const leads = report?.leads ?? 0;
      const replicas = catalog.replicaCount(node);
      const rate = report?.writes?.bytesPerSecond;
      return {
        node,
        leads,
        leadsAfter: leads + (leadsChange.get(node) ?? 0),
        replicas,
        replicasAfter: replicas + (replicasChange.get(node) ?? 0),
        diskUsed: Math.round((1 - (report?.diskFree ?? 1)) * 1_000) / 1_000,
        writesPerSecond: rate === undefined ? undefined : Math.round(rate),
      };
    });
}

/** How many more each node has then; negative: fewer. */
function changesOf(
  shifts: readonly {readonly from: NodeId; readonly to: NodeId}[],
): Map<NodeId, number> {
  const changes = new Map<NodeId, number>();
  for (const {from, to} of shifts) {
    changes.set(from, (changes.get(from) ?? 0) - 1);
    changes.set(to, (changes.get(to) ?? 0) + 1);
  }
  return changes;
}
