// The gRPC service between nodes: two endless streams and two questions, all of opaque bytes. Frames
// have codecs of their own (wire, rpc-frame), so gRPC serializes nothing here.

import {LIMITS} from '@flotilla/base';
import {type ChannelOptions, Client, credentials, type MethodDefinition} from '@grpc/grpc-js';

/** gRPC listens beside HTTP; the catalog holds the HTTP address alone. */
const GRPC_PORT_OFFSET = 1;

const identity = (bytes: Buffer): Buffer => bytes;

function method(name: string, streamed: boolean): MethodDefinition<Buffer, Buffer> {
  return {
    path: `/flotilla.v1.Nodes/${name}`,
    requestStream: streamed,
    responseStream: streamed,
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
  };
}

export const NODE_SERVICE = {
  control: method('Control', true),
  bulk: method('Bulk', true),
  identify: method('Identify', false),
  join: method('Join', false),
};

/**
 * HTTP/2's window in both directions. It bounds what is on a slow link before an urgent frame: 0.2 s
 * at 10 Mbit/s; and what one channel carries on a far one: 5 MB/s at 50 ms.
 */
export const WINDOW_BYTES = LIMITS.fragment_bytes_max.value;

/** Dead sockets that no beat speaks of (the other side gone without a word) are freed in 20 s. */
const KEEPALIVE = {'grpc.keepalive_time_ms': 10_000, 'grpc.keepalive_timeout_ms': 10_000};

/** A fragment, the heads of its pieces, and slack; nothing longer is ever sent. */
const MESSAGE_BYTES = {
  'grpc.max_receive_message_length': 2 * LIMITS.fragment_bytes_max.value,
  'grpc.max_send_message_length': 2 * LIMITS.fragment_bytes_max.value,
};

export const SERVER_OPTIONS: ChannelOptions = {...KEEPALIVE, ...MESSAGE_BYTES};

const CLIENT_OPTIONS: ChannelOptions = {
  ...KEEPALIVE,
  ...MESSAGE_BYTES,
  // A channel of its own has a TCP connection of its own: the global pool would give control and
  // bulk one connection between them.
  'grpc.use_local_subchannel_pool': 1,
  'grpc-node.flow_control_window': WINDOW_BYTES,
  // A retry would send a stream's first frames again; NodeConnections dials again itself.
  'grpc.enable_retries': 0,
  'grpc.enable_http_proxy': 0,
  'grpc.service_config_disable_resolution': 1,
};

/** The gRPC address of a node, from the HTTP address in the catalog. */
export function grpcAddress(address: string): string {
  const colon = address.lastIndexOf(':');
  return `${address.slice(0, colon)}:${Number(address.slice(colon + 1)) + GRPC_PORT_OFFSET}`;
}

/** @param address the HTTP address, `host:port`. */
export function createNodeClient(address: string): Client {
  return new Client(grpcAddress(address), credentials.createInsecure(), CLIENT_OPTIONS);
}
