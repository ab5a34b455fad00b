// One replica, its model and its log side by side, over a disk whose calls may end at any moment. A crash
// loses whatever was not durable; then the log is applied again from behind the durable point, as
// multiraft does.

import {type ReplicaId, type ReplicaSetId, SeededRandom, type TableId} from '@flotilla/base';
import type {TableScan} from '@flotilla/column';
import {drainReactions, MemoryDisk, MemoryManifestStore} from '@flotilla/testkit';
import {expect} from 'vitest';
import {linesWithBlocks} from './block-lines.fixture.ts';
import {Manifest} from './manifest.ts';
import type {PartVersion} from './part-format.ts';
import {
  EVERYTHING,
  linesOf,
  Model,
  type Point,
  type Query,
  shareOf,
  specOf,
} from './replica-model.fixture.ts';
import {ReplicaStorage, type StorageOptions} from './replica-storage.ts';
import type {StagedFiles} from './snapshot.ts';

/** A process: once it is dead, none of its calls does anything or answers any more. */
export class Life {
  isOver = false;
  /** Calls left until it dies by itself. */
  callsLeft = Number.POSITIVE_INFINITY;

  guard<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (object, name) => {
        const member = Reflect.get(object, name) as unknown;
        if (typeof member !== 'function') return member;
        return async (...args: unknown[]) => {
          if (this.callsLeft-- <= 0) this.isOver = true;
          if (this.isOver) return new Promise(() => {});
          const result: unknown = await Reflect.apply(member, object, args);
          if (this.isOver) return new Promise(() => {});
          return name === 'open' ? this.guard(result as object) : result;
        };
      },
    });
  }
}

/** What opens a replica: this build's storage, or another's. */
export interface StorageBuild {
  readonly ReplicaStorage: Pick<typeof ReplicaStorage, 'open'>;
  readonly Manifest: Pick<typeof Manifest, 'open'>;
}

const OWN: StorageBuild = {ReplicaStorage, Manifest};

class StorageFixture {
  readonly disk = new MemoryDisk();
  readonly store = new MemoryManifestStore();
  /** Of the parts, in turn. */
  readonly #partVersions: readonly PartVersion[];
  /** Asked at each opening. */
  readonly #build: () => StorageBuild;
  #parts = 0;
  life = new Life();
  #crashes = 0;

  constructor(partVersions: readonly PartVersion[], build = (): StorageBuild => OWN) {
    this.#partVersions = partVersions;
    this.#build = build;
  }

  /** Loaded: most tests have nothing to do with that. */
  async open(replica: number, more: Partial<StorageOptions> = {}): Promise<ReplicaStorage> {
    const storage = await this.openUnloaded(replica, more);
    await storage.load();
    return storage;
  }

  async openUnloaded(replica: number, more: Partial<StorageOptions> = {}): Promise<ReplicaStorage> {
    const build = this.#build();
    return build.ReplicaStorage.open({
      disk: this.life.guard(this.disk),
      directory: `replicas/1-${replica}`,
      manifest: await build.Manifest.open(this.life.guard(this.store)),
      set: 1 as ReplicaSetId,
      replica: replica as ReplicaId,
      // 2026-01-01T00:30:00Z: not at midnight, so that the phase of blocks is put to the test.
      bucket: {startUnits: 1_767_227_400_000n, unitsPerSecond: 1_000},
      slices: {due: drainReactions},
      partVersion: () => this.#partVersions[this.#parts++ % this.#partVersions.length]!,
      ...more,
    });
  }

  crash(): void {
    this.life.isOver = true;
    this.life = new Life();
    this.#crashes += 1;
    // Every other time some sectors that were never synced survive.
    this.disk.crash(this.#crashes % 2 === 0 ? new SeededRandom(this.#crashes) : undefined);
  }
}

export type Command =
  | {readonly type: 'write'; readonly points: readonly Point[]}
  | {readonly type: 'flush'; readonly isAwaited: boolean}
  | {readonly type: 'compact'; readonly isAll: boolean}
  | {readonly type: 'crash'}
  /** At that call to disk or manifest, or after all of it. */
  | {readonly type: 'die'; readonly calls: number; readonly during: 'flush' | 'compact' | 'move'}
  /** In order: closed, and opened again. */
  | {readonly type: 'restart'}
  | {readonly type: 'drop' | 'recover' | 'purge'; readonly table: number}
  | {readonly type: 'delete'; readonly query: Query}
  | {readonly type: 'move'}
  /** Kept for a restore, which comes after whatever else there is. */
  | {readonly type: 'snapshot'}
  | {readonly type: 'restore'}
  /** A scan begins, and is read beside or behind what comes next. */
  | {readonly type: 'hold'; readonly query: Query}
  | {readonly type: 'read'}
  | {readonly type: 'unload'; readonly isFlushed: boolean}
  /** Also from an earlier time on than before: what was hidden is there again. */
  | {readonly type: 'expire'; readonly before: number}
  | {readonly type: 'check'; readonly query: Query};

/** Of a build that brings nothing back that has expired. */
function isBefore(storage: object): storage is {setExpiredBefore(offset: number): void} {
  return 'setExpiredBefore' in storage;
}

/** Storage, model and log side by side. */
export class Trial {
  readonly fixture: StorageFixture;
  readonly model = new Model();
  readonly log: ((storage: ReplicaStorage, index: number) => void)[] = [];
  storage!: ReplicaStorage;
  replica = 1;
  #staged: StagedFiles | undefined;
  #held: {readonly scan: TableScan; readonly want: readonly string[]} | undefined;

  constructor(partVersions: readonly PartVersion[] = [1], build?: () => StorageBuild) {
    this.fixture = new StorageFixture(partVersions, build);
  }

  async run(commands: readonly Command[]): Promise<void> {
    this.storage = await this.fixture.open(this.replica);
    for (const command of commands) await this.step(command);
    for (const query of EVERYTHING) await this.check(query);
    await this.read();
    await this.step({type: 'crash'});
    for (const query of EVERYTHING) await this.check(query);
    await this.checkAgreement();
    await this.storage.close();
  }

  async step(command: Command): Promise<void> {
    switch (command.type) {
      case 'write':
        await this.storage.load();
        return this.write(command.points);
      case 'flush': {
        const flush = this.storage.flush(this.point());
        return command.isAwaited ? flush : undefined;
      }
      case 'compact':
        await this.storage.load();
        await (command.isAll ? this.storage.compactAll() : this.storage.compact());
        return;
      case 'crash':
        return this.crash();
      case 'die':
        return this.die(command);
      case 'restart':
        return this.restart();
      case 'snapshot':
        return this.stage();
      case 'restore':
        return this.restore();
      case 'hold':
        return this.hold(command.query);
      case 'read':
        return this.read();
      case 'drop':
      case 'recover':
      case 'purge':
        return this.changeTable(command.type, command.table);
      case 'delete':
        await this.storage.load();
        return this.delete(command.query);
      case 'move':
        return this.move();
      case 'unload':
        return this.unload(command.isFlushed);
      case 'expire':
        this.model.expiredBefore = command.before;
        this.hideExpired();
        return;
      case 'check':
        return this.check(command.query);
    }
  }

  point() {
    const index = this.log.length;
    const extra = Uint8Array.of(index % 256);
    return {index, term: 1, configuration: {voters: [1]}, extra};
  }

  write(points: readonly Point[]): void {
    const share = shareOf(points, this.storage);
    const isApplied = this.model.write(points);
    let first = true;
    this.append((storage, index) => {
      const result = storage.applyWrite(index, share);
      if (first) expect(result.status).toBe(isApplied ? 'applied' : 'rejected');
      first = false;
    });
  }

  delete(query: Query): void {
    const isApplied = this.model.delete(query);
    this.append((storage, index) => {
      const result = storage.applyDelete(index, specOf(query));
      expect(result.status).toBe(isApplied ? 'applied' : 'rejected');
    });
  }

  append(entry: (storage: ReplicaStorage, index: number) => void): void {
    this.log.push(entry);
    entry(this.storage, this.log.length);
  }

  changeTable(type: 'drop' | 'recover' | 'purge', table: number): void {
    if (type === 'drop') this.append((storage, i) => storage.applyDropTable(i, table as TableId));
    if (type === 'recover')
      this.append((storage, i) => storage.applyRecoverTable(i, table as TableId));
    if (type === 'purge') this.append((storage, i) => storage.applyPurgeTable(i, table as TableId));
    if (type === 'drop') this.model.dropped.add(table);
    if (type === 'recover') this.model.dropped.delete(table);
    if (type === 'purge') this.model.purged.add(table);
  }

  /** What comes next loads it again, or needs nothing of what is gone. */
  async unload(isFlushed: boolean): Promise<void> {
    const {seriesCount} = this.storage;
    if (isFlushed) await this.storage.flush(this.point());
    const isUnloaded = this.storage.unload();
    if (isFlushed) expect(isUnloaded).toBe(true);
    if (isUnloaded) expect(this.storage.indexBytes()).toBe(0);
    expect(this.storage.seriesCount).toBe(seriesCount);
  }

  async crash(): Promise<void> {
    this.#held = undefined;
    this.fixture.crash();
    this.storage = await this.fixture.open(this.replica);
    this.replay();
  }

  replay(): void {
    const durable = this.storage.durablePoint()?.index ?? 0;
    if (durable > 0) expect(this.storage.durableExtra()).toEqual(Uint8Array.of(durable % 256));
    for (let index = durable + 1; index <= this.log.length; index++)
      this.log[index - 1]!(this.storage, index);
    this.hideExpired();
  }

  hideExpired(): void {
    const {
      storage,
      model: {expiredBefore},
    } = this;
    if (isBefore(storage)) storage.setExpiredBefore(expiredBefore);
    else storage.hideExpired({beforeOffset: expiredBefore, catalogVersion: 1});
  }

  /** A new replica gets this one's snapshot; then the old one is destroyed. */
  async move(): Promise<void> {
    await this.stage();
    await this.restore();
  }

  async stage(): Promise<void> {
    const {disk} = this.fixture;
    const snapshot = await this.storage.snapshot(this.point());
    const directory = `staging/${this.log.length}`;
    // A crash may have left another of the same entry.
    await disk.remove(directory);
    await disk.makeDirectory(directory);
    for (const file of snapshot.files) {
      const copy = await disk.open(`${directory}/${file.name}`, 'create');
      const middle = file.bytes >> 1;
      await copy.writeAt(0, [
        await file.read(0, middle),
        await file.read(middle, file.bytes - middle),
      ]);
      await copy.sync();
      await copy.close();
    }
    for (const path of [directory, 'staging', '']) await disk.syncDirectory(path);
    snapshot.release();
    const fileNames = snapshot.files.map(({name}) => name);
    this.#staged = {directory, fileNames, point: snapshot.point};
  }

  /** From the last snapshot, however old: the log has what came since. It may be restored again. */
  async restore(): Promise<void> {
    const staged = this.#staged;
    if (staged === undefined) return;
    await this.storage.destroy();
    this.replica += 1;
    this.storage = await this.fixture.open(this.replica);
    await this.storage.install(staged);
    this.replay();
  }

  async restart(): Promise<void> {
    await this.read();
    await this.storage.close();
    this.storage = await this.fixture.open(this.replica);
    this.replay();
  }

  async die({calls, during}: Extract<Command, {type: 'die'}>): Promise<void> {
    const {life} = this.fixture;
    life.callsLeft = calls;
    const work = {
      flush: () => this.step({type: 'flush', isAwaited: true}),
      compact: () => this.step({type: 'compact', isAll: true}),
      move: () => this.move(),
    }[during];
    await Promise.race([work(), dead(life)]);
    await this.crash();
  }

  async hold(query: Query): Promise<void> {
    await this.read();
    await this.storage.load();
    this.#held = {scan: this.storage.scan(specOf(query)), want: this.model.scan(query)};
  }

  /** What it sees is what there was when it began. */
  async read(): Promise<void> {
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) expect(await linesOf(held.scan)).toEqual(held.want);
  }

  /** A replica that did nothing but apply the log has the same checksum. */
  async checkAgreement(): Promise<void> {
    const other = await new StorageFixture([1]).open(1);
    for (const [i, entry] of this.log.entries()) entry(other, i + 1);
    expect(await this.checksum(this.storage)).toEqual(await this.checksum(other));
    await other.close();
  }

  async checksum(storage: ReplicaStorage) {
    await storage.load();
    return storage.checksum((await storage.flushAndPin(this.point()))!);
  }

  async check(query: Query): Promise<void> {
    const want = this.model.scan(query);
    await this.storage.load();
    expect(await linesOf(this.storage.scan(specOf(query)))).toEqual(want);
    const scan = this.storage.scan(specOf(query));
    // Of a build that has no such thing.
    if (scan.withBlocks === undefined) scan.close();
    else {
      const have = await linesWithBlocks(scan, {model: this.model, query});
      // To compare long lists once more line by line takes longer than all the rest.
      if (have.join('\n') !== want.join('\n')) expect(have).toEqual(want);
    }
  }
}

export async function dead(life: Life): Promise<false> {
  while (!life.isOver) await drainReactions();
  return false;
}
