// The answer to a question by the model's rows, one after another.

import {keyOf, type Model, type Value} from '../../packages/storage/src/replica-model.fixture.ts';
import type {Asked} from './random-history.ts';

interface Row {
  readonly offset: number;
  readonly key: Buffer;
  readonly host: string;
  readonly region: string | undefined;
  readonly values: ReadonlyMap<number, Value>;
}

/** A number, and how far from it an answer may be. */
export interface Near {
  readonly near: number;
  readonly within: number;
}
export type Answer = Value | Near | null;

const FIELDS = ['f', 'i', 'u', 'b', 's'];

const WIDTHS: Readonly<Record<string, number>> = {second: 1e3, minute: 6e4, hour: 36e5, day: 864e5};

function widthMs(bin: string): number {
  const [count, unit] = bin.split(' ') as [string, string];
  return Number(count) * WIDTHS[unit.replace(/s$/, '')]!;
}

/** By group, whose name is the text of its keys. */
export function plainAnswer(model: Model, asked: Asked, bucketMs: number): Map<string, Answer[]> {
  const {bin, byHost, byFlag, edge, aggregates} = asked;
  const rows = [...rowsOf(model)].filter((row) => isAsked(row, model, asked));
  const groups = Map.groupBy(rows, ({offset, host, values}) => {
    const ms = bucketMs + offset;
    const key = bin === undefined ? [] : [ms - (ms % widthMs(bin))];
    const flag = byFlag ? [String(values.get(FIELDS.indexOf('b')) ?? null)] : [];
    return [...key, ...(byHost ? [host] : []), ...flag].join();
  });
  // Without keys there is one group, of no rows if there are none.
  if (bin === undefined && !byHost && !byFlag && groups.size === 0) groups.set('', []);
  const answers = new Map<string, Answer[]>();
  for (const [name, of] of groups)
    answers.set(
      name,
      aggregates.map(([aggregate, column]) =>
        answer([edge ?? aggregate, column], of, bucketMs, edge),
      ),
    );
  return answers;
}

function* rowsOf(model: Model): Generator<Row> {
  for (const {point, rows} of model.tables.get(1)?.values() ?? [])
    for (const [offset, values] of rows)
      yield {
        ...{offset, values, key: Buffer.from(keyOf(point)), host: `host_${point.host}`},
        region: point.region === 0 ? undefined : `r${point.region}`,
      };
}

function isAsked(row: Row, {expiredBefore}: Model, {start = 0, end = 2 ** 40, where}: Asked) {
  if (row.offset < Math.max(start, expiredBefore) || row.offset >= end) return false;
  const value = (field: number) => row.values.get(field);
  switch (where) {
    case undefined:
      return true;
    case 'region IS NULL':
      return row.region === undefined;
    case 'i > 3':
      return value(1) !== undefined && (value(1) as bigint) > 3n;
    case 'f < 2':
      return value(0) !== undefined && (value(0) as number) < 2;
    default:
      return row.host === 'host_1';
  }
}

/** @param edge  rows count whether they have the value or not */
function answer(
  [name, of]: readonly [string, string],
  rows: readonly Row[],
  ms: number,
  edge: Asked['edge'],
): Answer {
  if (of === '*') return BigInt(rows.length);
  const value = (row: Row): Value | undefined => {
    if (of === 'i + 1') {
      const i = row.values.get(1) as bigint | undefined;
      return i === undefined ? undefined : i + 1n;
    }
    if (of === 'time') return BigInt(ms + row.offset) * 1_000_000n;
    if (of === 'host' || of === 'region') return row[of];
    return row.values.get(FIELDS.indexOf(of));
  };
  const seen = rows
    .filter((row) => edge !== undefined || value(row) !== undefined)
    .sort((a, b) => a.offset - b.offset || Buffer.compare(a.key, b.key));
  const values = seen.map((row) => value(row) ?? null);
  if (name === 'count') return BigInt(values.length);
  if (values.length === 0) return null;
  switch (name) {
    case 'min':
      return values.reduce((a, b) => (compare(b!, a!) < 0 ? b : a));
    case 'max':
      return values.reduce((a, b) => (compare(b!, a!) > 0 ? b : a));
    case 'first':
      return values[0] ?? null;
    case 'last': {
      const {offset} = seen.at(-1)!;
      return value(seen.find((row) => row.offset === offset)!) ?? null;
    }
    default:
      return total(name, values as Value[]);
  }
}

function total(name: string, values: readonly Value[]): Answer {
  const count = name === 'avg' ? values.length : 1;
  if (typeof values[0] === 'bigint') {
    const sum = (values as bigint[]).reduce((a, b) => a + b, 0n);
    return name === 'avg' ? near(Number(sum) / count, Math.abs(Number(sum)) / count) : sum;
  }
  const doubles = values as number[];
  const absolute = doubles.reduce((sum, each) => sum + Math.abs(each), 0);
  return near(doubles.reduce((sum, each) => sum + each, 0) / count, absolute / count);
}

/** What is promised: 1e-12 of the sum of absolute values. The plain sum is itself off by its roundings. */
function near(value: number, absolute: number): Near {
  return {near: value, within: absolute * 2e-12};
}

/** NaN is above every number. */
function compare(a: Value, b: Value): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return a < b ? -1 : a > b ? 1 : 0;
}
