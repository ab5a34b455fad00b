// What leaves in one turn, gathered by node: votes and heartbeats first, then entries. Everything for
// a node goes in one frame as long as it fits into `fragmentBytesMax`; then the next frame begins, so
// that whatever is urgent in the next turn waits behind one fragment at most. An item that is larger
// by itself (one large entry) is cut into fragments that follow each other.

import type {NodeId, ReplicaSetId, Transport} from '@flotilla/base';
import type {Message} from '@flotilla/raft';
import {
  ByteWriter,
  encodeAppend,
  encodeMessage,
  type FrameItem,
  ITEM_KINDS,
  startGroupsFrame,
  writeItem,
} from '@flotilla/wire';

export interface Outgoing extends FrameItem {
  /** The replica that must not rely on it, if the frame is dropped. */
  readonly to: number;
}

interface Queue {
  readonly urgent: Outgoing[];
  readonly entries: Outgoing[];
}

/** Header of an item and of a fragment, rounded up. */
const ITEM_OVERHEAD_BYTES = 48;

export class Outbox {
  readonly #transport: Transport;
  readonly #thread: number;
  readonly #fragmentBytesMax: number;
  readonly #onLost: (set: number, to: number) => void;
  #queues = new Map<NodeId, Queue>();
  readonly #scratch = new ByteWriter();
  readonly #frame = new ByteWriter();
  #lastFragmented = 0;

  constructor(
    transport: Transport,
    thread: number,
    fragmentBytesMax: number,
    onLost: (set: number, to: number) => void,
  ) {
    this.#transport = transport;
    this.#thread = thread;
    this.#fragmentBytesMax = fragmentBytesMax;
    this.#onLost = onLost;
  }

  get isEmpty(): boolean {
    return this.#queues.size === 0;
  }

  message(node: NodeId, set: ReplicaSetId, message: Message): void {
    const {to} = message;
    if (message.type !== 'append') {
      const item = {kind: 'message' as const, set, payload: encodeMessage(message), to};
      this.#queue(node).urgent.push(item);
      return;
    }
    encodeAppend(this.#scratch, message);
    const item = {kind: 'append' as const, set, payload: this.#scratch.finish(), to};
    const queue = this.#queue(node);
    (message.entries.length === 0 ? queue.urgent : queue.entries).push(item);
  }

  item(node: NodeId, item: FrameItem): void {
    this.#queue(node).urgent.push({...item, to: 0});
  }

  flush(): void {
    const queues = this.#queues;
    // A new one: the emptied one would keep what was in it (base's number-map.ts says how).
    this.#queues = new Map();
    for (const [node, {urgent, entries}] of queues) this.#flushNode(node, [...urgent, ...entries]);
  }

  #flushNode(node: NodeId, items: readonly Outgoing[]): void {
    const writer = this.#frame;
    let inFrame: Outgoing[] = [];
    const emit = (): void => {
      if (inFrame.length === 0) return;
      const sent = this.#transport.send(node, 'control', writer.finish());
      if (!sent) for (const {set, to} of inFrame) if (to !== 0) this.#onLost(set, to);
      inFrame = [];
    };
    for (const item of items) {
      for (const piece of this.#pieces(item)) {
        const bytes = piece.payload.length + ITEM_OVERHEAD_BYTES;
        if (inFrame.length > 0 && writer.length + bytes > this.#fragmentBytesMax) emit();
        if (inFrame.length === 0) startGroupsFrame(writer, this.#thread);
        writeItem(writer, piece);
        inFrame.push(piece);
      }
    }
    emit();
  }

  #pieces(item: Outgoing): Outgoing[] {
    const {payload, kind, set, to} = item;
    const room = this.#fragmentBytesMax - ITEM_OVERHEAD_BYTES;
    if (payload.length <= room) return [item];
    const pieces: Outgoing[] = [];
    this.#lastFragmented += 1;
    for (let offset = 0; offset < payload.length; offset += room) {
      const header = new ByteWriter(ITEM_OVERHEAD_BYTES + room);
      header.varint(this.#lastFragmented);
      header.u8(ITEM_KINDS.indexOf(kind));
      header.varint(payload.length);
      header.varint(offset);
      header.bytes(payload.subarray(offset, offset + room));
      pieces.push({kind: 'fragment', set, to, payload: header.finish()});
    }
    return pieces;
  }

  #queue(node: NodeId): Queue {
    let queue = this.#queues.get(node);
    if (queue === undefined) {
      queue = {urgent: [], entries: []};
      this.#queues.set(node, queue);
    }
    return queue;
  }
}
