// The engine threads' samples, asked for over their mailboxes with a deadline. A thread that does not
// answer in time keeps its last numbers, since counters must not go back, and its `up` is 0. It is not
// asked again before it has answered: its mailbox holds one question at most.

import {type Clock, DbError} from '@flotilla/base';
import type {Sample} from './sample.ts';

/** Well inside Prometheus's scrape timeout of 10 s; no task of a healthy thread takes so long. */
const ANSWER_MS_MAX = 2_000;

export interface ThreadAsker {
  readonly threads: number;
  /** The samples of one thread. Rejects with DbError. */
  measure(thread: number): Promise<readonly Sample[]>;
}

export class ThreadScrapes {
  readonly #asker: ThreadAsker;
  readonly #clock: Pick<Clock, 'setTimer'>;
  readonly #asked = new Map<number, Promise<boolean>>();
  readonly #last = new Map<number, readonly Sample[]>();

  constructor(asker: ThreadAsker, clock: Pick<Clock, 'setTimer'>) {
    this.#asker = asker;
    this.#clock = clock;
  }

  /** Of all threads, with which of them are up. */
  async gather(): Promise<Sample[]> {
    const threads = Array.from({length: this.#asker.threads}, (_, thread) => thread);
    const up = new Set<number>();
    const asked = threads.map(async (thread) => {
      if (await this.#ask(thread)) up.add(thread);
    });
    await this.#untilLate(Promise.all(asked));
    return threads.flatMap((thread) => [
      {
        metric: 'flotilla_engine_thread_up' as const,
        labels: {thread: String(thread)},
        value: up.has(thread) ? 1 : 0,
      },
      ...(this.#last.get(thread) ?? []),
    ]);
  }

  /** Whether the thread answered. */
  #ask(thread: number): Promise<boolean> {
    const before = this.#asked.get(thread);
    if (before !== undefined) return before;
    const asked = this.#asker.measure(thread).then(
      (samples) => {
        this.#last.set(thread, samples);
        this.#asked.delete(thread);
        return true;
      },
      (error: unknown) => {
        this.#asked.delete(thread);
        if (error instanceof DbError) return false;
        throw error;
      },
    );
    this.#asked.set(thread, asked);
    return asked;
  }

  async #untilLate(answered: Promise<unknown>): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = this.#clock.setTimer(ANSWER_MS_MAX, () => late.resolve());
    try {
      await Promise.race([answered, late.promise]);
    } finally {
      timer.cancel();
    }
  }
}
