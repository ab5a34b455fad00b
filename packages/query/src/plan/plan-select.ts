// A SELECT becomes a plan: bound, split into one fragment per replica set that may hold rows of its
// time range, and the coordinator's part. Pure: the caller gives the catalog and the time.

import {type DatabaseId, DbError, LIMITS, type TenantId} from '@flotilla/base';
import type {Database} from '@flotilla/catalog';
import type {Expression, SelectItem, SelectStatement} from '../sql/ast.ts';
import {statementError} from '../sql/source-text.ts';
import {Binder} from './bind.ts';
import type {PlanCatalog} from './catalog-view.ts';
import {type Conjuncts, splitConjuncts} from './conjuncts.ts';
import {bindDistinctOn} from './distinct-on.ts';
import {expressionText} from './expression-text.ts';
import {planFragments} from './fragments.ts';
import {Grouping} from './grouping.ts';
import type {
  BoundExpression,
  GroupsWork,
  OutputColumn,
  QueryPlan,
  RowsWork,
  SortKey,
} from './plan.ts';
import {TableScope} from './scope.ts';
import {suggestName} from './suggest.ts';

export interface PlanContext {
  readonly tenant: TenantId;
  /** Where tables without a database before their name are looked up. */
  readonly database: DatabaseId;
  /** `now()`, fixed once for the whole query. */
  readonly nowNs: bigint;
}

/** Throws QUERY_ERROR, TABLE_NOT_FOUND, DATABASE_NOT_FOUND or UNSUPPORTED with the place in the text. */
export function planSelect(
  statement: SelectStatement,
  catalog: PlanCatalog,
  context: PlanContext,
): QueryPlan {
  return analyzeSelect(statement, catalog, context).plan;
}

/** A plan, and what made its fragments. */
export interface SelectAnalysis {
  readonly plan: QueryPlan;
  readonly conjuncts: Conjuncts;
  /** Absent without FROM. */
  readonly database?: Database | undefined;
}

/** As planSelect, for whoever wants to know why. */
export function analyzeSelect(
  statement: SelectStatement,
  catalog: PlanCatalog,
  context: PlanContext,
): SelectAnalysis {
  const {from, text} = statement;
  const source = from && resolveTable({from, text}, catalog, context);
  const scope = source?.scope;
  const binder = new Binder({
    text: statement.text,
    nowNs: context.nowNs,
    scope,
    aliases: aliasesOf(statement.items),
  });
  refuseWide(statement, scope);
  const items = expandStars(statement, scope, binder);
  const where = statement.where && binder.bindCondition(statement.where, 'WHERE', 'WHERE');
  const body = bindBody(statement, binder, items);
  const conjuncts = splitConjuncts(where, scope?.inputs ?? []);
  const shape = {order: body.order, limit: statement.limit, offset: statement.offset};
  if (source === undefined || scope === undefined) {
    if (body.merge.kind === 'groups') {
      throw binder.error('aggregates, GROUP BY, HAVING and DISTINCT need a FROM', 0);
    }
    const limit = conjuncts.never ? 0 : shape.limit;
    const {merge, output} = body;
    const plan = {constant: true, fragments: [], merge, output, ...shape, limit};
    return {plan, conjuncts};
  }
  const nothing = conjuncts.never || statement.limit === 0;
  const fragments = nothing
    ? []
    : planFragments(catalog, source.database, scope, conjuncts, body.work);
  const {merge, output} = body;
  const plan = {constant: false, fragments, merge, output, ...shape};
  return {plan, conjuncts, database: source.database};
}

/** The table that a statement names, and its database. */
export function resolveTable(
  {from, text}: {readonly from: NonNullable<SelectStatement['from']>; readonly text: string},
  catalog: PlanCatalog,
  context: PlanContext,
): {scope: TableScope; database: Database} {
  const database =
    from.database === undefined
      ? catalog.database(context.database)
      : catalog.databaseByName(context.tenant, from.database);
  if (database === undefined) {
    const name = from.database ?? `number ${context.database}`;
    throw new DbError(
      'DATABASE_NOT_FOUND',
      `database "${name}" does not exist; SHOW DATABASES lists those that do`,
      {database: name},
    );
  }
  const table = catalog.tableByName(database.id, from.name);
  if (table === undefined) {
    const hint = suggestName(
      from.name,
      catalog.tables(database.id).map(({name}) => name),
    );
    throw statementError('TABLE_NOT_FOUND', `database ${database.name} has no table ${from.name}`, {
      text,
      at: from.at,
      hint,
    });
  }
  return {scope: new TableScope(table, from.alias ?? from.name), database};
}

/** Before stars become columns: a statement of a megabyte may hold half a million of them. */
function refuseWide(
  {items, distinctOn, groupBy, orderBy}: SelectStatement,
  scope: TableScope | undefined,
): void {
  const starColumns = scope?.columnNames().length ?? 1;
  const stars = items.filter(({kind}) => kind !== 'expression').length;
  const columns = items.length + stars * (starColumns - 1);
  const max = LIMITS.select_columns_max.value;
  const keys = distinctOn.length + groupBy.length + orderBy.length;
  if (columns + keys <= max) return;
  const message = `the query names ${columns} columns and ${keys} keys; select_columns_max is ${max}`;
  throw new DbError('QUERY_ERROR', message, {limit: 'select_columns_max', max});
}

function aliasesOf(items: readonly SelectItem[]): Map<string, Expression> {
  const aliases = new Map<string, Expression>();
  for (const item of items) {
    if (item.kind !== 'expression' || item.alias === undefined || aliases.has(item.alias)) continue;
    aliases.set(item.alias, item.expression);
  }
  return aliases;
}

interface Item {
  readonly name: string;
  readonly expression: Expression;
}

/** Names are made unique by a number behind them: an object of JSON has each key once. */
function expandStars(
  statement: SelectStatement,
  scope: TableScope | undefined,
  binder: Binder,
): Item[] {
  const items = statement.items.flatMap((item): Item[] => {
    if (item.kind === 'expression') {
      const {expression, alias} = item;
      const plain = expression.kind === 'column' ? expression.name : expressionText(expression);
      return [{name: alias ?? plain, expression}];
    }
    if (scope === undefined) throw binder.error('* needs a FROM', item.at);
    if (item.qualifier !== undefined && item.qualifier !== scope.alias) {
      throw binder.error(`no table ${item.qualifier} in FROM`, item.at);
    }
    return scope
      .columnNames()
      .map((name) => ({name, expression: {kind: 'column', name, at: item.at}}));
  });
  const used = new Set<string>();
  /** Where the search for a free number begins. */
  const numbers = new Map<string, number>();
  return items.map(({name, expression}) => {
    let unique = name;
    let n = numbers.get(name) ?? 2;
    for (; used.has(unique); n++) unique = `${name}_${n}`;
    numbers.set(name, n);
    used.add(unique);
    return {name: unique, expression};
  });
}

interface Body {
  readonly work: RowsWork | GroupsWork;
  readonly merge: QueryPlan['merge'];
  readonly output: readonly OutputColumn[];
  readonly order: readonly SortKey[];
}

function bindBody(statement: SelectStatement, binder: Binder, items: readonly Item[]): Body {
  const columns = items.map((item) => binder.bind(item.expression));
  const output = items.map((item, i) => ({name: item.name, type: columns[i]!.type}));
  const having = statement.having && binder.bindCondition(statement.having, 'HAVING');
  const {sorted, order} = bindOrder(statement, binder, items, columns);
  if (statement.distinctOn.length > 0) {
    const refused = statement.groupBy.length > 0 || having !== undefined;
    if (refused || binder.aggregates.length > 0) {
      const message = 'DISTINCT ON together with GROUP BY is not supported yet';
      throw binder.error(message, statement.distinctOn[0]!.at, undefined, 'UNSUPPORTED');
    }
    const keys = statement.distinctOn.map((key) => bindGroupKey(binder, key, items, 'DISTINCT ON'));
    return {...bindDistinctOn(binder, keys, [...columns, ...sorted], order), output, order};
  }
  const grouped =
    statement.groupBy.length > 0 || having !== undefined || binder.aggregates.length > 0;
  if (grouped || statement.distinct) {
    return bindGroups(statement, binder, items, {columns, sorted, having, output, order});
  }
  const limit = statement.limit === undefined ? undefined : statement.limit + statement.offset;
  const work: RowsWork = {kind: 'rows', columns: [...columns, ...sorted], order, limit};
  return {work, merge: {kind: 'rows', columns: work.columns}, output, order};
}

interface Bound {
  readonly columns: readonly BoundExpression[];
  /** What is only sorted by. */
  readonly sorted: readonly BoundExpression[];
  readonly having: BoundExpression | undefined;
  readonly output: readonly OutputColumn[];
  readonly order: readonly SortKey[];
}

function bindGroups(
  statement: SelectStatement,
  binder: Binder,
  items: readonly Item[],
  bound: Bound,
): Body {
  const aggregated = statement.groupBy.length > 0 || binder.aggregates.length > 0;
  const distinct = statement.distinct;
  if (distinct && (aggregated || bound.having !== undefined)) {
    throw binder.error(
      'DISTINCT together with GROUP BY is not supported yet',
      0,
      undefined,
      'UNSUPPORTED',
    );
  }
  const keys = distinct
    ? bound.columns
    : statement.groupBy.map((key) => bindGroupKey(binder, key, items, 'GROUP BY'));
  const grouping = new Grouping(binder, withoutConstants(keys));
  const over = (expression: BoundExpression) => grouping.overGroups(expression, distinct);
  const {aggregates} = binder;
  const work: GroupsWork = {kind: 'groups', keys: grouping.keys, aggregates};
  return {
    work,
    merge: {
      kind: 'groups',
      keys: grouping.keys,
      aggregates,
      having: bound.having && over(bound.having),
      columns: [...bound.columns, ...bound.sorted].map(over),
    },
    output: bound.output,
    order: bound.order,
  };
}

/**
 * A constant key groups nothing. If only constants are left one stays, since GROUP BY of no rows
 * gives no group, but no GROUP BY gives one.
 */
function withoutConstants(keys: readonly BoundExpression[]): readonly BoundExpression[] {
  const varying = keys.filter((key) => key.op !== 'constant');
  return varying.length === 0 ? keys.slice(0, 1) : varying;
}

/** A number is a place in the select list; a name is a column of the table first, then an alias. */
function bindGroupKey(
  binder: Binder,
  key: Expression,
  items: readonly Item[],
  clause: string,
): BoundExpression {
  const expression = ordinalOf(binder, key, items, clause)?.expression ?? key;
  return binder.bind(expression, clause);
}

function ordinalOf(
  binder: Binder,
  key: Expression,
  items: readonly Item[],
  clause: string,
): Item | undefined {
  if (key.kind !== 'literal' || key.literal.type !== 'integer') return undefined;
  const item = items[Number(key.literal.value) - 1];
  if (item !== undefined) return item;
  throw binder.error(`${clause} ${key.literal.value} is not in the select list`, key.at);
}

function bindOrder(
  statement: SelectStatement,
  binder: Binder,
  items: readonly Item[],
  columns: readonly BoundExpression[],
): {sorted: BoundExpression[]; order: SortKey[]} {
  const sorted: BoundExpression[] = [];
  const texts = columns.map((column) => JSON.stringify(column));
  const order = statement.orderBy.map(({expression, descending, nullsFirst}) => {
    // A bare name is a column of the answer first, then one of the table.
    const item =
      ordinalOf(binder, expression, items, 'ORDER BY') ??
      items.find(
        (each) =>
          expression.kind === 'column' &&
          expression.qualifier === undefined &&
          each.name === expression.name,
      );
    let column = item === undefined ? -1 : items.indexOf(item);
    if (column < 0) {
      const bound = binder.bind(expression);
      const text = JSON.stringify(bound);
      column = texts.indexOf(text);
      if (column < 0) {
        column = texts.push(text) - 1;
        sorted.push(bound);
      }
    }
    return {column, descending, nullsFirst};
  });
  return {sorted, order};
}
