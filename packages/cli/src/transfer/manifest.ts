// What an export has written, and is still to write: a file beside its files, replaced as a whole after each of
// them. A file counts once it stands here with its checksum. Last in it is a checksum of what is before; those of
// the first exports have none.

import {createHash} from 'node:crypto';
import {createReadStream} from 'node:fs';
import {open, readFile, rename} from 'node:fs/promises';
import path from 'node:path';
import {z} from 'zod';
import {UsageError} from '../terminal.ts';
import {TableShape} from './table-shape.ts';

export const MANIFEST = 'manifest.json';
const VERSION = 1;
/** As `writeManifest` ends it. */
const SUM_AT_END = /,\n "sha256": "([0-9a-f]{64})"\n\}\n$/;
const ANOTHER_COPY = 'take it from another copy, or export again into a new directory';

export const FORMATS = ['lp', 'csv', 'parquet'] as const;
export type Format = (typeof FORMATS)[number];
export const COMPRESSIONS = ['none', 'gzip', 'zstd'] as const;
export type Compression = (typeof COMPRESSIONS)[number];

/** Nanoseconds since 1970, which JSON numbers are too short for. */
const Ns = z.string().regex(/^-?\d{1,20}$/);

/** What is in no file. */
const LeftOut = z.object({
  /** Rows and values that the format has no form for. */
  rows: z.number().int(),
  values: z.number().int(),
  /** Of rows whose fields were all dropped nothing is left to write. */
  rowsWithoutFields: z.number().int(),
});
export type LeftOut = z.infer<typeof LeftOut>;

const Written = z.object({
  rows: z.number().int(),
  leftOut: LeftOut,
  /** Of the file as it lies there: compressed, if it is. */
  bytes: z.number().int(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
export type Written = z.infer<typeof Written>;

/** Rows of one table in [start, end); without `written` it is still to be fetched. */
const FileEntry = z.object({
  path: z.string(),
  start: Ns,
  end: Ns,
  /** When it was planned. */
  rowsExpected: z.number().int(),
  written: Written.optional(),
});
export type FileEntry = z.infer<typeof FileEntry>;

const TableEntry = z.object({
  shape: TableShape,
  directory: z.string(),
  /** Number of the next file. */
  nextFile: z.number().int(),
  files: z.array(FileEntry),
});
export type TableEntry = z.infer<typeof TableEntry>;

export const Manifest = z.object({
  version: z.literal(VERSION, 'it was written by another version of flotilla'),
  format: z.enum(FORMATS),
  compression: z.enum(COMPRESSIONS),
  tenant: z.string(),
  database: z.string(),
  startedAt: z.string(),
  /** Tables that were asked for; absent: all. */
  only: z.array(z.string()).optional(),
  /** Absent while files are still to be fetched. */
  endedAt: z.string().optional(),
  tables: z.array(TableEntry),
});
export type Manifest = z.infer<typeof Manifest>;

export function newManifest(
  scope: Pick<Manifest, 'format' | 'compression' | 'tenant' | 'database' | 'only'>,
): Manifest {
  return {version: VERSION, ...scope, startedAt: new Date().toISOString(), tables: []};
}

/** A file of an export is not as it was written. */
export class DamagedFile extends Error {}

/** Undefined where there is none. Throws DamagedFile where it is not as it was written. */
export async function readManifest(directory: string): Promise<Manifest | undefined> {
  const file = path.join(directory, MANIFEST);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const json = parseJson(text);
  if (!holdsItsSum(text, json))
    throw new DamagedFile(
      `${file} is not as the export wrote it: its own SHA-256 differs; ${ANOTHER_COPY}`,
    );
  const parsed = Manifest.safeParse(json);
  if (!parsed.success)
    throw new UsageError(
      `${file} is no manifest of an export: ${z.prettifyError(parsed.error)}; ${ANOTHER_COPY}`,
    );
  mustStayWithin(directory, parsed.data);
  return parsed.data;
}

/** By a file beside it, so that there is always a whole one. */
export async function writeManifest(directory: string, manifest: Manifest): Promise<void> {
  const text = JSON.stringify(manifest, null, 1);
  const sum = `,\n "sha256": "${sumOfText(text)}"\n}\n`;
  await replaceFile(path.join(directory, MANIFEST), `${withoutEnd(text)}${sum}`);
}

/** So does one that has none. */
function holdsItsSum(text: string, json: unknown): boolean {
  const found = SUM_AT_END.exec(text);
  if (found !== null) return sumOfText(`${text.slice(0, found.index)}\n}`) === found[1];
  return typeof json !== 'object' || json === null || !('sha256' in json);
}

function sumOfText(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Of an object's text, what is before its last brace. */
function withoutEnd(text: string): string {
  return text.slice(0, -'\n}'.length);
}

export async function replaceFile(file: string, text: string): Promise<void> {
  const beside = `${file}.new`;
  const handle = await open(beside, 'w');
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(beside, file);
}

/** Whether the file is there, as it was written. */
export async function isWhole(directory: string, entry: FileEntry): Promise<boolean> {
  const {written} = entry;
  if (written === undefined) return false;
  try {
    const found = await checksumOf(path.join(directory, entry.path));
    return found.bytes === written.bytes && found.sha256 === written.sha256;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

export async function checksumOf(file: string): Promise<Pick<Written, 'bytes' | 'sha256'>> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const piece of createReadStream(file, {highWaterMark: 1 << 20})) {
    hash.update(piece as Buffer);
    bytes += (piece as Buffer).length;
  }
  return {bytes, sha256: hash.digest('hex')};
}

/** The manifest may have come from a stranger: it names files of its directory, and no others. */
function mustStayWithin(directory: string, {tables}: Manifest): void {
  const root = path.resolve(directory);
  for (const {path: file} of tables.flatMap(({files}) => files))
    if (!path.resolve(root, file).startsWith(`${root}${path.sep}`))
      throw new UsageError(`the manifest names a file outside of ${directory}: ${file}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined; // Told as what the schema finds wrong with it.
  }
}

/** Behind the format: .lp.gz and the like. Parquet is compressed within. */
export function extensionOf({
  format,
  compression,
}: Pick<Manifest, 'format' | 'compression'>): string {
  if (format === 'parquet') return '.parquet';
  return `.${format}${{none: '', gzip: '.gz', zstd: '.zst'}[compression]}`;
}
