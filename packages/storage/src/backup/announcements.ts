// Who works in a directory of backups now: a file for each, which its owner writes again every few seconds. One
// that was not written for a minute is of somebody who died: its name is told as `stopped`, and does not stand
// in the way. Law: whoever begins first announces himself and then looks for others, so that of two who begin
// together at least one sees the other and withdraws.

import {DbError, FatalError} from '@flotilla/base';
import {type BackupDirectory, INCOMING, RUNNING, readWhole} from './backup-directory.ts';
import type {BackupScope} from './backup-record.ts';

/** Sixty times as long as between two of its writes; the clocks of nodes differ by less. */
export const SILENCE_MS_MAX = 60_000;

export interface Announcement {
  readonly id: string;
  readonly work: 'backup' | 'prune';
  readonly state: 'running' | 'failed';
  readonly startedMs: number;
  readonly updatedMs: number;
  readonly scope: BackupScope;
  readonly setsDone: number;
  readonly sets: number;
  readonly bytes: number;
  readonly copiedBytes: number;
  readonly error?: string | undefined;
}

export function isAlive({state, updatedMs}: Announcement, nowMs: number): boolean {
  return state === 'running' && Math.abs(nowMs - updatedMs) < SILENCE_MS_MAX;
}

export function announcementPath(id: string): string {
  return `${RUNNING}/${id}.json`;
}

export function journalPath(id: string): string {
  return `${RUNNING}/${id}.files`;
}

export function incomingPath(id: string): string {
  return `${INCOMING}/${id}`;
}

export async function announce(
  directory: BackupDirectory,
  announcement: Announcement,
): Promise<void> {
  const bytes = Buffer.from(`${JSON.stringify(announcement)}\n`);
  await directory.replace(announcementPath(announcement.id), bytes);
}

/** Rejects with CONFLICT, and leaves no trace, where another works in the directory. */
export async function announceAlone(
  directory: BackupDirectory,
  announcement: Announcement,
): Promise<void> {
  await announce(directory, announcement);
  const fault = await busyFault(directory, announcement.updatedMs, announcement.id);
  if (fault === undefined) return;
  await withdraw(directory, announcement.id);
  throw fault;
}

/** Why nobody may begin there now, but for who is announced under that id. */
export async function busyFault(
  directory: BackupDirectory,
  nowMs: number,
  own?: string,
): Promise<DbError | undefined> {
  const others = await announcements(directory);
  const alive = others.find((one) => one.id !== own && isAlive(one, nowMs));
  if (alive === undefined) return undefined;
  const next = 'wait for its end; one whose node has died is over a minute later';
  const message = `${alive.work} ${alive.id} is under way in that directory: ${next}`;
  return new DbError('CONFLICT', message, {id: alive.id});
}

/** With all that it leaves, but for the files that it has stored. */
export async function withdraw({disk}: BackupDirectory, id: string): Promise<void> {
  await disk.remove(incomingPath(id));
  await disk.remove(journalPath(id));
  await disk.remove(announcementPath(id));
  await disk.syncDirectory(RUNNING);
}

/** What is left of those that say nothing any more. */
export async function withdrawDead(directory: BackupDirectory, nowMs: number): Promise<void> {
  for (const one of await announcements(directory))
    if (!isAlive(one, nowMs)) await withdraw(directory, one.id);
}

export async function announcements({disk}: BackupDirectory): Promise<Announcement[]> {
  const found: Announcement[] = [];
  for (const {name} of await disk.list(RUNNING)) {
    if (!name.endsWith('.json')) continue;
    const announcement = await readAnnouncement(disk, `${RUNNING}/${name}`);
    if (announcement !== undefined) found.push(announcement);
  }
  return found;
}

/** Undefined: it was withdrawn meanwhile. */
async function readAnnouncement(
  disk: BackupDirectory['disk'],
  path: string,
): Promise<Announcement | undefined> {
  try {
    return JSON.parse(Buffer.from(await readWhole(disk, path)).toString()) as Announcement;
  } catch (error) {
    if (error instanceof FatalError && !(await disk.exists(path))) return undefined;
    throw error;
  }
}
