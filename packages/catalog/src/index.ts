export * from './catalog.ts';
export * from './commands.ts';
export {
  type Applied,
  CatalogMachine,
  COMMAND_TYPES,
  type MachineSnapshot,
} from './machine/catalog-machine.ts';
export {DEFAULT_DATABASE, DEFAULT_TENANT} from './machine/cluster-commands.ts';
export type {Counters} from './machine/draft.ts';
export {DEFAULT_OPTIONS} from './machine/options.ts';
export {trialMachine} from './machine/trial.ts';
export * from './model.ts';
export {type Action, type MemberChange, subjectOf} from './planning/action.ts';
export {drainFault} from './planning/drain-room.ts';
export {GroupView} from './planning/group-view.ts';
export {
  type Decision,
  planLeaderTransfer,
  planReplicaAddition,
  planReplicaMove,
  planReplicaRemoval,
} from './planning/member-operation.ts';
export {maintenanceOf, pausesOf} from './planning/pauses.ts';
export {
  autoShards,
  type NodeLoads,
  planBucket,
  planPlacement,
  votersOf,
} from './planning/placement.ts';
export {type PlanSettings, planNext} from './planning/reconcile.ts';
export type {
  GroupConfiguration,
  MemberProgress,
  NodeReport,
  ReplicaReport,
  Reports,
} from './planning/reports.ts';
export {isClockTrusted, TRASH_RETENTION_MS} from './planning/upkeep.ts';
export {metaReplicasWanted, replicasWanted} from './planning/wanted.ts';
