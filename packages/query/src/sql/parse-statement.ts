// The first word chooses the parser: PostgreSQL's own for queries, ours for administration.

import {LIMITS} from '@flotilla/base';
import {ADMIN_WORDS, parseAdmin} from './admin-statement.ts';
import type {Statement} from './ast.ts';
import {parsePostgres} from './postgres-statement.ts';
import {statementError} from './source-text.ts';

const POSTGRES_WORDS: ReadonlySet<string> = new Set([
  'select',
  'with',
  'values',
  'explain',
  'insert',
  'delete',
]);
/** Spaces, comments, semicolons and brackets before the first word. */
const BEFORE_FIRST_WORD = /^(?:\s|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/|;|\()*/;

/**
 * One statement. Requires `loadSqlParser()` to have resolved.
 * Throws SYNTAX_ERROR or UNSUPPORTED with details {position, line, column, hint?}.
 */
export function parseStatement(text: string): Statement {
  const limit = LIMITS.sql_bytes_max.value;
  if (Buffer.byteLength(text) > limit) {
    throw statementError('BODY_TOO_LARGE', `the statement is over sql_bytes_max (${limit} bytes)`);
  }
  // The parser of PostgreSQL ends a text there, and would carry out its beginning.
  const nul = text.indexOf('\0');
  if (nul >= 0) {
    throw statementError('SYNTAX_ERROR', 'a statement holds no NUL', {text, at: nul});
  }
  const at = BEFORE_FIRST_WORD.exec(text)?.[0].length ?? 0;
  const word = /^[a-zA-Z_]+/.exec(text.slice(at))?.[0] ?? '';
  if (POSTGRES_WORDS.has(word.toLowerCase())) return parsePostgres(text);
  if (ADMIN_WORDS.has(word.toLowerCase())) return parseAdmin(text);
  if (at === text.length) {
    throw statementError('SYNTAX_ERROR', 'the statement is empty', {text, at});
  }
  const hint = 'statements begin with SELECT, INSERT, CREATE, ALTER, DROP, SHOW or DESCRIBE';
  throw statementError('SYNTAX_ERROR', `unknown statement '${word || text[at]}'`, {text, at, hint});
}
