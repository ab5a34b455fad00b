// What one turn of a thread gives to another thread goes as one message: a message wakes the other
// thread, which costs more than what is in it. A busy turn gives dozens of small frames (the answers to
// all writes that one fdatasync made durable, a frame for each node), and those come in one wake.
//
// Invariant: order is kept, and nothing waits longer than until the callback that is running now, with
// the promises that it resolved, has come to its end.

export class TurnBatch<Message, Transfer> {
  readonly #post: (messages: readonly Message[], transfer: readonly Transfer[]) => void;
  #messages: Message[] = [];
  #transfer: Transfer[] = [];

  constructor(post: (messages: readonly Message[], transfer: readonly Transfer[]) => void) {
    this.#post = post;
  }

  add(message: Message, transfer: readonly Transfer[] = []): void {
    // Ticks run when no promise is left to run, and one that is asked for by a promise after all of them.
    if (this.#messages.length === 0) queueMicrotask(() => process.nextTick(() => this.#flush()));
    this.#messages.push(message);
    this.#transfer.push(...transfer);
  }

  #flush(): void {
    const messages = this.#messages;
    const transfer = this.#transfer;
    this.#messages = [];
    this.#transfer = [];
    this.#post(messages, transfer);
  }
}
