// A write's body from its received bytes to the answer: inflate, parse, route.

import {type Clock, type DatabaseId, DbError, LIMITS} from '@flotilla/base';
import type {Database} from '@flotilla/catalog';
import {ColumnReader, parsePrecision, rowTextOf} from '@flotilla/ingest';
import type {WriteRequest, WriteRouter} from '@flotilla/router';
import {type CatalogAccess, findDatabase, tenantNameOf} from './catalog-access.ts';
import type {HttpAnswer, WriteCall} from './gateway.ts';
import {inflate} from './inflate.ts';
import {lineTextOf} from './line-text.ts';
import type {Parsers} from './parsers.ts';
import {outcomeOf, ServiceCounts} from './service-counts.ts';
import type {Step, WorkTurns} from './work-turns.ts';
import {failedAnswer, writeAnswer} from './write-answer.ts';
import type {WriteMemory} from './write-memory.ts';

export interface WriteServiceDeps {
  readonly access: CatalogAccess;
  readonly router: WriteRouter;
  readonly clock: Clock;
  /** Of the thread. */
  readonly turns: WorkTurns;
  readonly memory: WriteMemory;
  readonly parsers: Parsers;
  /** Absent where a write into a database that is not there is refused. */
  readonly createDatabase?: CreateDatabase | undefined;
  readonly counts?: ServiceCounts | undefined;
}

/** Resolves once the catalog that the service reads has the database, whoever made it. */
export type CreateDatabase = (tenant: string, name: string, deadlineMs: number) => Promise<void>;

type Precision = NonNullable<ReturnType<typeof parsePrecision>>;

/** Some 4 ms of parsing. */
const PIECE_BYTES = 256 * 1024;

interface Destination {
  readonly database: DatabaseId;
  readonly precision: Precision;
  readonly deadlineMs: number;
}

interface Parsed extends Pick<WriteRequest, 'batch' | 'lineText'> {
  readonly release: () => void;
}

export class WriteService {
  readonly #deps: WriteServiceDeps;
  readonly #counts: ServiceCounts;

  constructor(deps: WriteServiceDeps) {
    this.#deps = deps;
    this.#counts = deps.counts ?? new ServiceCounts();
  }

  /**
   * Rejects for mistakes of ours only; everything expected is an answer.
   * @param receivedMs when the node had the request, on the monotonic clock: its deadline counts from there.
   */
  async write(call: WriteCall, receivedMs: number): Promise<HttpAnswer> {
    this.#counts.wireBytes += call.body.length;
    let answer: HttpAnswer | undefined;
    try {
      answer = await this.#answer(call, receivedMs);
      return answer;
    } finally {
      this.#counts.bodies[answer === undefined ? 'failed' : outcomeOf(answer.status)] += 1;
      this.#counts.write.observeMs(this.#deps.clock.monotonicMs() - receivedMs);
    }
  }

  async #answer(call: WriteCall, receivedMs: number): Promise<HttpAnswer> {
    try {
      const deadlineMs = receivedMs + LIMITS.write_deadline_ms.value - call.waitedMs;
      return await this.#write(call, deadlineMs);
    } catch (error) {
      if (!(error instanceof DbError)) throw error;
      return failedAnswer(error);
    }
  }

  async #write(call: WriteCall, deadlineMs: number): Promise<HttpAnswer> {
    const {router, turns} = this.#deps;
    const precision = parsePrecision(call.precision);
    if (precision === undefined) {
      const message = `precision: "${call.precision}" is not one of n, ns, u, us, ms, s, m, h`;
      throw new DbError('INVALID_ARGUMENT', message);
    }
    const database = await this.#database(call, deadlineMs);
    const reading = this.#reading(call, {database: database.id, precision, deadlineMs});
    const {batch, lineText, release} = await turns.run(reading);
    try {
      const outcome = await router.write({
        database: database.id,
        batch,
        lineText,
        deadlineMs,
        acceptPartial: call.acceptPartial,
        idempotencyKey: call.idempotencyKey,
      });
      return writeAnswer(outcome);
    } finally {
      release();
    }
  }

  async #database(call: WriteCall, deadlineMs: number): Promise<Database> {
    const {access, createDatabase} = this.#deps;
    try {
      return await findDatabase(access, call, deadlineMs);
    } catch (error) {
      const isMissing = error instanceof DbError && error.code === 'DATABASE_NOT_FOUND';
      if (!isMissing || createDatabase === undefined) throw error;
    }
    await createDatabase(tenantNameOf(access.catalog, call), call.database, deadlineMs);
    return findDatabase(access, call, deadlineMs);
  }

  /** Nobody waits any more for what comes so late: parsing it would only make the next ones late. */
  #refuseLate(deadlineMs: number): void {
    if (this.#deps.clock.monotonicMs() < deadlineMs) return;
    throw new DbError('OVERLOADED', 'the node was too busy to begin this write in time');
  }

  /** What is held of the thread's memory is given back by `release`. */
  #reading(call: WriteCall, {database, precision, deadlineMs}: Destination): Step<Parsed> {
    const {clock, memory} = this.#deps;
    const askedMs = clock.monotonicMs();
    let body: Uint8Array | undefined;
    let columns: ColumnReader | undefined;
    let parseMs = 0;
    return () => {
      const beganMs = clock.monotonicMs();
      if (body === undefined) {
        this.#counts.writeWait.observeMs(beganMs - askedMs);
        this.#refuseLate(deadlineMs);
        memory.admit(call.body.length);
        body = inflate(call.body, call.encoding);
        memory.admit(body.length);
        if (call.form === 'columns') columns = new ColumnReader(body);
        else this.#deps.parsers.begin(database, body, {precision, nowMs: clock.wallMs()});
      }
      const batch = (columns ?? this.#deps.parsers).readOn(PIECE_BYTES);
      parseMs += clock.monotonicMs() - beganMs;
      if (batch === undefined) return undefined;
      this.#counts.inflatedBytes += body.length;
      this.#counts.parse.observeMs(parseMs);
      const lineText = columns === undefined ? lineTextOf(body) : rowTextOf(batch);
      return {batch, lineText, release: memory.hold(body.length, batch)};
    };
  }
}
