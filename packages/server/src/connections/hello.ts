// The first message of each stream between two nodes, in both directions: who speaks, to whom, of
// which cluster and start. JSON, so that any two versions can at least refuse each other by name.

import type {NodeId} from '@flotilla/base';

/** Raised when frames or calls change so that an older node would misread them. */
export const PROTOCOL = 1;

/** Far above any hello; what is longer is no hello. */
const HELLO_BYTES_MAX = 4_096;

export interface Hello {
  readonly protocol: number;
  readonly cluster: string;
  readonly from: NodeId;
  readonly to: NodeId;
  /** How often the sender's data directory was opened. */
  readonly bootEpoch: number;
  /** The dialer's count of attempts in this start: pairs a control stream with its bulk stream. */
  readonly session: number;
}

/** Who this process is to the other nodes. */
export interface Self {
  readonly cluster: string;
  readonly node: NodeId;
  readonly bootEpoch: number;
}

export function encodeHello(self: Self, to: NodeId, session: number): Buffer {
  const {cluster, node: from, bootEpoch} = self;
  const hello: Hello = {protocol: PROTOCOL, cluster, from, to, bootEpoch, session};
  return Buffer.from(JSON.stringify(hello));
}

/** The hello, or the reason (a sentence for both nodes' logs) why its sender is refused. */
export function checkHello(self: Self, message: Uint8Array): Hello | string {
  const hello = parseHello(message);
  if (hello === undefined) return 'the first message is no hello';
  if (hello.protocol !== PROTOCOL) {
    return `node ${hello.from} speaks protocol ${hello.protocol}, node ${self.node} speaks ${PROTOCOL}`;
  }
  if (hello.cluster !== self.cluster) {
    return `node ${hello.from} belongs to cluster ${hello.cluster}, node ${self.node} to ${self.cluster}`;
  }
  if (hello.to !== self.node) {
    return `node ${hello.from} looks for node ${hello.to}, this is node ${self.node}`;
  }
  if (hello.from === self.node) return `a second node ${self.node} is running`;
  return hello;
}

function parseHello(message: Uint8Array): Hello | undefined {
  if (message.byteLength > HELLO_BYTES_MAX) return undefined;
  let parsed: Record<string, unknown> | null;
  try {
    parsed = JSON.parse(Buffer.from(message).toString('utf8'));
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  if (typeof parsed['cluster'] !== 'string') return undefined;
  for (const name of ['protocol', 'from', 'to', 'bootEpoch', 'session']) {
    if (!Number.isSafeInteger(parsed[name])) return undefined;
  }
  return parsed as unknown as Hello;
}

/** Whether `a` was dialled after `b` by the same node. */
export function isNewer(a: Hello, b: Hello): boolean {
  return a.bootEpoch !== b.bootEpoch ? a.bootEpoch > b.bootEpoch : a.session > b.session;
}
