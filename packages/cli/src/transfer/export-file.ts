// One window of a table as one file, in the form that the export has.

import {csvLine} from './csv-reader.ts';
import {type RowsWanted, type RowsWritten, writeRows} from './export-rows.ts';
import type {Compression, Written} from './manifest.ts';
import {outputFile} from './output-file.ts';
import {ParquetFile, writeParquetRows} from './parquet-file.ts';
import {columnsOf} from './table-shape.ts';

export type FileWritten = RowsWritten & Pick<Written, 'bytes' | 'sha256'>;

/** Where it does not come to its end nothing of the file stays. */
export function writeFileOf(
  wanted: RowsWanted,
  file: string,
  compression: Compression,
): Promise<FileWritten> {
  return wanted.format === 'parquet'
    ? writeParquet(wanted, file, compression)
    : writeText(wanted, file, compression);
}

async function writeText(
  wanted: RowsWanted,
  file: string,
  compression: Compression,
): Promise<FileWritten> {
  const output = outputFile(file, compression);
  try {
    if (wanted.format === 'csv') await output.write(csvLine(columnsOf(wanted.shape)));
    const done = await writeRows(wanted, output);
    return {...done, ...(await output.end())};
  } catch (error) {
    await output.abandon();
    throw error;
  }
}

async function writeParquet(
  wanted: RowsWanted,
  file: string,
  compression: Compression,
): Promise<FileWritten> {
  const output = await ParquetFile.create(file, wanted.shape);
  try {
    const done = await writeParquetRows(wanted, output);
    return {...done, ...(await output.end(compression))};
  } catch (error) {
    await output.abandon();
    throw error;
  }
}
