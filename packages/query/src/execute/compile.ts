// A bound expression becomes a closure over vectors, once per fragment: what runs per chunk is one
// call per node, and loops over typed arrays inside.

import {assert, assertNever, DbError} from '@flotilla/base';
import {TextPattern} from '@flotilla/column';
import type {BoundExpression, ValueType} from '../plan/plan.ts';
import {castVector} from './casts.ts';
import {chooseCase, coalesce} from './choice.ts';
import {compareVectors} from './comparison.ts';
import {guardedCase, guardedCoalesce} from './guarded-choice.ts';
import {isNullVector, logicalAnd, logicalNot, logicalOr} from './logic.ts';
import {arithmetic, mapDoubles, mapExact, nullWhereZero} from './numbers.ts';
import {binTimes, monthBins, sameBase, shiftTimes} from './time-bins.ts';
import {
  ABSOLUTE,
  type BooleanVector,
  type NumberVector,
  nullVector,
  type StringVector,
  type TimeBase,
  type TimeVector,
  timeNsAt,
  type Vector,
} from './vector.ts';

/** The rows an expression is evaluated on. */
export interface Rows {
  readonly rowCount: number;
  column(input: number): Vector;
}

export type Evaluate = (rows: Rows) => Vector;

/** @param base what times of the inputs count from */
export function compileExpression(expression: BoundExpression, base: TimeBase): Evaluate {
  switch (expression.op) {
    case 'constant': {
      const vector = constantVector(expression, base);
      return () => vector;
    }
    case 'input':
      return (rows) => rows.column(expression.input);
    case 'case': {
      const of = compileAll(expression.of, base);
      const {type} = expression;
      return (rows) =>
        unlessItFails(
          () => {
            const branches = of.map((each) => each(rows));
            return chooseCase(branches, type, rows.rowCount, base);
          },
          () => guardedCase(of, type, rows, base),
        );
    }
    case 'and':
    case 'or': {
      const of = compileAll(expression.of, base);
      const combine = expression.op === 'and' ? logicalAnd : logicalOr;
      return (rows) =>
        of
          .map((each) => each(rows) as BooleanVector)
          .reduce((left, right) => combine(left, right, rows.rowCount));
    }
    case 'arithmetic':
      return compileArithmetic(expression, base);
    case 'compare':
      return compileCompare(expression, base);
    case 'call':
      return compileCall(expression, base);
    default:
      return compileUnary(expression, base);
  }
}

/** What fails may do so for rows that another branch guards. */
function unlessItFails(all: () => Vector, guarded: () => Vector): Vector {
  try {
    return all();
  } catch (error) {
    if (!(error instanceof DbError)) throw error;
    return guarded();
  }
}

type Of<Op extends BoundExpression['op']> = Extract<BoundExpression, {op: Op}>;

function compileAll(of: readonly BoundExpression[], base: TimeBase): Evaluate[] {
  return of.map((each) => compileExpression(each, base));
}

function compileArithmetic(expression: Of<'arithmetic'>, base: TimeBase): Evaluate {
  const [a, b] = compileAll(expression.of, base);
  const {with: operator, type} = expression;
  const divides = operator === '/' || operator === '%';
  return (rows) => {
    const left = a!(rows) as NumberVector;
    const right = b!(rows) as NumberVector;
    const result = arithmetic(operator, type, left, right, rows.rowCount);
    return divides && type === 'float' ? nullWhereZero(result, right, rows.rowCount) : result;
  };
}

function compileCompare(expression: Of<'compare'>, base: TimeBase): Evaluate {
  const [a, b] = compileAll(expression.of, base);
  return (rows) => {
    let left = a!(rows);
    let right = b!(rows);
    if (left.type === 'time' && right.type === 'time') {
      [left, right] = sameBase(left, right, rows.rowCount);
    }
    return compareVectors(expression.with, left, right, rows.rowCount);
  };
}

function compileUnary(
  expression: Exclude<
    BoundExpression,
    {op: 'constant' | 'input' | 'case' | 'arithmetic' | 'compare' | 'call'}
  >,
  base: TimeBase,
): Evaluate {
  const of = compileExpression(expression.of[0]!, base);
  switch (expression.op) {
    case 'not':
      return (rows) => logicalNot(of(rows) as BooleanVector, rows.rowCount);
    case 'null':
      return (rows) => isNullVector(of(rows), rows.rowCount);
    case 'in':
      return compileIn(expression, of);
    case 'match': {
      const pattern = new TextPattern(expression.pattern, expression.ignoreCase);
      return (rows) => testText(of(rows) as StringVector, rows.rowCount, (t) => pattern.test(t));
    }
    case 'cast':
      return (rows) => castVector(of(rows), expression.type, rows.rowCount);
    case 'bin': {
      const width = BigInt(expression.widthNs);
      const origin = BigInt(expression.originNs);
      return (rows) => binTimes(of(rows) as TimeVector, rows.rowCount, width, origin);
    }
    case 'month-bin': {
      const {months, originMonth} = expression;
      return (rows) => monthBins(of(rows) as TimeVector, rows.rowCount, months, originMonth);
    }
    case 'shift': {
      const ns = BigInt(expression.ns);
      return (rows) => shiftTimes(of(rows) as TimeVector, rows.rowCount, expression.months, ns);
    }
    case 'and':
    case 'or':
      return assertNever(expression as never);
    default:
      return assertNever(expression);
  }
}

function compileIn(expression: Of<'in'>, of: Evaluate): Evaluate {
  if (expression.of[0].type === 'string') {
    const wanted = new Set(expression.values);
    return (rows) => testText(of(rows) as StringVector, rows.rowCount, (text) => wanted.has(text));
  }
  const wanted = new Set(expression.values.map(Number));
  return (rows) => {
    const vector = of(rows) as NumberVector;
    const count = vector.constant ? 1 : rows.rowCount;
    const values = new Uint8Array(count);
    // The doubles do even if the vector is wide: what is wanted lies inside ±2^53.
    for (let i = 0; i < count; i++) values[i] = wanted.has(vector.values[i]!) ? 1 : 0;
    return {type: 'boolean', values, present: vector.present, constant: vector.constant};
  };
}

function testText(
  vector: StringVector,
  rowCount: number,
  test: (text: string) => boolean,
): BooleanVector {
  const count = vector.constant ? 1 : rowCount;
  const texts = vector.values;
  const values = new Uint8Array(count);
  for (let i = 0; i < count; i++) values[i] = test(texts[i]!) ? 1 : 0;
  return {type: 'boolean', values, present: vector.present, constant: vector.constant};
}

function compileCall(expression: Of<'call'>, base: TimeBase): Evaluate {
  const of = compileAll(expression.of, base);
  const [first, second] = of;
  const {name, type} = expression;
  switch (name) {
    case 'coalesce':
      return (rows) =>
        unlessItFails(
          () => {
            const vectors = of.map((each) => each(rows));
            return coalesce(vectors, type, rows.rowCount, base);
          },
          () => guardedCoalesce(of, type, rows, base),
        );
    case 'lower':
      return (rows) => mapText(first!(rows), rows.rowCount, (text) => text.toLowerCase());
    case 'upper':
      return (rows) => mapText(first!(rows), rows.rowCount, (text) => text.toUpperCase());
    case 'length':
      return (rows) => lengths(first!(rows) as StringVector, rows.rowCount);
    case 'epoch':
      return (rows) => epochSeconds(first!(rows) as TimeVector, rows.rowCount);
    case 'abs':
      return (rows) => absolute(first!(rows) as NumberVector, rows.rowCount);
    case 'floor':
      return (rows) => mapFloat(first!(rows) as NumberVector, rows.rowCount, Math.floor);
    case 'ceil':
      return (rows) => mapFloat(first!(rows) as NumberVector, rows.rowCount, Math.ceil);
    case 'round': {
      if (second === undefined) {
        return (rows) => mapFloat(first!(rows) as NumberVector, rows.rowCount, roundHalfAway);
      }
      const digits = constantNumber(expression.of[1]!);
      return (rows) =>
        mapFloat(first!(rows) as NumberVector, rows.rowCount, (x) => roundTo(x, digits));
    }
  }
}

/** Integers are whole already. */
function mapFloat(
  vector: NumberVector,
  rowCount: number,
  map: (value: number) => number,
): NumberVector {
  return vector.type === 'float' ? mapDoubles(vector, rowCount, map) : vector;
}

function constantNumber(expression: BoundExpression): number {
  assert(expression.op === 'constant', 'the planner admits only a constant number of digits');
  return Number(expression.value);
}

/** PostgreSQL rounds numerics half away from zero; what people expect of round(0.5). */
function roundHalfAway(value: number): number {
  const low = Math.trunc(value);
  return Math.abs(value - low) >= 0.5 ? low + Math.sign(value) : low;
}

/** Through the decimal text, because 1.005 * 100 is 100.49999999999999. */
function roundTo(value: number, digits: number): number {
  if (!Number.isFinite(value)) return value;
  const [mantissa, exponent = '0'] = String(value).split('e');
  const scaled = roundHalfAway(Number(`${mantissa}e${Number(exponent) + digits}`));
  if (!Number.isFinite(scaled)) return value;
  const [scaledMantissa, scaledExponent = '0'] = String(scaled).split('e');
  return Number(`${scaledMantissa}e${Number(scaledExponent) - digits}`);
}

function absolute(vector: NumberVector, rowCount: number): NumberVector {
  if (vector.wide === undefined) return mapDoubles(vector, rowCount, Math.abs);
  return mapExact(
    vector,
    rowCount,
    (value) => (value < 0n ? -value : value),
    vector.type as 'integer',
  );
}

function mapText(vector: Vector, rowCount: number, map: (text: string) => string): StringVector {
  const source = vector as StringVector;
  const texts = source.values;
  const count = source.constant ? 1 : rowCount;
  return {...source, values: Array.from({length: count}, (_, i) => map(texts[i]!))};
}

function lengths(vector: StringVector, rowCount: number): NumberVector {
  const count = vector.constant ? 1 : rowCount;
  const texts = vector.values;
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) values[i] = [...texts[i]!].length;
  return {type: 'integer', values, present: vector.present, constant: vector.constant};
}

function epochSeconds(vector: TimeVector, rowCount: number): NumberVector {
  const count = vector.constant ? 1 : rowCount;
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) values[i] = Number(timeNsAt(vector, i)) / 1e9;
  return {type: 'float', values, present: vector.present, constant: vector.constant};
}

/** A time that this base cannot hold exactly stays absolute. */
export function constantVector(constant: Of<'constant'>, base: TimeBase): Vector {
  const {type, value} = constant;
  if (value === null) return nullVector(type, base);
  switch (type) {
    case 'string':
      return {type, values: [String(value)], constant: true};
    case 'boolean':
      return {type, values: Uint8Array.of(value === true ? 1 : 0), constant: true};
    case 'float':
      return {type, values: Float64Array.of(Number(value)), constant: true};
    case 'time':
      return constantTime(BigInt(value), base);
    default: {
      const exact = BigInt(value);
      const values = Float64Array.of(Number(exact));
      if (Number.isSafeInteger(values[0])) return {type, values, constant: true};
      const wide = type === 'integer' ? BigInt64Array.of(exact) : BigUint64Array.of(exact);
      return {type, values, wide, constant: true};
    }
  }
}

function constantTime(ns: bigint, base: TimeBase): TimeVector {
  const since = ns - BigInt(base.startMs) * 1_000_000n;
  const unit = BigInt(base.unitNs);
  const values = Float64Array.of(Number(since / unit));
  if (since % unit === 0n && Number.isSafeInteger(values[0])) {
    return {type: 'time', values, constant: true, ...base};
  }
  const wide = BigInt64Array.of(ns);
  return {type: 'time', values: Float64Array.of(Number(ns)), wide, constant: true, ...ABSOLUTE};
}

/** Evaluates what depends on no input. */
export function evaluateConstant(expression: BoundExpression): Vector {
  return compileExpression(
    expression,
    ABSOLUTE,
  )({
    rowCount: 1,
    column: () => nullVector(expression.type satisfies ValueType, ABSOLUTE),
  });
}
