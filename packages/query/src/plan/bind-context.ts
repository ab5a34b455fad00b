// What the parts of binding see of the binder.

import type {DbError} from '@flotilla/base';
import type {Expression} from '../sql/ast.ts';
import type {AggregateSpec, BoundExpression} from './plan.ts';

/** Only constants: no column is an interval. */
export interface IntervalOperand {
  readonly op: 'interval';
  readonly months: number;
  readonly ns: bigint;
}
export type Operand = BoundExpression | IntervalOperand;

export interface BindContext {
  readonly nowNs: bigint;
  error(message: string, at: number, hint?: string, code?: 'QUERY_ERROR' | 'UNSUPPORTED'): DbError;
  /** Where in the text the node stands; 0 where that is not known. */
  placeOf(node: BoundExpression): number;
  /** Binds what is no interval. */
  value(expression: Expression): BoundExpression;
  operand(expression: Expression): Operand;
  /** Finds or adds the aggregate; it is an input of what is made of the groups. */
  aggregate(spec: AggregateSpec, at: number): BoundExpression;
  /** Binds an argument of an aggregate, which holds no other one. */
  aggregateArgument(expression: Expression, name: string): BoundExpression;
}
