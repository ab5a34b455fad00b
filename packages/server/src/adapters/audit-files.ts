// The audit log on disk: `audit/audit.jsonl` of the data directory, and older files beside it as
// `audit.1.jsonl` (the one before) and so on. Each line is durable soon after it was given; the file is
// put aside when it is full, and the oldest goes. A line that a crash or a full disk has torn is cut off, so
// that whoever reads the file line by line can read all of it.

import fs from 'node:fs';
import path from 'node:path';
import {LIMITS, type Log} from '@flotilla/base';

const DIRECTORY = 'audit';
const BYTES_MAX = LIMITS.audit_file_bytes_max.value;
const FILES_MAX = LIMITS.audit_files_max.value;
const NEWLINE = 0x0a;

export class AuditFiles {
  readonly #directory: string;
  readonly #log: Log;
  readonly #bytesMax: number;
  #file: fs.promises.FileHandle | undefined;
  #bytes = 0;
  #waiting: {readonly line: string; readonly settle: () => void}[] = [];
  #writing: Promise<void> | undefined;

  /** @param dataDirectory of the node. */
  constructor(dataDirectory: string, log: Log, bytesMax = BYTES_MAX) {
    this.#directory = path.join(dataDirectory, DIRECTORY);
    this.#log = log;
    this.#bytesMax = bytesMax;
  }

  /**
   * Resolves once it is on disk. Does not fail: a line that cannot be written is told to the node's log, with
   * the reason, and given up.
   */
  append(line: string): Promise<void> {
    return new Promise((settle) => {
      this.#waiting.push({line, settle});
      this.#writing ??= this.#write();
    });
  }

  /** Resolves once all that was given is on disk. */
  async close(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
    await this.#file?.close();
    this.#file = undefined;
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      const text = batch.map(({line}) => line).join('');
      this.#waiting = [];
      try {
        const file = await this.#open();
        await file.appendFile(text);
        await file.datasync();
        this.#bytes += Buffer.byteLength(text);
      } catch (error) {
        this.#log.error({err: error, lines: text}, 'cannot write the audit log');
        await this.#giveUp();
      }
      for (const {settle} of batch) settle();
    }
    // In the turn in which nothing waited any more: a line that comes later is written by another round.
    this.#writing = undefined;
  }

  /** A part of the text may stand there: the next line begins with the file as it is. */
  async #giveUp(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    try {
      await file?.close();
    } catch (error) {
      this.#log.error({err: error}, 'cannot close the audit log');
    }
  }

  async #open(): Promise<fs.promises.FileHandle> {
    for (;;) {
      this.#file ??= await this.#openNewest();
      if (this.#bytes < this.#bytesMax) return this.#file;
      await this.#putAside(this.#file);
    }
  }

  async #openNewest(): Promise<fs.promises.FileHandle> {
    await fs.promises.mkdir(this.#directory, {recursive: true, mode: 0o700});
    const file = await fs.promises.open(this.#nameOf(0), 'a+', 0o600);
    try {
      this.#bytes = await cutTornLine(file);
      return file;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async #putAside(file: fs.promises.FileHandle): Promise<void> {
    this.#file = undefined;
    await file.close();
    for (let number = FILES_MAX - 2; number >= 0; number--) {
      const name = this.#nameOf(number);
      if (fs.existsSync(name)) await fs.promises.rename(name, this.#nameOf(number + 1));
    }
  }

  #nameOf(number: number): string {
    return path.join(this.#directory, number === 0 ? 'audit.jsonl' : `audit.${number}.jsonl`);
  }
}

/** @returns the bytes that are left: whole lines. */
async function cutTornLine(file: fs.promises.FileHandle): Promise<number> {
  const {size} = await file.stat();
  const last = Buffer.alloc(1);
  const {bytesRead} = await file.read(last, 0, 1, Math.max(0, size - 1));
  if (bytesRead === 0 || last[0] === NEWLINE) return size;
  const bytes = Buffer.alloc(size);
  await file.read(bytes, 0, size, 0);
  const whole = bytes.lastIndexOf(NEWLINE) + 1;
  await file.truncate(whole);
  return whole;
}
