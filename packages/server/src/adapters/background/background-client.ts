// One thread's access to the background worker over its MessagePort: the calls that SqliteManifestStore is
// made of.

import type {MessagePort} from 'node:worker_threads';
import {assert} from '@flotilla/base';
import {
  type BackgroundCall,
  type BackgroundReply,
  type BackgroundRequest,
  type BackgroundResults,
  decodeFailure,
} from './protocol.ts';

interface Pending {
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
}

export class BackgroundClient {
  readonly #port: MessagePort;
  readonly #pending = new Map<number, Pending>();
  #lastCallId = 0;
  #closed = false;

  constructor(port: MessagePort) {
    this.#port = port;
    port.on('message', (reply: BackgroundReply) => this.#settle(reply));
    port.on('close', () => this.#fail());
    // An idle port keeps no process alive; `request` takes a reference while it waits.
    port.unref();
  }

  /** Sends one request; its reply settles the promise. Requests are handled in the order of the calls. */
  request<R extends BackgroundRequest>(request: R): Promise<BackgroundResults[R['type']]> {
    if (this.#closed) return Promise.reject(closedError());
    const callId = ++this.#lastCallId;
    return new Promise((resolve, reject) => {
      if (this.#pending.size === 0) this.#port.ref();
      this.#pending.set(callId, {resolve, reject});
      const call: BackgroundCall = {callId, request};
      this.#port.postMessage(call);
    });
  }

  close(): void {
    this.#port.close();
  }

  #settle(reply: BackgroundReply): void {
    const pending = this.#pending.get(reply.callId);
    assert(pending !== undefined, () => `reply to no call: ${reply.callId}`);
    this.#pending.delete(reply.callId);
    if (this.#pending.size === 0) this.#port.unref();
    if (reply.ok) pending.resolve(reply.result as never);
    else pending.reject(decodeFailure(reply.failure));
  }

  #fail(): void {
    this.#closed = true;
    for (const {reject} of this.#pending.values()) reject(closedError());
    this.#pending.clear();
  }
}

function closedError(): Error {
  return new Error('the background worker is gone');
}
