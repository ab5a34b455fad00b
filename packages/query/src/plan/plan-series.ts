// SHOW SERIES and SHOW TAG VALUES are SELECT DISTINCT of tags. Where only tags are asked about, the
// fragments read the replica sets' series indexes and no rows; with a condition on time or fields
// they read rows. The coordinator puts the values into the words of the answer.

import {DbError} from '@flotilla/base';
import type {ResultBatch} from '../execute/merge-results.ts';
import {textBatch} from '../execute/text-batch.ts';
import type {Vector} from '../execute/vector.ts';
import type {Expression, OrderItem, SelectStatement, SeriesStatement} from '../sql/ast.ts';
import {statementError} from '../sql/source-text.ts';
import type {PlanCatalog} from './catalog-view.ts';
import {ALL_TIME, type Conjuncts} from './conjuncts.ts';
import type {QueryPlan} from './plan.ts';
import {analyzeSelect, type PlanContext, planSelect, resolveTable} from './plan-select.ts';
import {suggestName} from './suggest.ts';

type Batches = AsyncIterable<ResultBatch>;

/** A query as it is carried out: what is merged, and what its answer is made of. */
export interface ShapedPlan {
  readonly plan: QueryPlan;
  readonly shape: (batches: Batches) => Batches;
}

export function planQuery(
  statement: SelectStatement | SeriesStatement,
  catalog: PlanCatalog,
  context: PlanContext,
): ShapedPlan {
  if (statement.kind === 'select') {
    return {plan: planSelect(statement, catalog, context), shape: (batches) => batches};
  }
  const {table: from, text} = statement;
  const {table} = resolveTable({from, text}, catalog, context).scope;
  const tags = table.columns.filter(({kind}) => kind === 'tag').map(({name}) => name);
  if (statement.kind === 'show-series') {
    const plan = planTags({...statement, orderBy: seriesOrder(statement, tags)}, tags, {
      catalog,
      context,
    });
    return {plan, shape: (batches) => seriesKeys(batches, table.name)};
  }
  const keys = chosenKeys(statement, tags);
  const {limit, offset} = statement;
  const whole = {...statement, limit: keys.length === 0 ? 0 : undefined, offset: 0};
  const plan = planTags(whole, keys, {catalog, context});
  return {plan, shape: (batches) => tagValues(batches, keys, {limit, offset})};
}

/** SELECT DISTINCT of the tags; of a constant where there is none, which says whether there are series. */
function planTags(
  statement: SeriesStatement,
  tags: readonly string[],
  {catalog, context}: {readonly catalog: PlanCatalog; readonly context: PlanContext},
): QueryPlan {
  const {table, where, orderBy, limit, offset, text} = statement;
  const {at} = table;
  const columns: Expression[] = tags.map((name) => ({kind: 'column', name, at}));
  const something: Expression = {kind: 'literal', literal: {type: 'boolean', value: true}, at};
  const expressions = columns.length === 0 ? [something] : columns;
  const select: SelectStatement = {
    kind: 'select',
    distinct: true,
    distinctOn: [],
    items: expressions.map((expression) => ({kind: 'expression', expression, at})),
    from: table,
    where,
    groupBy: [],
    orderBy,
    limit,
    offset,
    text,
  };
  const {plan, conjuncts} = analyzeSelect(select, catalog, context);
  if (!isOfTagsAlone(conjuncts)) return plan;
  return {...plan, fragments: plan.fragments.map((each) => ({...each, source: 'series'}))};
}

function isOfTagsAlone({range, rest}: Conjuncts): boolean {
  const {startNs, endNs} = ALL_TIME;
  return rest === undefined && range.startNs === startNs && range.endNs === endNs;
}

/** `key` is the series' whole key, unless a tag is called so: its order is that of its tags. */
function seriesOrder({orderBy, table}: SeriesStatement, tags: readonly string[]): OrderItem[] {
  const byKey = (descending: boolean): OrderItem[] =>
    tags.map((name) => ({
      expression: {kind: 'column', name, at: table.at},
      descending,
      nullsFirst: !descending,
    }));
  if (orderBy.length === 0) return byKey(false);
  return orderBy.flatMap((item) => {
    const {expression, descending} = item;
    const isKey = expression.kind === 'column' && expression.name === 'key';
    return isKey && !tags.includes('key') ? byKey(descending) : [item];
  });
}

function chosenKeys(
  {keys, text}: Extract<SeriesStatement, {kind: 'show-tag-values'}>,
  tags: readonly string[],
): string[] {
  const named = new Set<string>();
  for (const {text: name, at} of keys.names) {
    if (!tags.includes(name)) {
      const hint = suggestName(name, tags);
      throw statementError('QUERY_ERROR', `the table has no tag ${name}`, {text, at, hint});
    }
    named.add(name);
  }
  return tags.filter((name) => named.has(name) === keys.isListed).sort();
}

/** `table,tag=value,..`, with the tags in the table's order, and without those that a series lacks. */
async function* seriesKeys(batches: Batches, table: string): Batches {
  for await (const {rowCount, columns} of batches) {
    const keys = Array.from({length: rowCount}, (_, row) => {
      const tags = columns.flatMap(({name, values}) => {
        const value = textAt(values, row);
        return value === undefined ? [] : [`,${escapeKey(name)}=${escapeKey(value)}`];
      });
      return escapeKey(table) + tags.join('');
    });
    yield textBatch([['key', keys]]);
  }
}

/** As line protocol writes it, so that two series never read alike. */
function escapeKey(text: string): string {
  return text.replace(/[\\,= ]/g, '\\$&');
}

async function* tagValues(
  batches: Batches,
  keys: readonly string[],
  {limit, offset}: {readonly limit: number | undefined; readonly offset: number},
): Batches {
  const values = keys.map(() => new Set<string>());
  for await (const {rowCount, columns} of batches) {
    if (keys.length === 0) continue;
    for (const [i, {values: vector}] of columns.entries()) {
      for (let row = 0; row < rowCount; row++) {
        const value = textAt(vector, row);
        if (value !== undefined) values[i]!.add(value);
      }
    }
  }
  const rows = keys.flatMap((key, i) => [...values[i]!].sort().map((value) => [key, value]));
  const shown = rows.slice(offset, limit === undefined ? undefined : offset + limit);
  yield textBatch([
    ['key', shown.map(([key]) => key!)],
    ['value', shown.map(([, value]) => value!)],
  ]);
}

/** Undefined: the series lacks the tag, or the column is no tag. */
function textAt(vector: Vector, row: number): string | undefined {
  if (vector.type === 'boolean') return undefined;
  if (vector.type !== 'string') throw new DbError('INTERNAL', `a tag of type ${vector.type}`);
  const at = vector.constant ? 0 : row;
  return vector.present === undefined || vector.present[at] === 1 ? vector.values[at] : undefined;
}
