// One budget for the bodies of all requests in flight, by the bytes that have come: what a client only
// announces takes nothing from others. A body that would not fit by its own word is refused (429)
// before a byte of it is read, one that outgrows the budget in its middle; one that stops coming is
// ended after `body_pause_ms_max` (408), so that halves of bodies do not use the budget up. A body over
// its route's limit is the route's to refuse (413): no wait mends it.

import {Readable} from 'node:stream';
import {DbError, LIMITS} from '@flotilla/base';
import type {FastifyInstance, FastifyReply, FastifyRequest} from 'fastify';
import {answerNoRequest} from './no-request.ts';

/** So long a body is counted whole at its head: counting its pieces would cost more than it holds. */
const WHOLE_BYTES_MAX = 64 * 1024;

declare module 'fastify' {
  interface FastifyRequest {
    heldBytes: number;
  }
}

interface Garbage {
  add(bytes: number): void;
}

export interface BodyBudgetOptions {
  readonly pauseMs?: number | undefined;
  /** Told of the pieces in which bodies come. */
  readonly garbage?: Garbage | undefined;
}

export class BodyBudget {
  readonly maxBytes: number;
  readonly #pauseMs: number;
  readonly #garbage: Garbage | undefined;
  #usedBytes = 0;

  constructor(maxBytes: number, {pauseMs, garbage}: BodyBudgetOptions = {}) {
    this.maxBytes = maxBytes;
    this.#pauseMs = pauseMs ?? LIMITS.body_pause_ms_max.value;
    this.#garbage = garbage;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  attach(app: FastifyInstance): void {
    app.decorateRequest('heldBytes', 0);
    app.addHook('onRequest', (request, _reply, done) => {
      this.#admit(request);
      done();
    });
    app.addHook('preParsing', (request, reply, payload, done) => {
      if (isCountedWhole(request)) return done(null, payload);
      const counted = this.#counted(request, reply, payload as Readable);
      const body = Readable.from(counted, {objectMode: false});
      // Whoever reads it listens only up to its own limit, and an error without a listener ends the process.
      body.on('error', () => {
        if (!reply.sent) reply.header('connection', 'close'); // The rest is not read.
      });
      done(null, body);
    });
    app.addHook('onResponse', (request, _reply, done) => {
      this.#release(request);
      done();
    });
    app.addHook('onRequestAbort', async (request) => this.#release(request));
  }

  /** Throws what the request is answered with. */
  #admit(request: FastifyRequest): void {
    const announced = announcedBytes(request);
    if (announced > (request.routeOptions.bodyLimit ?? Infinity)) return;
    if (isCountedWhole(request)) this.#take(request, announced);
    else this.#refuseOver(announced);
  }

  async *#counted(
    request: FastifyRequest,
    reply: FastifyReply,
    payload: Readable,
  ): AsyncGenerator<Buffer, void> {
    const pause = setTimeout(() => endPaused(request), this.#pauseMs);
    try {
      // Not destroyed when this ends early: the answer leaves by the same socket.
      for await (const bytes of payload.iterator({destroyOnReturn: false})) {
        pause.refresh();
        if (reply.sent) return; // Refused: what still comes is nobody's.
        this.#take(request, (bytes as Buffer).length);
        yield bytes as Buffer;
      }
    } finally {
      clearTimeout(pause);
    }
  }

  #take(request: FastifyRequest, bytes: number): void {
    this.#refuseOver(bytes);
    this.#usedBytes += bytes;
    request.heldBytes += bytes;
    this.#garbage?.add(bytes);
  }

  #refuseOver(bytes: number): void {
    if (this.#usedBytes + bytes <= this.maxBytes) return;
    const message = 'the bodies being received use up their budget; send it again a little later';
    throw new DbError('OVERLOADED', message, {
      limit: 'bodies_in_flight_bytes_max',
      bytesMax: this.maxBytes,
    });
  }

  #release(request: FastifyRequest): void {
    this.#usedBytes -= request.heldBytes;
    request.heldBytes = 0;
  }
}

function isCountedWhole(request: FastifyRequest): boolean {
  const isChunked = request.headers['transfer-encoding'] !== undefined;
  return !isChunked && announcedBytes(request) <= WHOLE_BYTES_MAX;
}

/** As one that runs out of its whole time. */
function endPaused({raw}: FastifyRequest): void {
  const error = new Error('no more of the body came');
  answerNoRequest(Object.assign(error, {code: 'ERR_HTTP_REQUEST_TIMEOUT'}), raw.socket);
}

/** 0 where the request says nothing, as one without a body does. */
function announcedBytes(request: FastifyRequest): number {
  const bytes = Number(request.headers['content-length'] ?? 0);
  return Number.isFinite(bytes) ? bytes : 0;
}
