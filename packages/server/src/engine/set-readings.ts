// All replica sets of one query, being read. The answer's head waits until those that are read at once
// have begun: a set that cannot be read then still has a status, or a header, to be named in. Law: no
// set is left out unless the query allows it, and then it is noted.

import {type Clock, DbError, type ReplicaSetId} from '@flotilla/base';
import {type SetFragment, STREAMS_AT_ONCE} from '@flotilla/query';
import {type FragmentReader, isMissingSet, type ReadOptions} from '@flotilla/router';
import type {AnswerNotes} from './answer-notes.ts';
import {jointStreams} from './joint-streams.ts';

/** An election takes a second; who allows for missing sets does not want to wait much longer. */
const BEGIN_MS_MAX = 5_000;
/** Named in a message; `details` have all. */
const NAMED_MAX = 5;

export interface SetReadingsOptions {
  readonly fragments: readonly SetFragment[];
  readonly read: Omit<ReadOptions, 'signal'>;
  /** Sets that cannot be read are noted and left out. */
  readonly isPartial: boolean;
  /** The query's end from outside. */
  readonly stop: AbortSignal;
  readonly notes: AnswerNotes;
  /** All that are read at once have begun to answer, or are missing. */
  readonly onBegun?: (() => void) | undefined;
}

/** By when something must have begun that the query could do without, or must refuse: never all of its time. */
export function beginDeadline(clock: Clock, deadlineMs: number): number {
  const nowMs = clock.monotonicMs();
  return nowMs + Math.min(BEGIN_MS_MAX, (deadlineMs - nowMs) / 2);
}

export class SetReadings {
  readonly #reader: FragmentReader;
  readonly #options: SetReadingsOptions;
  readonly #reading = new AbortController();
  /** Sets that are asked and have not begun to answer. */
  readonly #waiting = new Set<ReplicaSetId>();
  readonly #head = Promise.withResolvers<void>();
  #toBegin: number;
  #isAsked = false;
  /** The streams' own failure, for whoever waits for the head. */
  #failure: {readonly error: unknown} | undefined;

  constructor(reader: FragmentReader, options: SetReadingsOptions) {
    this.#reader = reader;
    this.#options = options;
    this.#toBegin = Math.min(STREAMS_AT_ONCE, options.fragments.length);
  }

  streams(): AsyncIterable<Uint8Array>[] {
    const {fragments} = this.#options;
    return jointStreams(
      fragments.map((fragment) => this.#read(fragment)),
      this.#reading,
    );
  }

  /**
   * Resolves once the sets that are read at once have begun, or the query needs no more of them.
   * Requires that the merged rows were asked for their first batch: LIMIT 0 asks nobody.
   */
  async begun(): Promise<void> {
    if (this.#isAsked) await this.#head.promise;
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** The query has all it wanted, or failed. */
  end(): void {
    this.#reading.abort();
    this.#head.resolve();
  }

  deadlinePassed(): DbError {
    const message = 'the query was cancelled at its deadline; `timeout_ms` gives it more time';
    const sets = [...this.#waiting];
    if (sets.length === 0) return new DbError('DEADLINE_EXCEEDED', message);
    const more = sets.length > NAMED_MAX ? ` and ${sets.length - NAMED_MAX} more` : '';
    return new DbError(
      'DEADLINE_EXCEEDED',
      `${message}; not answered: replica set ${sets.slice(0, NAMED_MAX).join(', ')}${more}`,
      {replicaSet: sets[0], replicaSets: sets},
    );
  }

  async *#read(fragment: SetFragment): AsyncGenerator<Uint8Array, void> {
    const {read, stop, notes} = this.#options;
    const signal = AbortSignal.any([stop, this.#reading.signal]);
    this.#waiting.add(fragment.set);
    this.#isAsked = true;
    try {
      const reading = await this.#reader.begin(fragment, {...read, signal});
      if (read.consistency === 'stale') notes.readFrom(reading);
      this.#settled(fragment);
      yield* reading.batches;
    } catch (error) {
      if (!this.#mayMiss(fragment, error)) {
        // What ends because the query has all it wanted is no failure of it.
        if (!this.#reading.signal.aborted) this.#failure ??= {error};
        this.#head.resolve();
        throw error;
      }
      notes.missing(fragment.set);
      this.#settled(fragment);
    }
  }

  /** A set that has begun is in the answer with some of its rows: it cannot be left out any more. */
  #mayMiss({set}: SetFragment, error: unknown): boolean {
    const {isPartial} = this.#options;
    return isPartial && this.#waiting.has(set) && error instanceof DbError && isMissingSet(error);
  }

  #settled({set}: SetFragment): void {
    this.#waiting.delete(set);
    this.#toBegin--;
    if (this.#toBegin !== 0) return;
    this.#options.onBegun?.();
    this.#head.resolve();
  }
}
