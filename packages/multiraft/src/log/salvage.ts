// A log in whose middle records are damaged has lost votes and acknowledged entries: it is never cut
// short and gone on with. Which replicas lived in it is still told by the records around the damage;
// all of them are damaged for good in a new log that takes its place, as after an old image, and each is
// replaced under a new id. A lost sector may hold many records, all of a quiet replica's among them, and
// without its salt a segment tells nothing at all: as after an old image nothing is made in the store until
// all that may have lived there are known. The old log is kept aside, for whoever wants to know.
// Invariant: a log that knows of the damaged replicas is under `log` or whole under `log.salvaged` from
// before the old one is moved: there is no moment at which a crash leaves a store that knows of none.

import type {Disk, Random, ReplicaId, ReplicaSetId} from '@flotilla/base';
import {LogDirectory} from './directory.ts';
import {decodeItems, type LogItem} from './log-item.ts';
import {salvageRecords} from './record.ts';
import {SEGMENT_NAME} from './recovery.ts';
import {readSegment} from './segment-bytes.ts';
import {LIFE_RECORDS} from './segment-log.ts';

export interface LogPlace {
  readonly disk: Disk;
  /** Of the log; what is moved aside lies beside it. */
  readonly path: string;
  readonly random: Random;
}

/** Requires that nothing has the log open. Resolves with the path that it now lies under. */
export async function setAside(
  place: LogPlace & {readonly bootEpoch: number},
  write: (path: string, directory: LogDirectory) => Promise<void>,
): Promise<string> {
  const {disk, path} = place;
  const salvaged = `${path}.salvaged`;
  await disk.remove(salvaged);
  await write(salvaged, await salvagedDirectory(place));
  await disk.syncDirectory(parentOf(path));
  const aside = await freeName(disk, `${path}.damaged`);
  await disk.rename(path, aside);
  await disk.syncDirectory(parentOf(path));
  await disk.rename(salvaged, path);
  await disk.syncDirectory(parentOf(path));
  return aside;
}

/** A crash between the two renames is made good, one before them forgotten. */
export async function finishSetAside({disk, path}: LogPlace): Promise<void> {
  const salvaged = `${path}.salvaged`;
  if (!(await disk.exists(salvaged))) return;
  if (await disk.exists(path)) {
    await disk.remove(salvaged);
    return;
  }
  await disk.rename(salvaged, path);
  await disk.syncDirectory(parentOf(path));
}

/** What the log knew, each of its replicas damaged. Only reads. */
export async function salvagedDirectory({
  disk,
  path,
  bootEpoch = 0,
}: Pick<LogPlace, 'disk' | 'path'> & {
  /** Of the log that is to follow. */
  readonly bootEpoch?: number | undefined;
}): Promise<LogDirectory> {
  const found = new Found();
  const names = (await disk.list(path))
    .map(({name}) => name)
    .filter((name) => SEGMENT_NAME.test(name));
  // In order: a record that numbers anew takes the place of what was said of numbers before.
  for (const name of names.sort()) {
    const file = await disk.open(`${path}/${name}`, 'read');
    const {bytes} = await readSegment(file);
    await file.close();
    const records = [...salvageRecords(bytes, `${path}/${name}`)];
    if (records.length === 0) {
      // What it numbered was told in earlier lives, and is lost with all the rest: that is settled but once.
      found.lastTold = bootEpoch * LIFE_RECORDS;
    }
    for (const {number, start, end} of records) {
      found.lastRecord = Math.max(found.lastRecord, number);
      for (const {item} of decodeItems(bytes, start, end) ?? []) found.add(item);
    }
  }
  return found.toDirectory();
}

class Found {
  lastRecord = 0;
  /** Where numbers are lost: none that was told is above it. */
  lastTold = 0;
  #recordOffset = 0;
  readonly #replicas = new Map<ReplicaSetId, ReplicaId>();
  readonly #tombstones = new Map<ReplicaSetId, {replica: ReplicaId; dataGone: boolean}>();

  add(item: LogItem): void {
    if (item.type === 'renumbered') {
      this.#recordOffset = item.offset;
      return;
    }
    if (item.type === 'gap') {
      this.#recordOffset += item.until - item.after;
      return;
    }
    if (item.type === 'loss') return;
    const {set, replica} = item;
    if (item.type === 'tombstone') {
      const known = this.#tombstones.get(set);
      if (known === undefined || replica >= known.replica)
        this.#tombstones.set(set, {replica, dataGone: item.dataGone});
      return;
    }
    if (replica > (this.#replicas.get(set) ?? 0)) this.#replicas.set(set, replica);
  }

  toDirectory(): LogDirectory {
    const directory = new LogDirectory();
    const add = (item: LogItem): void => directory.apply(item, undefined, 0);
    for (const [set, {replica, dataGone}] of this.#tombstones)
      add({type: 'tombstone', set, replica, dataGone});
    for (const [set, replica] of this.#replicas) {
      if (replica <= (this.#tombstones.get(set)?.replica ?? 0)) continue;
      add({type: 'create', set, replica, founding: undefined});
      add({type: 'damaged', set, replica});
    }
    directory.hasLoss = true;
    // Numbers go on above: other nodes remember the highest that they were told.
    directory.recordOffset = Math.max(this.lastTold, this.lastRecord + this.#recordOffset);
    return directory;
  }
}

async function freeName(disk: Disk, name: string): Promise<string> {
  for (let count = 1; ; count++)
    if (!(await disk.exists(`${name}-${count}`))) return `${name}-${count}`;
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}
