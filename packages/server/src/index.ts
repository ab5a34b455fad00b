export {EXIT_CODES} from './node/exit-codes.ts';
export {type StartedNode, startNode} from './node/node.ts';
export type {StartNodeOptions} from './node/node-options.ts';
export {
  type MetaCopy,
  type MetaRecovery,
  type MetaRecoveryOptions,
  recoverMeta,
} from './node/recover-meta.ts';
export {VERSION} from './version.ts';
