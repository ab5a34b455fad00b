export {Dialer, type DialerOptions} from './dialer.ts';
export type {KnownLife, Self} from './hello.ts';
export {type AskOptions, identifyNode, requestJoin} from './join-client.ts';
export {HOW_TO_MAKE_A_SECRET, JoinSecret, whyNoSecret} from './join-secret.ts';
export {
  type ConnectionStatus,
  type FrameHandler,
  type NodeAddress,
  NodeConnections,
  type NodeConnectionsOptions,
  type NodeHandler,
} from './node-connections.ts';
export {NodeServer, type NodeServerOptions} from './node-server.ts';
export type {NodeSession} from './node-session.ts';
export {RpcCore, type RpcStatus} from './rpc.ts';
export type {FramePort, RpcOwner} from './rpc-port.ts';
export type {Lane} from './send-queue.ts';
