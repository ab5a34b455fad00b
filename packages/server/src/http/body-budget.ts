// One budget for the bodies of all requests in flight: what does not fit is refused (429) before a
// byte of it is read, or as it grows where its length was not announced (Telegraf compresses as it
// sends, in chunks). A body over its route's limit is the route's to refuse (413): no wait mends it.

import {Readable} from 'node:stream';
import {DbError} from '@flotilla/base';
import type {FastifyInstance, FastifyReply, FastifyRequest} from 'fastify';

export class BodyBudget {
  readonly maxBytes: number;
  readonly #held = new WeakMap<FastifyRequest, number>();
  #usedBytes = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  attach(app: FastifyInstance): void {
    app.addHook('onRequest', async (request) => {
      const announced = announcedBytes(request);
      if (announced <= (request.routeOptions.bodyLimit ?? Infinity)) this.#take(request, announced);
    });
    app.addHook('preParsing', async (request, reply, payload) =>
      request.headers['transfer-encoding'] === undefined
        ? payload
        : Readable.from(this.#counted(request, reply, payload as Readable), {objectMode: false}),
    );
    app.addHook('onResponse', async (request: FastifyRequest, _reply: FastifyReply) =>
      this.#release(request),
    );
    app.addHook('onRequestAbort', async (request) => this.#release(request));
  }

  async *#counted(
    request: FastifyRequest,
    reply: FastifyReply,
    payload: Readable,
  ): AsyncGenerator<Buffer, void> {
    // Not destroyed when this ends early: the answer leaves by the same socket.
    for await (const bytes of payload.iterator({destroyOnReturn: false})) {
      try {
        this.#take(request, (bytes as Buffer).length);
      } catch (error) {
        reply.header('connection', 'close'); // The rest is not read.
        throw error;
      }
      yield bytes as Buffer;
    }
  }

  #take(request: FastifyRequest, bytes: number): void {
    if (this.#usedBytes + bytes > this.maxBytes) {
      const message = 'the bodies being received use up their budget; send it again a little later';
      throw new DbError('OVERLOADED', message, {
        limit: 'bodies_in_flight_bytes_max',
        bytesMax: this.maxBytes,
      });
    }
    this.#usedBytes += bytes;
    this.#held.set(request, (this.#held.get(request) ?? 0) + bytes);
  }

  #release(request: FastifyRequest): void {
    this.#usedBytes -= this.#held.get(request) ?? 0;
    this.#held.delete(request);
  }
}

/** 0 where the request says nothing, as one without a body does. */
function announcedBytes(request: FastifyRequest): number {
  const bytes = Number(request.headers['content-length'] ?? 0);
  return Number.isFinite(bytes) ? bytes : 0;
}
