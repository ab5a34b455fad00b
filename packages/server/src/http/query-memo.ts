// Clients write with the same few query strings again and again: what a schema makes of one is kept, by
// the whole URL of its route.

import type {FastifyRequest} from 'fastify';
import type {z} from 'zod';
import {parseOrThrow} from './parse-or-throw.ts';

const URLS_MAX = 256;
/** Longer ones are of clients that put something of each write into it. */
const URL_CHARS_MAX = 512;

export class QueryMemo<Schema extends z.ZodType> {
  readonly #schema: Schema;
  readonly #parsed = new Map<string, z.output<Schema>>();

  constructor(schema: Schema) {
    this.#schema = schema;
  }

  /** Throws as `parseOrThrow`. The same object for the same URL: it must not be changed. */
  parse({url, query}: Pick<FastifyRequest, 'url' | 'query'>): Readonly<z.output<Schema>> {
    const known = this.#parsed.get(url);
    if (known !== undefined) return known;
    const parsed = parseOrThrow(this.#schema, query);
    if (this.#parsed.size === URLS_MAX) this.#parsed.clear();
    if (url.length <= URL_CHARS_MAX) this.#parsed.set(url, parsed);
    return parsed;
  }
}
