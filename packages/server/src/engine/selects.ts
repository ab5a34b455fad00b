// SELECT: plan, fragments, merge. The plan is made with the catalog as it is here, while the meta group
// is asked whether that is still the present one; if it had moved, the attempt is dropped and the
// statement planned again. So a bucket or table that another node just made is never overlooked, and
// nobody waits for two round trips where one will do.

import {type Clock, DbError, META_SET, type WorkSlices} from '@flotilla/base';
import {
  formatResult,
  mergeResults,
  planQuery,
  type QueriesMemory,
  type SelectStatement,
  type SeriesStatement,
} from '@flotilla/query';
import type {FragmentReader} from '@flotilla/router';
import {AnswerNotes} from './answer-notes.ts';
import {type CatalogAccess, findDatabase} from './catalog-access.ts';
import {plannedAnew} from './planned-anew.ts';
import type {ServiceCounts} from './service-counts.ts';
import {beginDeadline, SetReadings} from './set-readings.ts';
import {refreshFor, type StatementContext} from './statement-context.ts';

const QUERY = {work: 'query'} as const;

/** An answer whose head is known. */
export interface BegunAnswer {
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly notes: AnswerNotes;
}

export interface SelectsDeps {
  readonly access: CatalogAccess;
  readonly reader: FragmentReader;
  readonly clock: Clock;
  /** Of the thread. */
  readonly slices: WorkSlices;
  readonly counts?: ServiceCounts | undefined;
  readonly memory?: QueriesMemory | undefined;
}

export class Selects {
  readonly #deps: SelectsDeps;

  constructor(deps: SelectsDeps) {
    this.#deps = deps;
  }

  run(
    statement: SelectStatement | SeriesStatement,
    context: StatementContext,
  ): Promise<BegunAnswer> {
    return plannedAnew(() => this.#planned(statement, context));
  }

  async #planned(
    statement: SelectStatement | SeriesStatement,
    context: StatementContext,
  ): Promise<BegunAnswer> {
    if (context.call.consistency === 'stale') return this.#attempt(statement, context).answer;
    const {catalog} = this.#deps.access;
    const {version} = catalog;
    const first = this.#attempt(statement, context);
    const beganMs = this.#deps.clock.monotonicMs();
    let isCurrent: boolean;
    try {
      isCurrent = await refreshFor(context, this.#deps);
    } catch (error) {
      await first.drop();
      throw error;
    }
    this.#deps.counts?.catalogIndex.observeMs(this.#deps.clock.monotonicMs() - beganMs);
    if (catalog.version === version) return noted(await first.answer, isCurrent);
    await first.drop();
    return noted(await this.#attempt(statement, context).answer, isCurrent);
  }

  /** Whatever becomes of it before it is waited for is kept, not lost. */
  #attempt(
    statement: SelectStatement | SeriesStatement,
    context: StatementContext,
  ): {readonly answer: Promise<BegunAnswer>; drop(): Promise<void>} {
    const dropped = new AbortController();
    const answer = this.#begin(statement, context, dropped.signal);
    const outcome = answer.then(
      ({chunks}) => chunks[Symbol.asyncIterator](),
      // A dropped attempt may fail as it likes: its catalog was not the present one.
      () => undefined,
    );
    const drop = async (): Promise<void> => {
      dropped.abort();
      await (await outcome)?.return?.();
    };
    return {answer, drop};
  }

  async #begin(
    statement: SelectStatement | SeriesStatement,
    {call, deadlineMs, stop}: StatementContext,
    dropped: AbortSignal,
  ): Promise<BegunAnswer> {
    const {access, clock, reader, slices, counts, memory} = this.#deps;
    const {consistency, maxStalenessMs, partial: isPartial} = call;
    const database = await findDatabase(access, call, deadlineMs);
    const beganMs = clock.monotonicMs();
    const nowNs = BigInt(Math.floor(clock.wallMs())) * 1_000_000n;
    const {plan, shape} = planQuery(statement, access.catalog, {
      tenant: database.tenant,
      database: database.id,
      nowNs,
    });
    counts?.plan.observeMs(clock.monotonicMs() - beganMs);
    const mayGiveUp = isPartial || maxStalenessMs !== undefined;
    const beginDeadlineMs = mayGiveUp ? beginDeadline(clock, deadlineMs) : deadlineMs;
    const read = {consistency, maxStalenessMs, deadlineMs, beginDeadlineMs};
    const notes = new AnswerNotes();
    const signal = AbortSignal.any([stop.signal, dropped]);
    const {fragments} = plan;
    const merge = new MergeTime(clock);
    const readings = new SetReadings(reader, {
      fragments,
      read,
      isPartial,
      stop: signal,
      notes,
      onBegun: () => merge.begin(),
    });
    const timer = clock.setTimer(Math.max(0, deadlineMs - clock.monotonicMs()), () =>
      stop.abort(readings.deadlinePassed()),
    );
    const due = () => slices.due(QUERY);
    const results = shape(mergeResults(plan, readings.streams(), {signal, due, memory}));
    const end = (): void => {
      timer.cancel();
      readings.end();
      counts?.merge.observeMs(merge.spentMs);
    };
    const rows = formatResult(call.format, ended(results, stop.signal, end), {memory});
    const chunks = merge.of(rows);
    const head = (): Promise<void> => orReason(readings.begun(), stop.signal);
    return {chunks: await begun(chunks, head), notes};
  }
}

/** What making chunks takes from a moment on, without the waits of their reader. */
class MergeTime {
  readonly #clock: Clock;
  #beganMs = Number.POSITIVE_INFINITY;
  #sinceMs = Number.POSITIVE_INFINITY;
  #spentMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  begin(): void {
    this.#beganMs = this.#clock.monotonicMs();
  }

  get spentMs(): number {
    const fromMs = Math.max(this.#sinceMs, this.#beganMs);
    return this.#spentMs + Math.max(0, this.#clock.monotonicMs() - fromMs);
  }

  async *of<Item>(items: AsyncIterable<Item>): AsyncIterable<Item> {
    this.#sinceMs = this.#clock.monotonicMs();
    for await (const item of items) {
      this.#spentMs = this.spentMs;
      this.#sinceMs = Number.POSITIVE_INFINITY;
      yield item;
      this.#sinceMs = this.#clock.monotonicMs();
    }
  }
}

function noted(answer: BegunAnswer, isCurrent: boolean): BegunAnswer {
  if (!isCurrent) answer.notes.missing(META_SET);
  return answer;
}

/** The same chunks, the first one fetched and `head` reached: what fails before still becomes an error answer. */
export async function begun(
  chunks: AsyncIterable<Uint8Array>,
  head: () => Promise<void> = async () => undefined,
): Promise<AsyncIterable<Uint8Array>> {
  const iterator = chunks[Symbol.asyncIterator]();
  const first = await iterator.next();
  try {
    await head();
  } catch (error) {
    await iterator.return?.();
    throw error;
  }
  let isFirst = true;
  const next = async (): Promise<IteratorResult<Uint8Array>> => {
    if (!isFirst) return iterator.next();
    isFirst = false;
    return first;
  };
  // No generator: one that was never read would not pass the end of reading on.
  const end = async (): Promise<IteratorResult<Uint8Array>> => {
    await iterator.return?.();
    return {done: true, value: undefined};
  };
  return {[Symbol.asyncIterator]: () => ({next, return: end})};
}

/** The same items; `end` is called after the last. What was stopped ends with the reason for that. */
async function* ended<Item>(
  items: AsyncIterable<Item>,
  stopped: AbortSignal,
  end: () => void,
): AsyncIterable<Item> {
  try {
    yield* items;
  } catch (error) {
    throw reasonOf(error, stopped);
  } finally {
    end();
  }
}

async function orReason(promise: Promise<void>, stopped: AbortSignal): Promise<void> {
  try {
    await promise;
  } catch (error) {
    throw reasonOf(error, stopped);
  }
}

/** What was stopped fails for the reason of that. */
function reasonOf(error: unknown, stopped: AbortSignal): unknown {
  const isStopped = stopped.aborted && error instanceof DbError && error.code === 'CANCELLED';
  return isStopped ? stopped.reason : error;
}
