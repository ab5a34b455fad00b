export {LeaderDirectory} from './leader-directory.ts';
export {NodeWatch} from './node-watch.ts';
export {
  type FragmentHandlerPorts,
  fragmentHandler,
  freshen,
  QUERY_METHOD,
} from './read/fragment-handler.ts';
export {
  FragmentReader,
  type FragmentReaderPorts,
  type FragmentReading,
  isMissingSet,
  type ReadOptions,
} from './read/fragment-reader.ts';
export {ReadCounts} from './read/read-counts.ts';
export {SetCaller, type SetCallerPorts, type SetRequest} from './set-caller.ts';
export {MetaDdl, type MetaProposer} from './write/ddl.ts';
export type {DeleteOutcome, DeleteTarget} from './write/deletions.ts';
export {WriteCounts} from './write/write-counts.ts';
export {
  type SetOutcome,
  type WriteOutcome,
  type WriteRequest,
  WriteRouter,
  type WriteRouterPorts,
} from './write/write-router.ts';
