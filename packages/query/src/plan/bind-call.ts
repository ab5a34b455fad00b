// The functions: one table of aggregates, one of functions of a row, and the bins of time in their
// several spellings (date_bin, time_bucket, date_trunc).

import type {Expression} from '../sql/ast.ts';
import {parseInterval} from '../sql/duration-text.ts';
import {parseTime} from '../sql/time-text.ts';
import type {BindContext, IntervalOperand} from './bind-context.ts';
import {convert, isNumber, sharedType} from './bind-types.ts';
import {isConstant, timeConstant} from './constants.ts';
import type {AggregateName, BoundExpression, CallName, ValueType} from './plan.ts';
import {suggestName} from './suggest.ts';

type Call = Extract<Expression, {kind: 'call'}>;

const AGGREGATES: ReadonlyMap<string, AggregateName> = new Map([
  ['count', 'count'],
  ['sum', 'sum'],
  ['avg', 'avg'],
  ['mean', 'avg'],
  ['min', 'min'],
  ['max', 'max'],
  ['first', 'first'],
  ['last', 'last'],
]);
const ROW_FUNCTIONS: ReadonlyMap<string, CallName> = new Map([
  ['abs', 'abs'],
  ['round', 'round'],
  ['floor', 'floor'],
  ['ceil', 'ceil'],
  ['ceiling', 'ceil'],
  ['coalesce', 'coalesce'],
  ['lower', 'lower'],
  ['upper', 'upper'],
  ['length', 'length'],
  ['char_length', 'length'],
]);
const TIME_FUNCTIONS = ['date_bin', 'time_bucket', 'date_trunc', 'now', 'extract', 'date_part'];
/** Known elsewhere and to come here: refused by name instead of being called unknown. */
const NOT_YET: ReadonlySet<string> = new Set([
  ...['median', 'mode', 'stddev', 'stddev_pop', 'stddev_samp', 'variance', 'var_pop', 'var_samp'],
  ...['percentile_cont', 'percentile_disc', 'approx_percentile', 'approx_percentile_cont'],
  ...['approx_distinct', 'approx_count_distinct', 'hyperloglog', 'array_agg', 'string_agg'],
  ...['time_window', 'time_window_gapfill', 'date_bin_gapfill', 'time_bucket_gapfill', 'locf'],
  ...['interpolate', 'increase', 'sample', 'gauge_agg', 'counter_agg', 'state_agg', 'topk'],
  ...['bottom', 'rate', 'delta', 'first_value', 'last_value', 'selector_first', 'selector_last'],
  ...['timezone', 'concat', 'substring', 'btrim', 'replace', 'sqrt', 'power', 'ln', 'exp'],
  ...['row_number', 'rank', 'lag', 'lead', 'to_timestamp', 'bool_and', 'bool_or', 'histogram'],
]);

const NS_PER_DAY = 86_400_000_000_000n;
/** Monday 2000-01-03, TimescaleDB's own: bins of a week begin on Mondays. */
const BUCKET_ORIGIN_NS = 10_959n * NS_PER_DAY;
/** 2000-01 counted from 1970-01. */
const BUCKET_ORIGIN_MONTH = 360;
/** Monday 1970-01-05. */
const MONDAY_NS = 4n * NS_PER_DAY;
const TRUNC_UNITS: ReadonlyMap<string, {ns?: bigint; months?: number}> = new Map([
  ['microsecond', {ns: 1_000n}],
  ['microseconds', {ns: 1_000n}],
  ['millisecond', {ns: 1_000_000n}],
  ['milliseconds', {ns: 1_000_000n}],
  ['second', {ns: 1_000_000_000n}],
  ['minute', {ns: 60_000_000_000n}],
  ['hour', {ns: 3_600_000_000_000n}],
  ['day', {ns: NS_PER_DAY}],
  ['week', {ns: 7n * NS_PER_DAY}],
  ['month', {months: 1}],
  ['quarter', {months: 3}],
  ['year', {months: 12}],
  ['decade', {months: 120}],
]);

export function bindCall(binder: BindContext, call: Call): BoundExpression {
  const aggregate = AGGREGATES.get(call.name);
  if (aggregate !== undefined) return bindAggregate(binder, call, aggregate);
  const rowFunction = ROW_FUNCTIONS.get(call.name);
  if (rowFunction !== undefined) return bindRowFunction(binder, call, rowFunction);
  switch (call.name) {
    case 'now':
      wantArguments(binder, call, 0, 0);
      return timeConstant(binder.nowNs);
    case 'date_bin':
      return bindBin(binder, call, {originNs: 0n, originMonth: 0});
    case 'time_bucket':
      return bindBin(binder, call, {originNs: BUCKET_ORIGIN_NS, originMonth: BUCKET_ORIGIN_MONTH});
    case 'date_trunc':
      return bindTrunc(binder, call);
    case 'extract':
    case 'date_part':
      return bindExtract(binder, call);
    default:
      throw unknownFunction(binder, call);
  }
}

function unknownFunction(binder: BindContext, call: Call): Error {
  if (NOT_YET.has(call.name)) {
    return binder.error(`${call.name}() is not supported yet`, call.at, undefined, 'UNSUPPORTED');
  }
  const known = [...AGGREGATES.keys(), ...ROW_FUNCTIONS.keys(), ...TIME_FUNCTIONS];
  return binder.error(`no function ${call.name}()`, call.at, suggestName(call.name, known));
}

function wantArguments(binder: BindContext, call: Call, least: number, most: number): void {
  const {length} = call.args;
  if (length >= least && length <= most && !call.star) return;
  const wanted = least === most ? `${least}` : `${least} to ${most}`;
  throw binder.error(
    `${call.name}() takes ${wanted} arguments, not ${call.star ? '*' : length}`,
    call.at,
  );
}

function bindAggregate(binder: BindContext, call: Call, name: AggregateName): BoundExpression {
  if (call.star) {
    if (name !== 'count') throw binder.error(`${call.name}(*) means nothing`, call.at);
    return binder.aggregate({name, type: 'integer'}, call.at);
  }
  const ordered = name === 'first' || name === 'last';
  wantArguments(binder, call, 1, ordered ? 2 : 1);
  const args = call.args.map((each) => binder.aggregateArgument(each, call.name));
  const argument = args.length === 1 ? args[0]! : valueBesideTime(binder, call, args);
  return binder.aggregate(
    {name, argument, type: aggregateType(binder, call, name, argument)},
    call.at,
  );
}

/** first(time, v) as in CnosDB, first(v, time) as in TimescaleDB: the one that is not the time. */
function valueBesideTime(
  binder: BindContext,
  call: Call,
  args: readonly BoundExpression[],
): BoundExpression {
  const isTime = args.map((each) => each.op === 'input' && each.type === 'time');
  if (isTime[0]) return args[1]!;
  if (isTime[1]) return args[0]!;
  throw binder.error(`${call.name}(a, b) takes the column time as one of the two`, call.at);
}

function aggregateType(
  binder: BindContext,
  call: Call,
  name: AggregateName,
  argument: BoundExpression,
): ValueType {
  if (name === 'count') return 'integer';
  if (name !== 'sum' && name !== 'avg') return argument.type;
  if (!isNumber(argument.type)) {
    throw binder.error(`${call.name}() adds numbers, not ${argument.type}`, call.at);
  }
  return name === 'avg' ? 'float' : argument.type;
}

function bindRowFunction(binder: BindContext, call: Call, name: CallName): BoundExpression {
  const most = name === 'coalesce' ? 100 : name === 'round' ? 2 : 1;
  wantArguments(binder, call, 1, most);
  const args = call.args.map((each) => binder.value(each));
  const first = args[0]!;
  if (name === 'coalesce') {
    const type = sharedType(binder, args, call.at);
    return {op: 'call', type, name, of: args.map((each) => convert(binder, each, type, call.at))};
  }
  if (name === 'lower' || name === 'upper' || name === 'length') {
    if (first.type !== 'string') {
      throw binder.error(`${call.name}() takes text, not ${first.type}`, call.at);
    }
    return {op: 'call', type: name === 'length' ? 'integer' : 'string', name, of: args};
  }
  if (!isNumber(first.type)) {
    throw binder.error(`${call.name}() takes a number, not ${first.type}`, call.at);
  }
  const digits = args[1];
  if (digits === undefined) return {op: 'call', type: first.type, name, of: args};
  if (!isConstant(digits) || digits.type !== 'integer' || Math.abs(Number(digits.value)) > 300) {
    throw binder.error('round() takes a whole number of digits', call.args[1]!.at);
  }
  return {op: 'call', type: 'float', name, of: [convert(binder, first, 'float', call.at), digits]};
}

function bindBin(
  binder: BindContext,
  call: Call,
  origin: {originNs: bigint; originMonth: number},
): BoundExpression {
  wantArguments(binder, call, 2, 3);
  const width = intervalOf(binder, call.args[0]!);
  const time = timeArgument(binder, call, call.args[1]!);
  const moved = call.args[2] === undefined ? undefined : originOf(binder, call.args[2]);
  if (width.months !== 0) {
    if (width.ns !== 0n || width.months < 0 || moved !== undefined) {
      throw binder.error('a bin of months is whole months, without an origin', call.args[0]!.at);
    }
    const {originMonth} = origin;
    return {op: 'month-bin', type: 'time', of: [time], months: width.months, originMonth};
  }
  if (width.ns <= 0n) throw binder.error('a bin is wider than nothing', call.args[0]!.at);
  return bin(time, width.ns, moved ?? origin.originNs);
}

function bin(time: BoundExpression, widthNs: bigint, originNs: bigint): BoundExpression {
  return {
    op: 'bin',
    type: 'time',
    of: [time],
    widthNs: String(widthNs),
    originNs: String(originNs),
  };
}

function intervalOf(binder: BindContext, expression: Expression): IntervalOperand {
  const operand = binder.operand(expression);
  if (operand.op === 'interval') return operand;
  const text = isConstant(operand) && operand.type === 'string' ? operand.value : null;
  const interval = text === null ? undefined : parseInterval(String(text));
  if (interval === undefined) {
    throw binder.error("the width of a bin is written like '1 minute'", expression.at);
  }
  return {op: 'interval', ...interval};
}

function originOf(binder: BindContext, expression: Expression): bigint {
  const operand = binder.value(expression);
  if (isConstant(operand) && operand.value !== null) {
    if (operand.type === 'time' || operand.type === 'integer')
      return BigInt(operand.value as string);
    const ns = operand.type === 'string' ? parseTime(String(operand.value)) : undefined;
    if (ns !== undefined) return ns;
  }
  throw binder.error('the origin of a bin is a constant time', expression.at);
}

function timeArgument(binder: BindContext, call: Call, expression: Expression): BoundExpression {
  const value = binder.value(expression);
  if (value.type === 'time') return value;
  if (isConstant(value)) return convert(binder, value, 'time', expression.at);
  throw binder.error(`${call.name}() takes a time, not ${value.type}`, expression.at);
}

function bindTrunc(binder: BindContext, call: Call): BoundExpression {
  wantArguments(binder, call, 2, 2);
  const unit = binder.value(call.args[0]!);
  const name = isConstant(unit) ? String(unit.value).toLowerCase() : '';
  const width = TRUNC_UNITS.get(name);
  if (width === undefined) {
    const hint = `one of ${[...TRUNC_UNITS.keys()].join(', ')}`;
    throw binder.error('date_trunc() takes a unit of time', call.args[0]!.at, hint);
  }
  const time = timeArgument(binder, call, call.args[1]!);
  if (width.ns !== undefined) return bin(time, width.ns, name === 'week' ? MONDAY_NS : 0n);
  return {op: 'month-bin', type: 'time', of: [time], months: width.months!, originMonth: 0};
}

function bindExtract(binder: BindContext, call: Call): BoundExpression {
  wantArguments(binder, call, 2, 2);
  const unit = binder.value(call.args[0]!);
  if (!isConstant(unit) || String(unit.value).toLowerCase() !== 'epoch') {
    throw binder.error(
      'extract() of other than epoch is not supported yet',
      call.at,
      undefined,
      'UNSUPPORTED',
    );
  }
  const time = timeArgument(binder, call, call.args[1]!);
  return {op: 'call', type: 'float', name: 'epoch', of: [time]};
}
