// CASE and coalesce where a branch fails for rows that do not take it: each is evaluated for the rows alone that
// come to it. Slower than all branches for all rows (choice.ts), which is tried first.

import type {ValueType} from '../plan/plan.ts';
import {isTrue} from './choice.ts';
import {ColumnBuilder} from './column-builder.ts';
import type {Evaluate, Rows} from './compile.ts';
import {
  type BooleanVector,
  gather,
  isNull,
  nullVector,
  type TimeBase,
  type Vector,
} from './vector.ts';

/** Numbers of rows; undefined: all of them. */
type Left = Int32Array | undefined;

/** @param branches condition, result, condition, result, .., otherwise */
export function guardedCase(
  branches: readonly Evaluate[],
  type: ValueType,
  rows: Rows,
  base: TimeBase,
): Vector {
  const out = new ColumnBuilder(type, base);
  let left: Left;
  for (let i = 0; i + 1 < branches.length; i += 2) {
    const view = viewOf(rows, left);
    const condition = branches[i]!(view) as BooleanVector;
    const result = branches[i + 1]!;
    // What is constant stays so: groups of tags are found once a series.
    if (condition.constant) {
      if (isTrue(condition, 0)) return rest(result, left, rows, out);
      continue;
    }
    const taken = rowsWhere(view.rowCount, left, (row) => isTrue(condition, row));
    fill(out, result, rows, taken);
    left = rowsWhere(view.rowCount, left, (row) => !isTrue(condition, row));
  }
  return rest(branches.at(-1)!, left, rows, out);
}

/** The first that has a value. */
export function guardedCoalesce(
  of: readonly Evaluate[],
  type: ValueType,
  rows: Rows,
  base: TimeBase,
): Vector {
  const out = new ColumnBuilder(type, base);
  let left: Left;
  for (const each of of) {
    const view = viewOf(rows, left);
    const vector = each(view);
    if (vector.constant) {
      if (!isNull(vector, 0)) return rest(() => vector, left, rows, out);
      continue;
    }
    for (let row = 0; row < view.rowCount; row++) out.set(left?.[row] ?? row, vector, row);
    left = rowsWhere(view.rowCount, left, (row) => isNull(vector, row));
  }
  return rest(() => nullVector(type, base), left, rows, out);
}

function viewOf(rows: Rows, left: Left): Rows {
  if (left === undefined) return rows;
  const column = (input: number) => gather(rows.column(input), left, left.length);
  return {rowCount: left.length, column};
}

function rowsWhere(count: number, left: Left, chooses: (row: number) => boolean): Int32Array {
  const chosen = new Int32Array(count);
  let length = 0;
  for (let row = 0; row < count; row++) if (chooses(row)) chosen[length++] = left?.[row] ?? row;
  return chosen.subarray(0, length);
}

/** All that are left. */
function rest(result: Evaluate, left: Left, rows: Rows, out: ColumnBuilder): Vector {
  if (left === undefined) return result(rows);
  fill(out, result, rows, left);
  return out.toVector(rows.rowCount);
}

function fill(out: ColumnBuilder, result: Evaluate, rows: Rows, taken: Int32Array): void {
  // A constant fails without a row, too.
  if (taken.length === 0) return;
  const vector = result(viewOf(rows, taken));
  for (let row = 0; row < taken.length; row++) out.set(taken[row]!, vector, row);
}
