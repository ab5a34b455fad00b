// One channel's gRPC stream to one node, from either side: the hello first, then frames. Keeps at
// most two messages in gRPC's and HTTP/2's hands; what waits stays in the SendQueue,
// where urgent frames still overtake.
//
// Invariant: `onClose` is called exactly once, in the turn in which the end was seen, and no
// callback after it.

import {FrameJoiner, type Lane, MESSAGE_BYTES_MAX, SendQueue} from './send-queue.ts';

/** One message on its way to the socket and the next behind it. */
const IN_STREAM_BYTES = MESSAGE_BYTES_MAX;

/** What both gRPC's client streams and its server streams are. */
export interface MessageStream {
  on(event: 'data', listener: (message: Buffer) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'cancelled' | 'end' | 'close', listener: () => void): unknown;
  write(message: Buffer, callback?: () => void): unknown;
}

export interface ChannelCallbacks {
  readonly onHello: (message: Uint8Array) => void;
  readonly onFrame: (frame: Uint8Array) => void;
  readonly onClose: (reason: string) => void;
}

export class ChannelStream {
  readonly #stream: MessageStream;
  readonly #end: (reason: string) => void;
  readonly #queue = new SendQueue();
  readonly #joiner = new FrameJoiner();
  readonly #callbacks: ChannelCallbacks;
  #greeted = false;
  #closed = false;
  #pumpDue = false;
  #inStreamBytes = 0;

  /** @param end ends the stream and what it stands on; called once, whoever closes first. */
  constructor(stream: MessageStream, end: (reason: string) => void, callbacks: ChannelCallbacks) {
    this.#stream = stream;
    this.#end = end;
    this.#callbacks = callbacks;
    stream.on('data', (message: Buffer) => this.#receive(message));
    stream.on('error', (error: Error) => this.close(error.message));
    stream.on('cancelled', () => this.close('the other node is gone'));
    stream.on('end', () => this.close('the other node ended the connection'));
    stream.on('close', () => this.close('the connection is closed'));
  }

  /** Frames, and gRPC messages not yet handed to the socket. */
  get queuedBytes(): number {
    return this.#queue.bytes + this.#inStreamBytes;
  }

  sendHello(message: Buffer): void {
    this.#stream.write(message);
  }

  /** False, and the frame dropped, if the queue is full or the stream closed. */
  send(frame: Uint8Array, lane: Lane): boolean {
    if (this.#closed || !this.#queue.push(frame, lane)) return false;
    if (this.#pumpDue) return true;
    this.#pumpDue = true;
    // After the caller's turn, so that its small frames share a message.
    queueMicrotask(() => this.#pump());
    return true;
  }

  close(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#end(reason);
    this.#callbacks.onClose(reason);
  }

  #pump(): void {
    this.#pumpDue = false;
    while (!this.#closed && this.#inStreamBytes < IN_STREAM_BYTES) {
      const message = this.#queue.take();
      if (message === undefined) return;
      this.#inStreamBytes += message.byteLength;
      this.#stream.write(message, () => {
        this.#inStreamBytes -= message.byteLength;
        this.#pump();
      });
    }
  }

  #receive(message: Buffer): void {
    if (this.#closed) return;
    if (!this.#greeted) {
      this.#greeted = true;
      this.#callbacks.onHello(message);
      return;
    }
    const frames = this.#joiner.add(message);
    if (frames === undefined) {
      this.close('the other node sent what is no frame');
      return;
    }
    for (const frame of frames) this.#callbacks.onFrame(frame);
  }
}
