// `flotilla check`: every file of a data directory whose node does not run, held against its checksums and
// against what other files say of it. Law: nothing in the directory is written, not even by SQLite; and the
// node cannot start meanwhile.

import {existsSync} from 'node:fs';
import path from 'node:path';
import type {StoreId} from '@flotilla/base';
import {lockForReading, NODE_FILE, STORES, storePath} from '../adapters/index.ts';
import {type CheckProgress, type Damage, Inventory, type KindCount} from './inventory.ts';
import {checkNodeFiles} from './node-files.ts';
import {checkStore, noCounts, type StoreCounts} from './store-files.ts';

export interface CheckOptions {
  readonly directory: string;
  readonly onProgress?: ((progress: CheckProgress) => void) | undefined;
}

export interface DirectoryCheck {
  readonly directory: string;
  /** Absent of a node that belongs to no cluster, or does not say so any more. */
  readonly node?: number | undefined;
  readonly cluster?: string | undefined;
  readonly verdict: 'whole' | 'damaged' | 'unreadable';
  readonly files: number;
  readonly bytes: number;
  readonly kinds: readonly KindCount[];
  readonly counts: StoreCounts & {readonly stores: number};
  /** All that were found; the first of them are listed. */
  readonly damageCount: number;
  readonly damages: readonly Damage[];
  /** Files that the disk does not give. */
  readonly unreadable: readonly {readonly file: string; readonly message: string}[];
  readonly notes: readonly string[];
}

/** Of names of strangers. */
const STRANGERS_SHOWN = 10;

/** Throws DirectoryLockedError for a node that runs, and what the system says of a directory that cannot be read. */
export async function checkDirectory({
  directory: given,
  onProgress,
}: CheckOptions): Promise<DirectoryCheck> {
  const directory = path.resolve(given);
  if (![NODE_FILE, STORES].some((name) => existsSync(path.join(directory, name))))
    throw new Error(`${given} is no data directory of a node: it has no ${NODE_FILE}`);
  const lock = lockForReading(directory);
  try {
    return await lookAtAll(await Inventory.of(directory, onProgress));
  } finally {
    lock?.release();
  }
}

async function lookAtAll(inventory: Inventory): Promise<DirectoryCheck> {
  const {node, cluster, stores} = await checkNodeFiles(inventory);
  const counts = noCounts();
  const numbers = storesOf(inventory, stores);
  for (const store of numbers) {
    const own = await checkStore(inventory, {store, node});
    for (const key of Object.keys(counts) as (keyof StoreCounts)[]) counts[key] += own[key];
  }
  const strangers = [...inventory.left('')];
  const shown = strangers.slice(0, STRANGERS_SHOWN).join(', ');
  if (strangers.length > 0) inventory.notes.push(`not of a node are ${strangers.length}: ${shown}`);
  const {damages, damageCount, unreadable, notes} = inventory;
  return {
    directory: inventory.directory,
    node,
    cluster,
    verdict: damageCount > 0 ? 'damaged' : unreadable.length > 0 ? 'unreadable' : 'whole',
    files: inventory.fileCount,
    bytes: inventory.byteCount,
    kinds: inventory.kinds(),
    counts: {stores: numbers.length, ...counts},
    damageCount,
    damages,
    unreadable,
    notes,
  };
}

/** As node.json counts them, and those of which there are files. */
function storesOf(inventory: Inventory, count: number): StoreId[] {
  const numbers = new Set(Array.from({length: count}, (_, store) => store));
  for (const file of inventory.left(STORES)) {
    const [, number] = /^stores\/(\d+)\//.exec(file) ?? [];
    if (number !== undefined && storePath(Number(number) as StoreId) === `${STORES}/${number}`)
      numbers.add(Number(number));
  }
  return [...numbers].sort((a, b) => a - b) as StoreId[];
}
