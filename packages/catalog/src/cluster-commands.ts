// What can be asked of the cluster: its nodes, what it may do by itself, its version and tokens. See commands.ts.

import type {NodeId, OperationId} from '@flotilla/base';
import type {AutomationKind, FailoverMode, Maintenance, Node} from './model.ts';

/** What a node tells of itself. */
export interface NodeDescription {
  readonly incarnation: string;
  readonly address: string;
  readonly zone?: string | undefined;
  readonly engineThreads: number;
  readonly version: string;
  readonly isInsecure?: boolean | undefined;
}

export interface FoundCluster {
  readonly type: 'found-cluster';
  readonly clusterId: string;
  readonly node: NodeDescription;
  /** Of the founder's build; absent in older logs: 1. */
  readonly clusterVersion?: number | undefined;
  readonly atMs: number;
}
/** Idempotent by the description's incarnation. */
export interface RegisterNode {
  readonly type: 'register-node';
  readonly node: NodeDescription;
  /** The proposer has seen that the one who registers is the one who answers there now. */
  readonly isAddressFree?: boolean | undefined;
  readonly atMs: number;
}
export interface UpdateNode {
  readonly type: 'update-node';
  readonly node: NodeId;
  readonly address?: string | undefined;
  readonly zone?: string | undefined;
  readonly engineThreads?: number | undefined;
  readonly version?: string | undefined;
  readonly isInsecure?: boolean | undefined;
}
/** 'decommissioned' is for ever and requires that no placement names the node. */
export interface SetNodeState {
  readonly type: 'set-node-state';
  readonly node: NodeId;
  readonly state: Node['state'];
  /** CONFLICT unless it is the present one. */
  readonly expectedState?: Node['state'] | undefined;
  /** CONFLICT where this one, for which it is done, has ended meanwhile. */
  readonly operation?: OperationId | undefined;
}
export interface SetCluster {
  readonly type: 'set-cluster';
  readonly automation?: 'running' | 'paused' | undefined;
  readonly failover?: FailoverMode | undefined;
}
/** From then on what is new with that version is used, and no node may go back. Never lowers. */
export interface FinalizeUpgrade {
  readonly type: 'finalize-upgrade';
  readonly version: number;
  /** Those that were asked and can. CONFLICT where another node has come since. */
  readonly nodes: readonly NodeId[];
}
/** Pauses each of the kinds, from now until `untilMs`, if that is given; or resumes them. */
export interface SetAutomation {
  readonly type: 'set-automation';
  readonly kinds: readonly AutomationKind[];
  readonly paused: boolean;
  readonly untilMs?: number | undefined;
  readonly atMs: number;
}
/** Instead of the one before. */
export interface SetMaintenance {
  readonly type: 'set-maintenance';
  readonly node: NodeId;
  readonly maintenance: Maintenance;
  /** From which its end was counted. */
  readonly atMs?: number | undefined;
}
/** Nodes that never come back, as a person says: they are let in no more. */
export interface DeclareLost {
  readonly type: 'declare-lost';
  readonly nodes: readonly NodeId[];
  readonly atMs: number;
}
/** The meta group has lost its majority: it goes on with what `node` holds, and these nodes are lost. */
export interface RecoverMeta {
  readonly type: 'recover-meta';
  readonly node: NodeId;
  readonly lost: readonly NodeId[];
  readonly atMs: number;
}
export interface CreateToken {
  readonly type: 'create-token';
  readonly name: string;
  /** SHA-256 in hex; the token itself stays with who asked for it. */
  readonly hash: string;
  readonly createdBy: string;
  /** Nothing is done where there is any token. */
  readonly onlyFirst?: boolean | undefined;
  readonly atMs: number;
}
/** Refused for the last one. */
export interface RevokeToken {
  readonly type: 'revoke-token';
  readonly name: string;
}
