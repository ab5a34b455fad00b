export {PROTOCOL, type Self} from './hello.ts';
export {type AskOptions, identifyNode, requestJoin} from './join-client.ts';
export {
  type ConnectionStatus,
  type FrameHandler,
  type NodeAddress,
  NodeConnections,
  type NodeConnectionsOptions,
  type NodeHandler,
} from './node-connections.ts';
export {NodeServer, type NodeServerOptions} from './node-server.ts';
export {grpcAddress} from './node-service.ts';
export {RpcCore} from './rpc.ts';
export {
  isRpcFrame,
  RPC_FRAME_KIND,
  type RpcDestination,
  refuseRpcFrame,
  rpcTarget,
} from './rpc-frame.ts';
export type {FramePort, RpcOwner} from './rpc-port.ts';
export type {Lane} from './send-queue.ts';
