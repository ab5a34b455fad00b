// One replica against a plain model of it: random writes, flushes, compactions, crashes, dropped tables
// and snapshots, and after each the scans of both must agree. A crash loses whatever was not durable;
// then the log is applied again from behind the durable point, as multiraft does.

import type {
  ColumnId,
  ManifestEdit,
  ManifestStore,
  ReplicaId,
  ReplicaSetId,
  TableId,
} from '@flotilla/base';
import {
  type ColumnValues,
  encodeSeriesKey,
  type FieldType,
  type ScanSpec,
  type Share,
  type TableScan,
  type TagPredicate,
} from '@flotilla/column';
import {MemoryDisk} from '@flotilla/testkit';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {Manifest} from './manifest.ts';
import {ReplicaStorage, type StorageOptions} from './replica-storage.ts';

/** Rows in memory; a commit is durable one turn after it was called. */
class MemoryManifestStore implements ManifestStore {
  readonly rows = new Map<string, Uint8Array>();

  async load(): Promise<(readonly [key: string, value: Uint8Array])[]> {
    return [...this.rows].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  async commit(edit: ManifestEdit): Promise<void> {
    for (const key of edit.remove) this.rows.delete(key);
    for (const [key, value] of edit.put) this.rows.set(key, value.slice());
  }

  async close(): Promise<void> {}
}

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
    this.disk.crash();
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
  {weight: 1, arbitrary: fc.constant({type: 'move' as const})},
);
const rareCommand: fc.Arbitrary<Command> = fc.oneof(
  fc.record({type: fc.constant('purge' as const), table}),
  fc.record({type: fc.constant('expire' as const), before: offset}),
);

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
}, 30_000);
