// Expressions over rows become expressions over groups: what equals a group key reads the key, an
// aggregate reads its finished value, and a bare column is an error.

import type {Binder} from './bind.ts';
import type {BoundExpression} from './plan.ts';
import {FIRST_AGGREGATE} from './scope.ts';

export class Grouping {
  readonly keys: readonly BoundExpression[];
  readonly #binder: Binder;
  readonly #keyTexts: readonly string[];

  constructor(binder: Binder, keys: readonly BoundExpression[]) {
    this.keys = keys;
    this.#binder = binder;
    this.#keyTexts = keys.map((key) => JSON.stringify(key));
  }

  /** @param distinct the keys are the columns of SELECT DISTINCT: the message differs */
  overGroups(expression: BoundExpression, distinct: boolean): BoundExpression {
    if (expression.op === 'constant') return expression;
    const key = this.#keyTexts.indexOf(JSON.stringify(expression));
    if (key >= 0) return {op: 'input', type: expression.type, input: key};
    if (expression.op !== 'input') {
      const of = expression.of.map((each) => this.overGroups(each, distinct));
      return {...expression, of} as BoundExpression;
    }
    if (expression.input >= FIRST_AGGREGATE) {
      const input = expression.input - FIRST_AGGREGATE + this.keys.length;
      return {op: 'input', type: expression.type, input};
    }
    throw this.#binder.error(
      distinct
        ? 'with SELECT DISTINCT, ORDER BY takes only what is selected'
        : 'this column must stand in GROUP BY or inside an aggregate',
      this.#binder.placeOf(expression),
    );
  }
}
