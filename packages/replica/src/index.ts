export type {WriteApplied} from './applied.ts';
export {
  type ControlCommand,
  type DeleteRequest,
  decodeCommand,
  encodeChecksum,
  encodeControl,
} from './command.ts';
export {DELETE_METHOD, deleteHandler, encodeDeleteRequest} from './delete-handler.ts';
export {
  encodeFence,
  FENCE_METHOD,
  type Fence,
  type FenceHost,
  type FenceWork,
  fenceHandler,
} from './fence-handler.ts';
export {FlushSchedule} from './flush-schedule.ts';
export {IdempotencyKeys} from './idempotency-keys.ts';
export {IndexBudget} from './index-budget.ts';
export {loadedMachine} from './loaded-machine.ts';
export type {MachineEvents, MachineLimits} from './machine-limits.ts';
export {decodeSeen, encodeSeen, type Seen} from './machine-record.ts';
export {MemtableBudget} from './memtable-budget.ts';
export {ReplicaMachine} from './replica-machine.ts';
export {type BucketSeries, refusedSeries} from './series-limit.ts';
export {UnloadSchedule} from './unload-schedule.ts';
export {
  type ProposalHost,
  type SeriesLimits,
  WRITE_METHOD,
  type WriteHost,
  writeHandler,
} from './write-handler.ts';
