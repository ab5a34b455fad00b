// One budget for the bodies of all requests in flight: what does not fit is refused early (429),
// before a byte of it is read, or as it grows where its length was not announced.

import {DbError} from '@flotilla/base';
import type {FastifyInstance, FastifyReply, FastifyRequest} from 'fastify';

export class BodyBudget {
  readonly #maxBytes: number;
  readonly #held = new WeakMap<FastifyRequest, number>();
  #usedBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  attach(app: FastifyInstance): void {
    app.addHook('onRequest', async (request) => this.#take(request));
    app.addHook('onResponse', async (request: FastifyRequest, _reply: FastifyReply) =>
      this.#release(request),
    );
    app.addHook('onRequestAbort', async (request) => this.#release(request));
  }

  #take(request: FastifyRequest): void {
    const announced = Number(request.headers['content-length'] ?? Number.NaN);
    // Without a length the whole limit is held until the body is there: chunked bodies are rare.
    const hasBody = request.headers['transfer-encoding'] !== undefined || announced > 0;
    const limit = request.routeOptions.bodyLimit ?? 0;
    const bytes = hasBody
      ? Number.isFinite(announced)
        ? announced
        : Math.min(limit, this.#maxBytes / 8)
      : 0;
    if (this.#usedBytes + bytes > this.#maxBytes) {
      const message = 'the bodies being received use up their budget; send it again a little later';
      throw new DbError('OVERLOADED', message, {
        limit: 'bodies_in_flight_bytes_max',
        bytesMax: this.#maxBytes,
      });
    }
    this.#usedBytes += bytes;
    this.#held.set(request, bytes);
  }

  #release(request: FastifyRequest): void {
    this.#usedBytes -= this.#held.get(request) ?? 0;
    this.#held.delete(request);
  }
}
