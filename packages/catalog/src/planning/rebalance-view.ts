// What a rebalance would do, for people: each transfer and move, and what every node carries before and
// after. Nothing is decided from it.

import type {NodeId, ReplicaId, ReplicaSetId} from '@flotilla/base';
import type {Catalog} from '../catalog.ts';
import {planWholeRebalance} from './rebalance.ts';
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

export function describeRebalance(
  catalog: Catalog,
  reports: Reports,
  nowMs: number,
): RebalanceView {
  const plan = planWholeRebalance(catalog, reports, nowMs);
  const leads = plan.transfers.map(({node: from, set, to}) => {
    const placed = catalog.replicaSet(set)!.replicas.find(({replica}) => replica === to)!;
    return {replicaSet: set, from, to: placed.node};
  });
  const replicas = plan.moves.map(({set, source: {replica, node: from}, target}) => {
    const bytes = reports.get(from)?.replicas.get(replica)?.diskBytes;
    return {replicaSet: set.id, replica, from, to: target.id, bytes};
  });
  const view = {leads, replicas};
  return {...view, nodes: sharesOf(catalog, reports, view)};
}

function sharesOf(
  catalog: Catalog,
  reports: Reports,
  view: Pick<RebalanceView, 'leads' | 'replicas'>,
): NodeShare[] {
  const change = (shifts: RebalanceView['leads'], node: NodeId) =>
    shifts.filter(({to}) => to === node).length - shifts.filter(({from}) => from === node).length;
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
        leadsAfter: leads + change(view.leads, node),
        replicas,
        replicasAfter: replicas + change(view.replicas, node),
        diskUsed: Math.round((1 - (report?.diskFree ?? 1)) * 1_000) / 1_000,
        writesPerSecond: rate === undefined ? undefined : Math.round(rate),
      };
    });
}
