// What one turn of a thread gives to another thread goes as one message: a message wakes the other
// thread, which costs more than what is in it. A busy turn gives dozens of small frames (the answers to
// all writes that one fdatasync made durable, a frame for each node), and those come in one wake.
//
// Invariant: order is kept, and nothing waits longer than until the callback that is running now, with
// the promises that it resolved, has come to its end; between sockets and an engine, until all sockets
// that had something to read when the loop looked have been read.

export type FlushAt = 'callback-end' | 'poll-end';

export class TurnBatch<Message, Transfer> {
  readonly #post: (messages: readonly Message[], transfer: readonly Transfer[]) => void;
  readonly #flushAt: FlushAt;
  #messages: Message[] = [];
  #transfer: Transfer[] = [];

  constructor(
    post: (messages: readonly Message[], transfer: readonly Transfer[]) => void,
    flushAt: FlushAt = 'callback-end',
  ) {
    this.#post = post;
    this.#flushAt = flushAt;
  }

  add(message: Message, transfer: readonly Transfer[] = []): void {
    if (this.#messages.length === 0) this.#schedule();
    this.#messages.push(message);
    this.#transfer.push(...transfer);
  }

  #schedule(): void {
    const flush = (): void => this.#flush();
    // Immediates run after the callbacks of all sockets that were ready.
    if (this.#flushAt === 'poll-end') setImmediate(flush);
    // Ticks run when no promise is left to run, and one that is asked for by a promise after all of them.
    else queueMicrotask(() => process.nextTick(flush));
  }

  #flush(): void {
    const messages = this.#messages;
    const transfer = this.#transfer;
    this.#messages = [];
    this.#transfer = [];
    this.#post(messages, transfer);
  }
}
