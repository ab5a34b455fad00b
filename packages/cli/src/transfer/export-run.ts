// An export into a directory: the tables and their windows are planned first and kept in the manifest, then each
// window becomes a file. What is whole already is not fetched again; a file that breaks off leaves nothing.

import {mkdir, readdir} from 'node:fs/promises';
import path from 'node:path';
import {type FlotillaClient, FlotillaError, type QueryOptions} from '@flotilla/client';
import type {ProgressBar} from '../progress-bar.ts';
import {UsageError} from '../terminal.ts';
import {csvLine} from './csv-reader.ts';
import {writeFileOf} from './export-file.ts';
import {type RowsWritten, writeRows} from './export-rows.ts';
import {
  extensionOf,
  type FileEntry,
  isWhole,
  type LeftOut,
  type Manifest,
  type TableEntry,
  writeManifest,
} from './manifest.ts';
import type {Output} from './output-file.ts';
import {nsOfTime} from './row-points.ts';
import {columnsOf, describeTable, quoted, type TableShape} from './table-shape.ts';
import {TransferPace} from './transfer-pace.ts';
import {type CountBins, firstBinWithin, halved, planWindows, type Window} from './windows.ts';

/** Of a file: some seconds of a query, and some 30 MB of lines. */
const ROWS_PER_FILE = 250_000;
/** Of one window, until it is given up. */
const TRIES_MAX = 3;
/** A window that broke off again and again is halved where it is so long that its length may be why. */
const HALVED_ROWS_MIN = 10_000;
/** Each is a query and a file in the making. */
const WINDOWS_AT_ONCE = 2;
/** Letters of a table's name in that of its directory; a number before it tells the tables apart. */
const NAME_SHOWN_MAX = 40;

export interface ExportTerms {
  readonly client: FlotillaClient;
  readonly query: QueryOptions;
  readonly bar: ProgressBar;
  readonly signal: AbortSignal;
}

/** Windows of some 250,000 rows. */
export function windowsOf(
  {client, query}: Pick<ExportTerms, 'client' | 'query'>,
  table: string,
): Promise<Window[]> {
  const count: CountBins = async (bin, range) => {
    const begin = `date_bin('${bin.text}', time)`;
    const from = firstBinWithin(bin);
    const start = range !== undefined && range.start > from ? range.start : from;
    const end = range === undefined ? '' : ` AND time < ${range.end}`;
    const sql = `SELECT ${begin} AS bin_start, count(*) AS row_count FROM ${quoted(table)} WHERE time >= ${start}${end} GROUP BY ${begin}`;
    const bins = (await client.query(sql, query)).map(({bin_start, row_count}) => {
      return {start: nsOfTime(String(bin_start)), rows: Number(row_count)};
    });
    if (range !== undefined && range.start >= from) return bins;
    const ofRest = `SELECT count(*) AS row_count FROM ${quoted(table)} WHERE time < ${from}`;
    const [rest] = await client.query(ofRest, query);
    const rows = Number(rest?.['row_count'] ?? 0);
    return rows === 0 ? bins : [{start: from - bin.ns, rows}, ...bins];
  };
  return planWindows(count, ROWS_PER_FILE);
}

/** Throws UsageError where it holds something and no manifest. */
export async function mustBeEmpty(directory: string): Promise<void> {
  await mkdir(directory, {recursive: true});
  const [first] = await readdir(directory);
  if (first === undefined) return;
  const hint = 'name a new directory, or go on with an export that broke off by --resume';
  throw new UsageError(`${directory} is not empty (${first} is in it): ${hint}`);
}

/** Adds those that are not in the manifest yet. */
export async function planTables(
  terms: ExportTerms,
  {directory, manifest, names}: {directory: string; manifest: Manifest; names: readonly string[]},
): Promise<void> {
  const known = new Set(manifest.tables.map(({shape}) => shape.name));
  for (const [i, name] of names.entries()) {
    terms.signal.throwIfAborted();
    if (known.has(name)) continue;
    terms.bar.update(i / names.length, `counting the rows of ${name}`);
    const shape = await describeTable(terms.client, name, terms.query);
    const table = newTable(shape, manifest.tables.length + 1);
    for (const window of await windowsOf(terms, name)) addFile(table, manifest, window);
    manifest.tables.push(table);
    await writeManifest(directory, manifest);
  }
}

function newTable(shape: TableShape, number: number): TableEntry {
  const readable = shape.name.replaceAll(/[^A-Za-z0-9_-]+/g, '_').slice(0, NAME_SHOWN_MAX);
  return {
    shape,
    directory: `${String(number).padStart(4, '0')}-${readable}`,
    nextFile: 1,
    files: [],
  };
}

function addFile(table: TableEntry, manifest: Manifest, {start, end, rows}: Window): FileEntry {
  const name = `${String(table.nextFile++).padStart(6, '0')}${extensionOf(manifest)}`;
  const entry = {
    path: `${table.directory}/${name}`,
    start: String(start),
    end: String(end),
    rowsExpected: rows,
  };
  table.files.push(entry);
  return entry;
}

export interface ExportCounts {
  files: number;
  /** Of them, those that were whole already. */
  filesKept: number;
  rows: number;
  bytes: number;
  leftOut: LeftOut;
  /** Of what was left out now, the first that was met. */
  firstFault?: string | undefined;
}

export class DirectoryExport {
  readonly #terms: ExportTerms;
  readonly #directory: string;
  readonly #manifest: Manifest;
  readonly #pace = new TransferPace();
  readonly #counts: ExportCounts = {
    files: 0,
    filesKept: 0,
    rows: 0,
    bytes: 0,
    leftOut: NOTHING_LEFT_OUT,
  };
  /** Of the files that are still to be fetched. */
  readonly #rowsExpected: number;
  #lastSave: Promise<unknown> = Promise.resolve();

  constructor(terms: ExportTerms, directory: string, manifest: Manifest) {
    this.#terms = terms;
    this.#directory = directory;
    this.#manifest = manifest;
    this.#rowsExpected = manifest.tables
      .flatMap(({files}) => files)
      .reduce((sum, {written, rowsExpected}) => sum + (written ? 0 : rowsExpected), 0);
  }

  /** Fetches what is not whole. */
  async run(): Promise<ExportCounts> {
    for (const table of this.#manifest.tables) {
      await mkdir(path.join(this.#directory, table.directory), {recursive: true});
      await this.#settleAll(table);
      table.files.sort((a, b) => (BigInt(a.start) < BigInt(b.start) ? -1 : 1));
    }
    this.#manifest.endedAt = new Date().toISOString();
    await this.#save();
    return this.#counts;
  }

  /** Two at once: while one is packed and written the next one is asked for. After a failure none is begun. */
  async #settleAll(table: TableEntry): Promise<void> {
    // A window that is too large becomes two, which are not in here.
    const files = [...table.files];
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < files.length) {
        try {
          await this.#settle(table, files[next++]!);
        } catch (error) {
          next = files.length;
          throw error;
        }
      }
    };
    const ended = await Promise.allSettled(Array.from({length: WINDOWS_AT_ONCE}, work));
    const failed = ended.find(({status}) => status === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason;
  }

  async #settle(table: TableEntry, entry: FileEntry): Promise<void> {
    this.#terms.signal.throwIfAborted();
    const isKept = await isWhole(this.#directory, entry);
    if (isKept) this.#counts.filesKept += 1;
    else await this.#fetch(table, entry);
    if (entry.written === undefined) return; // It became two, which are counted.
    this.#counts.files += 1;
    this.#counts.rows += entry.written.rows;
    this.#counts.bytes += entry.written.bytes;
    this.#counts.leftOut = sumOf(this.#counts.leftOut, entry.written.leftOut);
  }

  async #fetch(table: TableEntry, entry: FileEntry): Promise<void> {
    entry.written = undefined;
    for (let tries = 1; ; tries++) {
      try {
        await this.#write(table, entry);
        return await this.#save();
      } catch (error) {
        this.#terms.signal.throwIfAborted();
        const isLast = tries === TRIES_MAX;
        const isLong = entry.rowsExpected >= HALVED_ROWS_MIN;
        const mayHalve = isTooMuch(error) || (isLast && isLong && isBrokenOff(error));
        if (mayHalve && (await this.#halve(table, entry))) return;
        if (isLast || !isBrokenOff(error)) throw error;
      }
    }
  }

  async #write({shape}: TableEntry, entry: FileEntry): Promise<void> {
    const {format, compression} = this.#manifest;
    let rowsSeen = 0;
    const onRows = (rows: number): void => {
      rowsSeen += rows;
      this.#pace.add(rows);
      this.#show(shape.name);
    };
    const window = {start: BigInt(entry.start), end: BigInt(entry.end)};
    const wanted = {...this.#terms, shape, window, format, onRows};
    try {
      const file = path.join(this.#directory, entry.path);
      const {firstFault, ...written} = await writeFileOf(wanted, file, compression);
      entry.written = written;
      this.#counts.firstFault ??= firstFault;
    } catch (error) {
      this.#pace.takeBack(rowsSeen);
      throw error;
    }
  }

  /** False where there is no time between its rows. */
  async #halve(table: TableEntry, entry: FileEntry): Promise<boolean> {
    const {start, end, rowsExpected: rows} = entry;
    const halves = halved({start: BigInt(start), end: BigInt(end), rows});
    if (halves === undefined) return false;
    table.files.splice(table.files.indexOf(entry), 1);
    const entries = halves.map((half) => addFile(table, this.#manifest, half));
    await this.#save();
    for (const each of entries) await this.#settle(table, each);
    return true;
  }

  #show(table: string): void {
    const fraction = this.#rowsExpected === 0 ? undefined : this.#pace.rows / this.#rowsExpected;
    this.#terms.bar.update(fraction, this.#pace.label(table, {fraction}));
  }

  /** One after the other: they are written by way of the same file. */
  #save(): Promise<void> {
    const saved = this.#lastSave.then(() => writeManifest(this.#directory, this.#manifest));
    this.#lastSave = Promise.allSettled([saved]);
    return saved;
  }
}

export const NOTHING_LEFT_OUT: LeftOut = {rows: 0, values: 0, rowsWithoutFields: 0};

export function sumOf(a: LeftOut, b: LeftOut): LeftOut {
  return {
    rows: a.rows + b.rows,
    values: a.values + b.values,
    rowsWithoutFields: a.rowsWithoutFields + b.rowsWithoutFields,
  };
}

/** One table to one output, from the first row to the last. What breaks off cannot be begun anew. */
export async function exportTable(
  terms: ExportTerms,
  {table, format, output}: {table: string; format: Manifest['format']; output: Output},
): Promise<RowsWritten[]> {
  const {client, query, bar, signal} = terms;
  const pace = new TransferPace();
  const shape = await describeTable(client, table, query);
  const windows = await windowsOf(terms, table);
  const rowsExpected = windows.reduce((sum, {rows}) => sum + rows, 0);
  if (format === 'csv') await output.write(csvLine(columnsOf(shape)));
  const written: RowsWritten[] = [];
  while (windows.length > 0) {
    signal.throwIfAborted();
    const window = windows.shift()!;
    let isBegun = false;
    const onRows = (rows: number): void => {
      isBegun ||= rows > 0;
      pace.add(rows);
      const fraction = rowsExpected === 0 ? undefined : pace.rows / rowsExpected;
      bar.update(fraction, pace.label(table, {fraction}));
    };
    try {
      written.push(await writeRows({client, query, shape, window, format, onRows}, output));
    } catch (error) {
      const halves = !isBegun && isTooMuch(error) ? halved(window) : undefined;
      if (halves === undefined) throw error;
      windows.unshift(...halves);
    }
  }
  return written;
}

const TOO_MUCH: ReadonlySet<unknown> = new Set([
  'rows_per_answer_max',
  'answer_bytes_max',
  'query_memory_bytes_max',
]);

const BROKEN_OFF: ReadonlySet<string> = new Set([
  'CONNECTION_LOST',
  'TIMEOUT',
  'DEADLINE_EXCEEDED',
]);

/** Half of it may be answered. */
function isTooMuch(error: unknown): boolean {
  if (!(error instanceof FlotillaError)) return false;
  return TOO_MUCH.has(error.details['limit']);
}

/** Anew it may be answered. */
function isBrokenOff(error: unknown): boolean {
  return error instanceof FlotillaError && BROKEN_OFF.has(error.code);
}
