// What is in a backup is what the replica held; what was there is not copied again; and whatever happens, a
// backup that can be seen is whole.

import {FatalError} from '@flotilla/base';
import {MemoryDisk} from '@flotilla/testkit';
import fc from 'fast-check';
import {describe, expect, test, vi} from 'vitest';
import {EVERYTHING, series} from '../replica-model.fixture.ts';
import {dead, Life, type Trial} from '../replica-trial.fixture.ts';
import {
  type Announcement,
  announce,
  announceAlone,
  announcements,
  incomingPath,
} from './announcements.ts';
import {backUp, CLUSTER, copySet, emptyDirectory, restoreInto, trialOf} from './backup.fixture.ts';
import {BackupDirectory} from './backup-directory.ts';
import {listBackups} from './backup-list.ts';
import {
  type BackupScope,
  decodeBackupRecord,
  encodeBackupRecord,
  sha256Of,
} from './backup-record.ts';
import {Journal, knownFiles} from './known-files.ts';
import {pruneBackups, tryPrune} from './prune-backups.ts';
import {verifyBackups} from './verify-backups.ts';

const NOW_MS = 1_000_000;

function running(id: string, more: Partial<Announcement> = {}): Announcement {
  return {
    ...{id, startedMs: NOW_MS, updatedMs: NOW_MS, scope: {}},
    ...{sets: 3, setsDone: 1, bytes: 0, copiedBytes: 0},
    work: 'backup',
    state: 'running',
    ...more,
  };
}

function prune(directory: BackupDirectory, keep: number, nowMs = NOW_MS) {
  return pruneBackups(directory, {keep, id: 'p', nowMs: () => nowMs});
}

async function written(...marks: readonly number[]): Promise<Trial> {
  const trial = await trialOf();
  for (const mark of marks) {
    trial.write(series(1, {count: 50, step: 1_000}, mark));
    await trial.step({type: 'flush', isAwaited: true});
  }
  return trial;
}

describe('a backup', () => {
  test('gives back the rows of its index, whatever was written, deleted and merged since', async () => {
    const trial = await written(1, 2);
    trial.write(series(2, {count: 20, step: 500}, 3));
    trial.delete({...EVERYTHING[0]!, start: 0, length: 10_000});
    const directory = await emptyDirectory();
    const record = await backUp(directory, trial, 'b1');
    const want = await rowsOf(trial);
    trial.write(series(1, {count: 80, step: 700}, 4));
    await trial.step({type: 'compact', isAll: true});
    await restoreInto(trial, directory, record);
    expect(await rowsOf(trial)).toEqual(want);
    expect((await verifyBackups(directory)).faults).toEqual([]);
  });

  test('of what has not changed copies nothing', async () => {
    const trial = await written(1, 2);
    const directory = await emptyDirectory();
    const first = await backUp(directory, trial, 'b1');
    expect(first.copiedBytes).toBe(first.sets[0]!.files.reduce((sum, {bytes}) => sum + bytes, 0));
    const files = directoryFiles(directory);
    const second = await backUp(directory, trial, 'b2');
    expect(second.copiedBytes).toBe(0);
    expect(second.sets).toEqual(first.sets);
    expect(directoryFiles(directory)).toEqual(files);
  });

  test('whose catalog has another bit is not read', async () => {
    const directory = await emptyDirectory();
    const {catalog} = await backUp(directory, await written(1), 'b1');
    const path = directory.pathOf(catalog);
    expect(String(Buffer.from(await directory.read(catalog)))).toBe('{}');
    (directory.disk as MemoryDisk).flipBit(path, 1);
    await expect(directory.read(catalog)).rejects.toThrow(FatalError);
    await expect(directory.read(catalog)).rejects.toThrow(path);
  });

  test('of what was added copies that alone', async () => {
    const trial = await written(1);
    const directory = await emptyDirectory();
    const first = await backUp(directory, trial, 'b1');
    trial.write(series(2, {count: 5, step: 1_000}, 2));
    const second = await backUp(directory, trial, 'b2');
    const before = new Set(first.sets[0]!.files.map(({sha256}) => sha256));
    const fresh = second.sets[0]!.files.filter(({sha256}) => !before.has(sha256));
    expect(fresh.length).toBeLessThan(second.sets[0]!.files.length);
    expect(second.copiedBytes).toBe(fresh.reduce((sum, {bytes}) => sum + bytes, 0));
  });

  test('waits before each piece as it is told', async () => {
    const directory = await emptyDirectory();
    await directory.disk.makeDirectory(incomingPath('b'));
    const bytes = new Uint8Array(1_300_000).map((_, i) => i % 251);
    const asked: number[] = [];
    const due = async (length: number) => void asked.push(length);
    const copying = directory.copy(
      {bytes: bytes.length, read: async (at, length) => bytes.subarray(at, at + length)},
      {incoming: `${incomingPath('b')}/x`, due},
    );
    const copied: number[] = [];
    for (;;) {
      const {done, value} = await copying.next();
      if (done === true) {
        expect(value).toEqual({bytes: bytes.length, sha256: sha256Of(bytes)});
        break;
      }
      copied.push(value);
    }
    expect(asked).toEqual([524_288, 524_288, 251_424]);
    expect(copied).toEqual(asked);
  });

  test('never leaves much for one sync, which the log of a node would wait for', async () => {
    const directory = await emptyDirectory();
    await directory.disk.makeDirectory(incomingPath('b'));
    const bytes = new Uint8Array(5 * 1024 * 1024);
    const disk = directory.disk as MemoryDisk;
    const incoming = `${incomingPath('b')}/x`;
    const copying = directory.copy(
      {bytes: bytes.length, read: async (at, length) => bytes.subarray(at, at + length)},
      {incoming, due: () => undefined},
    );
    const syncsBefore = disk.counts.sync;
    const syncs: number[] = [];
    while ((await copying.next()).done !== true) syncs.push(disk.counts.sync - syncsBefore);
    // After each 2 MiB of pieces of half a one.
    expect(syncs).toEqual([0, 0, 0, 1, 1, 1, 1, 2, 2, 2]);
    expect(disk.counts.sync - syncsBefore).toBe(3);
  });
});

describe('a directory', () => {
  test('that holds something else, or backups of another cluster, is not taken', async () => {
    const disk = new MemoryDisk();
    const file = await disk.open('notes.txt', 'create');
    await file.close();
    await expect(BackupDirectory.open(disk)).rejects.toMatchObject({code: 'NOT_FOUND'});
    await expect(emptyDirectory(disk)).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringContaining('notes.txt'),
    });
    const {disk: other} = await emptyDirectory();
    await expect(BackupDirectory.prepare(other, 'c2')).rejects.toMatchObject({code: 'CONFLICT'});
    expect((await emptyDirectory(other as MemoryDisk)).cluster).toBe(CLUSTER);
  });

  test('of a newer version is refused by name, and so is a record', async () => {
    const directory = await emptyDirectory();
    const marker = Buffer.from(JSON.stringify({version: 2, cluster: CLUSTER}));
    await directory.replace('flotilla-backup.json', marker);
    await expect(BackupDirectory.open(directory.disk)).rejects.toMatchObject({
      code: 'UNSUPPORTED',
    });
    const json = JSON.stringify({version: 2, id: 'b'});
    const newer = Buffer.from(`${json}\n${sha256Of(json)}\n`);
    expect(() => decodeBackupRecord(newer, 'b')).toThrow(/version 2; this build knows 1/);
  });

  test('that is made while the power fails is made by the next', async () => {
    for (let syncs = 0; ; syncs++) {
      const disk = new MemoryDisk();
      let left = syncs;
      const failing = new Proxy(disk, {
        get: (target, name) => {
          const member = Reflect.get(target, name) as unknown;
          if (typeof member !== 'function') return member;
          return (...args: unknown[]) => {
            if (left-- <= 0) throw new FatalError('the power failed');
            return Reflect.apply(member, target, args);
          };
        },
      });
      const isMade = await BackupDirectory.prepare(failing, CLUSTER).then(
        () => true,
        () => false,
      );
      disk.crash();
      const directory = await emptyDirectory(disk);
      expect(await directory.ids()).toEqual([]);
      expect((await disk.list('files')).length).toBe(256);
      if (isMade) break;
    }
  });
});

describe('a record', () => {
  test('of which any byte changed is told apart', async () => {
    const directory = await emptyDirectory();
    const record = await backUp(directory, await written(1), 'b1');
    const bytes = encodeBackupRecord(record);
    expect(decodeBackupRecord(bytes, 'b1')).toEqual(record);
    // The last one is the end of a line.
    for (let at = 0; at < bytes.length - 1; at++) {
      const changed = bytes.slice();
      changed[at] = changed[at]! ^ 1;
      expect(() => decodeBackupRecord(changed, 'b1'), String(at)).toThrow();
    }
  });

  test('that is damaged is listed so, does not hide the others, and is in the way of a prune alone', async () => {
    const trial = await written(1);
    const directory = await emptyDirectory();
    await backUp(directory, trial, 'b1');
    await backUp(directory, trial, 'b2');
    (directory.disk as MemoryDisk).flipBit('backups/b2.json', 40);
    const states = (await listBackups(directory, NOW_MS)).map(({id, state}) => [id, state]);
    expect(states).toEqual([
      ['b1', 'done'],
      ['b2', 'damaged'],
    ]);
    expect((await knownFiles(directory)).size).toBe(1);
    const {faults} = await verifyBackups(directory);
    expect(faults.map(({backup, file}) => [backup, file])).toEqual([['b2', 'backups/b2.json']]);
    const before = directoryFiles(directory);
    // Whichever it is: an older one may be the only one of what it is of.
    for (const id of ['b2', 'b1']) {
      const message = expect.stringContaining(`remove backups/${id}.json`);
      await expect(prune(directory, 1)).rejects.toMatchObject({code: 'CONFLICT', message});
      expect(directoryFiles(directory)).toEqual(before);
      (directory.disk as MemoryDisk).flipBit('backups/b2.json', 40);
      if (id === 'b2') (directory.disk as MemoryDisk).flipBit('backups/b1.json', 40);
    }
  });
});

describe('verify', () => {
  test('names whichever stored file changed, is short or is missing', async () => {
    const directory = await emptyDirectory();
    const disk = directory.disk as MemoryDisk;
    const record = await backUp(directory, await written(1, 2), 'b1');
    const paths = [record.catalog, ...record.sets[0]!.files].map((file) => directory.pathOf(file));
    for (const path of paths) {
      const bytes = disk.bytesOf(path);
      const changes = [
        () => disk.flipBit(path, bytes.length >> 1),
        () => disk.overwrite(path, bytes.subarray(0, bytes.length - 1)),
        () => disk.remove(path),
      ];
      for (const change of changes) {
        await change();
        const {faults} = await verifyBackups(directory);
        expect(faults.map(({file}) => file)).toEqual([path]);
        await disk.remove(path);
        await (await disk.open(path, 'create')).close();
        disk.overwrite(path, bytes);
      }
    }
    expect((await verifyBackups(directory, {id: 'b1'})).faults).toEqual([]);
    await expect(verifyBackups(directory, {id: 'b9'})).rejects.toMatchObject({code: 'NOT_FOUND'});
  });

  test('finds a part that was damaged before it was backed up', async () => {
    const trial = await written(1);
    const {disk} = trial.fixture;
    const part = disk.files().find((file) => file.endsWith('.part'))!;
    disk.flipBit(part, disk.bytesOf(part).length >> 1);
    const directory = await emptyDirectory();
    await backUp(directory, trial, 'b1');
    const {faults} = await verifyBackups(directory);
    expect(faults.length).toBeGreaterThan(0);
    expect(faults[0]!.message).toMatch(/^\d+\.part of replica set 1: .*checksum mismatch/);
  });
});

describe('who works in a directory', () => {
  test('keeps others out while he gives signs, and no longer', async () => {
    const directory = await emptyDirectory();
    await announceAlone(directory, running('b1'));
    await expect(announceAlone(directory, running('b2'))).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringContaining('b1'),
    });
    await expect(prune(directory, 1)).rejects.toMatchObject({code: 'CONFLICT'});
    expect((await announcements(directory)).map(({id}) => id)).toEqual(['b1']);
    const later = NOW_MS + 61_000;
    const [view] = await listBackups(directory, later);
    expect(view).toMatchObject({id: 'b1', state: 'stopped', setsDone: 1, sets: 3});
    await announceAlone(directory, running('b2', {updatedMs: later}));
    await announce(directory, running('b2', {state: 'failed', error: 'no room'}));
    const views = await listBackups(directory, NOW_MS, 'b2');
    expect(views).toMatchObject([{id: 'b2', state: 'failed', error: 'no room'}]);
    expect(await prune(directory, 1, later)).toEqual({
      ...{kept: [], removed: []},
      ...{files: 0, bytes: 0},
    });
    expect(await announcements(directory)).toEqual([]);
  });

  test('leaves to the next what he had stored when he died', async () => {
    const trial = await written(1, 2);
    const directory = await emptyDirectory();
    await announce(directory, running('b1'));
    const {set} = await copySet(directory, trial, 'b1');
    const journal = await Journal.open(directory, 'b1');
    for (const file of set.files) await journal.note(set.replica, file);
    await journal.note(set.replica, {...set.files[0]!, name: 'gone', sha256: 'ab'.repeat(32)});
    await journal.close();
    // What a crash leaves of a line says nothing.
    const torn = await directory.disk.open('running/b1.files', 'write');
    await torn.writeAt(await torn.size(), [Buffer.from('{"replica":1,"na')]);
    expect(await knownFiles(directory)).toEqual(new Map([[set.replica, set.files]]));
  });
});

describe('prune', () => {
  test('keeps the newest, whole, and nothing that no backup names', async () => {
    const trial = await written(1);
    const directory = await emptyDirectory();
    for (const [i, id] of ['b1', 'b2', 'b3', 'b4'].entries()) {
      trial.write(series(1, {count: 30, step: 900}, 10 + i));
      await trial.step({type: 'compact', isAll: true});
      await backUp(directory, trial, id);
    }
    const {kept, removed, files} = await prune(directory, 2);
    expect([kept, removed]).toEqual([
      ['b3', 'b4'],
      ['b1', 'b2'],
    ]);
    expect(files).toBeGreaterThan(0);
    const check = await verifyBackups(directory);
    expect(check.faults).toEqual([]);
    expect((await directory.stored()).size).toBe(check.files);
    const nothing = {kept: ['b3', 'b4'], removed: [], files: 0, bytes: 0};
    expect(await prune(directory, 7)).toEqual(nothing);
  });

  test('counts those of a database, of a tenant and of everything each for itself', async () => {
    const trial = await written(1);
    const directory = await emptyDirectory();
    const scopes: Readonly<Record<string, BackupScope>> = {
      b1: {tenant: 'default', database: 'd'},
      b2: {},
      b3: {tenant: 'default'},
      b4: {tenant: 'acme', database: 'd'},
      b5: {},
      b6: {tenant: 'default', database: 'd'},
      b7: {tenant: 'default', database: 'd'},
    };
    for (const [id, scope] of Object.entries(scopes)) {
      trial.write(series(1, {count: 30, step: 900}, Number(id[1])));
      await backUp(directory, trial, id, scope);
    }
    const {kept, removed} = await prune(directory, 1);
    expect([kept, removed]).toEqual([
      ['b3', 'b4', 'b5', 'b7'],
      ['b1', 'b2', 'b6'],
    ]);
    expect((await verifyBackups(directory)).faults).toEqual([]);
  });

  test.each(['stored', 'forget', 'discard'] as const)(
    'that was taken for dead takes nothing from who began meanwhile: at %s',
    async (call) => {
      const trial = await written(1, 3);
      const directory = await emptyDirectory();
      await backUp(directory, trial, 'b1');
      await backUp(directory, await written(2), 'b2');
      let nowMs = NOW_MS;
      const through = directory[call].bind(directory) as (of: never) => Promise<never>;
      vi.spyOn(directory, call).mockImplementationOnce(async (of: unknown) => {
        const answer = await through(of as never);
        // A suspended process, or a directory behind a network that is away.
        nowMs += 61_000;
        await backUp(directory, trial, 'b3');
        return answer;
      });
      const pruned = pruneBackups(directory, {keep: 1, id: 'p', nowMs: () => nowMs});
      await expect(pruned).rejects.toMatchObject({code: 'CONFLICT'});
      expect((await verifyBackups(directory, {id: 'b3'})).faults).toEqual([]);
      expect(await announcements(directory)).toEqual([]);
      expect(await prune(directory, 1, nowMs)).toMatchObject({kept: ['b3']});
      expect((await verifyBackups(directory)).faults).toEqual([]);
    },
  );

  test('tells on a dry run what would go, and leaves it', async () => {
    const trial = await written(1);
    const disk = new MemoryDisk();
    const directory = await emptyDirectory(disk);
    for (const [i, id] of ['b1', 'b2'].entries()) {
      trial.write(series(1, {count: 30, step: 900}, 10 + i));
      await trial.step({type: 'compact', isAll: true});
      await backUp(directory, trial, id);
    }
    const trialOf = (keep: number) => tryPrune(directory, {keep, nowMs: () => NOW_MS});
    const before = disk.files();
    const bytesOf = () => disk.files().reduce((sum, file) => sum + disk.bytesOf(file).length, 0);
    const told = await trialOf(1);
    expect(told).toMatchObject({kept: ['b2'], removed: ['b1']});
    expect(disk.files()).toEqual(before);
    const record = disk.bytesOf('backups/b1.json').length;
    const bytesBefore = bytesOf();
    expect(await prune(directory, 1)).toEqual(told);
    expect(bytesBefore - bytesOf()).toBe(told.bytes + record);
    expect(await trialOf(1)).toEqual({kept: ['b2'], removed: [], files: 0, bytes: 0});
    await announceAlone(directory, running('b3'));
    await expect(trialOf(1)).rejects.toMatchObject({code: 'CONFLICT'});
    expect((await announcements(directory)).map(({id}) => id)).toEqual(['b3']);
  });
});

type Step = 'write' | 'compact' | 'back-up' | 'die' | 'prune';

test('whatever is written, backed up, pruned and broken off, every backup is whole', async () => {
  const steps = fc.array(
    fc.constantFrom<Step>('write', 'write', 'compact', 'back-up', 'die', 'prune'),
    {maxLength: 12},
  );
  await fc.assert(
    fc.asyncProperty(steps, fc.integer({min: 0, max: 400}), async (all, callsLeft) => {
      const trial = await written(1);
      const disk = new MemoryDisk();
      let directory = await emptyDirectory(disk);
      const complete: string[] = [];
      for (const [i, step] of all.entries()) {
        const id = `b${String(i).padStart(2, '0')}`;
        if (step === 'write') trial.write(series(i % 3, {count: 9, step: 1_000}, i));
        if (step === 'compact') await trial.step({type: 'compact', isAll: true});
        if (step === 'back-up') {
          await backUp(directory, trial, id);
          complete.push(id);
        }
        if (step === 'prune') {
          const {removed} = await prune(directory, 2);
          expect(removed).toEqual(complete.splice(0, Math.max(0, complete.length - 2)));
        }
        if (step === 'die') {
          directory = await dieIn(disk, trial, {id, callsLeft});
          if ((await directory.ids()).includes(id)) complete.push(id);
        }
        expect(await directory.ids()).toEqual(complete);
        expect((await verifyBackups(directory)).faults).toEqual([]);
      }
      await trial.storage.close();
    }),
    {numRuns: 40},
  );
});

/** The power fails in a backup after so many calls of its disk. */
async function dieIn(
  disk: MemoryDisk,
  trial: Trial,
  {id, callsLeft}: {readonly id: string; readonly callsLeft: number},
): Promise<BackupDirectory> {
  const life = new Life();
  life.callsLeft = callsLeft;
  const dying = async (): Promise<true> => {
    await backUp(await BackupDirectory.open(life.guard(disk)), trial, id);
    return true;
  };
  await Promise.race([dying(), dead(life)]);
  disk.crash();
  return BackupDirectory.open(disk);
}

async function rowsOf(trial: Trial): Promise<unknown> {
  return trial.checksum(trial.storage);
}

function directoryFiles({disk}: BackupDirectory): string[] {
  return (disk as MemoryDisk).files().filter((file) => file.startsWith('files/'));
}
