// A replica set as a test describes it: where each log ends, and what is wrong with whom.

import type {NodeId, ReplicaId, ReplicaSetId} from '@flotilla/base';
import type {ReplicaSetView, ReplicaView} from './cluster-view.ts';

/** The replica on node `n` has id `30 + n`; a follower whose log ends at (4, 10) unless said. */
export function replicaView(node: number, more: Partial<ReplicaView> = {}): ReplicaView {
  return {
    replica: (30 + node) as ReplicaId,
    node: node as NodeId,
    address: `n${node}:8902`,
    role: 'voter',
    leader: false,
    state: 'follower',
    term: 4,
    appliedIndex: 10,
    commitIndex: 10,
    lastIndex: 10,
    lastTerm: 4,
    lag: 0,
    ...more,
  };
}

/** Of a node that does not answer nothing is known. */
export function unreachable(node: number): ReplicaView {
  const {replica, address, role, leader} = replicaView(node);
  return {replica, node: node as NodeId, address, role, leader, state: 'unreachable'};
}

export function setView(replicas: readonly ReplicaView[], id = 12): ReplicaSetView {
  return {
    id: id as ReplicaSetId,
    database: 'public',
    tenant: 'default',
    bucket: {id: 3, start: '2026-01-01T00:00:00.000Z', end: '2026-01-08T00:00:00.000Z'},
    shard: 0,
    epoch: 1,
    state: 'open',
    pinned: false,
    failover: 'manual',
    leader: replicas.find(({leader}) => leader)?.node,
    replicas,
  };
}
