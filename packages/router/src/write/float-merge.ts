// Integer literals in float columns: taken as floats, exact within 2^53, else refused. A column that
// was written both ways in one body becomes one run of floats again.

import {assert, type ErrorCode} from '@flotilla/base';
import type {ParsedField} from '@flotilla/column';
import type {ResolvedField} from './resolved-table.ts';

type Reject = (row: number, refusal: {code: ErrorCode; reason: string}) => void;

export function mergeAsFloat(fields: readonly ResolvedField[], reject: Reject): ResolvedField[] {
  const merged: ResolvedField[] = [];
  for (const {column, field} of fields) {
    const converted = column.type === 'float' ? asFloat(field, reject) : field;
    const at = merged.findIndex((other) => other.column.id === column.id);
    if (at < 0) merged.push({column, field: converted});
    else merged[at] = {column, field: interleave(merged[at]!.field, converted)};
  }
  return merged;
}

function asFloat(field: ParsedField, reject: Reject): ParsedField {
  const {values} = field;
  if (values.type !== 'integer') return field;
  refuseInexact(field, reject);
  return {...field, values: {type: 'float', values: values.values}};
}

/** Refuses the rows of a float column whose integers are beyond what a float holds exactly. */
export function refuseInexact({name, count, rows, values}: ParsedField, reject: Reject): void {
  if (values.type !== 'integer' || values.wide === undefined) return;
  for (let i = 0; i < count; i++) {
    if (Number.isSafeInteger(values.values[i]!)) continue;
    const reason = `column "${name}" is float, and ${values.wide[i]}i is not exact as a float`;
    reject(rows[i]!, {code: 'TYPE_CONFLICT', reason});
  }
}

/** Two runs of floats of disjoint rows as one, rows ascending. */
function interleave(a: ParsedField, b: ParsedField): ParsedField {
  assert(
    a.values.type === 'float' && b.values.type === 'float',
    'only float columns have two runs',
  );
  const count = a.count + b.count;
  const rows = new Int32Array(count);
  const values = new Float64Array(count);
  let i = 0;
  let j = 0;
  for (let out = 0; out < count; out++) {
    const fromA = j >= b.count || (i < a.count && a.rows[i]! < b.rows[j]!);
    rows[out] = fromA ? a.rows[i]! : b.rows[j]!;
    values[out] = fromA ? a.values.values[i++]! : b.values.values[j++]!;
  }
  return {name: a.name, count, rows, values: {type: 'float', values}};
}
