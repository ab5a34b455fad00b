// The bodies of one run, made ahead of time in a file outside the project, so that while a target is
// measured the harness only reads and sends. Every target and round sends the same bytes.

import {type FileHandle, open, statfs} from 'node:fs/promises';
import path from 'node:path';
import {gzipSync} from 'node:zlib';
import {FIELDS, RowsGenerator, type RowsParameters, rowCountOf} from './tsbs-rows.ts';

/** A row of ten integers is some 345 bytes of text; with floats of every digit 490. */
const HEAD_BYTES_GUESS = 150;
const FIELD_BYTES_GUESS = 34;

export interface Body {
  readonly offset: number;
  readonly bytes: number;
  readonly rows: number;
}

export class BodyFile implements AsyncDisposable {
  readonly bodies: readonly Body[];
  readonly isGzip: boolean;
  readonly #file: FileHandle;

  constructor(file: FileHandle, bodies: readonly Body[], isGzip: boolean) {
    this.#file = file;
    this.bodies = bodies;
    this.isGzip = isGzip;
  }

  get bytes(): number {
    const last = this.bodies.at(-1);
    return last === undefined ? 0 : last.offset + last.bytes;
  }

  get bytesMax(): number {
    return Math.max(0, ...this.bodies.map((body) => body.bytes));
  }

  /** Reads a body into `buffer` and returns the part that holds it. */
  async read(body: Body, buffer: Buffer): Promise<Buffer> {
    const {bytesRead} = await this.#file.read(buffer, 0, body.bytes, body.offset);
    if (bytesRead !== body.bytes) {
      throw new Error(`cannot read a body: want ${body.bytes} bytes, have ${bytesRead}`);
    }
    return buffer.subarray(0, body.bytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

export async function makeBodyFile(options: {
  directory: string;
  rows: RowsParameters;
  batchRows: number;
  gzip: boolean;
}): Promise<BodyFile> {
  const {directory, rows, batchRows, gzip} = options;
  const {fields = FIELDS.length} = rows;
  await checkSpace(directory, rowCountOf(rows) * (HEAD_BYTES_GUESS + fields * FIELD_BYTES_GUESS));
  const file = await open(path.join(directory, 'bodies'), 'wx+');
  const generator = new RowsGenerator(rows);
  const buffer = Buffer.allocUnsafe(RowsGenerator.bufferBytes(batchRows, fields));
  const bodies: Body[] = [];
  let offset = 0;
  while (!generator.isDone) {
    const filled = generator.fill(buffer, batchRows);
    const text = buffer.subarray(0, filled.bytes);
    const bytes = gzip ? gzipSync(text, {level: 1}) : text;
    await file.write(bytes, 0, bytes.length, offset);
    bodies.push({offset, bytes: bytes.length, rows: filled.rows});
    offset += bytes.length;
  }
  return new BodyFile(file, bodies, gzip);
}

async function checkSpace(directory: string, bytes: number): Promise<void> {
  const {bavail, bsize} = await statfs(directory);
  const free = bavail * bsize;
  if (bytes * 2 < free) return;
  const gigabytes = (value: number) => (value / 1e9).toFixed(1);
  throw new Error(
    `${directory} has ${gigabytes(free)} GB free; the rows and the databases may need ` +
      `${gigabytes(bytes * 2)} GB: take fewer hosts or hours, or set TMPDIR`,
  );
}
