// Which files of which replicas are stored already, so that they are not read again: by the newest complete
// backup that a replica is in, and by what backups that were broken off have noted of each file as they stored it.

import {type Disk, type DiskFile, FatalError, type ReplicaId} from '@flotilla/base';
import {announcements, journalPath} from './announcements.ts';
import {type BackupDirectory, readWhole} from './backup-directory.ts';
import type {BackedUpFile, BackupRecord} from './backup-record.ts';

interface Noted extends BackedUpFile {
  readonly replica: ReplicaId;
}

/** What a backup notes as it goes. It is not synced: a line that a crash loses costs a file to be read again. */
export class Journal {
  readonly #file: DiskFile;
  #end = 0;

  private constructor(file: DiskFile) {
    this.#file = file;
  }

  static async open({disk}: BackupDirectory, id: string): Promise<Journal> {
    return new Journal(await disk.open(journalPath(id), 'create'));
  }

  async note(replica: ReplicaId, file: BackedUpFile): Promise<void> {
    const line = Buffer.from(`${JSON.stringify({replica, ...file})}\n`);
    const at = this.#end;
    this.#end += line.length;
    await this.#file.writeAt(at, [line]);
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** By replica, whose ids are never used again. */
export async function knownFiles(
  directory: BackupDirectory,
): Promise<Map<ReplicaId, BackedUpFile[]>> {
  const stored = await directory.stored();
  const files = new Map<ReplicaId, BackedUpFile[]>();
  const learn = ({replica, ...file}: Noted): void => {
    if (!stored.has(file.sha256)) return;
    const known = files.get(replica);
    if (known === undefined) files.set(replica, [file]);
    else known.push(file);
  };
  for await (const {sets} of newestRecords(directory)) {
    const fresh = sets.filter(({replica}) => !files.has(replica));
    for (const {replica, files: of} of fresh) for (const file of of) learn({replica, ...file});
  }
  for (const {id} of await announcements(directory))
    for (const noted of await notedIn(directory.disk, journalPath(id))) learn(noted);
  return files;
}

/**
 * From the newest on, to the first that is of the whole cluster: those of a database or a tenant know nothing of the
 * others. What a damaged one knew is read again from the replicas.
 */
async function* newestRecords(directory: BackupDirectory): AsyncGenerator<BackupRecord> {
  for (const id of (await directory.ids()).reverse()) {
    try {
      const record = await directory.record(id);
      yield record;
      if (Object.values(record.scope).every((name) => name === undefined)) return;
    } catch (error) {
      if (!(error instanceof FatalError)) throw error;
    }
  }
}

async function notedIn(disk: Disk, path: string): Promise<Noted[]> {
  if (!(await disk.exists(path))) return [];
  const text = Buffer.from(await readWhole(disk, path)).toString();
  return text.split('\n').flatMap((line) => {
    const noted = parseNoted(line);
    return noted === undefined ? [] : [noted];
  });
}

/** Undefined: the line is not whole. */
function parseNoted(line: string): Noted | undefined {
  try {
    return JSON.parse(line) as Noted;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
