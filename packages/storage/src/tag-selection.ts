// Tag predicates over the series of one table, in SQL's three-valued logic: a comparison with a
// missing tag is unknown, `not` keeps unknown, and only true selects.
//
// Strings compare by Unicode code point, which is the order of their UTF-8 bytes.

import type {ColumnId} from '@flotilla/base';
import {type TagPredicate, TextPattern} from '@flotilla/column';
import type {TagColumn} from './series-index.ts';

export type TagColumns = ReadonlyMap<ColumnId, TagColumn>;

// Truth values are ordered, so that `and` is min, `or` is max and `not` is 2 - x.
const FALSE = 0;
const UNKNOWN = 1;
const TRUE = 2;

const utf8 = new TextDecoder('utf-8', {ignoreBOM: true});

/** Those of `ids` (by position in the table) for which the predicate is true. */
export function selectPositions(
  ids: Int32Array,
  tags: TagColumns,
  predicate: TagPredicate,
): Int32Array {
  const truth = evaluate(predicate, tags, ids.length);
  const selected = new Int32Array(ids.length);
  let count = 0;
  for (let position = 0; position < ids.length; position++)
    if (truth[position] === TRUE) selected[count++] = ids[position]!;
  return selected.subarray(0, count);
}

function evaluate(predicate: TagPredicate, tags: TagColumns, count: number): Uint8Array {
  switch (predicate.op) {
    case 'and':
    case 'or':
      return combine(
        predicate.op,
        predicate.of.map((each) => evaluate(each, tags, count)),
        count,
      );
    case 'not':
      return evaluate(predicate.of, tags, count).map((truth) => TRUE - truth);
    case 'null':
      return evaluateNull(tags.get(predicate.column), count);
    default:
      return evaluateLeaf(predicate, tags.get(predicate.column), count);
  }
}

function combine(op: 'and' | 'or', operands: readonly Uint8Array[], count: number): Uint8Array {
  const result = new Uint8Array(count).fill(op === 'and' ? TRUE : FALSE);
  for (const operand of operands) {
    for (let i = 0; i < count; i++) {
      const keeps = op === 'and' ? operand[i]! < result[i]! : operand[i]! > result[i]!;
      if (keeps) result[i] = operand[i]!;
    }
  }
  return result;
}

function evaluateNull(tag: TagColumn | undefined, count: number): Uint8Array {
  const truth = new Uint8Array(count);
  for (let position = 0; position < count; position++)
    truth[position] = tag === undefined || tag.numberOf(position) < 0 ? TRUE : FALSE;
  return truth;
}

type Leaf = Extract<TagPredicate, {readonly op: 'in' | 'compare' | 'match'}>;

/** The test runs once per distinct value, whatever the number of series. */
function evaluateLeaf(leaf: Leaf, tag: TagColumn | undefined, count: number): Uint8Array {
  const truth = new Uint8Array(count).fill(UNKNOWN);
  if (tag === undefined) return truth;
  const ofValue = truthOfValues(leaf, tag);
  for (let position = 0; position < count; position++) {
    const number = tag.numberOf(position);
    if (number >= 0) truth[position] = ofValue[number]!;
  }
  return truth;
}

function truthOfValues(leaf: Leaf, tag: TagColumn): Uint8Array {
  const truth = new Uint8Array(tag.values.count);
  if (leaf.op === 'in') {
    // By bytes through the set, so that no string is made per distinct value.
    for (const value of leaf.values) {
      const number = tag.values.find(Buffer.from(value));
      if (number !== undefined) truth[number] = TRUE;
    }
    return truth;
  }
  const test = leaf.op === 'compare' ? compareTest(leaf) : matchTest(leaf);
  for (let number = 0; number < truth.length; number++)
    truth[number] = test(tag.values.get(number)) ? TRUE : FALSE;
  return truth;
}

function compareTest(leaf: Extract<Leaf, {op: 'compare'}>): (value: Uint8Array) => boolean {
  const bound = Buffer.from(leaf.value);
  switch (leaf.with) {
    case '<':
      return (value) => Buffer.compare(value, bound) < 0;
    case '<=':
      return (value) => Buffer.compare(value, bound) <= 0;
    case '>':
      return (value) => Buffer.compare(value, bound) > 0;
    case '>=':
      return (value) => Buffer.compare(value, bound) >= 0;
  }
}

function matchTest(leaf: Extract<Leaf, {op: 'match'}>): (value: Uint8Array) => boolean {
  const expression = new TextPattern(leaf.pattern, leaf.ignoreCase);
  return (value) => expression.test(utf8.decode(value));
}
