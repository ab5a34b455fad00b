// Which replica set each row belongs to: its bucket by time, its shard by the hash of its series key.
// One pass over typed arrays; the bucket of the row before is tried first, since bodies come in
// order of time.

import type {ReplicaSetId} from '@flotilla/base';
import {LIMITS} from '@flotilla/base';
import type {Bucket, Catalog, Database, Precision} from '@flotilla/catalog';
import type {ParsedTable} from '@flotilla/column';
import type {Refusal} from './refusal.ts';
import type {RejectedRows, Rejections} from './rejected-rows.ts';
import type {ResolvedTable} from './resolved-table.ts';

/** Units of a precision in a millisecond. */
export const UNITS_PER_MS: Readonly<Record<Precision, number>> = {ns: 1e6, us: 1e3, ms: 1};

/** Rows of one table, each with its set and its offset. */
export interface PlacedTable {
  readonly resolved: ResolvedTable;
  /** Row -> index into `sets`; -1 where the row is refused. */
  readonly setOfRow: Int32Array;
  /** Row -> units of the database's precision since its bucket's start. */
  readonly offsets: Float64Array;
}

export interface Placement {
  readonly tables: readonly PlacedTable[];
  readonly sets: readonly ReplicaSetId[];
  /** Times (ms) of rows whose buckets do not exist, one for each missing bucket duration; empty when all do. */
  readonly missingTimesMs: readonly number[];
}

export interface PlacementContext {
  readonly catalog: Catalog;
  readonly database: Database;
  readonly nowMs: number;
  readonly rejections: Rejections;
  /** By time / bucket duration, rounded down: why meta refused that bucket. */
  readonly bucketRefusals: ReadonlyMap<number, Refusal>;
}

/** Requires that every bucket whose absence is not in `missingTimesMs` exists in the catalog. */
export function placeRows(tables: readonly ResolvedTable[], context: PlacementContext): Placement {
  const placer = new Placer(context);
  const placed = tables.map((table) => placer.place(table));
  return {tables: placed, sets: placer.sets, missingTimesMs: [...placer.missing.values()]};
}

/** What is wrong with a row's time, whatever its table and bucket are. */
class TimeBounds {
  readonly #oldestMs: number;
  readonly #newestMs: number;

  constructor({options, expiredBeforeMs}: Database, nowMs: number) {
    const ttlStart = options.ttlMs === undefined ? -Infinity : nowMs - options.ttlMs;
    this.#oldestMs = Math.max(ttlStart, expiredBeforeMs ?? -Infinity);
    this.#newestMs = nowMs + LIMITS.max_future_ms.value;
  }

  has(timeMs: number): boolean {
    return timeMs >= this.#oldestMs && timeMs <= this.#newestMs;
  }

  /** Requires a time that is outside. */
  refusalOf(timeMs: number): Refusal {
    const time = timeText(timeMs);
    return timeMs > this.#newestMs
      ? {
          code: 'TIME_IN_FUTURE',
          reason: `${time} is over a day ahead of now; is \`precision\` right?`,
        }
      : {code: 'TIME_EXPIRED', reason: `${time} is older than the database keeps (its ttl)`};
  }
}

/** Whether any row has a time that a bucket may hold. */
export function hasKeptTime(
  {timesMs, rowCount}: ParsedTable,
  {database, nowMs}: Pick<PlacementContext, 'database' | 'nowMs'>,
): boolean {
  const bounds = new TimeBounds(database, nowMs);
  for (let row = 0; row < rowCount; row++) if (bounds.has(timesMs[row]!)) return true;
  return false;
}

/** Refuses the rows whose times no bucket may hold, and marks them; needs neither their table nor their bucket. */
export function refuseTimes(
  parsed: ParsedTable,
  {database, nowMs, rejections}: Pick<PlacementContext, 'database' | 'nowMs' | 'rejections'>,
): RejectedRows {
  const bounds = new TimeBounds(database, nowMs);
  let marks: RejectedRows;
  for (let row = 0; row < parsed.rowCount; row++) {
    const timeMs = parsed.timesMs[row]!;
    if (!bounds.has(timeMs)) marks = rejections.add(parsed, row, marks, bounds.refusalOf(timeMs));
  }
  return marks;
}

class Placer {
  readonly sets: ReplicaSetId[] = [];
  /** Aligned start of the missing bucket -> a time in it. */
  readonly missing = new Map<number, number>();
  readonly #context: PlacementContext;
  readonly #indexOfSet = new Map<ReplicaSetId, number>();
  readonly #bounds: TimeBounds;

  constructor(context: PlacementContext) {
    this.#context = context;
    this.#bounds = new TimeBounds(context.database, context.nowMs);
  }

  place(resolved: ResolvedTable): PlacedTable {
    const {parsed, series} = resolved;
    const {rowCount, timesMs, timesNs, seriesOfRow} = parsed;
    const unitsPerMs = UNITS_PER_MS[this.#context.database.options.precision];
    const nsPerUnit = 1e6 / unitsPerMs;
    const setOfRow = new Int32Array(rowCount);
    const offsets = new Float64Array(rowCount);
    let rejected: RejectedRows = resolved.rejected;
    let bucket: Bucket | undefined;
    let startMs = 0;
    let endMs = 0;
    let setIndexes: Int32Array = new Int32Array(0);
    for (let row = 0; row < rowCount; row++) {
      setOfRow[row] = -1;
      if (rejected !== undefined && rejected[row] === 1) continue;
      const timeMs = timesMs[row]!;
      if (!this.#bounds.has(timeMs)) {
        const refusal = this.#bounds.refusalOf(timeMs);
        rejected = this.#context.rejections.add(parsed, row, rejected, refusal);
        continue;
      }
      if (bucket === undefined || timeMs < startMs || timeMs >= endMs) {
        bucket = this.#context.catalog.bucketAt(this.#context.database.id, timeMs);
        if (bucket === undefined) {
          rejected = this.#noteMissing(resolved, row, rejected);
          continue;
        }
        startMs = bucket.startMs;
        endMs = bucket.endMs;
        setIndexes = this.#indexesOf(bucket);
      }
      offsets[row] = (timeMs - startMs) * unitsPerMs + Math.floor(timesNs[row]! / nsPerUnit);
      setOfRow[row] = setIndexes[series[seriesOfRow[row]!]!.hash % setIndexes.length]!;
    }
    return {resolved: {...resolved, rejected}, setOfRow, offsets};
  }

  #indexesOf(bucket: Bucket): Int32Array {
    return Int32Array.from(bucket.replicaSets, (set) => {
      const present = this.#indexOfSet.get(set);
      if (present !== undefined) return present;
      const index = this.sets.push(set) - 1;
      this.#indexOfSet.set(set, index);
      return index;
    });
  }

  #noteMissing(resolved: ResolvedTable, row: number, rejected: RejectedRows): RejectedRows {
    const timeMs = resolved.parsed.timesMs[row]!;
    const aligned = Math.floor(timeMs / this.#context.database.options.bucketDurationMs);
    const refusal = this.#context.bucketRefusals.get(aligned);
    if (refusal !== undefined)
      return this.#context.rejections.add(resolved.parsed, row, rejected, refusal);
    if (!this.missing.has(aligned)) this.missing.set(aligned, timeMs);
    return rejected;
  }
}

/** RFC 3339 where the calendar reaches, else milliseconds. */
export function timeText(timeMs: number): string {
  const representable = Math.abs(timeMs) <= 8.64e15;
  return representable ? new Date(timeMs).toISOString() : `${timeMs} ms`;
}
