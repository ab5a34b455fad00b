// Which writes are worked on, so that more clients than the node can serve cost it little: work that
// nobody waits for any more is how a busy database comes to do less the more is asked of it.
//
//   head -> lobby (unread) -> reading -> queue (whole, still compressed) -> work -> answer
//
// Bytes at work are limited by how long work takes (work-limit.ts). As much as works may be on its way
// to it, read or being read; whoever comes beyond that waits in the lobby, its body unread, and is
// refused after a second. A client that never backs off is so held to one refusal a second, by TCP's
// own window. Each row is first come, first served, and nothing begins that cannot end in its time.

import {Chain, type Clock, DbError, LIMITS, type Link, type Timer} from '@flotilla/base';
import type {FastifyInstance, FastifyRequest} from 'fastify';
import {WorkLimit} from './work-limit.ts';

/** Between looks for who has waited too long, while anybody waits. */
const LOOK_MS = 50;
/** Half of a write's deadline: work so old is slow, or waits for something else than this node. */
const STUCK_MS = 2_000;
/** A client that announces a body and does not send it has its place for no longer. */
const READING_MS_MAX = 1_000;
/** Of a body that announces no length. */
const UNKNOWN_BYTES = 64 * 1024;
/** What InfluxDB's clients compress shrinks to an eighth, or less. */
const INFLATION = 8;
const TOO_MANY_REQUESTS = 429;
const OUTCOME_UNKNOWN = 504;
/** The least that work is given, however quick it was of late. */
const WORK_MS_MIN = 1_000;

// No WeakMap of requests: one that is old keeps what young collections should take.
declare module 'fastify' {
  interface FastifyRequest {
    writeVisit?: Visit | undefined;
  }
}

interface Visit {
  readonly enteredMs: number;
  /** In its present row. */
  sinceMs: number;
  bytes: number;
  go: () => void;
  refuse: (error: DbError) => void;
  /** In its present row, or the last one. */
  place: Link<Visit> | undefined;
}

/** Visits in the order in which they came, and their bytes. */
class Row {
  readonly #visits = new Chain<Visit>();
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#visits.isEmpty;
  }

  add(visit: Visit, nowMs: number): void {
    visit.sinceMs = nowMs;
    visit.place = this.#visits.add(visit);
    this.#bytes += visit.bytes;
  }

  delete(visit: Visit): boolean {
    if (visit.place === undefined || !this.#visits.delete(visit.place)) return false;
    this.#bytes -= visit.bytes;
    return true;
  }

  first(): Visit | undefined {
    return this.#visits.first?.value;
  }

  /** Takes out whoever came before `beforeMs`; requires that rows keep the order of coming. */
  takeOlder(beforeMs: number): Visit[] {
    const taken: Visit[] = [];
    for (let first = this.first(); first !== undefined; first = this.first()) {
      if (first.sinceMs >= beforeMs) break;
      this.delete(first);
      taken.push(first);
    }
    return taken;
  }
}

export class WriteAdmission {
  readonly #clock: Clock;
  readonly #limit = new WorkLimit();
  readonly #lobby = new Row();
  readonly #reading = new Row();
  readonly #queue = new Row();
  /** Without what is stuck. */
  readonly #working = new Row();
  #look: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Requests of this scope's routes are visits from here on. */
  attach(app: FastifyInstance): void {
    app.decorateRequest('writeVisit', undefined);
    app.addHook('onRequest', (request, _reply, done) => this.#enter(request, done));
    app.addHook('onResponse', (request, _reply, done) => {
      this.#leave(request);
      done();
    });
    app.addHook('onRequestAbort', async (request) => this.#leave(request));
  }

  /**
   * Runs `work` on a body in its turn. Rejects with OVERLOADED if that does not come in time.
   * @param work  takes what the request has waited since its head; the time to read it does not count
   */
  run<Answer extends {readonly status: number}>(
    request: FastifyRequest,
    body: Uint8Array,
    work: (waitedMs: number) => Promise<Answer>,
  ): Promise<Answer> {
    const visit = request.writeVisit!;
    const lobbyMs = visit.sinceMs - visit.enteredMs;
    this.#reading.delete(visit);
    visit.bytes = costOf(body.length, request);
    return new Promise<Answer>((resolve, reject) => {
      // Named, not written as the value of a property: V8 has those old from the start, with all that they hold.
      const go = (): void => {
        const begunMs = this.#clock.monotonicMs();
        const waitedMs = lobbyMs + begunMs - visit.sinceMs;
        this.#working.add(visit, begunMs);
        // What throws at once must give its bytes back, too.
        (async () => work(waitedMs))()
          .then(
            (answer) => {
              this.#learn(visit, begunMs, answer);
              resolve(answer);
            },
            (error: unknown) => reject(error),
          )
          .finally(() => {
            this.#working.delete(visit);
            this.#advance();
          });
      };
      visit.go = go;
      visit.refuse = reject;
      this.#queue.add(visit, this.#clock.monotonicMs());
      this.#advance();
    });
  }

  /** @param done is called once: when the body may be read, or with what the request is refused by. */
  #enter(request: FastifyRequest, done: (error?: DbError) => void): void {
    const nowMs = this.#clock.monotonicMs();
    const go = (): void => {
      // While it is read, its client's leaving is the only thing that can happen to it.
      visit.refuse = nobodyWaits;
      this.#reading.add(visit, this.#clock.monotonicMs());
      done();
    };
    const visit: Visit = {
      enteredMs: nowMs,
      sinceMs: nowMs,
      bytes: costOf(announcedBytes(request) ?? UNKNOWN_BYTES, request),
      go,
      refuse: done,
      place: undefined,
    };
    request.writeVisit = visit;
    this.#lobby.add(visit, nowMs);
    this.#advance();
  }

  /** Its answer is sent, or its client is gone: work that has begun goes on. */
  #leave(request: FastifyRequest): void {
    const visit = request.writeVisit;
    if (visit === undefined) return;
    const wasReading = this.#reading.delete(visit);
    if (!wasReading && !this.#lobby.delete(visit) && !this.#queue.delete(visit)) return;
    visit.refuse(new DbError('CANCELLED', 'the client went away'));
    this.#advance();
  }

  #learn({bytes}: Visit, begunMs: number, {status}: {readonly status: number}): void {
    const nowMs = this.#clock.monotonicMs();
    // A refusal says nothing of what work takes, nor does what ran out of its time beside quick work.
    const isSlow = status === OUTCOME_UNKNOWN && nowMs - this.#limit.lastInTimeMs > STUCK_MS;
    if (status >= TOO_MANY_REQUESTS && !isSlow) return;
    const isWanted = !this.#queue.isEmpty || !this.#lobby.isEmpty;
    this.#limit.learn({nowMs, workMs: nowMs - begunMs, bytes, isWanted});
  }

  /** One alone always goes on, however large. */
  #advance(): void {
    const {bytesMax, heldBytesMax} = this.#limit;
    const working = this.#working;
    for (let next = this.#queue.first(); next !== undefined; next = this.#queue.first()) {
      if (working.bytes > 0 && working.bytes + next.bytes > bytesMax) break;
      this.#queue.delete(next);
      next.go();
    }
    for (let next = this.#lobby.first(); next !== undefined; next = this.#lobby.first()) {
      const held = this.#reading.bytes + this.#queue.bytes + working.bytes;
      if (held > 0 && held + next.bytes > heldBytesMax) break;
      this.#lobby.delete(next);
      next.go();
    }
    if (!this.#queue.isEmpty || !this.#lobby.isEmpty) this.#lookSoon();
  }

  /**
   * Work that takes so long while other work is quick waits for a set without a leader: it is passed.
   * Where none is quick the node itself is slow.
   */
  #passStuck(nowMs: number): void {
    const oldest = this.#working.first();
    if (oldest === undefined || nowMs - oldest.sinceMs < STUCK_MS) return;
    if (nowMs - this.#limit.lastInTimeMs < STUCK_MS) this.#working.takeOlder(nowMs - STUCK_MS);
    else this.#limit.shrink(nowMs);
  }

  #lookSoon(): void {
    this.#look ??= this.#clock.setTimer(LOOK_MS, () => {
      this.#look = undefined;
      const nowMs = this.#clock.monotonicMs();
      this.#passStuck(nowMs);
      this.#reading.takeOlder(nowMs - READING_MS_MAX);
      const unreadMs = LIMITS.write_unread_ms_max.value;
      const workMs = Math.max(WORK_MS_MIN, this.#limit.workMsMax);
      // Waiting in both rows, and the work itself, fit into the deadline.
      const queuedMs = Math.max(LOOK_MS, LIMITS.write_deadline_ms.value - unreadMs - workMs);
      for (const late of this.#lobby.takeOlder(nowMs - unreadMs)) late.refuse(overloaded());
      for (const late of this.#queue.takeOlder(nowMs - queuedMs)) late.refuse(overloaded());
      this.#advance();
    });
  }
}

function nobodyWaits(): void {}

/** Undefined where the request does not say. */
function announcedBytes({headers}: FastifyRequest): number | undefined {
  const announced = headers['content-length'];
  return announced === undefined ? undefined : Number(announced);
}

function costOf(bytes: number, request: FastifyRequest): number {
  const encoding = request.headers['content-encoding'] ?? 'identity';
  return encoding === 'identity' ? bytes : bytes * INFLATION;
}

function overloaded(): DbError {
  const message = 'the node is busy with other writes; send it again a little later';
  return new DbError('OVERLOADED', message, {limit: 'writes_at_work_bytes_max'});
}
