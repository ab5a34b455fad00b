// Three replicas of one set and their log: what each of them does is said step by step, and at the end
// they must agree.

import {
  type ColumnId,
  type ReplicaId,
  type ReplicaSetId,
  SeededRandom,
  type SeriesId,
  type TableId,
  type WorkSlices,
} from '@flotilla/base';
import {encodeShare, replaceSeriesKeys} from '@flotilla/column';
import type {DurablePoint} from '@flotilla/multiraft';
import {Manifest, ReplicaStorage} from '@flotilla/storage';
import {MemoryDisk, MemoryManifestStore} from '@flotilla/testkit';
import {expect} from 'vitest';
import {FIELDS, type Row, TABLES, tableOf, textAt} from './agreement-rows.fixture.ts';
import {encodeControl, encodeDelete, encodeWrite} from './command.ts';
import {IndexBudget} from './index-budget.ts';
import {MemtableBudget} from './memtable-budget.ts';
import {ReplicaMachine} from './replica-machine.ts';

const configuration = (voter: number): DurablePoint['configuration'] => ({
  voters: [voter as ReplicaId],
  votersOutgoing: [],
  learners: [],
  learnersNext: [],
  autoLeave: false,
});
const FOUNDING: DurablePoint = {index: 5, term: 5, configuration: configuration(1)};

/** Calls of a process that has died neither act nor answer. */
class Life {
  isOver = false;

  guard<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (object, name) => {
        const member = Reflect.get(object, name) as unknown;
        if (typeof member !== 'function') return member;
        return async (...args: unknown[]) => {
          if (this.isOver) return new Promise(() => {});
          const call = Promise.resolve(Reflect.apply(member, object, args));
          const result: unknown = await call.catch((error: unknown) => {
            if (this.isOver) return new Promise(() => {});
            throw error;
          });
          if (this.isOver) return new Promise(() => {});
          return name === 'open' ? this.guard(result as object) : result;
        };
      },
    });
  }
}

export type Entry =
  | {
      readonly type: 'write';
      readonly router: number;
      readonly sequence: number;
      readonly key: string | undefined;
      readonly rows: readonly Row[];
    }
  | {readonly type: 'drop-table' | 'recover-table' | 'purge-table'; readonly table: number}
  | {
      readonly type: 'delete';
      readonly router: number;
      readonly sequence: number;
      readonly deletion: {
        readonly table: number;
        readonly startOffset: number;
        readonly endOffset: number;
        readonly hosts: readonly number[] | undefined;
      };
    }
  | {readonly type: 'noop'}
  | {readonly type: 'configuration'; readonly voter: number};

export type Step =
  | {readonly type: 'propose'; readonly by: number; readonly entry: Entry}
  | {readonly type: 'apply'; readonly replica: number; readonly count: number}
  | {readonly type: 'flush'; readonly replica: number; readonly isAwaited: boolean}
  | {readonly type: 'compact' | 'crash' | 'replace' | 'unload'; readonly replica: number};

type LogEntry =
  | {readonly type: 'normal'; readonly payload: Uint8Array}
  | {readonly type: 'noop'}
  | {readonly type: 'configuration'; readonly voter: number};

/** The log, and what the first replica that applied an entry answered. */
class Log {
  readonly entries: LogEntry[] = [];
  readonly #answers = new Map<number, unknown>();

  get lastIndex(): number {
    return FOUNDING.index + this.entries.length;
  }

  at(index: number): LogEntry {
    return this.entries[index - FOUNDING.index - 1]!;
  }

  answered(index: number, answer: unknown): void {
    if (this.#answers.has(index)) expect(answer).toEqual(this.#answers.get(index));
    else this.#answers.set(index, answer);
  }

  answer(index: number): unknown {
    return this.#answers.get(index);
  }
}

class Replica {
  readonly disk = new MemoryDisk();
  readonly #store = new MemoryManifestStore();
  readonly #log: Log;
  readonly #slices: WorkSlices;
  #id = 0;
  #crashes = 0;
  #life = new Life();
  machine!: ReplicaMachine;
  appliedIndex = 0;
  budget = new MemtableBudget(1e9);
  #indexes = new IndexBudget();

  constructor(log: Log, slices: WorkSlices) {
    this.#log = log;
    this.#slices = slices;
  }

  async open(id: number, founding: DurablePoint): Promise<void> {
    this.#id = id;
    const storage = await ReplicaStorage.open({
      disk: this.#life.guard(this.disk),
      directory: `replicas/${id}`,
      manifest: await Manifest.open(this.#life.guard(this.#store)),
      set: 1 as ReplicaSetId,
      replica: id as ReplicaId,
      bucket: {startUnits: 1_767_227_400_000_000_000n, unitsPerSecond: 1e9},
      slices: this.#slices,
    });
    this.budget = new MemtableBudget(1e9);
    // Small, so that flushes begin by themselves as well.
    const indexes = new IndexBudget();
    this.#indexes = indexes;
    const limits = {memtableBytes: 4_000, memtableBytesMax: 1e9, memtables: this.budget, indexes};
    const onFault = (error: unknown): void => {
      throw error;
    };
    // Nothing is put off here but for a mistake of ours.
    const events = {onFault, onPutOff: onFault};
    this.machine = new ReplicaMachine(storage, founding, limits, events);
    this.appliedIndex = this.machine.durablePoint().index;
  }

  async apply(count: number): Promise<void> {
    const end = Math.min(this.#log.lastIndex, this.appliedIndex + count);
    while (this.appliedIndex < end) {
      const index = this.appliedIndex + 1;
      const entry = this.#log.at(index);
      // As a host does, which asks again until it may.
      while (entry.type === 'normal' && !this.machine.canApply(entry.payload))
        await this.machine.load();
      if (entry.type === 'noop') this.machine.applyNothing(index, 5);
      else if (entry.type === 'configuration')
        this.machine.applyConfiguration(index, 5, configuration(entry.voter));
      else this.#log.answered(index, this.machine.apply(index, 5, entry.payload).value);
      this.appliedIndex = index;
      this.machine.afterApply();
      // A flush that has just let go of its rows is about to say so.
      expect(this.budget.bytes).toBeGreaterThanOrEqual(this.machine.memtableBytes);
    }
  }

  /** Work of before may be at it still: then it stays. */
  async unload(): Promise<void> {
    const isUnloaded = await this.machine.unload();
    const {seriesCount} = this.machine.storage;
    if (isUnloaded) expect([this.machine.loadedBytes, this.#indexes.bytes]).toEqual([0, 0]);
    if (isUnloaded && seriesCount > 0) expect(this.machine.isLoaded).toBe(false);
  }

  async crash(): Promise<void> {
    this.#life.isOver = true;
    this.#life = new Life();
    this.#crashes += 1;
    this.disk.crash(this.#crashes % 2 === 0 ? new SeededRandom(this.#crashes) : undefined);
    await this.open(this.#id, FOUNDING);
  }

  /** This replica ends; another takes its place from a snapshot of `donor`. */
  async replaceBy(id: number, donor: Replica): Promise<void> {
    const snapshot = await donor.machine.snapshot();
    const directory = `staging/${id}`;
    await this.disk.makeDirectory(directory);
    for (const file of snapshot.files) {
      const copy = await this.disk.open(`${directory}/${file.name}`, 'create');
      await copy.writeAt(0, [await file.read(0, file.bytes)]);
      await copy.sync();
      await copy.close();
    }
    snapshot.release();
    await this.machine.destroy();
    expect(this.budget.bytes).toBe(0);
    await this.open(id, {index: 0, term: 0, configuration: configuration(1)});
    const fileNames = snapshot.files.map(({name}) => name);
    await this.machine.install({directory, fileNames, point: snapshot.point});
    this.appliedIndex = snapshot.point.index;
  }

  /** All that replicas must agree on, as text. */
  async canonical(): Promise<unknown> {
    await this.machine.flush();
    expect(this.budget.bytes).toBe(0);
    await this.machine.load();
    const {storage} = this.machine;
    const tables = [];
    for (const table of TABLES) tables.push(await this.#rows(table));
    return {
      point: this.machine.durablePoint(),
      seen: Buffer.from(storage.durableExtra()).toString(),
      fates: TABLES.map((table) => storage.fateOf(table)),
      seriesCount: storage.seriesCount,
      tables,
    };
  }

  async #rows(table: TableId): Promise<string[]> {
    const spec = {table, startOffset: 0, endOffset: 2 ** 53, tags: undefined, fields: FIELDS};
    const scan = this.machine.scan(spec);
    const lines: string[] = [];
    for (let chunks = await scan.next(); chunks !== undefined; chunks = await scan.next())
      for (const {series, rowCount, offsets, columns} of chunks)
        for (let row = 0; row < rowCount; row++) {
          const texts = columns.map((column) =>
            column === undefined || column.present?.[row] === 0 ? '' : textAt(column.values, row),
          );
          lines.push(
            `${series} ${keyText(scan.seriesKey(series))} ${offsets[row]} ${texts.join()}`,
          );
        }
    scan.close();
    return lines;
  }
}

const keyText = (key: Uint8Array): string => Buffer.from(key).toString('hex');

function deletePayload({router, sequence, deletion}: Extract<Entry, {type: 'delete'}>): Uint8Array {
  const {table, startOffset, endOffset, hosts} = deletion;
  const values = hosts?.map((host) => `h${host}`);
  const tags = values && ({op: 'in', column: 1 as ColumnId, values} as const);
  return encodeDelete({
    router: {incarnation: router, sequence},
    deletion: {table: table as TableId, startOffset, endOffset, tags},
  });
}

export class Trial {
  readonly log = new Log();
  readonly replicas: readonly Replica[];
  #ids = 0;

  constructor(slices: WorkSlices) {
    this.replicas = [1, 2, 3].map(() => new Replica(this.log, slices));
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const replica of this.replicas) await replica.open(++this.#ids, FOUNDING);
    for (const step of steps) await this.#step(step);
    const texts: unknown[] = [];
    for (const replica of this.replicas) {
      await replica.apply(this.log.entries.length);
      texts.push(await replica.canonical());
    }
    const last = this.log.entries.findLast((entry) => entry.type === 'configuration');
    const point = {
      index: this.log.lastIndex,
      term: 5,
      configuration: configuration(last?.voter ?? 1),
    };
    expect(texts[0]).toMatchObject({point});
    expect(texts[1]).toEqual(texts[0]);
    expect(texts[2]).toEqual(texts[0]);
    // And once more as each of them is after a restart and with all its parts in one.
    for (const replica of this.replicas) {
      await replica.crash();
      await replica.apply(this.log.entries.length);
      await replica.machine.compactAll();
      expect(await replica.canonical()).toEqual(texts[0]);
      await replica.machine.close();
    }
  }

  async #step(step: Step): Promise<void> {
    if (step.type === 'propose') return this.#propose(step.entry, this.replicas[step.by]!);
    const replica = this.replicas[step.replica]!;
    switch (step.type) {
      case 'apply':
        return replica.apply(step.count);
      case 'flush': {
        const flush = replica.machine.flush();
        return step.isAwaited ? flush : undefined;
      }
      case 'compact':
        await replica.machine.compactAll();
        return;
      case 'crash':
        return replica.crash();
      case 'unload':
        return replica.unload();
      case 'replace': {
        const donor = this.replicas[(step.replica + 1) % this.replicas.length]!;
        return replica.replaceBy(++this.#ids, donor);
      }
    }
  }

  /** As the leader that `by` is: what it has applied of series goes by number. */
  async #propose(entry: Entry, by: Replica): Promise<void> {
    if (entry.type === 'noop' || entry.type === 'configuration') {
      this.log.entries.push(entry);
      return;
    }
    if (entry.type === 'delete') {
      this.log.entries.push({type: 'normal', payload: deletePayload(entry)});
      return;
    }
    if (entry.type !== 'write') {
      const control = {type: entry.type, table: entry.table as TableId};
      this.log.entries.push({type: 'normal', payload: encodeControl(control)});
      return;
    }
    const {router, sequence, key: idempotencyKey, rows} = entry;
    const tables = [...new Set(rows.map(({table}) => table))].map((table) =>
      tableOf(
        table,
        rows.filter((row) => row.table === table),
      ),
    );
    const share = encodeShare({router: {incarnation: router, sequence}, idempotencyKey, tables});
    await by.machine.load();
    const compact = replaceSeriesKeys(share, (_table, key): SeriesId | undefined =>
      by.machine.storage.seriesId(key),
    );
    this.log.entries.push({type: 'normal', payload: encodeWrite(compact)});
  }
}
