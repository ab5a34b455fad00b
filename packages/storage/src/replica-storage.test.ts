// One replica against a plain model of it: random writes, flushes, compactions, crashes, dropped tables
// and snapshots, and after each the scans of both must agree. A crash loses whatever was not durable;
// then the log is applied again from behind the durable point, as multiraft does.

import {
  type ColumnId,
  FatalError,
  type ReplicaId,
  type ReplicaSetId,
  SeededRandom,
  type TableId,
} from '@flotilla/base';
import {
  type ColumnValues,
  decodeSeriesKey,
  encodeSeriesKey,
  type FieldType,
  type ScanSpec,
  type Share,
  type TableScan,
  type TagPredicate,
} from '@flotilla/column';
import {MemoryDisk, MemoryManifestStore} from '@flotilla/testkit';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {Manifest} from './manifest.ts';
import {ReplicaStorage, type StorageOptions} from './replica-storage.ts';

/** Rows in memory; a commit is durable one turn after it was called. */
/** A process: once it is dead, none of its calls does anything or answers any more. */
class Life {
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

class StorageFixture {
  readonly disk = new MemoryDisk();
  readonly store = new MemoryManifestStore();
  life = new Life();
  #crashes = 0;

  async open(replica: number, more: Partial<StorageOptions> = {}): Promise<ReplicaStorage> {
    return ReplicaStorage.open({
      disk: this.life.guard(this.disk),
      directory: `replicas/1-${replica}`,
      manifest: await Manifest.open(this.life.guard(this.store)),
      set: 1 as ReplicaSetId,
      replica: replica as ReplicaId,
      // 2026-01-01T00:30:00Z: not at midnight, so that the phase of blocks is put to the test.
      bucket: {startUnits: 1_767_227_400_000n, unitsPerSecond: 1_000},
      pause: () => new Promise((resolve) => setImmediate(resolve)),
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

// The world of the model: two tables, two tags, one field of each type.
const TYPES: readonly FieldType[] = ['float', 'integer', 'unsigned', 'boolean', 'string'];
const HOST = 1 as ColumnId;
const REGION = 2 as ColumnId;
const FIRST_FIELD = 3;
const FIELDS = TYPES.map((type, i) => ({column: (FIRST_FIELD + i) as ColumnId, type}));

type Value = number | bigint | boolean | string;

interface Point {
  readonly table: number;
  readonly host: number;
  readonly region: number;
  readonly offset: number;
  readonly values: readonly (Value | undefined)[];
}

type Command =
  | {readonly type: 'write'; readonly points: readonly Point[]}
  | {readonly type: 'flush'; readonly isAwaited: boolean}
  | {readonly type: 'compact'; readonly isAll: boolean}
  | {readonly type: 'crash'}
  | {readonly type: 'drop' | 'recover' | 'purge'; readonly table: number}
  | {readonly type: 'delete'; readonly query: Query}
  | {readonly type: 'move'}
  | {readonly type: 'expire'; readonly before: number}
  | {readonly type: 'check'; readonly query: Query};

interface Query {
  readonly table: number;
  readonly start: number;
  readonly length: number;
  readonly fields: readonly number[];
  readonly tags: TagPredicate | undefined;
}

function tagsOf(point: {host: number; region: number}): {column: ColumnId; value: string}[] {
  const tags = [{column: HOST, value: `host_${point.host}`}];
  // Region 0 stands for a series without the tag.
  if (point.region > 0) tags.push({column: REGION, value: `r${point.region}`});
  return tags;
}

function keyOf(point: Point): Uint8Array {
  return encodeSeriesKey(point.table as TableId, tagsOf(point));
}

function packValues(type: FieldType, values: readonly Value[]): ColumnValues {
  switch (type) {
    case 'float':
      return {type, values: Float64Array.from(values as number[])};
    case 'integer': {
      const wide = BigInt64Array.from(values as bigint[]);
      const doubles = Float64Array.from(values as bigint[], Number);
      return doubles.some((each) => Math.abs(each) >= 2 ** 53)
        ? {type, values: doubles, wide}
        : {type, values: doubles};
    }
    case 'unsigned': {
      const wide = BigUint64Array.from(values as bigint[]);
      const doubles = Float64Array.from(values as bigint[], Number);
      return doubles.some((each) => each >= 2 ** 53)
        ? {type, values: doubles, wide}
        : {type, values: doubles};
    }
    case 'boolean':
      return {type, values: Uint8Array.from(values as boolean[], Number)};
    case 'string': {
      const texts = values.map((value) => Buffer.from(value as string));
      let end = 0;
      const ends = Uint32Array.from(texts, (text) => (end += text.length));
      return {type, ends, bytes: new Uint8Array(Buffer.concat(texts))};
    }
  }
}

function shareOf(points: readonly Point[], storage: ReplicaStorage): Share {
  const tables = [...new Set(points.map(({table}) => table))].map((table) => {
    const rows = points.filter((point) => point.table === table);
    const series: (Uint8Array | number)[] = [];
    const known = new Map<string, number>();
    const seriesOfRow = Int32Array.from(rows, (point) => {
      const key = keyOf(point);
      const text = Buffer.from(key).toString('hex');
      let at = known.get(text);
      if (at === undefined) {
        at = series.push(storage.seriesId(key) ?? key) - 1;
        known.set(text, at);
      }
      return at;
    });
    const columns = FIELDS.flatMap(({column, type}, field) => {
      const at = rows.flatMap(({values}, row) => (values[field] === undefined ? [] : [row]));
      if (at.length === 0) return [];
      const values = packValues(
        type,
        at.map((row) => rows[row]!.values[field]!),
      );
      const isDense = at.length === rows.length;
      return [{column, count: at.length, rows: isDense ? undefined : Int32Array.from(at), values}];
    });
    return {
      table: table as TableId,
      rowCount: rows.length,
      series,
      seriesOfRow,
      offsets: Float64Array.from(rows, ({offset}) => offset),
      columns,
    };
  });
  return {router: {incarnation: 1, sequence: 1}, tables};
}

type Row = Map<number, Value>;

/** What a reader may see, in plain maps. */
class Model {
  readonly tables = new Map<number, Map<string, {point: Point; rows: Map<number, Row>}>>();
  readonly dropped = new Set<number>();
  readonly purged = new Set<number>();
  expiredBefore = 0;

  write(points: readonly Point[]): boolean {
    if (points.some(({table}) => this.isDead(table))) return false;
    for (const point of points) {
      const table = this.tables.get(point.table) ?? new Map();
      this.tables.set(point.table, table);
      const key = Buffer.from(keyOf(point)).toString('hex');
      const series = table.get(key) ?? {point, rows: new Map()};
      table.set(key, series);
      const row: Row = series.rows.get(point.offset) ?? new Map();
      series.rows.set(point.offset, row);
      point.values.forEach((value, field) => {
        if (value !== undefined) row.set(field, value);
      });
    }
    return true;
  }

  isDead(table: number): boolean {
    return this.dropped.has(table) || this.purged.has(table);
  }

  delete({table, start, length, tags}: Query): boolean {
    if (this.isDead(table)) return false;
    for (const {point, rows} of this.tables.get(table)?.values() ?? []) {
      if (tags !== undefined && holds(tags, point) !== true) continue;
      for (const offset of [...rows.keys()])
        if (offset >= start && offset < start + length) rows.delete(offset);
    }
    return true;
  }

  scan(query: Query): string[] {
    if (this.isDead(query.table)) return [];
    const lines: string[] = [];
    for (const {point, rows} of this.tables.get(query.table)?.values() ?? []) {
      if (query.tags !== undefined && holds(query.tags, point) !== true) continue;
      for (const [offset, row] of rows) {
        if (offset < Math.max(query.start, this.expiredBefore)) continue;
        if (offset >= query.start + query.length) continue;
        lines.push(
          line(
            point,
            offset,
            query.fields.map((field) => row.get(field)),
          ),
        );
      }
    }
    return lines.sort();
  }
}

function line(
  point: {host: number; region: number},
  offset: number,
  values: readonly (Value | undefined)[],
): string {
  const texts = values.map((value) => (Object.is(value, -0) ? '-0' : String(value)));
  return `${point.host}/${point.region}@${String(offset).padStart(12, '0')} ${texts.join(' ')}`;
}

/** Three-valued, the slow way; undefined is unknown. */
function holds(predicate: TagPredicate, point: Point): boolean | undefined {
  switch (predicate.op) {
    case 'and':
    case 'or': {
      const truths = predicate.of.map((each) => holds(each, point));
      const decides = predicate.op === 'or';
      if (truths.includes(decides)) return decides;
      return truths.includes(undefined) ? undefined : !decides;
    }
    case 'not': {
      const truth = holds(predicate.of, point);
      return truth === undefined ? undefined : !truth;
    }
    case 'null':
      return tagOf(point, predicate.column) === undefined;
    default: {
      const value = tagOf(point, predicate.column);
      return value === undefined ? undefined : holdsFor(predicate, value);
    }
  }
}

function tagOf(point: Point, column: ColumnId): string | undefined {
  return tagsOf(point).find((tag) => tag.column === column)?.value;
}

function holdsFor(
  predicate: Extract<TagPredicate, {op: 'in' | 'compare' | 'match'}>,
  value: string,
): boolean {
  switch (predicate.op) {
    case 'in':
      return predicate.values.includes(value);
    case 'match':
      return new RegExp(predicate.pattern, predicate.ignoreCase ? 'i' : '').test(value);
    case 'compare': {
      const order = value < predicate.value ? -1 : value > predicate.value ? 1 : 0;
      return {'<': order < 0, '<=': order <= 0, '>': order > 0, '>=': order >= 0}[predicate.with];
    }
  }
}

function valueAt(values: ColumnValues, row: number): Value {
  switch (values.type) {
    case 'float':
      return values.values[row]!;
    case 'boolean':
      return values.values[row] === 1;
    case 'string': {
      const start = row === 0 ? 0 : values.ends[row - 1]!;
      return Buffer.from(values.bytes.subarray(start, values.ends[row]!)).toString();
    }
    default:
      return values.wide?.[row] ?? BigInt(values.values[row]!);
  }
}

/** All rows as lines; checks the contract of TableScan on the way. */
async function linesOf(scan: TableScan): Promise<string[]> {
  const lines: string[] = [];
  let series = -1;
  let offset = -1;
  for (let chunks = await scan.next(); chunks !== undefined; chunks = await scan.next()) {
    expect(chunks.length).toBeGreaterThan(0);
    for (const chunk of chunks) {
      expect(chunk.series).toBeGreaterThanOrEqual(series);
      if (chunk.series !== series) offset = -1;
      series = chunk.series;
      const host = Number(scan.tagValue(chunk.series, HOST)!.slice('host_'.length));
      const region = Number(scan.tagValue(chunk.series, REGION)?.slice(1) ?? 0);
      for (let row = 0; row < chunk.rowCount; row++) {
        expect(chunk.offsets[row]).toBeGreaterThan(offset);
        offset = chunk.offsets[row]!;
        const values = chunk.columns.map((column) =>
          column === undefined || column.present?.[row] === 0
            ? undefined
            : valueAt(column.values, row),
        );
        lines.push(line({host, region}, offset, values));
      }
    }
  }
  scan.close();
  return lines.sort();
}

function specOf(query: Query): ScanSpec {
  return {
    table: query.table as TableId,
    startOffset: query.start,
    endOffset: query.start + query.length,
    tags: query.tags,
    fields: query.fields.map((field) => FIELDS[field]!),
  };
}

const EVERYTHING: readonly Query[] = [1, 2].map((table) => ({
  table,
  start: 0,
  length: 2 ** 40,
  fields: [0, 1, 2, 3, 4],
  tags: undefined,
}));

/** Storage, model and log side by side. */
class Trial {
  readonly fixture = new StorageFixture();
  readonly model = new Model();
  readonly log: ((storage: ReplicaStorage, index: number) => void)[] = [];
  storage!: ReplicaStorage;
  replica = 1;

  async run(commands: readonly Command[]): Promise<void> {
    this.storage = await this.fixture.open(this.replica);
    for (const command of commands) await this.step(command);
    for (const query of EVERYTHING) await this.check(query);
    await this.step({type: 'crash'});
    for (const query of EVERYTHING) await this.check(query);
    await this.storage.close();
  }

  async step(command: Command): Promise<void> {
    switch (command.type) {
      case 'write':
        return this.write(command.points);
      case 'flush': {
        const flush = this.storage.flush(this.point());
        return command.isAwaited ? flush : undefined;
      }
      case 'compact':
        return command.isAll ? this.storage.compactAll() : void (await this.storage.compact());
      case 'crash':
        return this.crash();
      case 'drop':
      case 'recover':
      case 'purge':
        return this.changeTable(command.type, command.table);
      case 'delete':
        return this.delete(command.query);
      case 'move':
        return this.move();
      case 'expire':
        this.model.expiredBefore = Math.max(command.before, this.model.expiredBefore);
        this.storage.setExpiredBefore(this.model.expiredBefore);
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

  async crash(): Promise<void> {
    this.fixture.crash();
    this.storage = await this.fixture.open(this.replica);
    this.replay();
  }

  replay(): void {
    const durable = this.storage.durablePoint()?.index ?? 0;
    if (durable > 0) expect(this.storage.durableExtra()).toEqual(Uint8Array.of(durable % 256));
    for (let index = durable + 1; index <= this.log.length; index++)
      this.log[index - 1]!(this.storage, index);
    this.storage.setExpiredBefore(this.model.expiredBefore);
  }

  /** A new replica gets this one's snapshot; then the old one is destroyed. */
  async move(): Promise<void> {
    const {disk} = this.fixture;
    const snapshot = await this.storage.snapshot(this.point());
    const directory = `staging/${this.replica}`;
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
    snapshot.release();
    await this.storage.destroy();
    this.replica += 1;
    this.storage = await this.fixture.open(this.replica);
    const fileNames = snapshot.files.map(({name}) => name);
    await this.storage.install({directory, fileNames, point: snapshot.point});
    await disk.remove(directory);
    this.replay();
  }

  async check(query: Query): Promise<void> {
    const want = this.model.scan(query);
    expect(await linesOf(this.storage.scan(specOf(query)))).toEqual(want);
  }
}

const table = fc.integer({min: 1, max: 2});
// Steps of a second around three hours, so that duplicates, late rows and several bins are common.
const offset = fc.oneof(
  fc.integer({min: 0, max: 20}).map((step) => step * 1_000),
  fc.integer({min: 0, max: 10_800_000}),
);
const value: Record<FieldType, fc.Arbitrary<Value>> = {
  float: fc.oneof(
    fc.double(),
    fc.integer({min: 0, max: 999}).map((cents) => cents / 100),
  ),
  integer: fc.oneof(
    {arbitrary: fc.integer().map(BigInt), weight: 3},
    fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
  ),
  unsigned: fc.oneof({arbitrary: fc.nat().map(BigInt), weight: 3}, fc.bigInt(0n, 2n ** 64n - 1n)),
  boolean: fc.boolean(),
  string: fc.string({unit: 'binary', maxLength: 12}),
};
const point: fc.Arbitrary<Point> = fc.record({
  table,
  host: fc.integer({min: 0, max: 4}),
  region: fc.integer({min: 0, max: 2}),
  offset,
  values: fc.tuple(...TYPES.map((type) => fc.option(value[type], {nil: undefined}))),
});
const tagPredicate = fc.letrec<{any: TagPredicate}>((tie) => ({
  any: fc.oneof(
    {maxDepth: 2},
    fc.record({
      op: fc.constant('in' as const),
      column: fc.constantFrom(HOST, REGION, 9 as ColumnId),
      values: fc.array(fc.constantFrom('host_0', 'host_3', 'r1', 'x'), {maxLength: 3}),
    }),
    fc.record({
      op: fc.constant('compare' as const),
      column: fc.constantFrom(HOST, REGION),
      with: fc.constantFrom('<' as const, '<=' as const, '>' as const, '>=' as const),
      value: fc.constantFrom('host_2', 'r1', ''),
    }),
    fc.record({
      op: fc.constant('match' as const),
      column: fc.constantFrom(HOST, REGION),
      pattern: fc.constantFrom('[12]$', '^HOST', 'r'),
      ignoreCase: fc.boolean(),
    }),
    fc.record({op: fc.constant('null' as const), column: fc.constantFrom(HOST, REGION)}),
    fc.record({op: fc.constant('not' as const), of: tie('any')}),
    fc.record({
      op: fc.constantFrom('and' as const, 'or' as const),
      of: fc.array(tie('any'), {maxLength: 3}),
    }),
  ),
})).any;
const query: fc.Arbitrary<Query> = fc.record({
  table,
  start: offset,
  length: fc.integer({min: 0, max: 10_800_000}),
  fields: fc.uniqueArray(fc.integer({min: 0, max: 4})),
  tags: fc.option(tagPredicate, {nil: undefined}),
});
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constant('write' as const),
      points: fc.array(point, {minLength: 1, maxLength: 12}),
    }),
  },
  {weight: 4, arbitrary: fc.record({type: fc.constant('flush' as const), isAwaited: fc.boolean()})},
  {weight: 2, arbitrary: fc.record({type: fc.constant('compact' as const), isAll: fc.boolean()})},
  {weight: 2, arbitrary: fc.constant({type: 'crash' as const})},
  {
    weight: 1,
    arbitrary: fc.record({type: fc.constantFrom('drop' as const, 'recover' as const), table}),
  },
  {weight: 4, arbitrary: fc.record({type: fc.constant('check' as const), query})},
  {weight: 3, arbitrary: fc.record({type: fc.constant('delete' as const), query})},
  {weight: 1, arbitrary: fc.constant({type: 'move' as const})},
);
const rareCommand: fc.Arbitrary<Command> = fc.oneof(
  fc.record({type: fc.constant('purge' as const), table}),
  fc.record({type: fc.constant('expire' as const), before: offset}),
);

/** `count` rows of one series, `step` apart, with values that tell which write made them. */
function series(
  host: number,
  {start = 0, count, step}: {start?: number; count: number; step: number},
  mark: number,
  fields: readonly number[] = [0, 1, 4],
): Point[] {
  return Array.from({length: count}, (_, i) => ({
    table: 1,
    host,
    region: host % 3,
    offset: start + i * step,
    values: TYPES.map((type, field) => {
      if (!fields.includes(field)) return undefined;
      if (type === 'float') return mark + i / 4;
      return type === 'string' ? `text ${mark} ${i % 5}` : BigInt(mark * 1_000 + i);
    }),
  }));
}

const WHOLE_TABLE = EVERYTHING[0]!;

test('a long series of many stripes, with late and partial rows over it, reads as written', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  const flush = {type: 'flush', isAwaited: true} as const;
  for (let half = 0; half < 2; half++)
    trial.write(series(1, {start: half * 35_000_000, count: 35_000, step: 1_000}, half));
  await trial.step(flush);
  trial.write(series(1, {start: 500, count: 600, step: 90_000}, 7, [0]));
  trial.write(series(2, {count: 50, step: 3_000}, 8));
  await trial.step(flush);
  trial.write(series(1, {start: 30_000_000, count: 9_000, step: 1_000}, 9, [1]));
  await trial.check(WHOLE_TABLE);
  await trial.check({...WHOLE_TABLE, start: 29_999_500, length: 120_000, fields: [1, 0]});
  await trial.step(flush);
  await trial.check(WHOLE_TABLE);
  // The first and the last row of a part alone.
  await trial.check({...WHOLE_TABLE, start: 0, length: 1});
  await trial.check({...WHOLE_TABLE, start: 69_999_000, length: 1});
  await trial.step({type: 'compact', isAll: true});
  await trial.check(WHOLE_TABLE);
  expect(trial.storage.tables()).toEqual([
    {table: 1, rowCount: 70_650, seriesCount: 2, isDropped: false},
  ]);
  await trial.storage.close();
}, 60_000);

test('thousands of series with few rows each fill stripes by blocks', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  for (const [mark, hosts] of [
    [1, 3_000],
    [2, 1_500],
  ] as const) {
    const points = Array.from({length: hosts}, (_, host) =>
      series(host, {start: mark * 500, count: 2, step: 1_000}, mark),
    );
    trial.write(points.flat());
    await trial.step({type: 'flush', isAwaited: true});
  }
  await trial.check(WHOLE_TABLE);
  const tags = {op: 'in', column: HOST, values: ['host_7', 'host_2999', 'host_9999']} as const;
  await trial.check({...WHOLE_TABLE, tags});
  await trial.step({type: 'crash'});
  await trial.step({type: 'compact', isAll: true});
  await trial.check({...WHOLE_TABLE, tags});
  await trial.check(WHOLE_TABLE);
  await trial.storage.close();
}, 60_000);

test('writes and scans go on while a flush and a compaction run, and a scan keeps what it pinned', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  trial.write(series(1, {count: 3_000, step: 1_000}, 1));
  const wantBefore = trial.model.scan(WHOLE_TABLE);
  const before = trial.storage.scan(specOf(WHOLE_TABLE));
  const flush = trial.step({type: 'flush', isAwaited: true});
  trial.write(series(1, {start: 500, count: 3_000, step: 1_000}, 2));
  await trial.check(WHOLE_TABLE);
  await flush;
  const wantBetween = trial.model.scan(WHOLE_TABLE);
  const between = trial.storage.scan(specOf(WHOLE_TABLE));
  await trial.step({type: 'flush', isAwaited: true});
  const compaction = trial.step({type: 'compact', isAll: true});
  trial.write(series(1, {count: 3_000, step: 1_000}, 3, [1]));
  await compaction;
  await trial.check(WHOLE_TABLE);
  expect(await linesOf(between)).toEqual(wantBetween);
  expect(await linesOf(before)).toEqual(wantBefore);
  await trial.storage.close();
  // The parts that the scans pinned are gone with them.
  const names = (await trial.fixture.disk.list('replicas/1-1')).map(({name}) => name);
  expect(names.filter((name) => name.endsWith('.part'))).toHaveLength(1);
}, 60_000);

test('a part that is flushed while older ones are merged stays newer than they', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  for (const mark of [1, 2]) {
    trial.write(series(1, {count: 5_000, step: 1_000}, mark));
    await trial.step({type: 'flush', isAwaited: true});
  }
  const compaction = trial.step({type: 'compact', isAll: true});
  trial.write(series(1, {count: 50, step: 1_000}, 3));
  await trial.step({type: 'flush', isAwaited: true});
  await compaction;
  expect(trial.storage.tables()[0]!.rowCount).toBe(5_050);
  await trial.check(WHOLE_TABLE);
  await trial.step({type: 'crash'});
  await trial.check(WHOLE_TABLE);
  await trial.step({type: 'compact', isAll: true});
  await trial.check(WHOLE_TABLE);
  await trial.storage.close();
}, 60_000);

test('parts in the middle of the log are merged in their place', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  for (const [mark, count] of [10_000, 50, 50, 50, 50, 10_000].entries()) {
    trial.write(series(1, {start: mark * 7_000, count, step: 1_000}, mark));
    await trial.step({type: 'flush', isAwaited: true});
  }
  expect(await trial.storage.compact()).toBe(true);
  expect(trial.storage.needsCompaction()).toBe(false);
  await trial.check(WHOLE_TABLE);
  await trial.step({type: 'crash'});
  await trial.check(WHOLE_TABLE);
  await trial.storage.close();
}, 60_000);

const deleteOf = (table: number, start: number, length: number, host?: number): Query => ({
  table,
  start,
  length,
  fields: [],
  tags: host === undefined ? undefined : {op: 'in', column: HOST, values: [`host_${host}`]},
});

/** Dies at each call to disk or manifest in turn, until `work` gets through. */
async function dieAtEachCall(work: (trial: Trial) => Promise<void>): Promise<number> {
  for (let calls = 0; ; calls++) {
    const trial = new Trial();
    trial.storage = await trial.fixture.open(1);
    trial.write(series(1, {count: 40, step: 1_000}, 1));
    await trial.step({type: 'flush', isAwaited: true});
    trial.write(series(2, {count: 40, step: 500}, 2));
    await trial.step({type: 'flush', isAwaited: true});
    trial.write(series(1, {start: 3_000, count: 40, step: 500}, 3));
    const {life} = trial.fixture;
    life.callsLeft = calls;
    const done = await Promise.race([work(trial).then(() => true), dead(life)]);
    await trial.step({type: 'crash'});
    for (const query of EVERYTHING) await trial.check(query);
    await trial.storage.close();
    if (done) return calls;
  }
}

async function dead(life: Life): Promise<false> {
  while (!life.isOver) await new Promise((resolve) => setImmediate(resolve));
  return false;
}

test('a flush may die at any call: what was durable stays, the rest comes from the log', async () => {
  const calls = await dieAtEachCall((trial) => trial.storage.flush(trial.point()));
  expect(calls).toBeGreaterThan(8);
});

test('so may a compaction', async () => {
  const calls = await dieAtEachCall((trial) => trial.storage.compactAll());
  expect(calls).toBeGreaterThan(8);
});

test.each([
  ['some rows', deleteOf(1, 2_000, 4_000)],
  ['every row', deleteOf(1, 0, 2 ** 40)],
])('so may what carries out a delete of %s', async (_, query) => {
  const calls = await dieAtEachCall(async (trial) => {
    trial.delete(query);
    await trial.storage.flush(trial.point());
    trial.write(series(1, {start: 3_000, count: 2, step: 500}, 4));
    await trial.storage.compactAll();
    expect(trial.storage.tombstoneCount).toBe(0);
    await trial.storage.flush(trial.point());
  });
  expect(calls).toBeGreaterThan(16);
});

test('an install that dies leaves the old state or the new one', async () => {
  for (let calls = 0, isDone = false; !isDone; calls++) {
    const trial = new Trial();
    const {disk} = trial.fixture;
    trial.storage = await trial.fixture.open(1);
    trial.write(series(1, {count: 40, step: 1_000}, 1));
    const snapshot = await trial.storage.snapshot(trial.point());
    await disk.makeDirectory('staging');
    for (const file of snapshot.files) {
      const copy = await disk.open(`staging/${file.name}`, 'create');
      await copy.writeAt(0, [await file.read(0, file.bytes)]);
      await copy.sync();
    }
    for (const path of ['', 'staging']) await disk.syncDirectory(path);
    const target = await trial.fixture.open(2);
    trial.fixture.life.callsLeft = calls;
    const fileNames = snapshot.files.map(({name}) => name);
    const install = target.install({directory: 'staging', fileNames, point: snapshot.point});
    isDone = await Promise.race([install.then(() => true), dead(trial.fixture.life)]);
    trial.fixture.crash();
    trial.storage = await trial.fixture.open(2);
    if (isDone) expect(trial.storage.durablePoint()).toEqual(snapshot.point);
    if (trial.storage.durablePoint() === undefined)
      expect(await linesOf(trial.storage.scan(specOf(WHOLE_TABLE)))).toEqual([]);
    else await trial.check(WHOLE_TABLE);
    await trial.storage.close();
  }
});

/** A snapshot of one replica, staged for another on the same disk. */
async function stageSnapshot(trial: Trial, directory: string) {
  const {disk} = trial.fixture;
  const snapshot = await trial.storage.snapshot(trial.point());
  await disk.makeDirectory(directory);
  for (const file of snapshot.files) {
    const copy = await disk.open(`${directory}/${file.name}`, 'create');
    await copy.writeAt(0, [await file.read(0, file.bytes)]);
    await copy.sync();
  }
  snapshot.release();
  return {directory, fileNames: snapshot.files.map(({name}) => name), point: snapshot.point};
}

test('while a snapshot is installed a scan sees what was there, or all of the snapshot', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  // A replica that fell behind: it has the first write only.
  const behind = await trial.fixture.open(2);
  trial.write(series(1, {count: 40, step: 1_000}, 1));
  trial.log[0]!(behind, 1);
  const before = trial.model.scan(WHOLE_TABLE);
  trial.write(series(1, {start: 20_000, count: 40, step: 1_000}, 2));
  trial.write(series(2, {count: 40, step: 1_000}, 3));
  const after = trial.model.scan(WHOLE_TABLE);
  let isDone = false;
  const install = behind.install(await stageSnapshot(trial, 'staging')).then(() => {
    isDone = true;
  });
  const scans: TableScan[] = [];
  while (!isDone) {
    scans.push(behind.scan(specOf(WHOLE_TABLE)));
    await Promise.resolve();
  }
  await install;
  scans.push(behind.scan(specOf(WHOLE_TABLE)));
  const seen = new Set<string>();
  for (const scan of scans) seen.add((await linesOf(scan)).join('\n'));
  expect([...seen]).toEqual([before.join('\n'), after.join('\n')]);
  await trial.storage.close();
  await behind.close();
});

test('a snapshot whose keys are damaged is not installed', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  trial.write(series(1, {count: 4, step: 1_000}, 1));
  const staged = await stageSnapshot(trial, 'staging');
  const keys = staged.fileNames.find((name) => name.endsWith('.keys'))!;
  trial.fixture.disk.flipBit(`staging/${keys}`, 12);
  const target = await trial.fixture.open(2);
  await expect(target.install(staged)).rejects.toThrow(FatalError);
  expect(target.durablePoint()).toBeUndefined();
  await target.close();
  await (await trial.fixture.open(2)).close();
  await trial.storage.close();
});

test('a snapshot that is not what was announced, or lacks a file, is not installed', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  trial.write(series(1, {count: 4, step: 1_000}, 1));
  const staged = await stageSnapshot(trial, 'staging');
  const target = await trial.fixture.open(2);
  const {index} = staged.point;
  for (const wrong of [
    {...staged, point: {...staged.point, index: index + 1}},
    {...staged, point: {...staged.point, term: 2}},
    {...staged, fileNames: staged.fileNames.filter((name) => !name.endsWith('.part'))},
    {...staged, fileNames: staged.fileNames.filter((name) => !name.endsWith('.keys'))},
  ])
    await expect(target.install(wrong)).rejects.toThrow(/^snapshot (is of|lacks)/);
  expect(target.durablePoint()).toBeUndefined();
  await target.install(staged);
  await trial.storage.close();
  trial.storage = target;
  await trial.check(WHOLE_TABLE);
  await target.close();
});

test('a destroy may die at any call: the replica is whole or gone, and never half', async () => {
  for (let calls = 0, isDone = false; !isDone; calls++) {
    const trial = new Trial();
    trial.storage = await trial.fixture.open(1);
    trial.write(series(1, {count: 4, step: 1_000}, 1));
    await trial.step({type: 'flush', isAwaited: true});
    trial.fixture.life.callsLeft = calls;
    const destroy = trial.storage.destroy().then(() => true);
    isDone = await Promise.race([destroy, dead(trial.fixture.life)]);
    trial.fixture.crash();
    trial.storage = await trial.fixture.open(1);
    const isGone = trial.storage.durablePoint() === undefined;
    expect(isGone || !isDone).toBe(true);
    if (isGone) expect(trial.storage.seriesCount).toBe(0);
    else await trial.check(WHOLE_TABLE);
    await trial.storage.close();
  }
});

test('no flipped bit of a part or key file goes unnoticed', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  trial.write(series(1, {count: 30, step: 1_000}, 1));
  trial.write(series(2, {count: 30, step: 1_000}, 2));
  await trial.step({type: 'flush', isAwaited: true});
  await trial.storage.close();
  const {disk} = trial.fixture;
  const want = trial.model.scan(WHOLE_TABLE);
  for (const {name} of await disk.list('replicas/1-1')) {
    const path = `replicas/1-1/${name}`;
    const {length} = disk.bytesOf(path);
    // The first bytes of a part name its format; recovery does not need them.
    for (let at = name.endsWith('.part') ? 8 : 0; at < length; at++) {
      disk.flipBit(path, at, at % 8);
      await expect(readWhole(trial), `${name} at ${at}`).rejects.toThrow(FatalError);
      disk.flipBit(path, at, at % 8);
    }
  }
  expect(await readWhole(trial)).toEqual(want);
});

async function readWhole(trial: Trial): Promise<string[]> {
  const storage = await trial.fixture.open(1);
  const scan = storage.scan(specOf(WHOLE_TABLE));
  try {
    return await linesOf(scan);
  } finally {
    scan.close();
    await storage.close();
  }
}

test('closing breaks a compaction off; its file is a stranger to the next open', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  for (const mark of [1, 2]) {
    trial.write(series(1, {count: 20_000, step: 1_000}, mark));
    await trial.step({type: 'flush', isAwaited: true});
  }
  const compaction = expect(trial.storage.compactAll()).rejects.toMatchObject({code: 'CANCELLED'});
  await trial.storage.close();
  await compaction;
  await trial.step({type: 'crash'});
  await trial.check(WHOLE_TABLE);
  await trial.storage.close();
});

test('a scan that is closed in the middle of a read lets it end, then lets go', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  for (const mark of [1, 2]) {
    trial.write(series(1, {count: 3_000, step: 1_000}, mark));
    await trial.step({type: 'flush', isAwaited: true});
  }
  const scan = trial.storage.scan(specOf(WHOLE_TABLE));
  await trial.storage.compactAll();
  const reading = scan.next();
  scan.close();
  await reading;
  await trial.storage.close();
  const names = (await trial.fixture.disk.list('replicas/1-1')).map(({name}) => name);
  expect(names.filter((name) => name.endsWith('.part'))).toHaveLength(1);
});

test('key files are gathered to one when they become many', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  for (let host = 0; host < 20; host++) {
    trial.write(series(host, {count: 2, step: 1_000}, host));
    await trial.step({type: 'flush', isAwaited: true});
    const names = (await trial.fixture.disk.list('replicas/1-1')).map(({name}) => name);
    expect(names.filter((name) => name.endsWith('.keys')).length).toBeLessThanOrEqual(9);
  }
  await trial.step({type: 'crash'});
  expect(trial.storage.seriesCount).toBe(20);
  expect(trial.storage.needsCompaction()).toBe(true);
  while (trial.storage.needsCompaction()) expect(await trial.storage.compact()).toBe(true);
  expect(await trial.storage.compact()).toBe(false);
  await trial.check(WHOLE_TABLE);
  await trial.storage.close();
});

test('a missing file is damage, a stranger is removed', async () => {
  const trial = new Trial();
  const {disk} = trial.fixture;
  trial.storage = await trial.fixture.open(1);
  trial.write(series(1, {count: 3, step: 1_000}, 1));
  await trial.step({type: 'flush', isAwaited: true});
  await trial.storage.close();
  await (await disk.open('replicas/1-1/00000099.part', 'create')).sync();
  const reopened = await trial.fixture.open(1);
  await reopened.close();
  const names = (await disk.list('replicas/1-1')).map(({name}) => name);
  expect(names).toEqual(['00000001.part', '00000002.keys']);
  await disk.remove('replicas/1-1/00000001.part');
  await expect(trial.fixture.open(1)).rejects.toThrow(/missing files: 00000001.part/);
});

test('tables dead before the set was made refuse writes, a purged one never lives again', async () => {
  const trial = new Trial();
  const storage = await trial.fixture.open(1, {deadTables: [1 as TableId]});
  const share = shareOf(series(1, {count: 1, step: 1}, 1), storage);
  const rejected = {status: 'rejected', code: 'TABLE_DROPPED', table: 1};
  expect(storage.applyWrite(1, share)).toEqual(rejected);
  expect(storage.applyRecoverTable(2, 1 as TableId)).toBe(true);
  expect(storage.applyWrite(3, share)).toEqual({status: 'applied', rowCount: 1});
  storage.applyPurgeTable(4, 1 as TableId);
  expect(storage.applyRecoverTable(5, 1 as TableId)).toBe(false);
  expect(storage.applyWrite(6, share)).toEqual(rejected);
  await storage.close();
});

test('a dead column is refused as a field and as a tag, over a crash too; the others go on', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1, {
    deadColumns: [{table: 9 as TableId, columns: [1 as ColumnId]}],
  });
  expect(trial.storage.isDeadColumn(9 as TableId, 1 as ColumnId)).toBe(true);
  const rows = series(1, {count: 1, step: 1}, 1);
  const unknown = shareOf(rows, trial.storage);
  trial.write(rows);
  const table = shareOf(rows, trial.storage).tables[0]!;
  const field = table.columns[0]!.column;
  const tag = decodeSeriesKey(keyOf(rows[0]!)).tags[0]!.column;
  const drop = (column: ColumnId) =>
    trial.append((storage, index) => storage.applyDropColumn(index, 1 as TableId, column));
  const refused = (tables: (typeof table)[], column: ColumnId) =>
    trial.append((storage, index) => {
      const rejected = {status: 'rejected', code: 'COLUMN_DROPPED', table: 1, column};
      expect(storage.applyWrite(index, {tables})).toEqual(rejected);
    });
  drop(field);
  refused([table], field);
  await trial.step({type: 'flush', isAwaited: true});
  await trial.step({type: 'crash'});
  refused([table], field);
  drop(tag);
  // By its key, and by the id of the series that is known.
  refused([{...unknown.tables[0]!, columns: []}], tag);
  refused([{...table, columns: []}], tag);
  await trial.step({type: 'flush', isAwaited: true});
  trial.append((storage, index) => storage.applyPurgeTable(index, 1 as TableId));
  expect(trial.storage.isDeadColumn(1 as TableId, tag)).toBe(false);
  await trial.storage.close();
});

test('a flush keeps the fates of tables as they were at its point, whatever came while it ran', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  trial.write(series(1, {count: 20, step: 1_000}, 1));
  const flush = trial.step({type: 'flush', isAwaited: true});
  // Applied while the table lived: so it is again when the log is replayed from the flush's point.
  trial.write(series(1, {start: 50_000, count: 20, step: 1_000}, 2));
  trial.changeTable('drop', 1);
  await flush;
  await trial.step({type: 'crash'});
  trial.changeTable('recover', 1);
  await trial.check(WHOLE_TABLE);
  await trial.storage.close();
});

test('a purged table leaves the parts once its purge is durable', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  const rows = series(1, {count: 50, step: 1_000}, 1);
  trial.write(rows);
  await trial.step({type: 'flush', isAwaited: true});
  trial.write(rows.map((each) => ({...each, table: 2})));
  trial.write(rows);
  await trial.step({type: 'flush', isAwaited: true});
  trial.changeTable('drop', 1);
  trial.changeTable('purge', 1);
  expect(trial.storage.needsCompaction()).toBe(false);
  await trial.step({type: 'flush', isAwaited: true});
  while (trial.storage.needsCompaction()) await trial.storage.compact();
  expect(trial.storage.tables()).toEqual([
    {table: 2, rowCount: 50, seriesCount: 1, isDropped: false},
  ]);
  for (const query of EVERYTHING) await trial.check(query);
  await trial.step({type: 'crash'});
  for (const query of EVERYTHING) await trial.check(query);
  await trial.storage.close();
  // The first part held nothing else, so it is gone altogether.
  const names = (await trial.fixture.disk.list('replicas/1-1')).map(({name}) => name);
  expect(names.filter((name) => name.endsWith('.part'))).toHaveLength(1);
});

test('a tombstone lives as long as a part may hold rows that it hides', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  trial.write([
    ...series(1, {count: 100, step: 1_000}, 1),
    ...series(2, {count: 100, step: 1_000}, 2),
  ]);
  trial.delete(deleteOf(1, 5_000, 3_000, 1));
  trial.delete(deleteOf(1, 0, 1_000, 4));
  // No series is host_4's: nothing to remember.
  expect(trial.storage.tombstoneCount).toBe(1);
  await trial.step({type: 'flush', isAwaited: true});
  expect(trial.storage.tombstoneCount, 'left out of the part').toBe(0);
  trial.delete(deleteOf(1, 50_000, 3_000, 2));
  trial.delete(deleteOf(1, 500_000, 3_000, 2));
  // Else nothing would make them durable, and the log could not be cut.
  expect(trial.storage.memtableBytes()).toBeGreaterThan(0);
  trial.write(series(2, {start: 51_000, count: 1, step: 1}, 3));
  await trial.step({type: 'flush', isAwaited: true});
  expect(trial.storage.tombstoneCount, 'one hides rows of the first part').toBe(1);
  for (const query of EVERYTHING) await trial.check(query);
  await trial.step({type: 'crash'});
  expect(trial.storage.tombstoneCount).toBe(1);
  await trial.step({type: 'move'});
  expect(trial.storage.tombstoneCount).toBe(1);
  for (const query of EVERYTHING) await trial.check(query);
  await trial.step({type: 'compact', isAll: true});
  expect(trial.storage.tombstoneCount).toBe(0);
  expect(trial.storage.tables()[0]!.rowCount).toBe(200 - 3 - 3 + 1);
  for (const query of EVERYTHING) await trial.check(query);
  await trial.storage.close();
});

test('many tombstones are carried out by flushes and compactions for their own sake', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  trial.write(series(1, {count: 1_000, step: 1_000}, 1));
  await trial.step({type: 'flush', isAwaited: true});
  const limits = {memtableBytes: 1e9};
  for (let i = 0; i < 63; i++) trial.delete(deleteOf(1, i * 10_000, 1_000));
  expect(trial.storage.needsFlush(limits)).toBe(false);
  trial.delete(deleteOf(1, 700_000, 1_000, 1));
  expect(trial.storage.needsFlush(limits)).toBe(true);
  await trial.step({type: 'flush', isAwaited: true});
  expect(trial.storage.tombstoneCount).toBe(64);
  while (trial.storage.needsCompaction()) await trial.storage.compact();
  expect(trial.storage.tombstoneCount).toBe(0);
  expect(trial.storage.tables()).toMatchObject([{table: 1, rowCount: 1_000 - 64}]);
  for (const query of EVERYTHING) await trial.check(query);
  await trial.storage.close();
});

test('a part of which every row is deleted goes, with its file', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  trial.write(series(1, {count: 100, step: 1_000}, 1));
  await trial.step({type: 'flush', isAwaited: true});
  trial.write(series(2, {count: 10, step: 1_000}, 1));
  trial.delete(deleteOf(1, 0, 2 ** 40));
  await trial.step({type: 'flush', isAwaited: true});
  await trial.step({type: 'compact', isAll: true});
  expect(trial.storage.tombstoneCount).toBe(0);
  expect(trial.storage.tables()).toEqual([]);
  const names = (await trial.fixture.disk.list('replicas/1-1')).map(({name}) => name);
  expect(names.filter((name) => name.endsWith('.part'))).toEqual([]);
  await trial.step({type: 'crash'});
  for (const query of EVERYTHING) await trial.check(query);
  await trial.storage.close();
});

test('a scan keeps what it pinned, whatever is deleted under it', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  trial.write(series(1, {count: 100, step: 1_000}, 1));
  await trial.step({type: 'flush', isAwaited: true});
  trial.write(series(2, {count: 100, step: 1_000}, 2));
  const want = trial.model.scan(WHOLE_TABLE);
  const scan = trial.storage.scan(specOf(WHOLE_TABLE));
  trial.delete(deleteOf(1, 0, 2 ** 40));
  await trial.step({type: 'flush', isAwaited: true});
  await trial.step({type: 'compact', isAll: true});
  expect(await linesOf(scan)).toEqual(want);
  await trial.check(WHOLE_TABLE);
  await trial.storage.close();
});

test('a failed write to disk fails this flush and every later one', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  trial.write(series(1, {count: 3, step: 1_000}, 1));
  trial.fixture.disk.fail({operation: 'sync', path: '.part'});
  await expect(trial.storage.flush(trial.point())).rejects.toThrow(FatalError);
  await expect(trial.storage.flush(trial.point())).rejects.toThrow(FatalError);
  await trial.check(WHOLE_TABLE);
  expect(trial.storage.durablePoint()).toBeUndefined();
  await trial.storage.close();
});

test('scans agree with the model, whatever was flushed, merged, lost or moved', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof({weight: 40, arbitrary: command}, {weight: 1, arbitrary: rareCommand}), {
        maxLength: 40,
        size: 'max',
      }),
      (commands) => new Trial().run(commands),
    ),
    {numRuns: 200},
  );
}, 60_000);
