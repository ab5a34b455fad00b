// SELECT, INSERT and DELETE of PostgreSQL's tree -> ours. Whatever the executor has no answer for is
// refused here by name, so that no clause is ever ignored in silence.

import type {
  DeleteStmt,
  ExplainStmt,
  InsertStmt,
  Node,
  RangeVar,
  SelectStmt,
  SortBy,
} from 'libpg-query';
import type {
  DeleteStatement,
  ExplainStatement,
  Expression,
  InsertStatement,
  OrderItem,
  SelectItem,
  SelectStatement,
  TableName,
} from './ast.ts';
import {readExpression} from './postgres-expression.ts';
import {type AnyNode, locationOf, namesOf, PostgresText} from './postgres-tree.ts';

export function parsePostgres(
  text: string,
): SelectStatement | InsertStatement | DeleteStatement | ExplainStatement {
  const source = new PostgresText(text);
  const first = onlyStatement(source);
  if (first.SelectStmt !== undefined) return readSelect(source, first.SelectStmt);
  if (first.InsertStmt !== undefined) return readInsert(source, first.InsertStmt);
  if (first.DeleteStmt !== undefined) return readDelete(source, first.DeleteStmt);
  if (first.ExplainStmt !== undefined) return readExplain(source, first.ExplainStmt);
  throw source.unsupported('this statement is');
}

/**
 * `WHERE .. ORDER BY .. LIMIT .. OFFSET` at the end of a statement that is not PostgreSQL's. Its parser
 * gets a SELECT in place of what stands before: at least as many characters are needed for that.
 */
export function parseTail(
  text: string,
  at: number,
): Pick<SelectStatement, 'where' | 'orderBy' | 'limit' | 'offset' | 'text'> {
  const source = new PostgresText(text, 'SELECT 1'.padEnd(at) + text.slice(at));
  const {SelectStmt: select} = onlyStatement(source);
  if (select === undefined) throw source.unsupported('this clause is', at);
  const {where, orderBy, limit, offset, groupBy, having, from} = readSelect(source, select);
  const other = groupBy[0] ?? having;
  if (other !== undefined || from !== undefined) {
    const place = other?.at ?? from?.at ?? at;
    throw source.error('SYNTAX_ERROR', 'expected WHERE, ORDER BY, LIMIT or OFFSET', place);
  }
  return {where, orderBy, limit, offset, text};
}

function onlyStatement(source: PostgresText): AnyNode {
  const statements = source.parse().stmts ?? [];
  const first = statements[0]?.stmt as AnyNode | undefined;
  if (first === undefined) throw source.error('SYNTAX_ERROR', 'the statement is empty', 0);
  if (statements.length > 1) {
    const at = source.at(statements[1]!.stmt_location);
    const shown = at + (/^\s*/.exec(source.text.slice(at))?.[0].length ?? 0);
    throw source.error('SYNTAX_ERROR', 'one statement at a time; a second one begins', shown);
  }
  return first;
}

function readExplain(source: PostgresText, explain: ExplainStmt): ExplainStatement {
  const [option] = explain.options ?? [];
  if (option !== undefined) {
    const {defname = '', location} = (option as AnyNode).DefElem!;
    throw source.unsupported(`EXPLAIN ${defname.toUpperCase()} is`, location);
  }
  const select = (explain.query as AnyNode).SelectStmt;
  if (select === undefined) throw source.unsupported('EXPLAIN of other than SELECT is');
  return {kind: 'explain', select: readSelect(source, select)};
}

function readSelect(source: PostgresText, select: SelectStmt): SelectStatement {
  refuseClauses(source, select);
  const items = (select.targetList ?? []).map((node) => readItem(source, node));
  if (items.length === 0) throw source.error('SYNTAX_ERROR', 'the select list is empty', 0);
  const limit = readCount(source, select.limitCount, 'LIMIT');
  return {
    kind: 'select',
    ...readDistinct(source, select),
    items,
    from: readFrom(source, select.fromClause ?? []),
    where: select.whereClause && readExpression(source, select.whereClause),
    groupBy: (select.groupClause ?? []).map((node) => readGroupKey(source, node)),
    having: select.havingClause && readExpression(source, select.havingClause),
    orderBy: (select.sortClause ?? []).map((node) => readOrder(source, (node as AnyNode).SortBy!)),
    limit,
    offset: readCount(source, select.limitOffset, 'OFFSET') ?? 0,
    text: source.text,
  };
}

function refuseClauses(source: PostgresText, select: SelectStmt): void {
  if (select.withClause !== undefined) {
    throw source.unsupported('WITH (common table expressions) is', select.withClause.location);
  }
  if (select.op !== undefined && select.op !== 'SETOP_NONE') {
    throw source.unsupported('UNION, INTERSECT and EXCEPT are');
  }
  if (select.valuesLists !== undefined) throw source.unsupported('VALUES as a query is');
  if (select.windowClause !== undefined) throw source.unsupported('WINDOW is');
  if (select.intoClause !== undefined) throw source.unsupported('SELECT INTO is');
  if (select.lockingClause !== undefined) throw source.unsupported('FOR UPDATE is');
  if (select.limitOption === 'LIMIT_OPTION_WITH_TIES') throw source.unsupported('WITH TIES is');
}

/** Plain DISTINCT is a list of one empty node. */
function readDistinct(
  source: PostgresText,
  select: SelectStmt,
): Pick<SelectStatement, 'distinct' | 'distinctOn'> {
  const clause = select.distinctClause;
  const on = (clause ?? []).filter((node) => Object.keys(node).length > 0);
  return {
    distinct: clause !== undefined && on.length === 0,
    distinctOn: on.map((node) => readExpression(source, node)),
  };
}

function readItem(source: PostgresText, node: Node): SelectItem {
  const target = (node as AnyNode).ResTarget!;
  const at = source.at(target.location);
  const fields = (target.val as AnyNode).ColumnRef?.fields ?? [];
  if (fields.length > 0 && (fields.at(-1) as AnyNode).A_Star !== undefined) {
    return {kind: 'star', qualifier: namesOf(fields).at(-2), at};
  }
  return {
    kind: 'expression',
    expression: readExpression(source, target.val!),
    alias: target.name,
    at,
  };
}

function readFrom(source: PostgresText, from: readonly Node[]): SelectStatement['from'] {
  if (from.length === 0) return undefined;
  const any = from[0] as AnyNode;
  if (any.JoinExpr !== undefined) {
    const asof = findAsof(any.JoinExpr.larg);
    throw source.unsupported(asof ? 'ASOF JOIN is' : 'JOIN is', locationOf(any.JoinExpr.rarg));
  }
  if (from.length > 1) throw source.unsupported('joins are', locationOf(from[1]));
  if (any.RangeSubselect !== undefined) throw source.unsupported('subqueries are');
  if (any.RangeFunction !== undefined) throw source.unsupported('functions in FROM are');
  if (any.RangeVar === undefined) throw source.unsupported('this FROM clause is');
  return {...readTable(source, any.RangeVar), alias: any.RangeVar.alias?.aliasname};
}

/** PostgreSQL reads `a ASOF JOIN b` as `a AS asof JOIN b`. */
function findAsof(node: Node | undefined): boolean {
  return (node as AnyNode | undefined)?.RangeVar?.alias?.aliasname === 'asof';
}

function readTable(source: PostgresText, relation: RangeVar): TableName {
  if (relation.catalogname !== undefined) {
    throw source.unsupported('a name of three parts is', relation.location);
  }
  return {
    database: relation.schemaname,
    name: relation.relname ?? '',
    at: source.at(relation.location),
  };
}

function readGroupKey(source: PostgresText, node: Node): Expression {
  if ((node as AnyNode).GroupingSet !== undefined) {
    throw source.unsupported('GROUPING SETS, ROLLUP and CUBE are', locationOf(node));
  }
  return readExpression(source, node);
}

function readOrder(source: PostgresText, item: SortBy): OrderItem {
  if (item.sortby_dir === 'SORTBY_USING') throw source.unsupported('ORDER BY .. USING is');
  const descending = item.sortby_dir === 'SORTBY_DESC';
  const nulls = item.sortby_nulls ?? 'SORTBY_NULLS_DEFAULT';
  return {
    expression: readExpression(source, item.node!),
    descending,
    nullsFirst: nulls === 'SORTBY_NULLS_DEFAULT' ? descending : nulls === 'SORTBY_NULLS_FIRST',
  };
}

function readCount(
  source: PostgresText,
  node: Node | undefined,
  clause: string,
): number | undefined {
  if (node === undefined) return undefined;
  const expression = readExpression(source, node);
  const value = expression.kind === 'literal' ? expression.literal : undefined;
  if (value?.type === 'null') return undefined;
  if (value?.type !== 'integer' || value.value < 0n || value.value > 2n ** 53n) {
    throw source.error('SYNTAX_ERROR', `${clause} takes a whole number`, expression.at);
  }
  return Number(value.value);
}

function readInsert(source: PostgresText, insert: InsertStmt): InsertStatement {
  if (insert.onConflictClause !== undefined) throw source.unsupported('ON CONFLICT is');
  if ((insert.returningClause ?? undefined) !== undefined) throw source.unsupported('RETURNING is');
  if (insert.withClause !== undefined) throw source.unsupported('WITH is');
  const values = (insert.selectStmt as AnyNode | undefined)?.SelectStmt?.valuesLists;
  if (values === undefined) throw source.unsupported('INSERT without VALUES is');
  const columns = insert.cols?.map((node) => {
    const target = (node as AnyNode).ResTarget!;
    return {name: target.name ?? '', at: source.at(target.location)};
  });
  return {
    kind: 'insert',
    table: readTable(source, insert.relation!),
    columns,
    rows: values.map((list) => readRow(source, list)),
    text: source.text,
  };
}

function readDelete(source: PostgresText, statement: DeleteStmt): DeleteStatement {
  const {relation, usingClause, whereClause, returningClause, withClause} = statement;
  if (withClause !== undefined) throw source.unsupported('WITH is', withClause.location);
  if (usingClause !== undefined)
    throw source.unsupported(
      'DELETE .. USING is',
      locationOf(usingClause[0]) ?? relation?.location,
    );
  if (returningClause !== undefined) {
    const [first] = returningClause.exprs ?? [];
    throw source.unsupported('RETURNING is', locationOf(first));
  }
  const from = {...readTable(source, relation!), alias: relation!.alias?.aliasname};
  if (whereClause === undefined) {
    const hint =
      'DROP TABLE removes a table with its rows; WHERE true deletes all rows and keeps it';
    throw source.error('UNSUPPORTED', 'DELETE without WHERE is not carried out', from.at, hint);
  }
  return {kind: 'delete', from, where: readExpression(source, whereClause), text: source.text};
}

function readRow(source: PostgresText, list: Node): Expression[] {
  return ((list as AnyNode).List?.items ?? []).map((item) => {
    if ((item as AnyNode).SetToDefault !== undefined) throw source.unsupported('DEFAULT is');
    return readExpression(source, item);
  });
}
