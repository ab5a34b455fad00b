// How types meet: what a quoted literal becomes beside a time or a number, when numbers widen, and
// which pairs are refused with a hint instead of being guessed.

import type {ArithmeticOperator} from '../sql/ast.ts';
import type {BindContext, Operand} from './bind-context.ts';
import {castConstant, fold, isConstant, isNullConstant, timeConstant} from './constants.ts';
import type {BoundExpression, ValueType} from './plan.ts';

export type NumberType = 'float' | 'integer' | 'unsigned';

export function isNumber(type: ValueType): type is NumberType {
  return type === 'float' || type === 'integer' || type === 'unsigned';
}

/** CAST, explicit or needed. Constants are converted now. */
export function convert(
  binder: BindContext,
  expression: BoundExpression,
  type: ValueType,
  at: number,
): BoundExpression {
  if (expression.type === type) return expression;
  if (isConstant(expression)) return castConstant(expression, type);
  const {type: from} = expression;
  const fromBoolean = from === 'boolean' && (type === 'time' || type === 'float');
  const toTime = type === 'time' && from === 'float';
  const timeTo = from === 'time' && (type === 'boolean' || type === 'unsigned' || type === 'float');
  if (fromBoolean || toTime || timeTo) throw binder.error(`cannot cast ${from} to ${type}`, at);
  return {op: 'cast', type, of: [expression]};
}

/** Both sides of a comparison in types that compare. */
export function unify(
  binder: BindContext,
  left: BoundExpression,
  right: BoundExpression,
  at: number,
): [BoundExpression, BoundExpression] {
  if (left.type === right.type) return [left, right];
  if (isNumber(left.type) && isNumber(right.type)) return [left, right];
  const rightAsLeft = literalAs(binder, right, left.type);
  if (rightAsLeft !== undefined) return [left, rightAsLeft];
  const leftAsRight = literalAs(binder, left, right.type);
  if (leftAsRight !== undefined) return [leftAsRight, right];
  const quoted = isNumber(left.type) || isNumber(right.type);
  const texts = left.type === 'string' || right.type === 'string';
  const hint =
    quoted && texts ? "tags and strings compare with quoted values: rack = '5'" : undefined;
  throw binder.error(`cannot compare ${left.type} with ${right.type}`, at, hint);
}

/** A constant beside another type: quoted text takes it, whole numbers beside a time are ns. */
function literalAs(
  binder: BindContext,
  expression: BoundExpression,
  type: ValueType,
): BoundExpression | undefined {
  if (!isConstant(expression)) return undefined;
  if (expression.value === null) return {...expression, type};
  if (expression.type === 'string' && type === 'time') return timeOf(binder, expression);
  if (expression.type === 'string') return castConstant(expression, type);
  if (expression.type === 'integer' && type === 'time')
    return timeConstant(BigInt(expression.value as string));
  return undefined;
}

function timeOf(binder: BindContext, expression: BoundExpression): BoundExpression {
  try {
    return castConstant(expression as Extract<BoundExpression, {op: 'constant'}>, 'time');
  } catch {
    const text = String((expression as {value?: unknown}).value);
    const hint = "a time is written like '2024-01-31T23:59:59.123Z', '2024-01-31' or in ns";
    throw binder.error(`'${text}' is not a time`, binder.placeOf(expression), hint);
  }
}

/** The type that all take: numbers widen, nulls take any. */
export function sharedType(
  binder: BindContext,
  of: readonly BoundExpression[],
  at: number,
): ValueType {
  const types = new Set(of.filter((each) => !isNullConstant(each)).map((each) => each.type));
  if (types.size === 0) return 'string';
  if (types.size === 1) return [...types][0]!;
  if ([...types].every(isNumber)) {
    if (types.has('float')) return 'float';
    const fit = of.every((each) => each.type !== 'integer' || isNullConstant(each) || fits(each));
    return fit ? 'unsigned' : 'integer';
  }
  // Quoted literals give way to what stands beside them.
  const firm = new Set(
    of.filter((each) => !(isConstant(each) && each.type === 'string')).map((each) => each.type),
  );
  if (firm.size === 1) return [...firm][0]!;
  throw binder.error(`values of different types: ${[...types].join(', ')}`, at);
}

interface ArithmeticNode {
  readonly operator: ArithmeticOperator;
  readonly at: number;
}

export function bindArithmetic(
  binder: BindContext,
  node: ArithmeticNode,
  left: Operand,
  right: Operand,
): Operand {
  if (left.op === 'interval' || right.op === 'interval') {
    return bindInterval(binder, node, left, right);
  }
  let [a, b] = [left, right];
  if (isNullConstant(a) && isNullConstant(b)) return {op: 'constant', type: 'float', value: null};
  if (isNullConstant(a) || a.type === 'string') a = literalAs(binder, a, b.type) ?? a;
  if (isNullConstant(b) || b.type === 'string') b = literalAs(binder, b, a.type) ?? b;
  if (!isNumber(a.type) || !isNumber(b.type)) {
    const times = a.type === 'time' || b.type === 'time';
    const hint = times ? "a time moves by an interval: time - INTERVAL '1 hour'" : undefined;
    throw binder.error(`cannot compute ${a.type} ${node.operator} ${b.type}`, node.at, hint);
  }
  const type = arithmeticType(a, b);
  const of = [convert(binder, a, type, node.at), convert(binder, b, type, node.at)] as const;
  return {op: 'arithmetic', type, with: node.operator, of: [fold(of[0]), fold(of[1])]};
}

/** Unsigned beside a constant that fits stays unsigned; beside an integer it becomes one, checked. */
function arithmeticType(a: BoundExpression, b: BoundExpression): NumberType {
  if (a.type === 'float' || b.type === 'float') return 'float';
  if (a.type === b.type) return a.type as NumberType;
  return fits(a.type === 'unsigned' ? b : a) ? 'unsigned' : 'integer';
}

/** A whole number that an unsigned holds, too. */
function fits(of: BoundExpression): boolean {
  return isConstant(of) && typeof of.value === 'string' && BigInt(of.value) >= 0n;
}

function bindInterval(
  binder: BindContext,
  node: ArithmeticNode,
  left: Operand,
  right: Operand,
): Operand {
  const {operator, at} = node;
  if (left.op === 'interval' && right.op === 'interval') {
    if (operator === '+' || operator === '-') {
      const sign = operator === '+' ? 1 : -1;
      const ns = left.ns + BigInt(sign) * right.ns;
      return {op: 'interval', months: left.months + sign * right.months, ns};
    }
  } else if (operator === '*') {
    const [interval, factor] = left.op === 'interval' ? [left, right] : [right, left];
    const whole = factor.op !== 'interval' && isConstant(factor) && factor.type === 'integer';
    if (interval.op === 'interval' && whole && factor.value !== null) {
      const times = BigInt(factor.value as string);
      const months = interval.months * Number(times);
      if (!Number.isSafeInteger(months))
        throw binder.error('an INTERVAL of so many months is none', at);
      return {op: 'interval', months, ns: interval.ns * times};
    }
  } else if (operator === '+' || (operator === '-' && right.op === 'interval')) {
    const [interval, value] = left.op === 'interval' ? [left, right] : [right, left];
    const time = value.op === 'interval' ? undefined : asTime(binder, value);
    if (interval.op === 'interval' && time !== undefined) {
      const sign = operator === '+' ? 1 : -1;
      const ns = String(BigInt(sign) * interval.ns);
      return {op: 'shift', type: 'time', of: [time], months: sign * interval.months, ns};
    }
  }
  throw binder.error('an INTERVAL is added to a time or taken from it', at);
}

function asTime(binder: BindContext, value: BoundExpression): BoundExpression | undefined {
  return value.type === 'time' ? value : literalAs(binder, value, 'time');
}
