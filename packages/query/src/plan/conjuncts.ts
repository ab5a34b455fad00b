// WHERE falls apart into what prunes buckets (a time range), what prunes series (a predicate on tags)
// and the rest, which is evaluated on chunks. Only terms joined by AND may leave the whole.

import type {TagPredicate} from '@flotilla/column';
import {TIME_NS_MAX, TIME_NS_MIN} from '../sql/time-text.ts';
import {isConstant} from './constants.ts';
import type {BoundExpression, FragmentInput} from './plan.ts';

/** [startNs, endNs) */
interface TimeRange {
  readonly startNs: bigint;
  readonly endNs: bigint;
}

export const ALL_TIME: TimeRange = {startNs: TIME_NS_MIN, endNs: TIME_NS_MAX + 1n};

export interface Conjuncts {
  readonly range: TimeRange;
  readonly tags?: TagPredicate | undefined;
  readonly rest?: BoundExpression | undefined;
  /** No row can pass. */
  readonly never: boolean;
}

export function splitConjuncts(
  where: BoundExpression | undefined,
  inputs: readonly FragmentInput[],
): Conjuncts {
  let range = ALL_TIME;
  const tags: TagPredicate[] = [];
  const rest: BoundExpression[] = [];
  let never = false;
  for (const term of where === undefined ? [] : flatten(where)) {
    if (isConstant(term)) {
      never ||= term.value !== true;
      continue;
    }
    const bounds = timeBounds(term, inputs);
    const predicate = bounds === undefined ? tagPredicate(term, inputs) : undefined;
    if (bounds !== undefined) range = intersect(range, bounds);
    else if (predicate !== undefined) tags.push(predicate);
    else rest.push(term);
  }
  return {
    range,
    tags: tags.length <= 1 ? tags[0] : {op: 'and', of: tags},
    rest: rest.length <= 1 ? rest[0] : {op: 'and', type: 'boolean', of: rest},
    never: never || range.startNs >= range.endNs,
  };
}

function flatten(expression: BoundExpression): readonly BoundExpression[] {
  return expression.op === 'and' ? expression.of.flatMap(flatten) : [expression];
}

function intersect(a: TimeRange, b: TimeRange): TimeRange {
  return {
    // biome-ignore lint/complexity/useMathMinMax: Math takes no bigint.
    startNs: a.startNs > b.startNs ? a.startNs : b.startNs,
    // biome-ignore lint/complexity/useMathMinMax: Math takes no bigint.
    endNs: a.endNs < b.endNs ? a.endNs : b.endNs,
  };
}

const FLIPPED = {'=': '=', '<>': '<>', '<': '>', '<=': '>=', '>': '<', '>=': '<='} as const;

/** Of `time < constant` and its kin. */
function timeBounds(
  term: BoundExpression,
  inputs: readonly FragmentInput[],
): TimeRange | undefined {
  if (term.op !== 'compare' || term.of[0].type !== 'time') return undefined;
  const [left, right] = term.of;
  const flipped = isConstant(left);
  const constant = flipped ? left : right;
  const column = flipped ? right : left;
  if (!isConstant(constant) || constant.value === null) return undefined;
  if (column.op !== 'input' || inputs[column.input]?.source !== 'time') return undefined;
  const ns = BigInt(constant.value as string);
  switch (flipped ? FLIPPED[term.with] : term.with) {
    case '=':
      return {startNs: ns, endNs: ns + 1n};
    case '<':
      return {...ALL_TIME, endNs: ns};
    case '<=':
      return {...ALL_TIME, endNs: ns + 1n};
    case '>':
      return {...ALL_TIME, startNs: ns + 1n};
    case '>=':
      return {...ALL_TIME, startNs: ns};
    default:
      return undefined;
  }
}

/** The same condition in the terms of storage's series index, if it is on tags alone. */
function tagPredicate(
  term: BoundExpression,
  inputs: readonly FragmentInput[],
): TagPredicate | undefined {
  const tagOf = (of: BoundExpression | undefined) => {
    const input = of?.op === 'input' ? inputs[of.input] : undefined;
    return input?.source === 'tag' ? input.column : undefined;
  };
  switch (term.op) {
    case 'and':
    case 'or':
    case 'not': {
      const of = term.of.map((each) => tagPredicate(each, inputs));
      if (!of.every((each) => each !== undefined)) return undefined;
      return term.op === 'not' ? {op: 'not', of: of[0]!} : {op: term.op, of};
    }
    case 'null': {
      const column = tagOf(term.of[0]);
      return column === undefined ? undefined : {op: 'null', column};
    }
    case 'in': {
      const column = tagOf(term.of[0]);
      return column === undefined ? undefined : {op: 'in', column, values: term.values};
    }
    case 'match': {
      const {pattern, ignoreCase} = term;
      const column = tagOf(term.of[0]);
      return column === undefined ? undefined : {op: 'match', column, pattern, ignoreCase};
    }
    case 'compare': {
      const flipped = isConstant(term.of[0]);
      const [side, constant] = flipped ? [term.of[1], term.of[0]] : term.of;
      const column = tagOf(side);
      if (column === undefined || !isConstant(constant) || constant.value === null)
        return undefined;
      const operator = flipped ? FLIPPED[term.with] : term.with;
      const value = String(constant.value);
      const equal: TagPredicate = {op: 'in', column, values: [value]};
      if (operator === '=') return equal;
      return operator === '<>'
        ? {op: 'not', of: equal}
        : {op: 'compare', column, with: operator, value};
    }
    default:
      return undefined;
  }
}
