// DISTINCT ON (keys) .. ORDER BY keys, time: the first or last row of each group, as aggregates that
// take all columns from one row. Any other order would need all rows in one place.

import type {Binder} from './bind.ts';
import type {AggregateSpec, BoundExpression, GroupsMerge, GroupsWork, SortKey} from './plan.ts';

export function bindDistinctOn(
  binder: Binder,
  keys: readonly BoundExpression[],
  columns: readonly BoundExpression[],
  order: readonly SortKey[],
): {work: GroupsWork; merge: GroupsMerge} {
  const name = edgeOf(binder, keys, columns, order);
  const texts = keys.map((key) => JSON.stringify(key));
  const aggregates: AggregateSpec[] = [];
  const over = columns.map((column): BoundExpression => {
    const {type} = column;
    const key = texts.indexOf(JSON.stringify(column));
    if (key >= 0) return {op: 'input', type, input: key};
    aggregates.push({name, argument: column, type});
    return {op: 'input', type, input: keys.length + aggregates.length - 1};
  });
  return {
    work: {kind: 'groups', keys, aggregates},
    merge: {kind: 'groups', keys, aggregates, columns: over},
  };
}

/** ORDER BY says which row is wanted: it begins with the keys, and the time decides. */
function edgeOf(
  binder: Binder,
  keys: readonly BoundExpression[],
  columns: readonly BoundExpression[],
  order: readonly SortKey[],
): 'first-row' | 'last-row' {
  const wanted = new Set(keys.map((key) => JSON.stringify(key)));
  const leading = order.slice(0, wanted.size).map(({column}) => JSON.stringify(columns[column]));
  const time = order[wanted.size];
  const timeColumn = time && columns[time.column];
  const byKeys = leading.length === wanted.size && leading.every((text) => wanted.has(text));
  if (byKeys && order.length === wanted.size + 1 && timeColumn && binder.isTime(timeColumn)) {
    return time.descending ? 'last-row' : 'first-row';
  }
  throw binder.error(
    'DISTINCT ON is supported with ORDER BY the same keys, then time',
    binder.placeOf(keys[0]!),
    'SELECT DISTINCT ON (host) * FROM t ORDER BY host, time DESC',
    'UNSUPPORTED',
  );
}
