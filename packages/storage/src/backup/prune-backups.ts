// Keeps the newest complete backups of each scope and removes the others, with every stored file that none of those
// that stay names. Order: the others' records first, then files, so that a backup that can be seen is always whole.
// Law: what goes was needed by nobody a moment ago; who was silent for so long that another may have begun removes no
// more.

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
import {type BackupRecord, type BackupScope, filesOf} from './backup-record.ts';

export interface PruneOptions {
  /** Complete backups of each scope that stay: of everything, of a tenant, of a database. At least 1. */
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
 * Rejects with CONFLICT while a backup is under way; where a record cannot be read, since nobody knows what it is of
 * and what it needs; and where it took so long between two things that another may have begun. What backups that
 * were broken off have stored goes too.
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
  const needed = new Set<string>();
  const counts = new Map<string, number>();
  const kept: string[] = [];
  const removed: string[] = [];
  // From the newest on; of so many sets, one record at a time is held.
  for (const id of (await directory.ids()).reverse()) {
    await goesOn();
    const record = await mustRead(directory, id);
    const scope = nameOf(record.scope);
    const count = (counts.get(scope) ?? 0) + 1;
    counts.set(scope, count);
    if (count > keep) {
      removed.unshift(id);
      continue;
    }
    kept.unshift(id);
    for (const {sha256} of filesOf(record)) needed.add(sha256);
  }
  const needless = [...(await directory.stored(goesOn))].filter((sha256) => !needed.has(sha256));
  return {kept, removed, needless};
}

async function mustRead(directory: BackupDirectory, id: string): Promise<BackupRecord> {
  try {
    return await directory.record(id);
  } catch (error) {
    if (!(error instanceof FatalError)) throw error;
    const message = `backup ${id} cannot be read, so that nobody knows what it is of and what it needs: ${error.message}; nothing was removed. To give it up, remove backups/${id}.json and prune again`;
    throw new DbError('CONFLICT', message, {id});
  }
}

function nameOf({tenant, database}: BackupScope): string {
  return JSON.stringify([tenant, database]);
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
