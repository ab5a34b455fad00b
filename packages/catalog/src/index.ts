export * from './catalog.ts';
export type {CatalogImage} from './catalog-image.ts';
export {
  CLUSTER_VERSION,
  ENTRIES_SINCE,
  EXPIRED_RETURNS_SINCE,
  FIELDS_SINCE,
  MAX_SERIES_SINCE,
  OPERATIONS_SINCE,
  PARTS_SINCE,
  TABLES_NAMED_SINCE,
  versionFault,
  versionNeeded,
  withoutNewerFields,
} from './cluster-version.ts';
export * from './commands.ts';
export {
  type Applied,
  CatalogMachine,
  COMMAND_TYPES,
  type MachineImage,
  type MachineSnapshot,
} from './machine/catalog-machine.ts';
export {DEFAULT_DATABASE} from './machine/cluster-commands.ts';
export {DEFAULT_OPTIONS} from './machine/options.ts';
export {DEFAULT_TENANT} from './machine/tenant-commands.ts';
export {trialMachine} from './machine/trial.ts';
export * from './model.ts';
export {operationProgress, type ProgressFacts} from './operation-progress.ts';
export {type Action, type MemberChange, subjectOf} from './planning/action.ts';
export {cancelledWork} from './planning/cancelled.ts';
export {
  CLOCK_SHOWN_MS,
  CLOCK_TRUSTED_MS,
  clockErrors,
  distrustedClocks,
  isClockTrusted,
  isMedianAgreed,
  medianClock,
  medianTimeMs,
} from './planning/clocks.ts';
export {drainFault} from './planning/drain-room.ts';
export {GroupView} from './planning/group-view.ts';
export {
  type Decision,
  planLeaderTransfer,
  planReplicaAddition,
  planReplicaMove,
  planReplicaRemoval,
} from './planning/member-operation.ts';
export {differingReplicas} from './planning/operation-facts.ts';
export {maintenanceOf, pausesOf} from './planning/pauses.ts';
export {forgetReplicasAsked} from './planning/placed-by-hand.ts';
export {
  autoShards,
  planBucket,
  planPlacement,
  votersOf,
} from './planning/placement.ts';
export type {PlanSettings} from './planning/plan-settings.ts';
export {Planner} from './planning/planner.ts';
export {operationFault} from './planning/preconditions.ts';
export {describingRebalance, type RebalanceView} from './planning/rebalance-view.ts';
export {planNext} from './planning/reconcile.ts';
export {type RepairHalt, repairHalt} from './planning/repairs.ts';
export type {
  GroupConfiguration,
  MemberProgress,
  NodeReport,
  ReplicaReport,
  Reports,
  WriteRates,
} from './planning/reports.ts';
export {type ScantVoters, scantVoters} from './planning/scant-voters.ts';
export {metaReplicasWanted, replicasWanted} from './planning/wanted.ts';
export type {
  BirthSeen,
  NodeEvidence,
  PlaceSeen,
  ReplicaEvidence,
} from './recovery/evidence.ts';
export {isPassedOver} from './recovery/passed-over.ts';
export {type Rebuilt, rebuildCatalog} from './recovery/rebuild.ts';
