// SHOW SERIES, SHOW TAG VALUES, SHOW TAG KEYS and SHOW CARDINALITY. What comes from WHERE on is read by PostgreSQL's
// parser, so that conditions mean what they mean in SELECT.

import type {TokenReader} from './admin-tokens.ts';
import type {AdminStatement, SeriesStatement, TableName} from './ast.ts';
import {parseTail} from './postgres-statement.ts';
import {readTableName} from './table-statement.ts';

/** Behind SHOW SERIES. */
export function readShowSeries(reader: TokenReader): SeriesStatement {
  const table = readFrom(reader);
  return {kind: 'show-series', table, ...readTail(reader)};
}

/** Behind SHOW TAG VALUES. */
export function readShowTagValues(reader: TokenReader): SeriesStatement {
  const table = readFrom(reader);
  reader.mustWord('with');
  reader.mustWord('key');
  const keys = readKeys(reader);
  const {at} = reader.peek();
  const tail = readTail(reader);
  if (tail.orderBy.length > 0) throw reader.unsupported('ORDER BY of SHOW TAG VALUES is', at);
  return {kind: 'show-tag-values', table, keys, ...tail};
}

/** Behind SHOW TAG KEYS. */
export function readShowTagKeys(reader: TokenReader): AdminStatement {
  const database = reader.maybeWords('on') ? reader.mustName('a database').text : undefined;
  const table = reader.maybeWords('from') ? readTableName(reader) : undefined;
  return {kind: 'show-tag-keys', database: table?.database ?? database, table};
}

/** Behind SHOW CARDINALITY. */
export function readShowCardinality(reader: TokenReader): AdminStatement {
  const database = reader.maybeWords('on') ? reader.mustName('a database').text : undefined;
  const table = reader.maybeWords('from') ? readTableName(reader) : undefined;
  const limit = reader.maybeWords('limit') ? readCount(reader) : undefined;
  return {kind: 'show-cardinality', database: table?.database ?? database, table, limit};
}

function readCount(reader: TokenReader): number {
  const {kind, text} = reader.peek();
  if (kind !== 'number' || !/^[1-9]\d{0,8}$/.test(text))
    throw reader.expected('a whole number from 1');
  reader.next();
  return Number(text);
}

/** `[ON d] FROM t`: also of SHOW COLUMNS. */
export function readFrom(reader: TokenReader): TableName {
  const database = reader.maybeWords('on') ? reader.mustName('a database').text : undefined;
  reader.mustWord('from');
  const table = readTableName(reader);
  return {...table, database: table.database ?? database};
}

type TagKeys = Extract<SeriesStatement, {kind: 'show-tag-values'}>['keys'];

function readKeys(reader: TokenReader): TagKeys {
  if (reader.maybeWords('in')) return {isListed: true, names: readKeyList(reader)};
  if (reader.maybeWords('not', 'in')) return {isListed: false, names: readKeyList(reader)};
  if (reader.maybeSign('=')) return {isListed: true, names: [readKey(reader)]};
  if (reader.maybeSign('<') && reader.maybeSign('>')) {
    return {isListed: false, names: [readKey(reader)]};
  }
  if (reader.maybeSign('!') && reader.maybeSign('=')) {
    return {isListed: false, names: [readKey(reader)]};
  }
  throw reader.expected('=, <>, IN or NOT IN');
}

function readKeyList(reader: TokenReader): TagKeys['names'] {
  reader.mustSign('(');
  const names = [readKey(reader)];
  while (reader.maybeSign(',')) names.push(readKey(reader));
  reader.mustSign(')');
  return names;
}

function readKey(reader: TokenReader): TagKeys['names'][number] {
  const token = reader.peek();
  if (token.kind !== 'string') return reader.mustName('a tag');
  return reader.next();
}

function readTail(reader: TokenReader): ReturnType<typeof parseTail> {
  const {kind, text, at} = reader.peek();
  const isTail = kind === 'word' && ['where', 'order', 'limit', 'offset'].includes(text);
  if (!isTail) {
    reader.mustEnd();
    return {where: undefined, orderBy: [], limit: undefined, offset: 0, text: reader.text};
  }
  const tail = parseTail(reader.text, at);
  reader.skipToEnd();
  return tail;
}
