// What a directory of backups holds, in the order of their begin: complete ones, and those that are under way or
// were broken off.

import {FatalError} from '@flotilla/base';
import {type Announcement, announcements, isAlive} from './announcements.ts';
import type {BackupDirectory} from './backup-directory.ts';
import {type BackupScope, filesOf} from './backup-record.ts';

export interface BackupView {
  readonly id: string;
  /** `stopped`: who made it says nothing any more; what it has stored is used by the next one. */
  readonly state: 'done' | 'running' | 'failed' | 'stopped' | 'damaged';
  readonly scope: BackupScope;
  readonly startedAt?: string | undefined;
  readonly endedAt?: string | undefined;
  readonly sets: number;
  readonly setsDone: number;
  /** Of all that it names, each stored file once. */
  readonly bytes: number;
  /** What was not there before it. */
  readonly copiedBytes: number;
  readonly error?: string | undefined;
}

/** @param id  of the one that is wanted; absent: all */
export async function listBackups(
  directory: BackupDirectory,
  nowMs: number,
  id?: string,
): Promise<BackupView[]> {
  const views: BackupView[] = [];
  // First: one that ends meanwhile is then found among the complete ones.
  const unfinished = await announcements(directory);
  const complete = new Set(await directory.ids());
  for (const one of complete)
    if (id === undefined || one === id) views.push(await describe(directory, one));
  for (const announcement of unfinished) {
    if (announcement.work !== 'backup' || complete.has(announcement.id)) continue;
    if (id === undefined || announcement.id === id)
      views.push(describeUnfinished(announcement, nowMs));
  }
  return views.sort((a, b) => (a.id < b.id ? -1 : 1));
}

async function describe(directory: BackupDirectory, id: string): Promise<BackupView> {
  try {
    const record = await directory.record(id);
    const {scope, startedMs, endedMs, sets, copiedBytes} = record;
    const bytes = new Map([...filesOf(record)].map((file) => [file.sha256, file.bytes]));
    return {
      ...{id, scope, sets: sets.length, setsDone: sets.length, copiedBytes},
      state: 'done',
      bytes: [...bytes.values()].reduce((sum, each) => sum + each, 0),
      startedAt: new Date(startedMs).toISOString(),
      endedAt: new Date(endedMs).toISOString(),
    };
  } catch (error) {
    if (!(error instanceof FatalError)) throw error;
    const nothing = {scope: {}, sets: 0, setsDone: 0, bytes: 0, copiedBytes: 0};
    return {id, state: 'damaged', ...nothing, error: error.message};
  }
}

function describeUnfinished(announcement: Announcement, nowMs: number): BackupView {
  const {id, scope, startedMs, sets, setsDone, bytes, copiedBytes, error} = announcement;
  const isRunning = isAlive(announcement, nowMs);
  return {
    ...{id, scope, sets, setsDone, bytes, copiedBytes, error},
    state: isRunning ? 'running' : announcement.state === 'failed' ? 'failed' : 'stopped',
    startedAt: new Date(startedMs).toISOString(),
  };
}
