// The coordinator's part: partial groups of all fragments become one, aggregates are finished, HAVING,
// final expressions, ORDER BY, OFFSET and LIMIT follow. Rows that need no order stream through as
// they come, in no promised order.

import {DbError, LIMITS} from '@flotilla/base';
import type {GroupsMerge, OutputColumn, QueryPlan, RowsMerge} from '../plan/plan.ts';
import type {Accumulator} from './accumulator.ts';
import {createAccumulator} from './aggregates.ts';
import {type Batch, decodeBatch} from './batch-codec.ts';
import {sliceBatch} from './batch-pieces.ts';
import {ColumnBuilder} from './column-builder.ts';
import {compileExpression, type Rows} from './compile.ts';
import {keyText} from './key-text.ts';
import {type QueriesMemory, QueryMemory} from './memory.ts';
import {SortedRows} from './sorted-rows.ts';
import {raceStreams} from './streams.ts';
import {ABSOLUTE, type BooleanVector, gather, type Vector} from './vector.ts';

export interface ResultColumn extends OutputColumn {
  readonly values: Vector;
}

/** A piece of an answer. Every answer has at least one, which may have no rows. */
export interface ResultBatch {
  readonly rowCount: number;
  readonly columns: readonly ResultColumn[];
}

export interface MergeOptions {
  readonly signal?: AbortSignal | undefined;
  /** Asked before each batch, in and out: a promise to wait for where others of the thread are to run first. */
  readonly due?: (() => Promise<void> | undefined) | undefined;
  readonly memoryBytesMax?: number | undefined;
  readonly rowsMax?: number | undefined;
  readonly memory?: QueriesMemory | undefined;
}

const BATCH_ROWS = 4_096;
/** A map entry and the text of its key. */
const GROUP_BYTES = 80;

/** @param streams one per fragment of the plan, in any order: what `executeFragment` gave */
export async function* mergeResults(
  plan: QueryPlan,
  streams: readonly AsyncIterable<Uint8Array>[],
  options: MergeOptions = {},
): AsyncGenerator<ResultBatch, void> {
  const rowsMax = options.rowsMax ?? LIMITS.rows_per_answer_max.value;
  const memory = new QueryMemory(options.memoryBytesMax, options.memory);
  let rowCount = 0;
  let batches = 0;
  try {
    const {signal, due} = options;
    for await (const batch of mergedBatches(plan, streams, {signal, due, rowsMax, memory})) {
      const pause = due?.();
      if (pause !== undefined) await pause;
      rowCount += batch.rowCount;
      refuseOver(rowsMax, rowCount);
      batches++;
      yield named(plan, batch);
    }
  } finally {
    memory.release();
  }
  if (batches === 0) yield emptyBatch(plan);
}

function refuseOver(rowsMax: number, rowCount: number): void {
  if (rowCount <= rowsMax) return;
  const message = `the answer has over rows_per_answer_max (${rowsMax}) rows`;
  throw new DbError('QUERY_ERROR', message, {limit: 'rows_per_answer_max'});
}

function named(plan: QueryPlan, {rowCount, columns}: Batch): ResultBatch {
  return {
    rowCount,
    columns: plan.output.map((column, i) => ({...column, values: columns[i]!})),
  };
}

function emptyBatch(plan: QueryPlan): ResultBatch {
  const columns = plan.output.map(({type}) => new ColumnBuilder(type, ABSOLUTE).toVector(0));
  return named(plan, {rowCount: 0, columns});
}

interface Merging extends Pick<MergeOptions, 'signal' | 'due'> {
  readonly rowsMax: number;
  readonly memory: QueryMemory;
}

async function* mergedBatches(
  plan: QueryPlan,
  streams: readonly AsyncIterable<Uint8Array>[],
  {signal, due, rowsMax, memory}: Merging,
): AsyncGenerator<Batch, void> {
  const batches = decoded(streams, {signal, due});
  if (plan.merge.kind === 'groups') {
    const groups = new MergedGroups(plan, plan.merge, memory);
    for await (const batch of batches) groups.add(batch);
    const rows = newSortedRows(plan, memory);
    const {columns, rowCount} = groups.finish();
    for (let from = 0; from < rowCount; from += BATCH_ROWS) {
      const pause = due?.();
      if (pause !== undefined) await pause;
      rows.add(columns, Math.min(from + BATCH_ROWS, rowCount), from);
    }
    yield* finished(plan, rows, rowsMax);
  } else if (plan.constant) {
    const rows = newSortedRows(plan, memory);
    rows.add(constantRow(plan.merge).columns, 1);
    yield* finished(plan, rows, rowsMax);
  } else if (plan.order.length === 0) {
    yield* cut(plan, batches);
  } else {
    const rows = newSortedRows(plan, memory);
    for await (const batch of batches) rows.add(batch.columns, batch.rowCount);
    yield* finished(plan, rows, rowsMax);
  }
}

async function* decoded(
  streams: readonly AsyncIterable<Uint8Array>[],
  {signal, due}: Pick<MergeOptions, 'signal' | 'due'>,
): AsyncGenerator<Batch, void> {
  for await (const bytes of raceStreams(streams)) {
    const pause = due?.();
    if (pause !== undefined) await pause;
    if (signal?.aborted) throw new DbError('CANCELLED', 'the query was cancelled');
    yield decodeBatch(bytes);
  }
}

/** OFFSET and LIMIT on rows in the order they come; stops the senders when enough have come. */
async function* cut(plan: QueryPlan, batches: AsyncIterable<Batch>): AsyncGenerator<Batch, void> {
  let skip = plan.offset;
  let wanted = plan.limit ?? Infinity;
  if (wanted === 0) return;
  for await (const batch of batches) {
    const from = Math.min(skip, batch.rowCount);
    const rowCount = Math.min(batch.rowCount - from, wanted);
    skip -= from;
    wanted -= rowCount;
    if (rowCount > 0) yield sliceBatch(batch, from, rowCount);
    if (wanted === 0) return;
  }
}

function newSortedRows(plan: QueryPlan, memory: QueryMemory): SortedRows {
  return new SortedRows({
    types: plan.merge.columns.map((column) => column.type),
    order: plan.order,
    limit: plan.limit === undefined ? undefined : plan.limit + plan.offset,
    memory,
    base: ABSOLUTE,
  });
}

/** All rows are here: too many are refused while the answer's first byte has not gone. */
function finished(plan: QueryPlan, rows: SortedRows, rowsMax: number): Generator<Batch> {
  refuseOver(rowsMax, rows.rowCount - plan.offset);
  return rows.finish(plan.offset, BATCH_ROWS);
}

function constantRow(merge: RowsMerge): Batch {
  const columns = merge.columns.map((column) => compileExpression(column, ABSOLUTE)(NO_INPUTS));
  return {rowCount: 1, columns};
}

const NO_INPUTS: Rows = {
  rowCount: 1,
  column: (input) => {
    throw new DbError('QUERY_ERROR', `input ${input} of a row of constants`);
  },
};

/** Groups of all fragments under one key each. */
class MergedGroups {
  readonly #merge: GroupsMerge;
  readonly #memory: QueryMemory;
  readonly #keys: ColumnBuilder[];
  readonly #accumulators: Accumulator[];
  readonly #slots = new Map<string, number>();
  readonly #bytesPerGroup: number;

  constructor(plan: QueryPlan, merge: GroupsMerge, memory: QueryMemory) {
    this.#merge = merge;
    this.#memory = memory;
    this.#keys = merge.keys.map((key) => new ColumnBuilder(key.type, ABSOLUTE));
    this.#accumulators = merge.aggregates.map((spec) => createAccumulator(spec, ABSOLUTE));
    this.#bytesPerGroup = this.#accumulators.reduce(
      (sum, {bytesPerGroup}) => sum + bytesPerGroup,
      GROUP_BYTES + 9 * (merge.keys.length + plan.output.length),
    );
    // Without GROUP BY there is one group even if no row came.
    if (merge.keys.length === 0) this.#slots.set('', 0);
  }

  add(batch: Batch): void {
    const keys = batch.columns.slice(0, this.#keys.length);
    const states: (readonly Vector[])[] = [];
    let at = this.#keys.length;
    for (const {stateCount} of this.#accumulators) {
      states.push(batch.columns.slice(at, at + stateCount));
      at += stateCount;
    }
    for (let row = 0; row < batch.rowCount; row++) {
      const slot = this.#slotOf(keys, row);
      for (let i = 0; i < states.length; i++) this.#accumulators[i]!.merge(slot, states[i]!, row);
    }
  }

  #slotOf(keys: readonly Vector[], row: number): number {
    let text = '';
    for (const key of keys) text += keyText(key, row);
    const known = this.#slots.get(text);
    if (known !== undefined) return known;
    const slot = this.#slots.size;
    this.#slots.set(text, slot);
    this.#memory.take(this.#bytesPerGroup + 4 * text.length);
    this.#keys.forEach((key, i) => {
      key.set(slot, keys[i]!, row);
    });
    return slot;
  }

  finish(): Batch {
    const count = this.#slots.size;
    const inputs = [
      ...this.#keys.map((key) => key.toVector(count)),
      ...this.#accumulators.map((accumulator) => accumulator.finish(count)),
    ];
    const {having, columns} = this.#merge;
    let rows: Rows = {rowCount: count, column: (input) => inputs[input]!};
    if (having !== undefined) {
      const passed = rowsWhere(compileExpression(having, ABSOLUTE)(rows) as BooleanVector, count);
      const chosen = inputs.map((input) => gather(input, passed, passed.length));
      rows = {rowCount: passed.length, column: (input) => chosen[input]!};
    }
    const finished = columns.map((column) => compileExpression(column, ABSOLUTE)(rows));
    return {rowCount: rows.rowCount, columns: finished};
  }
}

function rowsWhere({values, present, constant}: BooleanVector, count: number): Int32Array {
  const step = constant ? 0 : 1;
  const rows = new Int32Array(count);
  let passed = 0;
  for (let i = 0; i < count; i++) {
    if (values[i * step] === 1 && (present?.[i * step] ?? 1) === 1) rows[passed++] = i;
  }
  return rows.slice(0, passed);
}
