// The reading end of a stream between nodes, and its half of the credit: the sender may have at most
// `rpc_window_bytes` on the way that this side has not declared as taken.
//
// Bytes count as taken when the consumer takes their item, or while it waits for the item that they
// belong to; so a reader that stops reading stops the sender, and an item larger than the window
// still arrives. Credit is told as a running total, so that a lost frame of it heals by itself; items
// are numbered, so that a lost one fails the stream and is never skipped in silence.

import {assert, DbError, fromWireError, LIMITS} from '@flotilla/base';
import type {RpcBody, RpcHead} from './rpc-frame.ts';

/** Counted for each item frame beyond its bytes, so that empty items are bounded too. */
export const ITEM_OVERHEAD_BYTES = 32;
/** Often enough that the sender seldom waits, seldom enough that credit costs a few frames. */
const CREDIT_STEP_BYTES = LIMITS.rpc_window_bytes.value / 4;

/** What a frame did to a stream: it goes on, is at its end, or is useless and to be cancelled. */
export type Taken = 'more' | 'done' | 'broken';

export interface RpcReaderLink {
  /** Sends the request. Undefined if it failed; the reader's `fail` was then called. */
  readonly open: () => RpcHead | undefined;
  readonly credit: (head: RpcHead, takenBytes: number) => void;
  readonly cancel: (head: RpcHead) => void;
}

interface Waiter {
  readonly resolve: (result: IteratorResult<Uint8Array>) => void;
  readonly reject: (error: Error) => void;
}

const DONE: IteratorReturnResult<undefined> = {done: true, value: undefined};

export class RpcReader implements AsyncIterableIterator<Uint8Array> {
  readonly #link: RpcReaderLink;
  #head: RpcHead | undefined;
  #opened = false;
  #ended = false;
  #failure: DbError | undefined;
  #waiter: Waiter | undefined;
  #items: {readonly bytes: Uint8Array; readonly cost: number}[] = [];
  /** Pieces of the item that is not whole yet. */
  #parts: Uint8Array[] = [];
  #partsBytes = 0;
  /** Of those pieces, what has not been taken. */
  #partsCost = 0;
  #sequence = 0;
  #takenBytes = 0;
  #creditedBytes = 0;

  constructor(link: RpcReaderLink) {
    this.#link = link;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    assert(this.#waiter === undefined, 'a stream has one reader');
    this.#open();
    const item = this.#items.shift();
    if (item !== undefined) {
      this.#count(item.cost);
      return {done: false, value: item.bytes};
    }
    const failure = this.#failure;
    if (failure !== undefined) {
      this.#failure = undefined;
      throw failure;
    }
    if (this.#ended) return DONE;
    return new Promise((resolve, reject) => {
      this.#waiter = {resolve, reject};
      this.#count(this.#partsCost);
      this.#partsCost = 0;
    });
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    const open = this.#head !== undefined && !this.#ended;
    this.#opened = true; // A stream that was never read is not opened by a later read.
    this.#finish();
    this.#items = [];
    this.#failure = undefined;
    if (open) this.#link.cancel(this.#head!);
    return DONE;
  }

  fail(error: DbError): void {
    if (this.#ended) return;
    const waiter = this.#waiter;
    this.#waiter = undefined;
    this.#finish();
    if (waiter === undefined) this.#failure = error;
    else waiter.reject(error);
  }

  take(body: RpcBody): Taken {
    switch (body.type) {
      case 'item':
        return this.#takeItem(body.sequence, body.bytes, body.more);
      case 'end':
        if (body.count !== this.#sequence || this.#parts.length > 0) return this.#break('items');
        this.#finish();
        return 'done';
      case 'error':
        this.fail(fromWireError(body.error));
        return 'done';
      default:
        return this.#break('the sense');
    }
  }

  #open(): void {
    if (this.#opened) return;
    this.#opened = true;
    this.#head = this.#link.open();
  }

  #takeItem(sequence: number, bytes: Uint8Array, more: boolean): Taken {
    if (sequence !== this.#sequence) return this.#break('items');
    this.#sequence++;
    this.#parts.push(bytes);
    this.#partsBytes += bytes.byteLength;
    if (this.#partsBytes > LIMITS.node_queue_bytes_max.value) return this.#break('the end');
    const cost = bytes.byteLength + ITEM_OVERHEAD_BYTES;
    if (this.#waiter !== undefined) this.#count(cost);
    else this.#partsCost += cost;
    if (!more) this.#completeItem();
    return 'more';
  }

  #completeItem(): void {
    const parts = this.#parts;
    const bytes = parts.length === 1 ? parts[0]! : Buffer.concat(parts, this.#partsBytes);
    const cost = this.#partsCost;
    this.#parts = [];
    this.#partsBytes = 0;
    this.#partsCost = 0;
    const waiter = this.#waiter;
    this.#waiter = undefined;
    if (waiter === undefined) this.#items.push({bytes, cost});
    else waiter.resolve({done: false, value: bytes});
  }

  #break(what: string): Taken {
    this.fail(new DbError('UNAVAILABLE', `lost ${what} of a stream from another node`));
    return 'broken';
  }

  #finish(): void {
    this.#ended = true;
    this.#parts = [];
    this.#partsBytes = 0;
    const waiter = this.#waiter;
    this.#waiter = undefined;
    waiter?.resolve(DONE);
  }

  #count(bytes: number): void {
    this.#takenBytes += bytes;
    if (this.#ended || this.#head === undefined) return;
    if (this.#takenBytes - this.#creditedBytes < CREDIT_STEP_BYTES) return;
    this.#creditedBytes = this.#takenBytes;
    this.#link.credit(this.#head, this.#takenBytes);
  }
}
