// Names to inputs, operators to typed nodes: an expression of the syntax tree becomes one that can be
// evaluated. Constants are folded on the way. Errors carry the place of what is wrong.

import {DbError} from '@flotilla/base';
import {TextPattern} from '@flotilla/column';
import type {Expression} from '../sql/ast.ts';
import {statementError} from '../sql/source-text.ts';
import {bindCall} from './bind-call.ts';
import type {BindContext, Operand} from './bind-context.ts';
import {bindArithmetic, convert, isNumber, sharedType, unify} from './bind-types.ts';
import {fold, isConstant, literalConstant, NULL} from './constants.ts';
import type {AggregateSpec, BoundExpression, ValueType} from './plan.ts';
import {FIRST_AGGREGATE, type TableScope} from './scope.ts';
import {suggestName} from './suggest.ts';

/** Regular expressions longer than this are programs. */
const PATTERN_LENGTH_MAX = 1_000;

export class Binder implements BindContext {
  readonly scope: TableScope | undefined;
  readonly nowNs: bigint;
  readonly aggregates: AggregateSpec[] = [];
  /** Text of an aggregate -> its place among them. */
  readonly #aggregateTexts = new Map<string, number>();
  readonly #text: string;
  /** Names that the select list gave; only where the clause may use them. */
  readonly #aliases: ReadonlyMap<string, Expression>;
  /** Aliases being looked into: `a + 1 AS a` does not mean itself. */
  readonly #resolving = new Set<string>();
  readonly #places = new WeakMap<BoundExpression, number>();
  #aggregatesAllowed: string | undefined;

  constructor(options: {
    text: string;
    nowNs: bigint;
    scope: TableScope | undefined;
    aliases: ReadonlyMap<string, Expression>;
  }) {
    this.#text = options.text;
    this.nowNs = options.nowNs;
    this.scope = options.scope;
    this.#aliases = options.aliases;
  }

  error(
    message: string,
    at: number,
    hint?: string,
    code: 'QUERY_ERROR' | 'UNSUPPORTED' = 'QUERY_ERROR',
  ): DbError {
    return statementError(code, message, {text: this.#text, at, hint});
  }

  placeOf(node: BoundExpression): number {
    return this.#places.get(node) ?? 0;
  }

  /** Whether it is the table's time itself. */
  isTime(node: BoundExpression): boolean {
    return node.op === 'input' && this.scope?.inputs[node.input]?.source === 'time';
  }

  /** Binds a whole clause. `refuseAggregates` names the clause that may have none. */
  bind(expression: Expression, refuseAggregates?: string): BoundExpression {
    this.#aggregatesAllowed = refuseAggregates;
    return this.value(expression);
  }

  bindCondition(
    expression: Expression,
    clause: string,
    refuseAggregates?: string,
  ): BoundExpression {
    const bound = this.bind(expression, refuseAggregates);
    return this.asBoolean(bound, expression.at, clause);
  }

  asBoolean(bound: BoundExpression, at: number, clause: string): BoundExpression {
    if (bound.type === 'boolean') return bound;
    if (isConstant(bound) && bound.value === null) return {...bound, type: 'boolean'};
    throw this.error(`${clause} takes a condition, not a ${bound.type}`, at);
  }

  value(expression: Expression): BoundExpression {
    const operand = this.operand(expression);
    if (operand.op !== 'interval') return operand;
    throw this.error(
      'an INTERVAL stands only beside a time or in a function of time',
      expression.at,
    );
  }

  operand(expression: Expression): Operand {
    const bound = this.#bindNode(expression);
    if (bound.op === 'interval') return bound;
    const folded = this.#guard(expression.at, () => fold(bound));
    if (!this.#places.has(folded)) this.#places.set(folded, expression.at);
    return folded;
  }

  /** Errors of folding and casting get the place of the expression. */
  #guard<Result>(at: number, step: () => Result): Result {
    try {
      return step();
    } catch (error) {
      if (!(error instanceof DbError) || error.details['position'] !== undefined) throw error;
      throw this.error(error.message, at);
    }
  }

  #bindNode(expression: Expression): Operand {
    switch (expression.kind) {
      case 'literal':
        if (expression.literal.type !== 'interval') return literalConstant(expression.literal);
        return {op: 'interval', months: expression.literal.months, ns: expression.literal.ns};
      case 'column':
        return this.#bindColumn(expression);
      case 'negate':
        return this.#bindNegate(expression.of, expression.at);
      case 'not': {
        const of = this.asBoolean(this.value(expression.of), expression.at, 'NOT');
        return {op: 'not', type: 'boolean', of: [of]};
      }
      case 'and':
      case 'or': {
        const name = expression.kind.toUpperCase();
        const of = expression.of.map((each) => this.asBoolean(this.value(each), each.at, name));
        return {op: expression.kind, type: 'boolean', of};
      }
      case 'is-null':
        return {op: 'null', type: 'boolean', of: [this.value(expression.of)]};
      case 'arithmetic':
        return this.#guard(expression.at, () =>
          bindArithmetic(
            this,
            {operator: expression.operator, at: expression.at},
            this.operand(expression.left),
            this.operand(expression.right),
          ),
        );
      case 'compare':
        return this.#compare(expression.operator, expression.left, expression.right, expression.at);
      case 'in':
        return this.#bindIn(expression);
      case 'like':
      case 'match':
        return this.#bindMatch(expression);
      case 'case':
        return this.#guard(expression.at, () => this.#bindCase(expression));
      case 'cast':
        return this.#guard(expression.at, () =>
          convert(this, this.value(expression.of), expression.type, expression.at),
        );
      case 'call':
        return this.#guard(expression.at, () => bindCall(this, expression));
    }
  }

  #bindColumn(expression: Extract<Expression, {kind: 'column'}>): BoundExpression {
    const {name, qualifier, at} = expression;
    const {scope} = this;
    if (scope === undefined) throw this.error(`no column ${name}: the statement has no FROM`, at);
    if (qualifier !== undefined && qualifier !== scope.alias) {
      throw this.error(`no table ${qualifier} in FROM`, at, `the table here is ${scope.alias}`);
    }
    const bound = scope.column(name);
    if (bound !== undefined) {
      this.#places.set(bound, at);
      return bound;
    }
    const alias = qualifier === undefined ? this.#aliases.get(name) : undefined;
    if (alias !== undefined && !this.#resolving.has(name)) {
      this.#resolving.add(name);
      const value = this.value(alias);
      this.#resolving.delete(name);
      return value;
    }
    // Unquoted or in double quotes it is a name: what people write who mean a string.
    const hint =
      suggestName(name, scope.columnNames()) ??
      `if it is a string, write it in single quotes: '${name}'`;
    throw this.error(`table ${scope.table.name} has no column ${name}`, at, hint);
  }

  #bindNegate(of: Expression, at: number): Operand {
    const operand = this.operand(of);
    if (operand.op === 'interval') {
      return {op: 'interval', months: -operand.months, ns: -operand.ns};
    }
    // -9223372036854775808 is read as minus an unsigned.
    if (isConstant(operand) && typeof operand.value === 'string' && operand.type === 'unsigned') {
      return literalConstant({type: 'integer', value: -BigInt(operand.value)});
    }
    // Not 0 - x, which would lose the sign of a zero.
    const minusOne = literalConstant({type: 'integer', value: -1n});
    return bindArithmetic(this, {operator: '*', at}, minusOne, operand);
  }

  #compare(
    operator: '=' | '<>' | '<' | '<=' | '>' | '>=',
    left: Expression,
    right: Expression,
    at: number,
  ): BoundExpression {
    return this.#guard(at, () => {
      const of = unify(this, this.value(left), this.value(right), at);
      return {op: 'compare', type: 'boolean', with: operator, of};
    });
  }

  #bindIn(expression: Extract<Expression, {kind: 'in'}>): BoundExpression {
    const of = this.value(expression.of);
    const list = expression.list.map((each) => this.value(each));
    const values = listValues(of, list);
    if (values !== undefined) return {op: 'in', type: 'boolean', of: [of], values};
    const tests = expression.list.map((each) =>
      this.#compare('=', expression.of, each, expression.at),
    );
    return {op: 'or', type: 'boolean', of: tests};
  }

  #bindMatch(expression: Extract<Expression, {kind: 'like' | 'match'}>): BoundExpression {
    const of = this.value(expression.of);
    const pattern = this.value(expression.pattern);
    const what = expression.kind === 'like' ? 'LIKE' : '~';
    if (!isConstant(pattern) || pattern.type !== 'string') {
      throw this.error(
        `${what} takes a constant pattern`,
        expression.pattern.at,
        undefined,
        'UNSUPPORTED',
      );
    }
    if (pattern.value === null) return {...NULL, type: 'boolean'};
    if (of.type !== 'string') {
      throw this.error(`${what} matches text, not a ${of.type}`, expression.at);
    }
    const text = String(pattern.value);
    const source = expression.kind === 'like' ? likePattern(text) : text;
    this.#checkPattern(source, expression.pattern.at);
    const {ignoreCase} = expression;
    return {op: 'match', type: 'boolean', of: [of], pattern: source, ignoreCase};
  }

  #checkPattern(source: string, at: number): void {
    if (source.length > PATTERN_LENGTH_MAX) {
      throw this.error(`a pattern of over ${PATTERN_LENGTH_MAX} characters`, at);
    }
    try {
      new TextPattern(source, false);
    } catch (error) {
      if (!(error instanceof DbError)) throw error;
      const code = error.code === 'UNSUPPORTED' ? 'UNSUPPORTED' : 'QUERY_ERROR';
      throw this.error(error.message, at, undefined, code);
    }
  }

  #bindCase(expression: Extract<Expression, {kind: 'case'}>): BoundExpression {
    const conditions = expression.whens.map(({when}) =>
      this.asBoolean(this.value(when), when.at, 'WHEN'),
    );
    const results = expression.whens.map(({result}) => this.value(result));
    results.push(expression.otherwise === undefined ? NULL : this.value(expression.otherwise));
    const type: ValueType = sharedType(this, results, expression.at);
    const converted = results.map((each) => convert(this, each, type, expression.at));
    const of = conditions.flatMap((condition, i) => [condition, converted[i]!]);
    return {op: 'case', type, of: [...of, converted.at(-1)!]};
  }

  /** Finds or adds the aggregate; it is an input of what is made of the groups. */
  aggregate(spec: AggregateSpec, at: number): BoundExpression {
    if (this.#aggregatesAllowed !== undefined) {
      throw this.error(`${spec.name}() cannot stand in ${this.#aggregatesAllowed}`, at);
    }
    const text = JSON.stringify(spec);
    const index = this.#aggregateTexts.get(text) ?? this.aggregates.push(spec) - 1;
    this.#aggregateTexts.set(text, index);
    return {op: 'input', type: spec.type, input: FIRST_AGGREGATE + index};
  }

  /** An argument of an aggregate, which holds no other one. */
  aggregateArgument(expression: Expression, name: string): BoundExpression {
    const before = this.#aggregatesAllowed;
    this.#aggregatesAllowed ??= `the argument of ${name}()`;
    const bound = this.value(expression);
    this.#aggregatesAllowed = before;
    return bound;
  }
}

/** % is any text, _ one character, backslash takes the next one as it is. */
function likePattern(text: string): string {
  let out = '';
  for (let i = 0; i < text.length; i++) {
    let character = text[i]!;
    if (character === '%') out += '[\\s\\S]*';
    else if (character === '_') out += '[\\s\\S]';
    else {
      if (character === '\\' && i + 1 < text.length) character = text[++i]!;
      out += character.replace(/[\\^$.*+?()[\]{}|/]/, '\\$&');
    }
  }
  return `^${out}$`;
}

/** Of a list that a set can hold: texts beside text, or numbers that doubles hold beside a number. */
function listValues(
  of: BoundExpression,
  list: readonly BoundExpression[],
): readonly string[] | undefined {
  const values: string[] = [];
  for (const each of list) {
    if (!isConstant(each) || each.value === null) return undefined;
    const texts = of.type === 'string' && each.type === 'string';
    const numbers = isNumber(of.type) && isNumber(each.type);
    // Beyond ±2^53 a double may be equal to what the integer is not.
    const safe = numbers && Math.abs(Number(each.value)) <= Number.MAX_SAFE_INTEGER;
    if (!texts && !safe) return undefined;
    values.push(String(each.value));
  }
  return values;
}
