export {LeaderDirectory} from './leader-directory.ts';
export {SetCaller, type SetCallerPorts, type SetRequest} from './set-caller.ts';
export type {MetaDdl, Refusal} from './write/ddl.ts';
export {refusalKey} from './write/schema.ts';
export {
  type SetOutcome,
  type WriteOutcome,
  type WriteRequest,
  WriteRouter,
  type WriteRouterPorts,
} from './write/write-router.ts';
