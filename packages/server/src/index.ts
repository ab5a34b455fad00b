export {EXIT_CODES} from './node/exit-codes.ts';
export {type StartedNode, startNode} from './node/node.ts';
export type {StartNodeOptions} from './node/node-options.ts';
export {VERSION} from './version.ts';
