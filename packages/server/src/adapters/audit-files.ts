// The audit log on disk: `audit/audit.jsonl` of the data directory, and older files beside it as
// `audit.1.jsonl` (the one before) and so on. Each line is durable soon after it was given; the file is
// put aside when it is full, and the oldest goes.

import fs from 'node:fs';
import path from 'node:path';
import {LIMITS, type Log} from '@flotilla/base';

const DIRECTORY = 'audit';
const BYTES_MAX = LIMITS.audit_file_bytes_max.value;
const FILES_MAX = LIMITS.audit_files_max.value;

export class AuditFiles {
  readonly #directory: string;
  readonly #log: Log;
  readonly #bytesMax: number;
  #file: fs.promises.FileHandle | undefined;
  #bytes = 0;
  #waiting: string[] = [];
  #writing: Promise<void> | undefined;

  /** @param dataDirectory of the node. */
  constructor(dataDirectory: string, log: Log, bytesMax = BYTES_MAX) {
    this.#directory = path.join(dataDirectory, DIRECTORY);
    this.#log = log;
    this.#bytesMax = bytesMax;
  }

  /** Does not fail: a line that cannot be written is told to the node's log, with the reason. */
  append(line: string): void {
    this.#waiting.push(line);
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
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
      const text = this.#waiting.join('');
      this.#waiting = [];
      try {
        const file = await this.#open();
        await file.appendFile(text);
        await file.datasync();
        this.#bytes += Buffer.byteLength(text);
      } catch (error) {
        this.#log.error({err: error, lines: text}, 'cannot write the audit log');
      }
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
    const file = await fs.promises.open(this.#nameOf(0), 'a', 0o600);
    this.#bytes = (await file.stat()).size;
    return file;
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
