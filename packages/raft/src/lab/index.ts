export {
  type AppliedEntry,
  type Checkpoint,
  LabDisk,
  type LabSnapshot,
} from './disk.ts';
export {
  type LabEntry,
  type LabProgress,
  type LabState,
  type LabStatus,
  type MessageFilter,
  RaftLab,
} from './lab.ts';
export type {LabNodesOptions} from './node-options.ts';
export {type LabEvents, type LabOptions, LabReplica} from './replica.ts';
