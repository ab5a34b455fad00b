// The gRPC service between nodes: two endless streams and two questions (streams that end with their
// answer, since they begin with a greeting too), all of opaque bytes. Frames
// have codecs of their own (wire, rpc-frame), so gRPC serializes nothing here.

import {isIP} from 'node:net';
import tls from 'node:tls';
import {LIMITS} from '@flotilla/base';
import {
  type ChannelCredentials,
  type ChannelOptions,
  Client,
  credentials,
  type MethodDefinition,
} from '@grpc/grpc-js';
import type {TlsMaterial, TlsSource} from '../adapters/index.ts';

/** gRPC listens beside HTTP; the catalog holds the HTTP address alone. */
const GRPC_PORT_OFFSET = 1;

const identity = (bytes: Buffer): Buffer => bytes;

function method(name: string): MethodDefinition<Buffer, Buffer> {
  return {
    path: `/flotilla.v1.Nodes/${name}`,
    requestStream: true,
    responseStream: true,
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
  };
}

export const NODE_SERVICE = {
  control: method('Control'),
  bulk: method('Bulk'),
  identify: method('Identify'),
  join: method('Join'),
};

/**
 * HTTP/2's window, in both directions. It bounds what is on the way before an urgent frame: with both
 * channels full on a line of 10 Mbit/s beats come 0.2-0.35 s late (slow-link.test.ts), with twice this
 * 0.4-0.55 s, when nodes become suspect. It bounds a channel, too: 13 MB/s if main threads are 10 ms
 * late.
 */
export const WINDOW_BYTES = 131_072;

/** Dead sockets that no beat speaks of (the other side gone without a word) are freed in 20 s. */
const KEEPALIVE = {'grpc.keepalive_time_ms': 10_000, 'grpc.keepalive_timeout_ms': 10_000};

/** A message's share of a stream and a piece of an answer are half of it; an older build's answer is one message. */
const MESSAGE_BYTES = {
  'grpc.max_receive_message_length': 2 * LIMITS.fragment_bytes_max.value,
  'grpc.max_send_message_length': 2 * LIMITS.fragment_bytes_max.value,
};

/**
 * A client of gRPC that is closed after a refused attempt connects once more when its backoff ends, and
 * nobody owns that connection: the accepting side ends what carries no stream for so long. Both
 * channels open theirs at once.
 */
const STREAMLESS_MS_MAX = 2_000;

export const SERVER_OPTIONS: ChannelOptions = {
  ...KEEPALIVE,
  ...MESSAGE_BYTES,
  'grpc.max_connection_idle_ms': STREAMLESS_MS_MAX,
};

const CLIENT_OPTIONS: ChannelOptions = {
  ...KEEPALIVE,
  ...MESSAGE_BYTES,
  // A channel of its own has a TCP connection of its own: the global pool would give control and
  // bulk one connection between them.
  'grpc.use_local_subchannel_pool': 1,
  'grpc-node.flow_control_window': WINDOW_BYTES,
  // A retry would send a stream's first frames again; NodeConnections dials again itself.
  'grpc.enable_retries': 0,
  // Even so gRPC would keep a megabyte per stream for one and call it written; frames queued behind it
  // could no longer be overtaken.
  'grpc.per_rpc_retry_buffer_size': 0,
  'grpc.enable_http_proxy': 0,
  'grpc.service_config_disable_resolution': 1,
};

/** The gRPC address of a node, from the HTTP address in the catalog. */
export function grpcAddress(address: string): string {
  const colon = address.lastIndexOf(':');
  return `${address.slice(0, colon)}:${Number(address.slice(colon + 1)) + GRPC_PORT_OFFSET}`;
}

/**
 * @param address the HTTP address, `host:port`.
 * @param tls undefined: nothing is encrypted, and whoever answers there is not known yet.
 */
export function createNodeClient(address: string, tls: TlsSource | undefined): Client {
  if (tls === undefined)
    return new Client(grpcAddress(address), credentials.createInsecure(), CLIENT_OPTIONS);
  const host = hostOf(address);
  const options = isIP(host) === 0 ? {} : {'grpc.ssl_target_name_override': NAME_OF_ADDRESSES};
  return new Client(grpcAddress(address), secureCredentials(tls.current, host), {
    ...CLIENT_OPTIONS,
    ...options,
  });
}

/** TLS has no field for an IP address where a client says whom it wants: this stands there. */
const NAME_OF_ADDRESSES = 'node.flotilla.internal';

/** The certificate of the other side must be of our authority, and name the host that was dialled. */
function secureCredentials({ca, key, cert}: TlsMaterial, host: string): ChannelCredentials {
  return credentials.createSsl(ca, key, cert, {
    checkServerIdentity: (_, certificate) =>
      tls.checkServerIdentity(host, certificate as tls.PeerCertificate),
  });
}

function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1');
}
