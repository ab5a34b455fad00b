// The HTTP routes' calls to the engine threads: round robin for writes and queries, thread 0 for
// administration, all threads for what each does with its own replicas.

import {type Clock, DbError, fromWireError, NumberMap} from '@flotilla/base';
import {
  type AdminCall,
  type EngineGateway,
  type HttpAnswer,
  isStorageOrder,
  type SqlCall,
  type StreamAnswer,
  type WriteCall,
} from '../engine/gateway.ts';
import type {Call, FromEngine, ToEngine} from '../engine/messages.ts';
import type {Sample} from '../metrics/sample.ts';
import type {EngineLink} from './engine-link.ts';
import {ownBytes} from './frame-packs.ts';

interface Pending {
  readonly link: EngineLink;
  readonly settle: (message: CallMessage) => void;
}

type CallMessage = Extract<FromEngine, {callId: number}>;

export class EngineClient implements EngineGateway {
  readonly #clock: Clock;
  readonly #pending = new NumberMap<Pending>();
  #links: readonly EngineLink[] = [];
  #lastCallId = 0;
  #next = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The threads that take calls from now on; none while the node starts. */
  attach(links: readonly EngineLink[]): void {
    this.#links = links;
  }

  receive(message: CallMessage): void {
    this.#pending.get(message.callId)?.settle(message);
  }

  /** All calls fail: their thread is gone, and what it did of them is not known. */
  fail(reason: string): void {
    const message = `${reason}; whether the request took effect is not known`;
    const error = {code: 'OUTCOME_UNKNOWN', message, details: {}};
    for (const [callId, {settle}] of this.#pending.entries())
      settle({type: 'failed', callId, error});
  }

  async write(call: WriteCall): Promise<HttpAnswer> {
    return this.#ask(this.#anyLink(), {
      method: 'write',
      call: {...call, body: ownBytes(call.body)},
    }) as Promise<HttpAnswer>;
  }

  async admin(call: AdminCall): Promise<unknown> {
    if (!isStorageOrder(call.action)) return this.#ask(this.#link(0), {method: 'admin', call});
    this.#link(0);
    await Promise.all(this.#links.map((link) => this.#ask(link, {method: 'admin', call})));
    return {};
  }

  get threads(): number {
    return this.#links.length;
  }

  /** The samples of one thread. */
  async measure(thread: number): Promise<readonly Sample[]> {
    return (await this.#ask(this.#link(thread), {method: 'measure'})) as readonly Sample[];
  }

  sql(call: SqlCall, signal: AbortSignal): Promise<StreamAnswer> {
    // Its listener below would never be called.
    if (signal.aborted) throw new DbError('CANCELLED', 'the client went away');
    const link = this.#anyLink();
    const callId = this.#nextId();
    const chunks = new ChunkQueue(() => link.post({type: 'pull', callId}));
    const cancel = (): void => link.post({type: 'cancel', callId});
    signal.addEventListener('abort', cancel, {once: true});
    return new Promise((resolve, reject) => {
      const finish = (): void => {
        this.#pending.delete(callId);
        signal.removeEventListener('abort', cancel);
      };
      const settle = (message: CallMessage): void => {
        switch (message.type) {
          case 'head':
            return resolve({
              status: message.status,
              headers: message.headers,
              chunks: chunks.read(cancel),
            });
          case 'chunk':
            return chunks.add(message.bytes);
          case 'end':
            finish();
            return chunks.end(message.error && fromWireError(message.error));
          case 'failed':
            finish();
            chunks.end(fromWireError(message.error));
            return reject(fromWireError(message.error));
          default:
            return;
        }
      };
      this.#pending.set(callId, {link, settle});
      link.post(this.#message(callId, {method: 'sql', call}));
    });
  }

  #ask(link: EngineLink, call: Call): Promise<unknown> {
    const callId = this.#nextId();
    return new Promise((resolve, reject) => {
      const settle = (message: CallMessage): void => {
        this.#pending.delete(callId);
        if (message.type === 'answer') resolve(message.answer);
        else if (message.type === 'value') resolve(message.value);
        else if (message.type === 'failed') reject(fromWireError(message.error));
      };
      this.#pending.set(callId, {link, settle});
      const transfer = call.method === 'write' ? [call.call.body.buffer as ArrayBuffer] : [];
      link.post(this.#message(callId, call), transfer);
    });
  }

  #message(callId: number, call: Call): ToEngine {
    return {type: 'call', callId, call, receivedMs: this.#clock.monotonicMs()};
  }

  #link(thread: number): EngineLink {
    const link = this.#links[thread];
    if (link === undefined)
      throw new DbError('UNAVAILABLE', 'the node is starting; /ready says what it waits for');
    return link;
  }

  #anyLink(): EngineLink {
    this.#next = (this.#next + 1) % Math.max(1, this.#links.length);
    return this.#link(this.#next);
  }

  #nextId(): number {
    this.#lastCallId += 1;
    return this.#lastCallId;
  }
}

/** Chunks between the engine's messages and the reader of the answer; bounded by the reader's pulls. */
class ChunkQueue {
  readonly #pull: () => void;
  readonly #chunks: Uint8Array[] = [];
  #isEnded = false;
  #error: DbError | undefined;
  #wake: (() => void) | undefined;

  constructor(pull: () => void) {
    this.#pull = pull;
  }

  add(bytes: Uint8Array): void {
    this.#chunks.push(bytes);
    this.#wake?.();
  }

  end(error: DbError | undefined): void {
    this.#isEnded = true;
    this.#error = error;
    this.#wake?.();
  }

  async *read(cancel: () => void): AsyncGenerator<Uint8Array, void> {
    try {
      for (;;) {
        const chunk = this.#chunks.shift();
        if (chunk !== undefined) {
          this.#pull();
          yield chunk;
          continue;
        }
        if (this.#error !== undefined) throw this.#error;
        if (this.#isEnded) return;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      if (!this.#isEnded) cancel();
    }
  }
}
