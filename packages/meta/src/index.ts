export {CatalogFollower, type CatalogFollowerOptions} from './catalog-follower.ts';
export {type CatalogEvent, CatalogIntake, type CatalogNews} from './catalog-news.ts';
export {commandSchema, decodeCommand, encodeCommand} from './command-codec.ts';
export {
  type AddressAnswer,
  decideFounding,
  type FoundingDecision,
  type FoundingFacts,
} from './founding.ts';
export {ALL_AT_ONCE} from './in-slices.ts';
export {checkCatalogFile} from './meta-check.ts';
export {type Deadline, MetaClient, type MetaClientOptions} from './meta-client.ts';
export {CATALOG_FILE} from './meta-files.ts';
export {
  machineOf,
  machineOfCopy,
  type RecoveredMeta,
  recoverMetaState,
} from './meta-recovery.ts';
export {isLed, MetaService, type MetaServiceOptions} from './meta-service.ts';
export {
  MetaStateMachine,
  type MetaStateMachineOptions,
  SNAPSHOT_FILE,
} from './meta-state-machine.ts';
export {nodeHandlers, reportOf} from './node-handlers.ts';
export type {
  CreateOrder,
  GroupRole,
  MetaGroup,
  MetaMembers,
  NodePresence,
  ReplicaHost,
  WorkOrder,
} from './ports.ts';
export {Reconciler, type ReconcilerOptions} from './reconciler.ts';
export {ReportBook} from './report-book.ts';
export {VersionWaits} from './version-waits.ts';
