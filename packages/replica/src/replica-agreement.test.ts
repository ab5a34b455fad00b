// Replicas of one set agree: given one log, whatever each of them flushed, compacted, lost in a crash or
// got by a snapshot in the middle, their answers to each entry, their rows to the last bit, their series
// ids, the fates of their tables and what they have seen of retries are the same.

import {
  type ColumnId,
  type ReplicaId,
  type ReplicaSetId,
  SeededRandom,
  type SeriesId,
  type TableId,
} from '@flotilla/base';
import {
  type ColumnValues,
  encodeSeriesKey,
  encodeShare,
  type FieldType,
  replaceSeriesKeys,
  type ShareTable,
} from '@flotilla/column';
import type {DurablePoint} from '@flotilla/multiraft';
import {Manifest, ReplicaStorage} from '@flotilla/storage';
import {MemoryDisk, MemoryManifestStore} from '@flotilla/testkit';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {encodeControl, encodeDelete, encodeWrite} from './command.ts';
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
const TABLES = [1, 2] as TableId[];
const TYPES: readonly FieldType[] = ['float', 'integer', 'unsigned', 'boolean', 'string'];
const FIELDS = TYPES.map((type, i) => ({column: (10 + i) as ColumnId, type}));

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

interface Row {
  readonly table: number;
  readonly host: number;
  readonly offset: number;
  /** By field; undefined: not written. 64 bits of any kind. */
  readonly bits: readonly (bigint | undefined)[];
}

type Entry =
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

type Step =
  | {readonly type: 'propose'; readonly by: number; readonly entry: Entry}
  | {readonly type: 'apply'; readonly replica: number; readonly count: number}
  | {readonly type: 'flush'; readonly replica: number; readonly isAwaited: boolean}
  | {readonly type: 'compact' | 'crash' | 'replace'; readonly replica: number};

const FLOATS = new Float64Array(1);
const FLOAT_BITS = new BigUint64Array(FLOATS.buffer);

function valuesOf(type: FieldType, bits: readonly bigint[]): ColumnValues {
  switch (type) {
    case 'float':
      return {type, values: new Float64Array(BigUint64Array.from(bits).buffer)};
    case 'integer': {
      const wide = BigInt64Array.from(bits, (each) => BigInt.asIntN(64, each));
      const values = Float64Array.from(wide, Number);
      return values.every(Number.isSafeInteger) ? {type, values} : {type, values, wide};
    }
    case 'unsigned': {
      const wide = BigUint64Array.from(bits);
      const values = Float64Array.from(wide, Number);
      return values.every(Number.isSafeInteger) ? {type, values} : {type, values, wide};
    }
    case 'boolean':
      return {type, values: Uint8Array.from(bits, (each) => Number(each & 1n))};
    case 'string': {
      const texts = bits.map((each) => Buffer.from(each.toString(36)));
      let end = 0;
      const ends = Uint32Array.from(texts, (text) => (end += text.length));
      return {type, ends, bytes: new Uint8Array(Buffer.concat(texts))};
    }
  }
}

function textAt(values: ColumnValues, row: number): string {
  switch (values.type) {
    case 'float':
      FLOATS[0] = values.values[row]!;
      return `f${FLOAT_BITS[0]!.toString(16)}`;
    case 'boolean':
      return values.values[row] === 1 ? 'true' : 'false';
    case 'string': {
      const start = row === 0 ? 0 : values.ends[row - 1]!;
      return `"${Buffer.from(values.bytes.subarray(start, values.ends[row])).toString()}"`;
    }
    default:
      return String(values.wide?.[row] ?? values.values[row]);
  }
}

function tableOf(table: number, rows: readonly Row[]): ShareTable {
  const hosts = [...new Set(rows.map(({host}) => host))];
  const columns = FIELDS.flatMap(({column, type}, field) => {
    const at = rows.flatMap(({bits}, row) => (bits[field] === undefined ? [] : [row]));
    if (at.length === 0) return [];
    const values = valuesOf(
      type,
      at.map((row) => rows[row]!.bits[field]!),
    );
    const isFull = at.length === rows.length;
    return [{column, count: at.length, rows: isFull ? undefined : Int32Array.from(at), values}];
  });
  return {
    table: table as TableId,
    rowCount: rows.length,
    series: hosts.map((host) =>
      encodeSeriesKey(table as TableId, [{column: 1 as ColumnId, value: `h${host}`}]),
    ),
    seriesOfRow: Int32Array.from(rows, ({host}) => hosts.indexOf(host)),
    offsets: Float64Array.from(rows, ({offset}) => offset),
    columns,
  };
}

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
  #id = 0;
  #crashes = 0;
  #life = new Life();
  machine!: ReplicaMachine;
  appliedIndex = 0;
  budget = new MemtableBudget(1e9);

  constructor(log: Log) {
    this.#log = log;
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
      slices: {due: () => new Promise((resolve) => setImmediate(resolve))},
    });
    this.budget = new MemtableBudget(1e9);
    // Small, so that flushes begin by themselves as well.
    const limits = {memtableBytes: 4_000, memtableBytesMax: 1e9, memtables: this.budget};
    const onFault = (error: unknown): void => {
      throw error;
    };
    this.machine = new ReplicaMachine(storage, founding, limits, {onFault});
    this.appliedIndex = this.machine.durablePoint().index;
  }

  apply(count: number): void {
    const end = Math.min(this.#log.lastIndex, this.appliedIndex + count);
    while (this.appliedIndex < end) {
      const index = this.appliedIndex + 1;
      const entry = this.#log.at(index);
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

class Trial {
  readonly log = new Log();
  readonly replicas = [new Replica(this.log), new Replica(this.log), new Replica(this.log)];
  #ids = 0;

  async run(steps: readonly Step[]): Promise<void> {
    for (const replica of this.replicas) await replica.open(++this.#ids, FOUNDING);
    for (const step of steps) await this.#step(step);
    const texts: unknown[] = [];
    for (const replica of this.replicas) {
      replica.apply(this.log.entries.length);
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
      replica.apply(this.log.entries.length);
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
        return replica.machine.compactAll();
      case 'crash':
        return replica.crash();
      case 'replace': {
        const donor = this.replicas[(step.replica + 1) % this.replicas.length]!;
        return replica.replaceBy(++this.#ids, donor);
      }
    }
  }

  /** As the leader that `by` is: what it has applied of series goes by number. */
  #propose(entry: Entry, by: Replica): void {
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
    const compact = replaceSeriesKeys(share, (_table, key): SeriesId | undefined =>
      by.machine.storage.seriesId(key),
    );
    this.log.entries.push({type: 'normal', payload: encodeWrite(compact)});
  }
}

const SPECIAL_BITS = [
  0x8000000000000000n, // -0, and the least i64
  0x7ff8000000000001n, // NaN with a payload
  0x7ff0000000000000n, // Infinity
  0x0000000000000001n, // the least subnormal
  0x0020000000000001n, // 2^53 + 1
  0xffe0000000000000n, // -2^53
  0xffffffffffffffffn, // -1, the largest u64
];
const bits = fc.oneof(
  fc.bigInt({min: 0n, max: 2n ** 64n - 1n}),
  fc.constantFrom(...SPECIAL_BITS),
  fc.bigInt({min: 0n, max: 50n}),
);
// Times to the nanosecond over a bucket of 90 days, and a few that are hit again and again.
const offset = fc.oneof(
  fc.integer({min: 0, max: 7}).map((step) => step * 1e9),
  fc.integer({min: 0, max: 90 * 86_400e9 - 1}),
);
const row: fc.Arbitrary<Row> = fc.record({
  table: fc.integer({min: 1, max: 2}),
  host: fc.nat({max: 5}),
  offset,
  bits: fc.tuple(...TYPES.map(() => fc.option(bits, {nil: undefined}))),
});
const entry: fc.Arbitrary<Entry> = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({
      type: fc.constant('write' as const),
      router: fc.nat({max: 1}),
      sequence: fc.nat({max: 30}),
      key: fc.option(fc.constantFrom('a', 'b', 'c'), {nil: undefined, freq: 5}),
      rows: fc.array(row, {minLength: 1, maxLength: 6}),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('delete' as const),
      router: fc.nat({max: 1}),
      sequence: fc.nat({max: 30}),
      deletion: fc.record({
        table: fc.integer({min: 1, max: 2}),
        startOffset: offset,
        endOffset: offset,
        hosts: fc.option(fc.array(fc.nat({max: 6}), {maxLength: 3}), {nil: undefined}),
      }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constantFrom('drop-table' as const, 'recover-table' as const),
      table: fc.integer({min: 1, max: 2}),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({type: fc.constant('purge-table' as const), table: fc.constant(2)}),
  },
  {weight: 1, arbitrary: fc.constant({type: 'noop' as const})},
  {
    weight: 1,
    arbitrary: fc.record({type: fc.constant('configuration' as const), voter: fc.nat({max: 9})}),
  },
);
const replica = fc.nat({max: 2});
const step: fc.Arbitrary<Step> = fc.oneof(
  {weight: 10, arbitrary: fc.record({type: fc.constant('propose' as const), by: replica, entry})},
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constant('apply' as const),
      replica,
      count: fc.integer({min: 1, max: 8}),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('flush' as const),
      replica,
      isAwaited: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constantFrom('compact' as const, 'crash' as const, 'replace' as const),
      replica,
    }),
  },
);

test('replicas agree to the last bit, whatever each of them flushed, lost or got by a snapshot', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, {maxLength: 60, size: 'max'}), (steps) =>
      new Trial().run(steps),
    ),
    {numRuns: Number(process.env['FUZZ_RUNS'] ?? 80)},
  );
}, 600_000);
