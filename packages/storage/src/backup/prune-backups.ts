// Keeps the newest complete backups and removes the others, with every stored file that none of those that stay
// names. Order: the others' records first, then files, so that a backup that can be seen is always whole.

import {DbError, FatalError} from '@flotilla/base';
import {
  type Announcement,
  announce,
  announceAlone,
  busyFault,
  isAlive,
  withdraw,
  withdrawDead,
} from './announcements.ts';
import type {BackupDirectory} from './backup-directory.ts';
import {filesOf} from './backup-record.ts';

export interface PruneOptions {
  /** Complete backups that stay. At least 1. */
  readonly keep: number;
  /** Of this work, in the directory. */
  readonly id: string;
  readonly nowMs: () => number;
}

export interface Pruned {
  readonly kept: readonly string[];
  readonly removed: readonly string[];
  /** Stored files that nobody names any more. */
  readonly files: number;
  /** Of those files. */
  readonly bytes: number;
}

/**
 * Rejects with CONFLICT while a backup is under way, and where one that stays cannot be read: nobody knows what
 * it needs. What backups that were broken off have stored goes too.
 */
export async function pruneBackups(
  directory: BackupDirectory,
  {keep, id, nowMs}: PruneOptions,
): Promise<Pruned> {
  const work = new Pruning(directory, id, nowMs);
  await work.begin();
  try {
    const {kept, removed, needless} = await planPrune(directory, keep, () => work.goesOn());
    await work.goesOn();
    // Before anything goes: one that is broken off and comes back sees by it that it may not go on.
    await withdrawDead(directory, nowMs());
    for (const each of removed) await directory.forget(each);
    let bytes = 0;
    for (const sha256 of needless) {
      await work.goesOn();
      bytes += await directory.sizeOf(sha256);
      await directory.discard(sha256);
    }
    return {kept, removed, files: needless.length, bytes};
  } finally {
    await withdraw(directory, id);
  }
}

/** What `pruneBackups` would remove, or rejects as it would. Writes nothing. */
export async function tryPrune(
  directory: BackupDirectory,
  {keep, nowMs}: Omit<PruneOptions, 'id'>,
): Promise<Pruned> {
  const fault = await busyFault(directory, nowMs());
  if (fault !== undefined) throw fault;
  const {kept, removed, needless} = await planPrune(directory, keep, async () => undefined);
  let bytes = 0;
  for (const sha256 of needless) bytes += await directory.sizeOf(sha256);
  return {kept, removed, files: needless.length, bytes};
}

/** @param goesOn  asked between records: reading many takes long */
async function planPrune(
  directory: BackupDirectory,
  keep: number,
  goesOn: () => Promise<void>,
): Promise<Pick<Pruned, 'kept' | 'removed'> & {readonly needless: readonly string[]}> {
  const ids = await directory.ids();
  const kept = ids.slice(-keep);
  const needed = await neededBy(directory, kept, goesOn);
  const needless = [...(await directory.stored())].filter((sha256) => !needed.has(sha256));
  return {kept, removed: ids.slice(0, -keep), needless};
}

async function neededBy(
  directory: BackupDirectory,
  ids: readonly string[],
  goesOn: () => Promise<void>,
): Promise<ReadonlySet<string>> {
  const needed = new Set<string>();
  for (const id of ids) {
    await goesOn();
    try {
      for (const {sha256} of filesOf(await directory.record(id))) needed.add(sha256);
    } catch (error) {
      if (!(error instanceof FatalError)) throw error;
      const message = `backup ${id} cannot be read, so that nobody knows what it needs: ${error.message}; nothing was removed`;
      throw new DbError('CONFLICT', message, {id});
    }
  }
  return needed;
}

/** Removing may take longer than others wait for a sign of life. */
const SIGN_EVERY_MS = 1_000;

class Pruning {
  readonly #directory: BackupDirectory;
  readonly #nowMs: () => number;
  #announcement: Announcement;

  constructor(directory: BackupDirectory, id: string, nowMs: () => number) {
    this.#directory = directory;
    this.#nowMs = nowMs;
    const startedMs = nowMs();
    this.#announcement = {
      ...{id, startedMs, updatedMs: startedMs, scope: {}},
      work: 'prune',
      state: 'running',
      ...{setsDone: 0, sets: 0, bytes: 0, copiedBytes: 0},
    };
  }

  begin(): Promise<void> {
    return announceAlone(this.#directory, this.#announcement);
  }

  /** Rejects where it was silent for so long that a backup may count on what this is about to remove. */
  async goesOn(): Promise<void> {
    const updatedMs = this.#nowMs();
    if (!isAlive(this.#announcement, updatedMs)) {
      const message = `the directory did not answer for over a minute, and others may have begun to work there: nothing more was removed; run it again`;
      throw new DbError('CONFLICT', message);
    }
    if (updatedMs - this.#announcement.updatedMs < SIGN_EVERY_MS) return;
    this.#announcement = {...this.#announcement, updatedMs};
    await announce(this.#directory, this.#announcement);
  }
}
