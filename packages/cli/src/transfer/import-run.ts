// An import: one source after the other, one body after the other, so that of two rows of the same series and time
// the later one wins. While one is sent the next one is made. A body counts once it is acknowledged.

import type {Readable} from 'node:stream';
import {
  type FlotillaClient,
  FlotillaError,
  type WriteDetails,
  type WriteOptions,
  writeDetailsOf,
} from '@flotilla/client';
import type {ProgressBar} from '../progress-bar.ts';
import type {Terminal} from '../terminal.ts';
import {type Body, type ColumnTypes, csvBodies, lineBodies, typesOf} from './import-bodies.ts';
import type {ImportMemory} from './import-memory.ts';
import type {Source, Sources} from './import-sources.ts';
import {openInput} from './input-file.ts';
import {DamagedFile, isWhole} from './manifest.ts';
import {oneAhead} from './one-ahead.ts';
import {RefusedLines} from './refused-lines.ts';
import {writeRows} from './refused-rows.ts';
import type {TimeUnit} from './row-points.ts';
import {TransferPace} from './transfer-pace.ts';

/** A share of the log: a body of one set is one entry. */
const BODY_BYTES_MAX = 8_000_000;
const BODY_LINES_MAX = 10_000;
const LIMITS = {bytesMax: BODY_BYTES_MAX, linesMax: BODY_LINES_MAX};

export interface ImportTerms {
  readonly client: FlotillaClient;
  readonly terminal: Terminal;
  readonly bar: ProgressBar;
  readonly signal: AbortSignal;
  readonly memory: ImportMemory;
  readonly write: Pick<WriteOptions, 'database' | 'tenant' | 'timeoutMs'>;
  /** Of times that are whole numbers. */
  readonly unit: TimeUnit;
  /** Of a CSV file that is of no export. */
  readonly csv?: {readonly table: string; readonly types: ColumnTypes} | undefined;
  /** Of a Parquet file that is of no export. */
  readonly parquet?:
    | {readonly table?: string | undefined; readonly tags: readonly string[]}
    | undefined;
  /** Of a table; none where it is not there. */
  readonly typesOf: (table: string) => Promise<ColumnTypes>;
  /** Files are verified and rows are read; nothing is sent. */
  readonly isDryRun: boolean;
}

export interface ImportCounts {
  files: number;
  /** Of them, those that an earlier run had written. */
  filesDone: number;
  /** Lines that were sent, or would be. */
  rows: number;
  bytes: number;
}

export class Import {
  readonly #terms: ImportTerms;
  readonly #sources: Sources;
  readonly #pace = new TransferPace();
  readonly refused = new RefusedLines();
  readonly counts: ImportCounts = {files: 0, filesDone: 0, rows: 0, bytes: 0};

  constructor(terms: ImportTerms, sources: Sources) {
    this.#terms = terms;
    this.#sources = sources;
  }

  /** What people call one of them. */
  get unit(): string {
    return this.#sources.list.every(({format}) => format === 'parquet') ? 'row' : 'line';
  }

  async run(): Promise<void> {
    const {memory, signal} = this.#terms;
    for (const source of this.#sources.list) {
      signal.throwIfAborted();
      this.counts.files += 1;
      if (memory.isDone(source.name)) this.counts.filesDone += 1;
      else await this.#read(source);
    }
  }

  async #read(source: Source): Promise<void> {
    const {memory, isDryRun} = this.#terms;
    await mustBeWhole(source);
    if (source.format === 'parquet') await this.#readParquet(source);
    else await this.#readText(source);
    if (!isDryRun) await memory.done(source.name);
  }

  async #readText(source: Source): Promise<void> {
    const input = await openInput(this.#terms.terminal, source.path ?? '-');
    try {
      await this.#takeAll(source, this.#bodiesOf(source, input.stream), () => input.fraction());
    } finally {
      input.stream.destroy();
    }
  }

  async #readParquet(source: Source): Promise<void> {
    const {memory, unit, parquet = {tags: []}, typesOf: known} = this.#terms;
    // Only here: no other form wants what it loads.
    const {parquetBodies} = await import('./parquet-bodies.ts');
    let fraction = 0;
    const onRead = (read: number): void => {
      fraction = read;
    };
    const terms = {...parquet, unit, typesOf: known, onRead};
    const bodies = parquetBodies(source.path!, terms, memory.linesOf(source.name));
    await this.#takeAll(source, bodies, () => fraction);
  }

  async #takeAll(
    source: Source,
    bodies: AsyncGenerator<Body>,
    fraction: () => number | undefined,
  ): Promise<void> {
    const {memory, signal, isDryRun} = this.#terms;
    for await (const body of oneAhead(bodies)) {
      signal.throwIfAborted();
      await this.#take(source, body);
      if (!isDryRun) await memory.written(source.name, body.endLine);
      this.#show(source, fraction());
    }
  }

  #bodiesOf({name, format, shape}: Source, stream: Readable): AsyncGenerator<Body> {
    const {memory, unit, csv} = this.#terms;
    const skipped = memory.linesOf(name);
    if (format === 'lp') return lineBodies(stream, LIMITS, skipped);
    const columns = shape === undefined ? csv! : {table: shape.name, types: typesOf(shape)};
    const terms = {...columns, unit: shape === undefined ? unit : ('ns' as const)};
    return csvBodies(stream, terms, {limits: LIMITS, skipped});
  }

  async #take(source: Source, body: Body): Promise<void> {
    const {list} = this.#sources;
    const file = list.length > 1 ? source.name : undefined;
    this.refused.add(body.refused.map((line) => ({...line, file})));
    if (!this.#terms.isDryRun && body.bytes.length > 0) {
      if (body.form === 'columns') await this.#sendColumns(source, body, file);
      else await this.#send(source, body, file);
    }
    this.#pace.add(body.rows);
    this.counts.rows += body.rows;
    this.counts.bytes += body.bytes.length;
  }

  /**
   * What asks for more new buckets than one request may make is sent again from the first line too many, and
   * from its begin where more lines are bad than are told: behind those some may want buckets, too.
   */
  async #send(source: Source, body: Body, file: string | undefined): Promise<void> {
    let rest = body.bytes;
    let before = 0;
    let rejectedBefore = Number.POSITIVE_INFINITY;
    for (;;) {
      const details = await this.#write(source, body.lineAt(before + 1), rest);
      if (details === undefined) return;
      const {lines, rejected} = details;
      const tooMany = lines.find(({code}) => code === 'BUCKET_LIMIT')?.line;
      if (!isToldUpto(tooMany, details) && rejected < rejectedBefore) {
        rejectedBefore = rejected;
        continue;
      }
      // The first line already: it is not the number of new ones that is too large.
      const isLast = tooMany === undefined || !isToldUpto(tooMany, details) || tooMany === 1;
      const final = isLast ? lines : lines.filter(({line}) => line < tooMany);
      this.refused.add(
        final.map((each) => ({...each, file, line: body.lineAt(before + each.line)})),
        isLast ? rejected : final.length,
      );
      if (isLast) return;
      rest = behindLines(rest, tooMany - 1);
      before += tooMany - 1;
      rejectedBefore = Number.POSITIVE_INFINITY;
    }
  }

  /** All of it again where it asked for more new buckets than one request may make: it is there once. */
  async #sendColumns({name}: Source, body: Body, file: string | undefined): Promise<void> {
    const {client, memory, write, signal} = this.#terms;
    let tries = 0;
    const send = (): Promise<unknown> => {
      // Each under a key of its own: what was refused before is to be looked at again.
      const idempotencyKey = memory.keyOf(`${name} ${tries++}`, body.firstLine, body.bytes);
      return client.writeColumns(body.bytes, {...write, idempotencyKey, signal});
    };
    await writeRows(send, {
      add: ({lines, rejected}) =>
        this.refused.add(
          lines.map((each) => ({...each, file, line: body.lineAt(each.line)})),
          rejected,
        ),
    });
  }

  /** What was refused of it. */
  async #write(
    {name, format, shape}: Source,
    line: number,
    bytes: Uint8Array,
  ): Promise<WriteDetails | undefined> {
    const {client, memory, write, signal, unit} = this.#terms;
    const idempotencyKey = memory.keyOf(name, line, bytes);
    const precision = format === 'lp' && shape === undefined ? unit : 'ns';
    try {
      await client.write(bytes, {...write, precision, idempotencyKey, signal});
      return undefined;
    } catch (error) {
      const isRefusal = error instanceof FlotillaError && error.code === 'LINES_REJECTED';
      const details = isRefusal ? writeDetailsOf(error) : undefined;
      if (details === undefined) throw error;
      return details;
    }
  }

  #show({name}: Source, ofSource: number | undefined): void {
    const {list, rows: rowsTotal} = this.#sources;
    const ofRows = rowsTotal === undefined ? undefined : this.counts.rows / Math.max(1, rowsTotal);
    const fraction = list.length > 1 ? ofRows : ofSource;
    const {bytes} = this.counts;
    this.#terms.bar.update(fraction, this.#pace.label(name, {bytes, fraction}));
  }
}

/**
 * Whether all lines before `line` that were refused are told, or all, if there is none: an answer tells a hundred,
 * which are the first of each code, and otherwise the first of all.
 */
function isToldUpto(line: number | undefined, {lines, rejected}: WriteDetails): boolean {
  if (line === 1 || rejected <= lines.length) return true;
  const codes = new Set<string>();
  const others = lines.filter(({code}) => codes.size === codes.add(code).size);
  return line !== undefined && others.some((other) => other.line > line);
}

/** Before anything of it is sent. */
async function mustBeWhole({name, ofExport}: Source): Promise<void> {
  if (ofExport === undefined || (await isWhole(ofExport.directory, ofExport.entry))) return;
  const next = 'fetch it again by export --resume, or take it from another copy';
  throw new DamagedFile(`${name} is not as the export wrote it: its SHA-256 differs; ${next}`);
}

function behindLines(bytes: Uint8Array, count: number): Uint8Array {
  let cursor = 0;
  for (let line = 0; line < count; line++) cursor = bytes.indexOf(0x0a, cursor) + 1;
  return bytes.subarray(cursor);
}
