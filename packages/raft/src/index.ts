export {
  type ConfigChangeCommand,
  decodeConfigChange,
  encodeConfigChange,
} from './config-change-codec.ts';
export {
  type ConfigChange,
  type ConfigChangeMode,
  type ConfigError,
  type Configuration,
  changeConfig,
  configurationFault,
  EMPTY_CONFIGURATION,
  isJoint,
  isVoter,
  membersOf,
} from './configuration.ts';
export {
  type Entry,
  type EntryType,
  entryBytes,
  type HardState,
  type SnapshotMeta,
} from './entry.ts';
export type {FailoverMode, Input, ProposedPayload} from './input.ts';
export type {LogState, TermRun} from './log.ts';
export type * from './message.ts';
export {MESSAGE_TYPES} from './message.ts';
export {
  BOOTSTRAP_INDEX,
  BOOTSTRAP_TERM,
  bootstrapState,
  emptyState,
  type GroupOptions,
  type Limits,
  type Timing,
} from './options.ts';
export type * from './output.ts';
export type {ProgressState} from './progress.ts';
export {committedIndex, type VoteResult, voteResult} from './quorum.ts';
export {RaftGroup} from './raft-group.ts';
export type {BadInputCounts} from './state.ts';
export type {ProgressStatus, Status} from './status.ts';
