// What this node remembers of the others: how often each was started, and the highest durable record
// that each of its stores told in its beats. A store that comes back below is an old image. Kept over
// restarts, since all nodes may go down at once; a moment old after a crash, which hides at most an
// image that is as fresh. Nothing is forgotten but what cannot be read: this is a memory, and no truth.

import {readFileSync} from 'node:fs';
import path from 'node:path';
import {crc32} from 'node:zlib';
import type {Clock, Log, NodeId, Timer} from '@flotilla/base';
import {z} from 'zod';
import {replaceFile} from '../adapters/index.ts';
import type {KnownLife} from '../connections/index.ts';

const FILE = 'store-records.json';
/** Two syncs of a small file each time, and none while nothing is written. */
const WRITE_EVERY_MS = 2_000;

const Lives = z.array(
  z.object({
    node: z.number().int().positive(),
    bootEpoch: z.number().int().min(0),
    records: z.array(z.object({store: z.number().int(), record: z.number().int()})),
  }),
);

/** As beats and hellos show it. */
export interface SeenLife {
  readonly node: NodeId;
  readonly bootEpoch: number;
  readonly durableRecords: ReadonlyMap<number, number>;
}

export interface StoreRecordsOptions {
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Of all nodes that were heard in this start. */
  readonly seen: () => Iterable<SeenLife>;
}

export class StoreRecords {
  readonly #options: StoreRecordsOptions;
  readonly #lives: Map<NodeId, {bootEpoch: number; records: Map<number, number>}>;
  #written: string;
  #timer: Timer | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: StoreRecordsOptions) {
    this.#options = options;
    this.#written = readLives(options.directory, options.log);
    this.#lives = new Map(
      Lives.parse(JSON.parse(this.#written)).map(({node, bootEpoch, records}) => [
        node as NodeId,
        {bootEpoch, records: new Map(records.map(({store, record}) => [store, record]))},
      ]),
    );
  }

  start(): void {
    this.#timer = this.#options.clock.setTimer(WRITE_EVERY_MS, () => {
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
    const life = this.#lives.get(node);
    if (life === undefined) return undefined;
    const records = [...life.records].map(([store, record]) => ({store, record}));
    return {bootEpoch: life.bootEpoch, records};
  }

  #learn(): void {
    for (const {node, bootEpoch, durableRecords} of this.#options.seen()) {
      const life = this.#lives.get(node) ?? {bootEpoch: 0, records: new Map()};
      this.#lives.set(node, life);
      life.bootEpoch = Math.max(life.bootEpoch, bootEpoch);
      for (const [store, record] of durableRecords)
        life.records.set(store, Math.max(record, life.records.get(store) ?? 0));
    }
  }

  async #write(): Promise<void> {
    this.#learn();
    const text = JSON.stringify([...this.#lives.keys()].map((node) => ({node, ...this.of(node)})));
    if (text === this.#written) return;
    try {
      const file = path.join(this.#options.directory, FILE);
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
    const content = readFileSync(path.join(directory, FILE), 'utf8');
    const [text = '', checksum] = content.split('\n');
    if (String(crc32(text)) === checksum) return text;
    log.warn({}, `${FILE} is damaged: what was known of the other nodes is forgotten`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return '[]';
}
