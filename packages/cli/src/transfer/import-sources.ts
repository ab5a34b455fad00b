// What an import reads: the files of an export, one file, or stdin.

import {stat} from 'node:fs/promises';
import path from 'node:path';
import {UsageError} from '../terminal.ts';
import {plainName} from './input-file.ts';
import {type FileEntry, type Format, MANIFEST, type Manifest, readManifest} from './manifest.ts';
import type {TableShape} from './table-shape.ts';

export interface Source {
  /** For people, and in the file that remembers what is written: the same wherever the directory lies. */
  readonly name: string;
  /** Absent: stdin. */
  readonly path?: string | undefined;
  readonly format: Format;
  /** Of an export. */
  readonly shape?: TableShape | undefined;
  readonly ofExport?: {readonly directory: string; readonly entry: FileEntry} | undefined;
}

export interface Sources {
  readonly list: readonly Source[];
  readonly manifest?: Manifest | undefined;
  /** Of an export. */
  readonly rows?: number | undefined;
}

/** @param format as told, where no name tells it */
export async function findSources(
  given: string | undefined,
  format: Format | undefined,
): Promise<Sources> {
  if (given === undefined || given === '-') {
    if (format !== 'parquet') return {list: [{name: 'stdin', format: format ?? 'lp'}]};
    throw new UsageError('Parquet is read from its end: name a file, not stdin');
  }
  if (!(await isDirectory(given))) {
    const source = {name: path.basename(given), path: given, format: format ?? formatOf(given)};
    if (source.format === 'parquet' && plainName(given) !== given)
      throw new UsageError(`${given}: Parquet is compressed within; unpack it first`);
    return {list: [source]};
  }
  const manifest = await readManifest(given);
  if (manifest === undefined)
    throw new UsageError(`${given} is no export: it has no ${MANIFEST}; name a file`);
  if (manifest.endedAt === undefined)
    throw new UsageError(`the export in ${given} is not complete: finish it with export --resume`);
  const list = manifest.tables.flatMap(({shape, files}) =>
    files.map((entry) => {
      const ofExport = {directory: given, entry};
      const file = path.join(given, entry.path);
      return {name: entry.path, path: file, format: manifest.format, shape, ofExport};
    }),
  );
  const rows = list.reduce((sum, {ofExport}) => sum + (ofExport.entry.written?.rows ?? 0), 0);
  return {list, manifest, rows};
}

function formatOf(file: string): Format {
  const extension = path.extname(plainName(file)).toLowerCase();
  if (extension === '.parquet') return 'parquet';
  if (extension === '.csv') return 'csv';
  if (['.lp', '.line', '.txt', ''].includes(extension)) return 'lp';
  throw new UsageError(
    `${file}: is it line protocol, CSV or Parquet? Say --format lp, csv or parquet`,
  );
}

async function isDirectory(file: string): Promise<boolean> {
  try {
    return (await stat(file)).isDirectory();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new UsageError(`no such file: ${file}`);
  }
}
