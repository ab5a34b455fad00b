// An expression as text again: the name of a column of the answer that was given none.

import type {Expression, Literal} from '../sql/ast.ts';
import {formatTimeNs} from '../sql/time-text.ts';
import {quoteName} from './suggest.ts';

export function expressionText(expression: Expression): string {
  const text = (of: Expression) => {
    const inner = expressionText(of);
    const plain = ['column', 'literal', 'call', 'cast', 'case'].includes(of.kind);
    return plain ? inner : `(${inner})`;
  };
  switch (expression.kind) {
    case 'literal':
      return literalText(expression.literal);
    case 'column':
      return quoteName(expression.name);
    case 'negate':
      return `-${text(expression.of)}`;
    case 'not':
      return `NOT ${text(expression.of)}`;
    case 'arithmetic':
    case 'compare':
      return `${text(expression.left)} ${expression.operator} ${text(expression.right)}`;
    case 'and':
    case 'or':
      return expression.of.map(text).join(` ${expression.kind.toUpperCase()} `);
    case 'is-null':
      return `${text(expression.of)} IS NULL`;
    case 'in':
      return `${text(expression.of)} IN (${expression.list.map(expressionText).join(', ')})`;
    case 'like':
      return `${text(expression.of)} ${expression.ignoreCase ? 'I' : ''}LIKE ${text(expression.pattern)}`;
    case 'match':
      return `${text(expression.of)} ~${expression.ignoreCase ? '*' : ''} ${text(expression.pattern)}`;
    case 'case':
      return 'case';
    case 'cast':
      return `${text(expression.of)}::${expression.type}`;
    case 'call':
      return `${expression.name}(${expression.star ? '*' : expression.args.map(expressionText).join(', ')})`;
  }
}

function literalText(literal: Literal): string {
  switch (literal.type) {
    case 'null':
      return 'NULL';
    case 'string':
      return `'${literal.value.replaceAll("'", "''")}'`;
    case 'time':
      return `'${formatTimeNs(literal.value)}'`;
    case 'interval':
      return `INTERVAL '${literal.months === 0 ? '' : `${literal.months} months `}${Number(literal.ns) / 1e9} s'`;
    case 'float':
      return Number.isInteger(literal.value) ? literal.value.toFixed(1) : String(literal.value);
    default:
      return String(literal.value);
  }
}
