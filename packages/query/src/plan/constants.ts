// Constants of a plan: made from literals, folded from what depends on no input, read back. Integers
// and times are decimal text, since a plan is JSON.

import {DbError} from '@flotilla/base';
import {evaluateConstant} from '../execute/compile.ts';
import {INTEGER_MAX, INTEGER_MIN, UNSIGNED_MAX} from '../execute/numbers.ts';
import {scalarAt, timeNsAt, type Vector} from '../execute/vector.ts';
import type {Literal} from '../sql/ast.ts';
import type {BoundExpression, ValueType} from './plan.ts';

export type Constant = Extract<BoundExpression, {op: 'constant'}>;

export const NULL: Constant = {op: 'constant', type: 'string', value: null};

export function isConstant(expression: BoundExpression): expression is Constant {
  return expression.op === 'constant';
}

export function isNullConstant(expression: BoundExpression): boolean {
  return expression.op === 'constant' && expression.value === null;
}

/** Integers beyond u64 become floats, as PostgreSQL makes them numeric. */
export function literalConstant(literal: Exclude<Literal, {type: 'interval'}>): Constant {
  switch (literal.type) {
    case 'null':
      return NULL;
    case 'integer': {
      const {value} = literal;
      const op = 'constant';
      if (value >= INTEGER_MIN && value <= INTEGER_MAX) {
        return {op, type: 'integer', value: String(value)};
      }
      if (value >= 0n && value <= UNSIGNED_MAX) {
        return {op, type: 'unsigned', value: String(value)};
      }
      return {op, type: 'float', value: floatValue(Number(value))};
    }
    case 'float':
      return {op: 'constant', type: 'float', value: floatValue(literal.value)};
    case 'time':
      return timeConstant(literal.value);
    default:
      return {op: 'constant', type: literal.type, value: literal.value};
  }
}

export function timeConstant(ns: bigint): Constant {
  return {op: 'constant', type: 'time', value: String(ns)};
}

function floatValue(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}

function vectorConstant(vector: Vector, type: ValueType): Constant {
  const value = scalarAt(vector, 0);
  if (value === null) return {op: 'constant', type, value: null};
  if (vector.type === 'time') return timeConstant(timeNsAt(vector, 0));
  if (vector.type === 'float') return {op: 'constant', type, value: floatValue(Number(value))};
  if (typeof value === 'string' || typeof value === 'boolean') return {op: 'constant', type, value};
  return {op: 'constant', type, value: String(value)};
}

/**
 * The constant an expression is, if all it is made of is constant. An overflow in it is left for
 * the rows that get there: CASE may guard it.
 */
export function fold(expression: BoundExpression): BoundExpression {
  if (!('of' in expression) || !expression.of.every(isConstant)) return expression;
  try {
    return vectorConstant(evaluateConstant(expression), expression.type);
  } catch (error) {
    if (error instanceof DbError) return expression;
    throw error;
  }
}

/** A cast of a constant that must succeed now; the error is the caller's to place. */
export function castConstant(constant: Constant, type: ValueType): Constant {
  if (constant.value === null) return {op: 'constant', type, value: null};
  const cast: BoundExpression = {op: 'cast', type, of: [constant]};
  return vectorConstant(evaluateConstant(cast), type);
}
