// CREATE and ALTER TENANT. A tenant has a name and a comment; what CnosDB's have beyond that (limiters,
// users, a time of their own to wait before they go) is refused by name.

import type {TokenReader} from './admin-tokens.ts';
import type {AdminStatement} from './ast.ts';

/** Behind CREATE TENANT. */
export function readCreateTenant(reader: TokenReader): AdminStatement {
  const ifNotExists = reader.maybeWords('if', 'not', 'exists');
  const name = reader.mustName('a tenant').text;
  const comment = reader.maybeWords('with') ? readComment(reader) : undefined;
  return {kind: 'create-tenant', name, ifNotExists, comment};
}

/** Behind ALTER TENANT. */
export function readAlterTenant(reader: TokenReader): AdminStatement {
  const name = reader.mustName('a tenant').text;
  const {at} = reader.peek();
  if (reader.maybeWords('add')) throw reader.unsupported('ALTER TENANT .. ADD USER is', at);
  if (reader.maybeWords('remove')) throw reader.unsupported('ALTER TENANT .. REMOVE USER is', at);
  if (reader.maybeWords('unset', 'comment')) return {kind: 'alter-tenant', name, comment: ''};
  reader.mustWord('set');
  return {kind: 'alter-tenant', name, comment: readComment(reader)};
}

function readComment(reader: TokenReader): string {
  const {at, text} = reader.peek();
  if (['drop_after', '_limiter'].includes(text)) {
    throw reader.unsupported(`${text.toUpperCase()} of a tenant is`, at);
  }
  reader.mustWord('comment');
  reader.maybeSign('=');
  if (reader.peek().kind !== 'string') throw reader.expected('a text in quotes');
  return reader.next().text;
}
