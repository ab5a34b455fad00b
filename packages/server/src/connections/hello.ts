// What a node says with its proof at the beginning of each stream, in both directions: who speaks, to
// whom, of which cluster and life. A life is one start of one data directory: its number is random, so
// that two starts of two copies of a directory differ though all that they count is the same.

import type {NodeId} from '@flotilla/base';

/** Above any hello, one that tells of 256 stores included; what is longer is no hello. */
const HELLO_BYTES_MAX = 16_384;

/** What one node remembers of another: it may be an old image of itself. */
export interface KnownLife {
  readonly bootEpoch: number;
  /** The last one that it vetted; absent where no build has told one. */
  readonly life?: number | undefined;
  /** The highest durable record of each store that it told. */
  readonly records: readonly {readonly store: number; readonly record: number}[];
}

export interface Hello {
  readonly cluster: string;
  readonly from: NodeId;
  readonly to: NodeId;
  /** How often the sender's data directory was opened. */
  readonly bootEpoch: number;
  /** The sender's; absent from builds that did not tell. */
  readonly life?: number | undefined;
  /** The dialer's count of attempts in this start: pairs a control stream with its bulk stream. */
  readonly session: number;
  /** Name of the times after which the sender suspects others; absent from builds that did not tell. */
  readonly timing?: string | undefined;
  /** Of the receiver, as the sender remembers it. */
  readonly known?: KnownLife | undefined;
}

/** Who this process is to the other nodes. */
export interface Self {
  readonly cluster: string;
  readonly node: NodeId;
  readonly bootEpoch: number;
  readonly life?: number | undefined;
  /** Of times; absent: whatever the others have. */
  readonly timing?: string | undefined;
  /** What it remembers of them. */
  readonly known?: ((node: NodeId) => KnownLife | undefined) | undefined;
}

export function encodeHello(self: Self, to: NodeId, session: number): Buffer {
  const {cluster, node: from, bootEpoch, life, timing} = self;
  const known = self.known?.(to);
  const hello: Hello = {cluster, from, to, bootEpoch, life, session, timing, known};
  return Buffer.from(JSON.stringify(hello));
}

/** The hello, or the reason (a sentence for both nodes' logs) why its sender is refused. */
export function checkHello(self: Self, message: Uint8Array): Hello | string {
  const hello = parseHello(message);
  if (hello === undefined) return 'what came with the proof is no hello';
  if (hello.cluster !== self.cluster) {
    return `node ${hello.from} belongs to cluster ${hello.cluster}, node ${self.node} to ${self.cluster}`;
  }
  if (hello.to !== self.node) {
    return `node ${hello.from} looks for node ${hello.to}, this is node ${self.node}`;
  }
  if (hello.from === self.node) return `a second node ${self.node} is running`;
  return differentTimes(self, hello) ?? hello;
}

/** A node that beats as seldom as `wan` lets it is taken for dead by one that waits as briefly as `local`. */
function differentTimes(self: Self, {from, timing}: Hello): string | undefined {
  if (timing === undefined || self.timing === undefined || timing === self.timing) return undefined;
  return `node ${from} was started with --timing ${timing}, node ${self.node} with --timing ${self.timing}: all nodes of a cluster need the same`;
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
  for (const name of ['from', 'to', 'bootEpoch', 'session']) {
    if (!Number.isSafeInteger(parsed[name])) return undefined;
  }
  if (!isLife(parsed['life'])) return undefined;
  if (parsed['timing'] !== undefined && typeof parsed['timing'] !== 'string') return undefined;
  if (parsed['known'] !== undefined && !isKnownLife(parsed['known'])) return undefined;
  return parsed as unknown as Hello;
}

function isKnownLife(value: unknown): value is KnownLife {
  const {bootEpoch, life, records} = (value ?? {}) as Partial<KnownLife>;
  if (!Number.isSafeInteger(bootEpoch) || !isLife(life) || !Array.isArray(records)) return false;
  return records.every(
    (one) => Number.isSafeInteger(one?.store) && Number.isSafeInteger(one?.record),
  );
}

const isLife = (value: unknown): boolean => value === undefined || Number.isSafeInteger(value);

/** Of one node: two starts of two copies of its directory, or of one that was put back. */
export function areOtherLives(a: Hello, b: Hello): boolean {
  return a.life !== undefined && b.life !== undefined && a.life !== b.life;
}

/** Whether `a` was dialled after `b` by the same node. */
export function isNewer(a: Hello, b: Hello): boolean {
  return a.bootEpoch !== b.bootEpoch ? a.bootEpoch > b.bootEpoch : a.session > b.session;
}
