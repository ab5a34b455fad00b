// One channel's gRPC stream to one node, from either side: the greeting, in which each side proves that
// it knows the join secret and says hello, then frames. Keeps at
// most two messages in gRPC's and HTTP/2's hands; what waits stays in the SendQueue,
// where urgent frames still overtake.
//
// Invariant: `onClose` is called exactly once, in the turn in which the end was seen, and no
// callback after it.

import type {Greeting} from './greeting.ts';
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
  /** The other side waits for the hello of this one. Of the dialer alone. */
  readonly onOpened?: (() => void) | undefined;
  /** Of a node that has proven that it knows the join secret. */
  readonly onHello: (message: Uint8Array) => void;
  readonly onFrame: (frame: Uint8Array) => void;
  readonly onClose: (reason: string, isWrongProof: boolean) => void;
}

export interface ChannelStreamOptions {
  readonly stream: MessageStream;
  /** Ends the stream and what it stands on; called once, whoever closes first. */
  readonly end: (reason: string) => void;
  readonly greeting: Greeting;
}

export class ChannelStream {
  readonly #stream: MessageStream;
  readonly #end: (reason: string) => void;
  readonly #queue = new SendQueue();
  readonly #joiner = new FrameJoiner();
  readonly #callbacks: ChannelCallbacks;
  readonly #greeting: Greeting;
  #proven = false;
  #closed = false;
  #pumpDue = false;
  #inStreamBytes = 0;

  constructor({stream, end, greeting}: ChannelStreamOptions, callbacks: ChannelCallbacks) {
    this.#stream = stream;
    this.#end = end;
    this.#greeting = greeting;
    this.#callbacks = callbacks;
    if (greeting.side === 'dialer') stream.write(greeting.opening());
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

  /** Requires that the other side's number has come. */
  sendHello(message: Buffer): void {
    this.#stream.write(this.#greeting.prove(message));
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

  close(reason: string, isWrongProof = false): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#end(reason);
    this.#callbacks.onClose(reason, isWrongProof);
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

  #greet(message: Buffer): void {
    const step = this.#greeting.receive(message);
    switch (step.type) {
      case 'refused':
        return this.close(step.reason, step.isWrongProof);
      case 'opened':
        if (this.#greeting.side === 'acceptor') this.#stream.write(this.#greeting.opening());
        return this.#callbacks.onOpened?.();
      case 'proven':
        this.#proven = true;
        return this.#callbacks.onHello(step.body);
      default:
        return step satisfies never;
    }
  }

  #receive(message: Buffer): void {
    if (this.#closed) return;
    if (!this.#proven) {
      this.#greet(message);
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
