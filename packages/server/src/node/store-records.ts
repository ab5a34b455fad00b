// What this node remembers of the others: how often each was started, and the highest durable record
// that each of its stores told in its beats. A store that comes back below is an old image. Kept over
// restarts, since all nodes may go down at once; a moment old after a crash, which hides at most an
// image that is as fresh. Nothing is forgotten but what cannot be read: this is a memory, and no truth.

import {readFileSync} from 'node:fs';
import path from 'node:path';
import {crc32} from 'node:zlib';
import type {Clock, Log, NodeId, Timer} from '@flotilla/base';
import {replaceFile} from '../adapters/index.ts';
import type {KnownLife} from '../connections/index.ts';
import {KnownLives, LIVES_EVERY_MS, type SeenLife} from './known-lives.ts';

export const STORE_RECORDS_FILE = 'store-records.json';

export interface StoreRecordsOptions {
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Of all nodes that were heard in this start. */
  readonly seen: () => Iterable<SeenLife>;
}

export class StoreRecords {
  readonly #options: StoreRecordsOptions;
  readonly #lives: KnownLives;
  #written: string;
  #timer: Timer | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: StoreRecordsOptions) {
    this.#options = options;
    this.#written = readLives(options.directory, options.log);
    this.#lives = new KnownLives(this.#written);
  }

  start(): void {
    this.#timer = this.#options.clock.setTimer(LIVES_EVERY_MS, () => {
      this.start();
      this.#writing = this.#writing.then(() => this.#write());
    });
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    await this.#writing;
    await this.#write();
  }

  /** What is remembered of the node until now. */
  of(node: NodeId): KnownLife | undefined {
    this.#learn();
    return this.#lives.of(node);
  }

  #learn(): void {
    this.#lives.learn(this.#options.seen());
  }

  async #write(): Promise<void> {
    this.#learn();
    const text = this.#lives.toText();
    if (text === this.#written) return;
    try {
      const file = path.join(this.#options.directory, STORE_RECORDS_FILE);
      await replaceFile(file, `${text}\n${crc32(text)}\n`);
      this.#written = text;
    } catch (error) {
      this.#options.log.warn({err: error}, 'cannot write what is known of the other nodes');
    }
  }
}

/** At once: it must be known before the first hello is sent, and is a few lines. */
function readLives(directory: string, log: Log): string {
  try {
    const content = readFileSync(path.join(directory, STORE_RECORDS_FILE), 'utf8');
    const [text = '', checksum] = content.split('\n');
    if (String(crc32(text)) === checksum) return text;
    log.warn(
      {},
      `${STORE_RECORDS_FILE} is damaged: what was known of the other nodes is forgotten`,
    );
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return KnownLives.NONE;
}
