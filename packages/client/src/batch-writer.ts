// Writes from many small calls in few bodies. Lines gather in one open batch, sealed when it is full
// or old enough; sealed ones are sent in order, each under one idempotency key over all its tries and
// nodes. What is held is bounded: a call that finds no room waits for it. Every line ends in exactly
// one of two ways: its batch was acknowledged, or `onFailure` has been given it.

import {randomUUID} from 'node:crypto';
import type {WriteOptions, WriteResult} from './call.ts';
import {FlotillaError} from './errors.ts';
import {LineBatcher} from './line-batches.ts';
import {lineOfPoint, type Point, type Precision} from './point.ts';

/** Some ten thousand lines are where a node's rows per second level off. */
const BATCH_LINES_MAX_DEFAULT = 10_000;
const BATCH_BYTES_MAX_DEFAULT = 4_000_000;
/** What a process that is killed may lose of what it has not flushed. */
const BATCH_AGE_MS_MAX_DEFAULT = 1_000;
/** Some seconds of a fast producer: an election passes unnoticed. */
const BUFFER_BYTES_MAX_DEFAULT = 64_000_000;
/** More would let an earlier line overwrite a later one. */
const REQUESTS_MAX_DEFAULT = 1;
/** Longer than any restart of a node. */
const TIMEOUT_MS_DEFAULT = 120_000;
/** What waited long in the buffer is still sent to at least one node that answers. */
const TIMEOUT_MS_MIN = 6_000;

export interface BatchWriterOptions {
  readonly tenant?: string | undefined;
  readonly database?: string | undefined;
  /** Unit of the times. Default: ns. */
  readonly precision?: Precision | undefined;
  readonly gzip?: boolean | undefined;
  /** A batch is sent at this many lines. Default: 10,000. */
  readonly batchLinesMax?: number | undefined;
  /** A batch is sent at this many bytes; a single longer line goes alone. Default: 4 MB. */
  readonly batchBytesMax?: number | undefined;
  /** A batch is sent when its first line is this old. Default: 1 s. */
  readonly batchAgeMsMax?: number | undefined;
  /** Lines held, open, waiting and on their way; `write` waits for room. Default: 64 MB. */
  readonly bufferBytesMax?: number | undefined;
  /**
   * Bodies on their way at once. Default: 1, which keeps the order of lines; with more, two lines of
   * one series and time may end in either order if they fall into different batches.
   */
  readonly requestsMax?: number | undefined;
  /** From when a batch is full until it is given up, all tries included. Default: 2 minutes. */
  readonly timeoutMs?: number | undefined;
  /** Is given each batch that was not written, or not as a whole. */
  readonly onFailure: (failure: BatchFailure) => void;
}

export interface BatchFailure {
  /**
   * Code LINES_REJECTED: the good lines are written, `writeDetailsOf(error)` names the bad ones. With
   * status 504, or no answer, some or all may be written. Else see what the node says of each set.
   */
  readonly error: FlotillaError;
  /** As it was sent: line 1 of the error's details is the first one here. */
  readonly lines: Uint8Array;
  readonly lineCount: number;
  /** Send `lines` again under it, and nothing is written twice. */
  readonly idempotencyKey: string;
}

/** What sends a body; the client itself. */
export interface BodyWriter {
  write(lines: Uint8Array, options: WriteOptions): Promise<WriteResult>;
}

interface Batch {
  readonly lines: Uint8Array;
  readonly lineCount: number;
  readonly idempotencyKey: string;
  readonly deadlineMs: number;
  readonly end: () => void;
}

interface WaitingWrite {
  readonly piece: Buffer;
  readonly isTaken: Promise<void>;
  readonly taken: () => void;
}

export class BatchWriter implements AsyncDisposable {
  readonly #client: BodyWriter;
  readonly #options: BatchWriterOptions;
  readonly #limits: {readonly linesMax: number; readonly bytesMax: number};
  readonly #bufferBytesMax: number;
  #pieces: Uint8Array[] = [];
  #openBytes = 0;
  #openLines = 0;
  #age: NodeJS.Timeout | undefined;
  /** Of every batch, open, waiting and on its way. */
  #heldBytes = 0;
  readonly #waiting: WaitingWrite[] = [];
  #waitingBytes = 0;
  readonly #sealed: Batch[] = [];
  readonly #unfinished = new Set<Promise<void>>();
  #requests = 0;
  #isClosed = false;

  constructor(client: BodyWriter, options: BatchWriterOptions) {
    this.#client = client;
    this.#options = options;
    this.#limits = {
      linesMax: positive('batchLinesMax', options.batchLinesMax ?? BATCH_LINES_MAX_DEFAULT),
      bytesMax: positive('batchBytesMax', options.batchBytesMax ?? BATCH_BYTES_MAX_DEFAULT),
    };
    this.#bufferBytesMax = positive(
      'bufferBytesMax',
      options.bufferBytesMax ?? BUFFER_BYTES_MAX_DEFAULT,
    );
    positive('requestsMax', options.requestsMax ?? REQUESTS_MAX_DEFAULT);
  }

  /** Bytes of lines that are neither acknowledged nor given to `onFailure`. */
  get bufferedBytes(): number {
    return this.#heldBytes + this.#waitingBytes;
  }

  /**
   * Takes whole lines; a newline at the end may be left out. Resolves once they are in the buffer:
   * wait for it before the next. Rejects with BUFFER_FULL where callers that did not wait hold as much
   * again as the buffer, with LINE_SYNTAX for a string without its closing quote (it would swallow the
   * lines of others), with CLOSED after `close`.
   */
  async write(lines: string | Uint8Array): Promise<void> {
    if (this.#isClosed) throw new FlotillaError('the writer is closed', {code: 'CLOSED'});
    const piece = wholeLines(lines);
    if (piece.length === 0) return;
    if (this.#waiting.length === 0 && this.#hasRoom(piece)) return this.#take(piece);
    if (this.#waiting.length > 0 && this.#waitingBytes + piece.length > this.#bufferBytesMax) {
      const message = `${this.bufferedBytes} bytes wait to be written; wait for each write`;
      throw new FlotillaError(message, {code: 'BUFFER_FULL'});
    }
    this.#sealIfIdle();
    this.#waitingBytes += piece.length;
    const {promise: isTaken, resolve: taken} = Promise.withResolvers<void>();
    this.#waiting.push({piece, isTaken, taken});
    await isTaken;
  }

  /** As `write`. Throws TypeError for what cannot be written as a line. */
  async writePoint(point: Point): Promise<void> {
    await this.write(lineOfPoint(point, this.#options.precision));
  }

  /** Sends what is open now; resolves once everything that was given before has found its end. */
  async flush(): Promise<void> {
    await this.#waiting.at(-1)?.isTaken; // They are taken in turn.
    this.#seal();
    await Promise.all(this.#unfinished);
  }

  /** Flushes and takes no more. The client stays open. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.flush();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** A piece longer than the whole buffer goes through it alone. */
  #hasRoom(piece: Buffer): boolean {
    return this.#heldBytes === 0 || this.#heldBytes + piece.length <= this.#bufferBytesMax;
  }

  #take(piece: Buffer): void {
    this.#heldBytes += piece.length;
    const {linesMax, bytesMax} = this.#limits;
    for (const {bytes, lineCount} of cut(piece, this.#limits)) {
      const isOver =
        this.#openBytes + bytes.length > bytesMax || this.#openLines + lineCount > linesMax;
      if (isOver) this.#seal();
      this.#pieces.push(bytes);
      this.#openBytes += bytes.length;
      this.#openLines += lineCount;
      if (this.#openBytes >= bytesMax || this.#openLines >= linesMax) this.#seal();
    }
    if (this.#pieces.length === 0) return;
    const ageMsMax = this.#options.batchAgeMsMax ?? BATCH_AGE_MS_MAX_DEFAULT;
    this.#age ??= setTimeout(() => this.#seal(), ageMsMax);
  }

  /** The open batch becomes a body. */
  #seal(): void {
    clearTimeout(this.#age);
    this.#age = undefined;
    if (this.#pieces.length === 0) return;
    const lines = this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces);
    const {promise, resolve} = Promise.withResolvers<void>();
    this.#unfinished.add(promise);
    this.#sealed.push({
      lines,
      lineCount: this.#openLines,
      idempotencyKey: randomUUID(),
      deadlineMs: performance.now() + (this.#options.timeoutMs ?? TIMEOUT_MS_DEFAULT),
      end: () => {
        this.#unfinished.delete(promise);
        resolve();
      },
    });
    this.#pieces = [];
    this.#openBytes = 0;
    this.#openLines = 0;
    this.#startNext();
  }

  #startNext(): void {
    const requestsMax = this.#options.requestsMax ?? REQUESTS_MAX_DEFAULT;
    while (this.#requests < requestsMax && this.#sealed.length > 0) {
      void this.#send(this.#sealed.shift()!);
    }
  }

  /** Never rejects: what became of the batch is for `onFailure`. */
  async #send(batch: Batch): Promise<void> {
    const {lines, lineCount, idempotencyKey} = batch;
    this.#requests += 1;
    try {
      await this.#client.write(lines, this.#writeOptions(batch));
    } catch (thrown) {
      const failure = {error: failureOf(thrown), lines, lineCount, idempotencyKey};
      // Not from here, so that what it throws is its own and not swallowed.
      queueMicrotask(() => this.#options.onFailure(failure));
    }
    this.#requests -= 1;
    this.#heldBytes -= lines.length;
    this.#takeWaiting();
    this.#startNext();
    batch.end();
  }

  #writeOptions({idempotencyKey, deadlineMs}: Batch): WriteOptions {
    const {tenant, database, precision, gzip} = this.#options;
    const timeoutMs = Math.max(TIMEOUT_MS_MIN, deadlineMs - performance.now());
    return {tenant, database, precision, gzip, idempotencyKey, timeoutMs};
  }

  #takeWaiting(): void {
    while (this.#waiting.length > 0 && this.#hasRoom(this.#waiting[0]!.piece)) {
      const {piece, taken} = this.#waiting.shift()!;
      this.#waitingBytes -= piece.length;
      this.#take(piece);
      taken();
    }
    if (this.#waiting.length > 0) this.#sealIfIdle();
  }

  /** Where nothing else is on its way that would make room, the open batch goes, however young. */
  #sealIfIdle(): void {
    if (this.#requests === 0 && this.#sealed.length === 0) this.#seal();
  }
}

function positive(name: string, value: number): number {
  if (Number.isInteger(value) && value > 0) return value;
  throw new TypeError(`${name}: want a whole number above 0; have ${value}`);
}

/** A copy, its last line ended. */
function wholeLines(lines: string | Uint8Array): Buffer {
  const text = typeof lines === 'string' ? Buffer.from(lines, 'utf8') : lines;
  if (text.length === 0) return Buffer.alloc(0);
  const isEnded = text[text.length - 1] === 0x0a;
  const piece = isEnded ? Buffer.from(text) : Buffer.concat([text, Buffer.from('\n')]);
  if (!piece.includes('"')) return piece;
  const reader = new LineBatcher({linesMax: Infinity, bytesMax: Infinity});
  reader.push(piece);
  if (!reader.isInString) return piece;
  throw new FlotillaError('a string field has no closing quote', {code: 'LINE_SYNTAX'});
}

/** Only what is too much for one batch is read byte by byte. */
function cut(
  piece: Buffer,
  limits: {readonly linesMax: number; readonly bytesMax: number},
): Iterable<{bytes: Uint8Array; lineCount: number}> {
  const lineCount = newlinesIn(piece);
  if (piece.length <= limits.bytesMax && lineCount <= limits.linesMax) {
    return [{bytes: piece, lineCount}];
  }
  const batcher = new LineBatcher(limits);
  const batches = batcher.push(piece);
  const last = batcher.end();
  return last === undefined ? batches : [...batches, last];
}

/** Physical lines, as a node counts them: a newline inside a string is one too. */
function newlinesIn(piece: Buffer): number {
  let count = 0;
  for (let at = piece.indexOf(0x0a); at >= 0; at = piece.indexOf(0x0a, at + 1)) count += 1;
  return count;
}

function failureOf(thrown: unknown): FlotillaError {
  if (thrown instanceof FlotillaError) return thrown;
  return new FlotillaError(`the write failed: ${String(thrown)}`, {
    code: 'UNEXPECTED',
    cause: thrown,
  });
}
