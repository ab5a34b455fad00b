// Vectors that take each row from one of several others: CASE and coalesce.

import type {ValueType} from '../plan/plan.ts';
import {ColumnBuilder} from './column-builder.ts';
import {type BooleanVector, isNull, type TimeBase, type Vector} from './vector.ts';

/** Whether a condition is true in a row; null is not. */
export function isTrue(condition: BooleanVector, row: number): boolean {
  const slot = condition.constant ? 0 : row;
  return condition.values[slot] === 1 && (condition.present?.[slot] ?? 1) === 1;
}

/** @param branches condition, result, condition, result, .., otherwise */
export function chooseCase(
  branches: readonly Vector[],
  type: ValueType,
  rowCount: number,
  base: TimeBase,
): Vector {
  const conditions = branches.length - 1;
  return build(branches, type, rowCount, base, (row) => {
    for (let i = 0; i < conditions; i += 2) {
      if (isTrue(branches[i] as BooleanVector, row)) return branches[i + 1]!;
    }
    return branches[conditions]!;
  });
}

/** The first that has a value. */
export function coalesce(
  vectors: readonly Vector[],
  type: ValueType,
  rowCount: number,
  base: TimeBase,
): Vector {
  const last = vectors.at(-1)!;
  return build(
    vectors,
    type,
    rowCount,
    base,
    (row) => vectors.find((vector) => !isNull(vector, row)) ?? last,
  );
}

function build(
  vectors: readonly Vector[],
  type: ValueType,
  rowCount: number,
  base: TimeBase,
  choose: (row: number) => Vector,
): Vector {
  const constant = vectors.every((vector) => vector.constant);
  const count = constant ? 1 : rowCount;
  const out = new ColumnBuilder(type, base);
  for (let row = 0; row < count; row++) out.set(row, choose(row), row);
  return {...out.toVector(count), constant};
}
