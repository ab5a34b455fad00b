// Keeps the newest complete backups and removes the others, with every stored file that none of those that stay
// names. Order: the others' records first, then files, so that a backup that can be seen is always whole. Law: what
// goes was needed by nobody a moment ago; who was silent for so long that another may have begun removes no more.

import {DbError, FatalError} from '@flotilla/base';
import {
  type Announcement,
  announce,
  announceAlone,
  busyFault,
  SILENCE_MS_MAX,
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
 * it needs, and where it took so long between two things that another may have begun. What backups that were
 * broken off have stored goes too.
 */
export async function pruneBackups(
  directory: BackupDirectory,
  {keep, id, nowMs}: PruneOptions,
): Promise<Pruned> {
  const work = new Pruning(directory, id, nowMs);
  await work.begin();
  try {
    const {kept, removed, needless} = await planPrune(directory, keep, () => work.goesOn());
    // Before anything goes: one that is broken off and comes back sees by it that it may not go on.
    await withdrawDead(directory, nowMs());
    for (const each of removed) {
      await work.goesOn();
      await directory.forget(each);
    }
    let bytes = 0;
    for (const sha256 of needless) {
      const size = await directory.sizeOf(sha256);
      // Right before it, since nothing else tells that somebody needs it by now.
      await work.goesOn();
      await directory.discard(sha256);
      bytes += size;
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
  const {kept, removed, needless} = await planPrune(directory, keep, async () => {});
  let bytes = 0;
  for (const sha256 of needless) bytes += await directory.sizeOf(sha256);
  return {kept, removed, files: needless.length, bytes};
}

async function planPrune(
  directory: BackupDirectory,
  keep: number,
  goesOn: () => Promise<void>,
): Promise<Pick<Pruned, 'kept' | 'removed'> & {readonly needless: readonly string[]}> {
  const ids = await directory.ids();
  const kept = ids.slice(-keep);
  const needed = await neededBy(directory, kept, goesOn);
  const needless = [...(await directory.stored(goesOn))].filter((sha256) => !needed.has(sha256));
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
/** Others wait for twice as long, by clocks of their own. */
const SILENT_MS_MAX = SILENCE_MS_MAX / 2;

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

  /** Rejects where others may have taken it for dead. */
  async goesOn(): Promise<void> {
    const updatedMs = this.#nowMs();
    const silentMs = Math.abs(updatedMs - this.#announcement.updatedMs);
    if (silentMs >= SILENT_MS_MAX) {
      const message = `the prune was silent for ${Math.round(silentMs / 1_000)} s, so that a backup may have begun meanwhile: it removes no more; prune again`;
      throw new DbError('CONFLICT', message);
    }
    if (silentMs < SIGN_EVERY_MS) return;
    this.#announcement = {...this.#announcement, updatedMs};
    await announce(this.#directory, this.#announcement);
  }
}
