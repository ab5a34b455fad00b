// The client: every request goes to one of the given nodes and, where that can help and cannot harm,
// again to the next until the deadline. A write carries one idempotency key over all its tries, so
// the cluster applies it once whoever dies in between.

import {randomUUID} from 'node:crypto';
import {setTimeout as sleep} from 'node:timers/promises';
import {promisify} from 'node:util';
import {gzip} from 'node:zlib';
import {AdminClient} from './admin.ts';
import {BatchWriter, type BatchWriterOptions} from './batch-writer.ts';
import type {Call, CallOptions, Reply, TextReply, WriteOptions, WriteResult} from './call.ts';
import {errorOfAnswer, FlotillaError} from './errors.ts';
import {
  Connections,
  type ExchangeAnswer,
  type ExchangeRequest,
  readBody,
  readText,
  type TlsOptions,
} from './exchange.ts';
import {backoffMs, isOutcomeUnknown, maySendAgain, NodeRotation} from './retry.ts';
import {linesOf, missingOfLine, parseRowLine, parseRows, type Row} from './rows.ts';

/** Longer than a query's own deadline (30 s), so that the node's answer, which says more, comes first. */
const TIMEOUT_MS_DEFAULT = 35_000;
/** A node answers a write within its 4 s deadline or not at all. */
const WRITE_SILENCE_MS_DEFAULT = 6_000;
/** A node that cannot reach others tells what it knows of the cluster after some 3.5 s. */
const SOON_MS = 4_000;
const CONNECTIONS_DEFAULT = 64;
const PRODUCT_DEFAULTS = {tenant: 'default', database: 'public'};

const gzipAsync = promisify(gzip);

export interface FlotillaClientOptions {
  /** Base URLs of any nodes of the cluster; the more, the fewer failures are seen. */
  readonly urls: readonly string[];
  readonly tenant?: string | undefined;
  readonly database?: string | undefined;
  /** Longest time for one call, all tries included. */
  readonly timeoutMs?: number | undefined;
  /**
   * For who would rather know that nobody is there than wait: a node that takes no connection for so long is
   * passed over. Until some node has answered each is tried once, since an address that is wrong stays so;
   * from then on they are tried for so long, since a node that restarts comes back.
   */
  readonly unreachableMs?: number | undefined;
  /** Told of each try as it begins; what it returns is told whether the node answered. */
  readonly onTry?: ((url: string) => (isAnswered: boolean) => void) | undefined;
  /** Longest silence of one node in one try of a write before the next is asked. */
  readonly writeSilenceMs?: number | undefined;
  /** Open connections to one node. */
  readonly connections?: number | undefined;
  /** A token of the cluster, for `admin` and for statements that change the cluster. */
  readonly token?: string | undefined;
  readonly tls?: TlsOptions | undefined;
}

export interface QueryOptions extends CallOptions {
  /** Read the asked node's own replicas, without a majority if need be. */
  readonly stale?: boolean | undefined;
  /** With `stale`: refuse rows that may lack writes acknowledged longer ago. */
  readonly maxStalenessMs?: number | undefined;
  /**
   * Answers with what can be read where replica sets cannot, and is told which ones are missing, if
   * any: all of them with `queryStream`, else the first 100. 0 is the meta group: then the catalog may
   * be old.
   */
  readonly onMissing?: ((replicaSets: readonly number[]) => void) | undefined;
}

export type QueryFormat = 'json' | 'ndjson' | 'csv' | 'table';

const CONTENT_TYPES: Record<QueryFormat, string> = {
  json: 'application/json',
  ndjson: 'application/x-ndjson',
  csv: 'text/csv',
  table: 'text/plain',
};

export class FlotillaClient {
  readonly admin: AdminClient;
  readonly urls: readonly string[];
  readonly #options: FlotillaClientOptions;
  readonly #connections: Connections;
  readonly #nodes: NodeRotation;
  /** Some node has, whatever it said. */
  #hasAnswered = false;

  constructor(options: FlotillaClientOptions) {
    this.urls = [...new Set(options.urls.map(normalizeUrl))];
    if (this.urls.length === 0) throw new TypeError('urls is empty: name at least one node');
    this.#options = options;
    this.#connections = new Connections(options.connections ?? CONNECTIONS_DEFAULT, options.tls);
    this.#nodes = new NodeRotation(this.urls);
    this.admin = new AdminClient(this);
  }

  /** Writes line protocol. Throws LINES_REJECTED where lines were bad: `writeDetailsOf` names them. */
  async write(lines: string | Uint8Array, options: WriteOptions = {}): Promise<WriteResult> {
    const plain = typeof lines === 'string' ? Buffer.from(lines, 'utf8') : lines;
    const query = this.#scope(options);
    if (options.precision !== undefined) query.set('precision', options.precision);
    return this.#write('/api/v1/write', query, options, plain);
  }

  /** Writes rows in the form of a node's own that a restore makes; for the rest as `write`. */
  writeColumns(
    body: Uint8Array,
    options: Omit<WriteOptions, 'precision'> = {},
  ): Promise<WriteResult> {
    return this.#write('/api/v1/write/columns', this.#scope(options), options, body);
  }

  async #write(
    path: string,
    query: URLSearchParams,
    options: WriteOptions,
    plain: Uint8Array,
  ): Promise<WriteResult> {
    const headers: Record<string, string> = {
      'content-type': path.endsWith('columns')
        ? 'application/octet-stream'
        : 'text/plain; charset=utf-8',
      'idempotency-key': options.idempotencyKey ?? randomUUID(),
    };
    if (options.gzip === true) headers['content-encoding'] = 'gzip';
    if (options.acceptPartial !== undefined) {
      query.set('accept_partial', String(options.acceptPartial));
    }
    const {attempts, url} = await this.sendForText({
      method: 'POST',
      path: `${path}?${query}`,
      headers,
      body: options.gzip === true ? await gzipAsync(plain, {level: 1}) : plain,
      isRepeatable: true,
      timeoutMs: this.timeoutMs(options),
      silenceMsMax: this.#options.writeSilenceMs ?? WRITE_SILENCE_MS_DEFAULT,
      signal: options.signal,
    });
    return {attempts, url};
  }

  /** Gathers lines and points from many calls into few bodies, with the client's nodes and names. */
  batchWriter(options: BatchWriterOptions): BatchWriter {
    return new BatchWriter(this, options);
  }

  /**
   * All rows at once; for large answers take `queryStream`. A node that dies in the middle of its answer is one
   * that did not answer: another is asked, which a stream that has told rows cannot do.
   */
  async query(sql: string, options: QueryOptions = {}): Promise<Row[]> {
    const text = await this.queryText(sql, 'json', options);
    return text.trim() === '' ? [] : parseRows(text); // Statements without rows may answer nothing.
  }

  /** Rows as they come. Leaving the loop early cancels the query. */
  async *queryStream(sql: string, options: QueryOptions = {}): AsyncGenerator<Row> {
    const reply = await this.send(this.#sql(sql, 'ndjson', options));
    for await (const lines of linesOf(readBody(reply.answer, reply))) {
      for (const line of lines) {
        const row = parseRowLine(line, reply.url);
        const missing = missingOfLine(row);
        if (missing === undefined) yield row;
        else if (missing.length > 0) options.onMissing?.(missing);
      }
    }
  }

  async queryText(sql: string, format: QueryFormat, options: QueryOptions = {}): Promise<string> {
    const reply = await this.sendForText(this.#sql(sql, format, options));
    tellMissing(reply, options);
    return reply.text;
  }

  /** The answer's bytes as they come, in the given format. */
  async *queryBytes(
    sql: string,
    format: QueryFormat,
    options: QueryOptions = {},
  ): AsyncGenerator<Buffer> {
    const reply = await this.send(this.#sql(sql, format, options));
    tellMissing(reply, options);
    yield* readBody(reply.answer, reply);
  }

  /**
   * Whether this one node takes requests; does not throw for a node that is down, but where certificates
   * keep the two apart: no waiting ends that.
   */
  async isReady(url: string, timeoutMs = 1_000): Promise<boolean> {
    try {
      const answer = await this.#connections.exchange({
        method: 'GET',
        url: normalizeUrl(url),
        path: '/ready',
        headers: {},
        silenceMsMax: timeoutMs,
      });
      answer.body.resume();
      return answer.status === 200;
    } catch (error) {
      if (error instanceof FlotillaError && error.details['tls'] === undefined) return false;
      throw error;
    }
  }

  close(): void {
    this.#connections.close();
  }

  timeoutMs(options: CallOptions): number {
    return options.timeoutMs ?? this.#options.timeoutMs ?? TIMEOUT_MS_DEFAULT;
  }

  /** Sends until an answer below 400 comes or the deadline passes; then the last failure is thrown. */
  send(call: Call): Promise<Reply> {
    return this.#send(call, async (reply) => reply);
  }

  /** As `send`, and until the answer's body is there as well. */
  sendForText(call: Call): Promise<TextReply> {
    return this.#send(call, async (reply) => ({
      ...reply,
      text: await readText(reply.answer, reply),
    }));
  }

  async #send<T extends Reply>(call: Call, take: (reply: Reply) => Promise<T>): Promise<T> {
    const startMs = performance.now();
    let isReached = false;
    const tried = new Map<string, FlotillaError>();
    let round = 0;
    let doubt: FlotillaError | undefined;
    for (let attempts = 1; ; attempts++) {
      const url = this.#nodes.next(tried, performance.now())!;
      const leftMs = Math.max(1, startMs + call.timeoutMs - performance.now());
      // The nodes that are still to be asked have their share of the time.
      const shareMs = leftMs / (this.#nodes.size - tried.size);
      const soonMs = call.isSoonAnswered === true ? Math.max(shareMs, SOON_MS) : leftMs;
      const silenceMsMax = Math.min(call.silenceMsMax, leftMs, soonMs);
      const connectMsMax = Math.min(silenceMsMax, shareMs, this.#patienceMs);
      const request = {...call, url, silenceMsMax, connectMsMax};
      const outcome = await this.#try(request, (answer) =>
        take({answer, url, attempts, silenceMsMax: call.timeoutMs, signal: call.signal}),
      );
      const failure = outcome instanceof FlotillaError ? outcome : undefined;
      this.#nodes.record(url, failure, performance.now());
      if (!(outcome instanceof FlotillaError)) return outcome;
      tried.set(url, outcome);
      if (call.isRead !== true && isOutcomeUnknown(outcome)) doubt = outcome;
      if (!maySendAgain(outcome, call.isRepeatable)) throw afterAttempts(outcome, attempts);
      isReached ||= isHeard(outcome);
      let waitMs = 0;
      let deadlineMs = startMs + call.timeoutMs;
      if (tried.size === this.#nodes.size) {
        if (this.#isNobodyThere(isReached)) throw afterOneRound([...tried.values()]);
        tried.clear();
        waitMs = backoffMs(round++, outcome, Math.random());
        if (!isReached) deadlineMs = Math.min(deadlineMs, startMs + this.#patienceMs);
      }
      // That the last try had no effect says nothing of one before.
      if (performance.now() + waitMs >= deadlineMs) throw afterAttempts(doubt ?? outcome, attempts);
      if (waitMs > 0) await sleep(waitMs, undefined, {signal: call.signal});
    }
  }

  #isNobodyThere(isReached: boolean): boolean {
    return this.#options.unreachableMs !== undefined && !isReached && !this.#hasAnswered;
  }

  /** Where no node can be connected to. */
  get #patienceMs(): number {
    return this.#options.unreachableMs ?? Infinity;
  }

  async #try<T>(
    request: ExchangeRequest,
    take: (answer: ExchangeAnswer) => Promise<T>,
  ): Promise<T | FlotillaError> {
    const {url, silenceMsMax, signal} = request;
    const ended = this.#options.onTry?.(url);
    let isAnswered = false;
    try {
      const answer = await this.#connections.exchange(this.#withToken(request));
      isAnswered = true;
      this.#hasAnswered = true;
      if (answer.status < 400) return await take(answer);
      const body = await readText(answer, {url, silenceMsMax, signal});
      return errorOfAnswer(answer.status, body, {url, retryAfter: answer.headers['retry-after']});
    } catch (error) {
      if (error instanceof FlotillaError) return error;
      throw error;
    } finally {
      ended?.(isAnswered);
    }
  }

  #withToken(request: ExchangeRequest): ExchangeRequest {
    const {token} = this.#options;
    if (token === undefined) return request;
    return {...request, headers: {...request.headers, authorization: `Bearer ${token}`}};
  }

  #sql(sql: string, format: QueryFormat, options: QueryOptions): Call {
    const query = this.#scope(options);
    if (options.stale === true) query.set('consistency', 'stale');
    if (options.maxStalenessMs !== undefined) {
      query.set('max_staleness', `${options.maxStalenessMs}ms`);
    }
    if (options.onMissing !== undefined) query.set('partial', 'allow');
    const timeoutMs = this.timeoutMs(options);
    return {
      method: 'POST',
      path: `/api/v1/sql?${query}`,
      headers: {'content-type': 'text/plain; charset=utf-8', accept: CONTENT_TYPES[format]},
      body: Buffer.from(sql, 'utf8'),
      isRepeatable: isReadOnly(sql),
      isRead: isReadOnly(sql),
      timeoutMs,
      silenceMsMax: timeoutMs,
      signal: options.signal,
    };
  }

  #scope(options: CallOptions): URLSearchParams {
    return new URLSearchParams({
      db: options.database ?? this.#options.database ?? PRODUCT_DEFAULTS.database,
      tenant: options.tenant ?? this.#options.tenant ?? PRODUCT_DEFAULTS.tenant,
    });
  }
}

function tellMissing({answer}: Reply, {onMissing}: QueryOptions): void {
  const header = answer.headers['flotilla-missing-replica-sets'];
  if (typeof header !== 'string') return;
  // `more=23` stands at the end of a long list.
  onMissing?.([...header.matchAll(/(?<=^|, )\d+/g)].map(([id]) => Number(id)));
}

/** By its first word; a statement that might change something is never sent twice on a guess. */
export function isReadOnly(sql: string): boolean {
  const text = sql.replace(/^(?:\s+|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/|\()+/, '');
  if (/^explain\s+analy[sz]e\b/i.test(text)) return false; // It runs what it explains.
  return /^(?:select|with|values|explain|show|describe|desc)\b/i.test(text);
}

function normalizeUrl(url: string): string {
  const full = url.includes('://') ? url : `http://${url}`;
  if (!/^https?:/i.test(full) || !URL.canParse(full)) throw new TypeError(`not a URL: ${url}`);
  return full.replace(/\/+$/, '');
}

/** Something came from the node, or may have reached it. */
function isHeard({code}: FlotillaError): boolean {
  return code !== 'CONNECTION_FAILED' && code !== 'NOT_HTTP';
}

/** Each node was asked once, and it is of use to know of each why it did not answer. */
function afterOneRound(failures: readonly FlotillaError[]): FlotillaError {
  // The one that says least of what became of the request.
  const worst = failures.find(isOutcomeUnknown) ?? failures.at(-1)!;
  if (failures.length === 1) return worst;
  const {code, details, url} = worst;
  const message = failures.map((failure) => failure.message).join('; ');
  return new FlotillaError(message, {code, details, url, attempts: failures.length, cause: worst});
}

function afterAttempts(failure: FlotillaError, attempts: number): FlotillaError {
  // A word on the request itself: the tries that nobody heard before it do not matter.
  const isFinal = failure.status !== undefined && failure.status < 500 && failure.status !== 429;
  if (attempts === 1 || isFinal) return failure;
  const {code, status, details, url, retryAfterMs} = failure;
  return new FlotillaError(`${failure.message} (tried ${attempts} times)`, {
    code,
    status,
    details,
    url,
    retryAfterMs,
    attempts,
    cause: failure,
  });
}
