// Three-valued logic on vectors: null is unknown.

import type {BooleanVector, Vector} from './vector.ts';

/** 0 false, 1 true, 2 unknown. */
function stateAt(vector: BooleanVector, slot: number): number {
  return vector.present !== undefined && vector.present[slot] === 0 ? 2 : vector.values[slot]!;
}

export function logicalAnd(a: BooleanVector, b: BooleanVector, rowCount: number): BooleanVector {
  return combine(a, b, rowCount, 0);
}

export function logicalOr(a: BooleanVector, b: BooleanVector, rowCount: number): BooleanVector {
  return combine(a, b, rowCount, 1);
}

/** `strong` decides alone: false for AND, true for OR. */
function combine(
  a: BooleanVector,
  b: BooleanVector,
  rowCount: number,
  strong: 0 | 1,
): BooleanVector {
  const constant = a.constant && b.constant;
  const count = constant ? 1 : rowCount;
  const stepA = a.constant ? 0 : 1;
  const stepB = b.constant ? 0 : 1;
  const values = new Uint8Array(count);
  const present = new Uint8Array(count);
  let unknown = 0;
  for (let i = 0; i < count; i++) {
    const x = stateAt(a, i * stepA);
    const y = stateAt(b, i * stepB);
    const state = x === strong || y === strong ? strong : x === 2 || y === 2 ? 2 : 1 - strong;
    values[i] = state === 2 ? 0 : state;
    present[i] = state === 2 ? 0 : 1;
    unknown += state === 2 ? 1 : 0;
  }
  return {type: 'boolean', values, present: unknown === 0 ? undefined : present, constant};
}

export function logicalNot(vector: BooleanVector, rowCount: number): BooleanVector {
  const count = vector.constant ? 1 : rowCount;
  const values = new Uint8Array(count);
  for (let i = 0; i < count; i++) values[i] = 1 - vector.values[i]!;
  return {type: 'boolean', values, present: vector.present, constant: vector.constant};
}

/** IS NULL. */
export function isNullVector(vector: Vector, rowCount: number): BooleanVector {
  const {present} = vector;
  if (present === undefined) return {type: 'boolean', values: new Uint8Array(1), constant: true};
  const count = vector.constant ? 1 : rowCount;
  const values = new Uint8Array(count);
  for (let i = 0; i < count; i++) values[i] = 1 - present[i]!;
  return {type: 'boolean', values, constant: vector.constant};
}
