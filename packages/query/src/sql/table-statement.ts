// CREATE TABLE, ALTER TABLE and RENAME TABLE. Types have CnosDB's names; its codecs are refused by
// name, since blocks choose their encodings themselves.

import type {ColumnType, TableChange} from '@flotilla/catalog';
import type {TokenReader} from './admin-tokens.ts';
import type {AdminStatement, TableName} from './ast.ts';

type Field = Extract<AdminStatement, {kind: 'create-table'}>['fields'][number];

const TYPES: Readonly<Record<string, ColumnType>> = {
  double: 'float',
  bigint: 'integer',
  boolean: 'boolean',
  string: 'string',
};
const TYPE_HINT = 'types are DOUBLE, BIGINT, BIGINT UNSIGNED, BOOLEAN and STRING';

export function readTableName(reader: TokenReader): TableName {
  const first = reader.mustName('a table');
  if (!reader.maybeSign('.')) return {name: first.text, at: first.at};
  return {database: first.text, name: reader.mustName('a table').text, at: first.at};
}

/** Behind CREATE TABLE. */
export function readCreateTable(reader: TokenReader): AdminStatement {
  const ifNotExists = reader.maybeWords('if', 'not', 'exists');
  const table = readTableName(reader);
  const columns = new NewColumns(reader);
  reader.mustSign('(');
  do columns.read();
  while (reader.maybeSign(','));
  reader.mustSign(')');
  if (columns.fields.length === 0) {
    throw reader.error('a table has at least one field', undefined, table.at);
  }
  return {kind: 'create-table', table, ifNotExists, tags: columns.tags, fields: columns.fields};
}

class NewColumns {
  readonly tags: string[] = [];
  readonly fields: Field[] = [];
  readonly #reader: TokenReader;
  readonly #names = new Set<string>();

  constructor(reader: TokenReader) {
    this.#reader = reader;
  }

  read(): void {
    const reader = this.#reader;
    if (reader.peek(1).text === '(' && reader.maybeWords('tags')) return this.#readTags();
    if (reader.maybeWords('time', 'timestamp')) return;
    const name = this.#newName();
    this.fields.push({name, type: readType(reader)});
  }

  #readTags(): void {
    const reader = this.#reader;
    reader.mustSign('(');
    do this.tags.push(this.#newName());
    while (reader.maybeSign(','));
    reader.mustSign(')');
  }

  #newName(): string {
    const reader = this.#reader;
    const {text, at} = reader.mustName('a column');
    if (text === 'time') throw reader.error('every table has time already', undefined, at);
    if (this.#names.has(text)) throw reader.error(`${text} stands twice`, undefined, at);
    this.#names.add(text);
    return text;
  }
}

function readType(reader: TokenReader): ColumnType {
  const token = reader.peek();
  if (token.text === 'geometry') throw reader.unsupported('GEOMETRY is', token.at);
  const type = token.kind === 'word' ? TYPES[token.text] : undefined;
  if (type === undefined) throw reader.expected('a type', TYPE_HINT);
  reader.next();
  const isUnsigned = type === 'integer' && reader.maybeWords('unsigned');
  refuseCodec(reader);
  return isUnsigned ? 'unsigned' : type;
}

function refuseCodec(reader: TokenReader): void {
  const {at} = reader.peek();
  if (reader.maybeWords('codec')) throw reader.unsupported('CODEC is', at);
}

/** Behind ALTER TABLE. */
export function readAlterTable(reader: TokenReader): AdminStatement {
  const table = readTableName(reader);
  return {kind: 'alter-table', table, change: readChange(reader)};
}

function readChange(reader: TokenReader): TableChange {
  const {at} = reader.peek();
  if (reader.maybeWords('add')) return readAddition(reader);
  if (reader.maybeWords('drop')) {
    // ALTER TABLE t DROP tag: of a column that is called so.
    if (reader.peek(1).kind !== 'end' && reader.peek(1).text !== ';')
      if (!reader.maybeWords('column') && !reader.maybeWords('tag')) reader.maybeWords('field');
    return {kind: 'drop-column', name: reader.mustName('a column').text};
  }
  if (reader.maybeWords('rename', 'to')) {
    return {kind: 'rename-table', to: reader.mustName('a table').text};
  }
  if (reader.maybeWords('rename')) {
    if (reader.peek(1).text !== 'to') reader.maybeWords('column');
    const name = reader.mustName('a column').text;
    reader.mustWord('to');
    return {kind: 'rename-column', name, to: reader.mustName('a column').text};
  }
  if (reader.maybeWords('alter')) throw reader.unsupported('ALTER TABLE .. ALTER is', at);
  if (reader.maybeWords('set')) throw reader.unsupported('ALTER TABLE .. SET is', at);
  throw reader.expected('ADD, DROP or RENAME');
}

function readAddition(reader: TokenReader): TableChange {
  if (reader.maybeWords('tag')) {
    const {text: name} = reader.mustName('a tag');
    refuseCodec(reader);
    return {kind: 'add-column', column: {name, kind: 'tag', type: 'string'}};
  }
  if (!reader.maybeWords('field')) reader.maybeWords('column');
  const {text: name} = reader.mustName('a column');
  return {kind: 'add-column', column: {name, kind: 'field', type: readType(reader)}};
}

/** Behind RENAME TABLE. */
export function readRenameTable(reader: TokenReader): AdminStatement {
  const table = readTableName(reader);
  reader.mustWord('to');
  return {
    kind: 'alter-table',
    table,
    change: {kind: 'rename-table', to: reader.mustName('a table').text},
  };
}
