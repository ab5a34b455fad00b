// Expressions of PostgreSQL's tree -> ours. BETWEEN, simple CASE, IS TRUE, FILTER and NOT forms
// become the few kinds of node that the binder knows.

import type {
  A_Const,
  A_Expr,
  BoolExpr,
  BooleanTest,
  CaseExpr,
  ColumnRef,
  FuncCall,
  Node,
  TypeCast,
} from 'libpg-query';
import type {CastType, CompareOperator, Expression, Literal} from './ast.ts';
import {parseInterval} from './duration-text.ts';
import {type AnyNode, locationOf, namesOf, type PostgresText} from './postgres-tree.ts';
import {parseTime} from './time-text.ts';

const CAST_TYPES: ReadonlyMap<string, CastType | 'interval'> = new Map([
  ...(['int8', 'int4', 'int2', 'bigint', 'integer', 'int'] as const).map(
    (name) => [name, 'integer'] as const,
  ),
  ...(['float8', 'float4', 'double', 'numeric'] as const).map((name) => [name, 'float'] as const),
  ...(['text', 'varchar', 'string', 'bpchar'] as const).map((name) => [name, 'string'] as const),
  ...(['timestamp', 'timestamptz', 'date'] as const).map((name) => [name, 'time'] as const),
  ['ubigint', 'unsigned'],
  ['unsigned', 'unsigned'],
  ['bool', 'boolean'],
  ['boolean', 'boolean'],
  ['interval', 'interval'],
]);

export function readExpression(source: PostgresText, node: Node): Expression {
  return source.descend(locationOf(node), () => readNode(source, node));
}

function readNode(source: PostgresText, node: Node): Expression {
  const any = node as AnyNode;
  if (any.A_Const !== undefined) return readConstant(source, any.A_Const);
  if (any.ColumnRef !== undefined) return readColumn(source, any.ColumnRef);
  if (any.A_Expr !== undefined) return readOperator(source, any.A_Expr);
  if (any.BoolExpr !== undefined) return readBoolean(source, any.BoolExpr);
  if (any.FuncCall !== undefined) return readCall(source, any.FuncCall);
  if (any.TypeCast !== undefined) return readCast(source, any.TypeCast);
  if (any.CaseExpr !== undefined) return readCase(source, any.CaseExpr);
  if (any.BooleanTest !== undefined) return readBooleanTest(source, any.BooleanTest);
  if (any.NullTest !== undefined) {
    const at = source.at(any.NullTest.location);
    const test: Expression = {kind: 'is-null', of: readExpression(source, any.NullTest.arg!), at};
    return any.NullTest.nulltesttype === 'IS_NOT_NULL' ? {kind: 'not', of: test, at} : test;
  }
  if (any.CoalesceExpr !== undefined) {
    const {args, location} = any.CoalesceExpr;
    return call(
      'coalesce',
      (args ?? []).map((arg) => readExpression(source, arg)),
      source.at(location),
    );
  }
  throw source.unsupported(unsupportedName(any), locationOf(node));
}

function unsupportedName(any: AnyNode): string {
  if (any.SubLink !== undefined) return 'subqueries are';
  if (any.ParamRef !== undefined) return 'query parameters ($1) are';
  if (any.MinMaxExpr !== undefined) return 'greatest and least are';
  if (any.SQLValueFunction !== undefined) return 'current_timestamp and its kin (use now()) are';
  if (any.A_ArrayExpr !== undefined) return 'arrays are';
  if (any.RowExpr !== undefined) return 'row values are';
  if (any.CollateClause !== undefined) return 'COLLATE is';
  return `this expression (${Object.keys(any)[0]}) is`;
}

function call(name: string, args: readonly Expression[], at: number): Expression {
  return {kind: 'call', name, args, star: false, at};
}

function literal(value: Literal, at: number): Expression {
  return {kind: 'literal', literal: value, at};
}

function readConstant(source: PostgresText, constant: A_Const): Expression {
  const at = source.at(constant.location);
  if (constant.isnull) return literal({type: 'null'}, at);
  if (constant.ival) return literal({type: 'integer', value: BigInt(constant.ival.ival ?? 0)}, at);
  if (constant.sval) return literal({type: 'string', value: constant.sval.sval ?? ''}, at);
  if (constant.boolval) {
    return literal({type: 'boolean', value: constant.boolval.boolval ?? false}, at);
  }
  if (constant.fval) {
    const text = constant.fval.fval ?? '0';
    // The tree has every number beyond 32 bits here.
    if (/^-?\d+$/.test(text)) return literal({type: 'integer', value: BigInt(text)}, at);
    return literal({type: 'float', value: Number(text)}, at);
  }
  throw source.unsupported('bit strings are', constant.location);
}

function readColumn(source: PostgresText, reference: ColumnRef): Expression {
  const fields = reference.fields ?? [];
  const at = source.at(reference.location);
  if ((fields.at(-1) as AnyNode).A_Star !== undefined) {
    throw source.error('SYNTAX_ERROR', '* stands only alone in the select list', at);
  }
  const names = namesOf(fields);
  return {kind: 'column', name: names.at(-1)!, qualifier: names.at(-2), at};
}

const COMPARE: ReadonlyMap<string, CompareOperator> = new Map([
  ['=', '='],
  ['<>', '<>'],
  ['!=', '<>'],
  ['<', '<'],
  ['<=', '<='],
  ['>', '>'],
  ['>=', '>='],
]);

function readOperator(source: PostgresText, expression: A_Expr): Expression {
  const at = source.at(expression.location);
  const operator = namesOf(expression.name).at(-1)!;
  switch (expression.kind) {
    case 'AEXPR_OP':
      return readPlainOperator(source, expression, operator, at);
    case 'AEXPR_IN': {
      const items = (expression.rexpr as AnyNode).List?.items ?? [];
      const of = readExpression(source, expression.lexpr!);
      const list = items.map((item) => readExpression(source, item));
      return negateIf(operator === '<>', {kind: 'in', of, list, at});
    }
    case 'AEXPR_LIKE':
    case 'AEXPR_ILIKE': {
      if ((expression.rexpr as AnyNode).FuncCall !== undefined) {
        throw source.unsupported('LIKE .. ESCAPE is', expression.location);
      }
      const ignoreCase = expression.kind === 'AEXPR_ILIKE';
      const [of, pattern] = readSides(source, expression);
      return negateIf(operator.startsWith('!'), {kind: 'like', of, pattern, ignoreCase, at});
    }
    case 'AEXPR_BETWEEN':
    case 'AEXPR_NOT_BETWEEN': {
      const of = readExpression(source, expression.lexpr!);
      const [low, high] = ((expression.rexpr as AnyNode).List?.items ?? []).map((item) =>
        readExpression(source, item),
      );
      const between: Expression = {
        kind: 'and',
        of: [
          {kind: 'compare', operator: '>=', left: of, right: low!, at},
          {kind: 'compare', operator: '<=', left: of, right: high!, at},
        ],
        at,
      };
      return negateIf(expression.kind === 'AEXPR_NOT_BETWEEN', between);
    }
    case 'AEXPR_NULLIF': {
      const [left, right] = readSides(source, expression);
      const when: Expression = {kind: 'compare', operator: '=', left, right, at};
      const nothing = literal({type: 'null'}, at);
      return {kind: 'case', whens: [{when, result: nothing}], otherwise: left, at};
    }
    default:
      throw source.unsupported(operatorName(expression.kind, operator), expression.location);
  }
}

/** Several kinds share the name of an operator: IS DISTINCT FROM is an `=`. */
function operatorName(kind: A_Expr['kind'], operator: string): string {
  switch (kind) {
    case 'AEXPR_DISTINCT':
      return 'IS DISTINCT FROM is';
    case 'AEXPR_NOT_DISTINCT':
      return 'IS NOT DISTINCT FROM is';
    case 'AEXPR_OP_ANY':
      return `${operator} ANY is`;
    case 'AEXPR_OP_ALL':
      return `${operator} ALL is`;
    case 'AEXPR_SIMILAR':
      return 'SIMILAR TO is';
    default:
      return `the operator ${operator} is`;
  }
}

function readSides(source: PostgresText, expression: A_Expr): [Expression, Expression] {
  return [readExpression(source, expression.lexpr!), readExpression(source, expression.rexpr!)];
}

function negateIf(negated: boolean, of: Expression): Expression {
  return negated ? {kind: 'not', of, at: of.at} : of;
}

function readPlainOperator(
  source: PostgresText,
  expression: A_Expr,
  operator: string,
  at: number,
): Expression {
  if (expression.lexpr === undefined) {
    const of = readExpression(source, expression.rexpr!);
    if (operator === '-') return {kind: 'negate', of, at};
    if (operator === '+') return of;
    throw source.unsupported(`the operator ${operator} is`, expression.location);
  }
  const comparison = COMPARE.get(operator);
  const match = /^(!?)~(\*?)$/.exec(operator);
  const arithmetic = (['+', '-', '*', '/', '%'] as const).find((known) => known === operator);
  if (comparison === undefined && match === null && arithmetic === undefined) {
    throw source.unsupported(`the operator ${operator} is`, expression.location);
  }
  const [left, right] = readSides(source, expression);
  if (comparison !== undefined) return {kind: 'compare', operator: comparison, left, right, at};
  if (arithmetic !== undefined) return {kind: 'arithmetic', operator: arithmetic, left, right, at};
  const ignoreCase = match?.[2] === '*';
  return negateIf(match?.[1] === '!', {kind: 'match', of: left, pattern: right, ignoreCase, at});
}

function readBoolean(source: PostgresText, expression: BoolExpr): Expression {
  const of = (expression.args ?? []).map((arg) => readExpression(source, arg));
  const at = source.at(expression.location);
  if (expression.boolop === 'NOT_EXPR') return {kind: 'not', of: of[0]!, at};
  return {kind: expression.boolop === 'AND_EXPR' ? 'and' : 'or', of, at};
}

function readBooleanTest(source: PostgresText, test: BooleanTest): Expression {
  const at = source.at(test.location);
  const of = readExpression(source, test.arg!);
  const kind = test.booltesttype!;
  const unknown: Expression = {kind: 'is-null', of, at};
  if (kind === 'IS_UNKNOWN' || kind === 'IS_NOT_UNKNOWN') {
    return negateIf(kind === 'IS_NOT_UNKNOWN', unknown);
  }
  const wanted = kind === 'IS_TRUE' || kind === 'IS_NOT_TRUE';
  const right = literal({type: 'boolean', value: wanted}, at);
  const equal: Expression = {kind: 'compare', operator: '=', left: of, right, at};
  const known: Expression = {kind: 'not', of: unknown, at};
  return negateIf(kind?.startsWith('IS_NOT') ?? false, {kind: 'and', of: [known, equal], at});
}

function readCase(source: PostgresText, expression: CaseExpr): Expression {
  const at = source.at(expression.location);
  const operand = expression.arg === undefined ? undefined : readExpression(source, expression.arg);
  const whens = (expression.args ?? []).map((arg) => {
    const branch = (arg as AnyNode).CaseWhen!;
    const value = readExpression(source, branch.expr!);
    const when: Expression =
      operand === undefined
        ? value
        : {kind: 'compare', operator: '=', left: operand, right: value, at: value.at};
    return {when, result: readExpression(source, branch.result!)};
  });
  const otherwise =
    expression.defresult === undefined ? undefined : readExpression(source, expression.defresult);
  return {kind: 'case', whens, otherwise, at};
}

function readCall(source: PostgresText, expression: FuncCall): Expression {
  const name = namesOf(expression.funcname).at(-1)!.toLowerCase();
  const {location} = expression;
  if (expression.over !== undefined) throw source.unsupported('window functions are', location);
  if (expression.agg_distinct) throw source.unsupported(`${name}(DISTINCT ..) is`, location);
  if (expression.agg_order !== undefined) {
    throw source.unsupported(`ORDER BY inside ${name}(..) is`, location, 'use first(time, value)');
  }
  const at = source.at(location);
  const args = (expression.args ?? []).map((arg) => readExpression(source, arg));
  if (expression.agg_filter === undefined) {
    return {kind: 'call', name, args, star: expression.agg_star ?? false, at};
  }
  // agg(x) FILTER (WHERE c) skips the rows that fail c, and an aggregate skips nulls.
  const when = readExpression(source, expression.agg_filter);
  const value = expression.agg_star ? literal({type: 'integer', value: 1n}, at) : args[0];
  if (value === undefined || args.length > 1) {
    throw source.unsupported(`FILTER on ${name} with ${args.length} arguments is`, location);
  }
  return call(name, [{kind: 'case', whens: [{when, result: value}], at}], at);
}

function readCast(source: PostgresText, cast: TypeCast): Expression {
  const name = namesOf(cast.typeName?.names).at(-1)!.toLowerCase();
  const location = locationOf({TypeCast: cast}) ?? cast.typeName?.location;
  const type = CAST_TYPES.get(name);
  if (type === undefined || (cast.typeName?.arrayBounds ?? []).length > 0) {
    throw source.unsupported(`the type ${name} is`, cast.typeName?.location);
  }
  // The interval's own says which unit stands behind it.
  if (type !== 'interval' && (cast.typeName?.typmods ?? []).length > 0) {
    throw source.unsupported('a length or precision behind a type is', cast.typeName?.location);
  }
  const of = readExpression(source, cast.arg!);
  const at = source.at(location);
  const text = of.kind === 'literal' && of.literal.type === 'string' ? of.literal.value : undefined;
  if (type === 'interval') return readInterval(source, cast, text, at);
  const value =
    type === 'time' && text !== undefined
      ? literal({type, value: timeOf(source, text, of.at)}, at)
      : ({kind: 'cast', of, type, at} as const);
  if (name !== 'date') return value;
  return call('date_trunc', [literal({type: 'string', value: 'day'}, at), value], at);
}

function timeOf(source: PostgresText, text: string, at: number): bigint {
  const value = parseTime(text);
  if (value !== undefined) return value;
  const hint = "a time is written like '2024-01-31T23:59:59.123Z'";
  throw source.error('SYNTAX_ERROR', `'${text}' is not a time`, at, hint);
}

function readInterval(
  source: PostgresText,
  cast: TypeCast,
  text: string | undefined,
  at: number,
): Expression {
  if ((cast.typeName?.typmods ?? []).length > 0) {
    const hint = "write the unit inside: INTERVAL '1 hour'";
    throw source.unsupported('INTERVAL with a unit behind it is', cast.typeName?.location, hint);
  }
  const interval = text === undefined ? undefined : parseInterval(text);
  if (interval === undefined) {
    const hint = "an interval is written like INTERVAL '1 hour 30 minutes'";
    throw source.error('SYNTAX_ERROR', 'not an interval', at, hint);
  }
  return literal({type: 'interval', months: interval.months, ns: interval.ns}, at);
}
