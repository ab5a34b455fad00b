// The calls that an engine thread serves for the HTTP routes: one answer, or a stream that the reader
// pulls chunk by chunk, so that a slow client stops the query and fills no memory.

import {
  type Clock,
  DbError,
  type ErrorCode,
  LIMITS,
  type Log,
  toWireError,
  type WireError,
} from '@flotilla/base';
import type {BackupRuns} from '../backup/backup-runs.ts';
import type {Sample} from '../metrics/sample.ts';
import type {AdminService} from './admin-service.ts';
import {isStorageOrder} from './gateway.ts';
import type {Call, FromEngine} from './messages.ts';
import {pause} from './pause.ts';
import type {ServiceCounts} from './service-counts.ts';
import type {SqlService} from './sql-service.ts';
import type {WriteService} from './write-service.ts';

/** Chunks on the way to the reader beside the one it asked for. */
const CHUNKS_AHEAD = 4;
/** Of the ten seconds that a clean stop may take. */
const CLOSE_MS_MAX = 500;

export interface EngineServices {
  readonly writes: WriteService;
  readonly sql: SqlService;
  readonly admin: AdminService;
  readonly backups: BackupRuns;
  /** Orders that every thread of the node carries out for its own replicas. */
  readonly storage: (action: string) => Promise<void>;
  readonly measure: () => readonly Sample[];
  readonly counts: ServiceCounts;
}

interface OpenStream {
  /** Its reason, a DbError, is what the reader is told. */
  readonly stop: AbortController;
  credit: number;
  wake: (() => void) | undefined;
}

export class EngineCalls {
  readonly #services: EngineServices;
  readonly #emit: (message: FromEngine) => void;
  readonly #log: Log;
  readonly #clock: Pick<Clock, 'monotonicMs' | 'setTimer'>;
  readonly #streams = new Map<number, OpenStream>();
  #underway = 0;
  #idle: (() => void) | undefined;

  constructor(
    services: EngineServices,
    emit: (message: FromEngine) => void,
    {log, clock}: {readonly log: Log; readonly clock: Pick<Clock, 'monotonicMs' | 'setTimer'>},
  ) {
    this.#services = services;
    this.#emit = emit;
    this.#log = log;
    this.#clock = clock;
  }

  /** @param receivedMs when the node had the request, on the monotonic clock. */
  serve(callId: number, call: Call, receivedMs: number): void {
    this.#underway += 1;
    this.#serve(callId, call, receivedMs)
      .catch((error: unknown) => {
        this.#emit({type: 'failed', callId, error: this.#toWire(error, call)});
      })
      .finally(() => {
        this.#underway -= 1;
        if (this.#underway === 0) this.#idle?.();
      });
  }

  pull(callId: number): void {
    const stream = this.#streams.get(callId);
    if (stream === undefined) return;
    stream.credit += 1;
    stream.wake?.();
  }

  cancel(callId: number): void {
    const reason = new DbError('CANCELLED', 'the client went away');
    this.#streams.get(callId)?.stop.abort(reason);
  }

  /** Resolves when no call is under way. */
  async idle(): Promise<void> {
    while (this.#underway > 0) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
    }
  }

  /**
   * Ends what is under way, of which nobody waits for the answer any more. What waits for another node
   * or for a leader is not waited for long: it ends with the groups and the calls to other nodes.
   */
  async close(): Promise<void> {
    const reason = new DbError('DRAINING', 'the node is stopping; ask another');
    for (const {stop} of this.#streams.values()) stop.abort(reason);
    await Promise.race([this.idle(), pause(this.#clock, CLOSE_MS_MAX)]);
  }

  async #serve(callId: number, call: Call, receivedMs: number): Promise<void> {
    switch (call.method) {
      case 'write': {
        const answer = await this.#services.writes.write(call.call, receivedMs);
        this.#emit({type: 'answer', callId, answer});
        return;
      }
      case 'admin': {
        const value = await this.#admin(call.call.action, call);
        this.#emit({type: 'value', callId, value});
        return;
      }
      case 'sql':
        return this.#stream(callId, call, receivedMs);
      case 'measure':
        this.#emit({type: 'value', callId, value: this.#services.measure()});
        return;
      default:
        call satisfies never;
    }
  }

  async #admin(action: string, {call}: Extract<Call, {method: 'admin'}>): Promise<unknown> {
    if (action.startsWith('backup-')) return this.#services.backups.run(action, call.args);
    if (!isStorageOrder(action)) return this.#services.admin.run(call);
    await this.#services.storage(action);
    return {};
  }

  async #stream(
    callId: number,
    call: Extract<Call, {method: 'sql'}>,
    receivedMs: number,
  ): Promise<void> {
    const {counts} = this.#services;
    const max = LIMITS.statements_in_flight_max.value;
    if (this.#streams.size >= max) {
      counts.statementEnded('OVERLOADED');
      const message = 'too many statements are under way; ask again a little later';
      throw new DbError('OVERLOADED', message, {limit: 'statements_in_flight_max', max});
    }
    const sinceReceipt = (): number => this.#clock.monotonicMs() - receivedMs;
    let code: ErrorCode | 'OK' = 'INTERNAL';
    const stream: OpenStream = {
      stop: new AbortController(),
      credit: CHUNKS_AHEAD,
      wake: undefined,
    };
    // By the client, or by the deadline: a reader that takes nothing must not hold a query for ever.
    stream.stop.signal.addEventListener('abort', () => stream.wake?.());
    this.#streams.set(callId, stream);
    try {
      const {status, headers, chunks} = await this.#services.sql.run(call.call, stream.stop);
      counts.firstByte.observeMs(sinceReceipt());
      this.#emit({type: 'head', callId, status, headers});
      const error = await this.#pump(chunks, stream, callId);
      code = error === undefined ? 'OK' : codeOf(error);
      this.#emit({type: 'end', callId, error: error && this.#toWire(error.thrown, call)});
    } catch (error) {
      code = codeOf({thrown: error});
      throw error;
    } finally {
      counts.statementEnded(code);
      counts.statement.observeMs(sinceReceipt());
      this.#streams.delete(callId);
    }
  }

  /** What ended it, if that was a failure. */
  async #pump(
    chunks: AsyncIterable<Uint8Array>,
    stream: OpenStream,
    callId: number,
  ): Promise<{readonly thrown: unknown} | undefined> {
    const {signal} = stream.stop;
    try {
      for await (const bytes of chunks) {
        while (stream.credit === 0 && !signal.aborted) {
          await new Promise<void>((resolve) => {
            stream.wake = resolve;
          });
        }
        if (signal.aborted) throw signal.reason;
        stream.credit -= 1;
        this.#emit({type: 'chunk', callId, bytes});
      }
    } catch (thrown) {
      return {thrown};
    }
    return undefined;
  }

  #toWire(thrown: unknown, call: Call): WireError {
    if (!(thrown instanceof DbError)) {
      const requestId = call.method === 'measure' ? undefined : call.call.requestId;
      this.#log.error({requestId, method: call.method, err: thrown}, 'call failed');
    }
    return toWireError(thrown);
  }
}

function codeOf({thrown}: {readonly thrown: unknown}): ErrorCode {
  return thrown instanceof DbError ? thrown.code : 'INTERNAL';
}
