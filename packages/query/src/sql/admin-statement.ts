// The statements about databases, tables and replicas, in CnosDB's grammar where it has one
// (VNODE_DURATION there is BUCKET_DURATION here, both are taken). A statement of that grammar which
// has no execution yet is refused by its name.

import {TokenReader} from './admin-tokens.ts';
import type {AdminStatement, DatabaseOptionsChange, SeriesStatement} from './ast.ts';
import {readDuration} from './read-duration.ts';
import {maybeReadReplicaStatement} from './replica-statement.ts';
import {
  readFrom,
  readShowCardinality,
  readShowSeries,
  readShowTagKeys,
  readShowTagValues,
} from './series-statement.ts';
import {
  readAlterTable,
  readCreateTable,
  readRenameTable,
  readTableName,
} from './table-statement.ts';
import {readAlterTenant, readCreateTenant} from './tenant-statement.ts';
import {maybeReadDrop, maybeReadRecover} from './trash-statement.ts';

export const ADMIN_WORDS: ReadonlySet<string> = new Set([
  'create',
  'alter',
  'drop',
  'recover',
  'rename',
  'show',
  'describe',
  'desc',
  'replica',
  'move',
  'copy',
  'compact',
  'checksum',
  'kill',
]);

export function parseAdmin(text: string): AdminStatement | SeriesStatement {
  const reader = new TokenReader(text);
  const statement = readStatement(reader);
  reader.mustEnd();
  return statement;
}

function readStatement(reader: TokenReader): AdminStatement | SeriesStatement {
  const order = maybeReadReplicaStatement(reader);
  if (order !== undefined) return order;
  if (reader.maybeWords('show')) return readShow(reader);
  if (reader.maybeWords('create', 'table')) return readCreateTable(reader);
  if (reader.maybeWords('alter', 'table')) return readAlterTable(reader);
  if (reader.maybeWords('rename', 'table')) return readRenameTable(reader);
  if (reader.maybeWords('create', 'tenant')) return readCreateTenant(reader);
  if (reader.maybeWords('alter', 'tenant')) return readAlterTenant(reader);
  if (reader.maybeWords('create', 'database')) return readCreateDatabase(reader);
  if (reader.maybeWords('alter', 'database')) return readAlterDatabase(reader);
  if (reader.maybeWords('describe') || reader.maybeWords('desc')) return readDescribe(reader);
  return maybeReadDrop(reader) ?? maybeReadRecover(reader) ?? refuse(reader);
}

/** Behind SHOW. */
function readShow(reader: TokenReader): AdminStatement | SeriesStatement {
  if (reader.maybeWords('databases')) return {kind: 'show-databases'};
  if (reader.maybeWords('replicas')) return {kind: 'show-replicas'};
  if (reader.maybeWords('operations')) return {kind: 'show-operations'};
  if (reader.maybeWords('tenants')) return {kind: 'show-tenants'};
  if (reader.maybeWords('series')) return readShowSeries(reader);
  if (reader.maybeWords('cardinality')) return readShowCardinality(reader);
  if (reader.maybeWords('tag', 'values')) return readShowTagValues(reader);
  if (reader.maybeWords('tag', 'keys')) return readShowTagKeys(reader);
  if (reader.maybeWords('columns')) return {kind: 'describe-table', table: readFrom(reader)};
  if (reader.maybeWords('tables')) {
    const database = reader.maybeWords('on') ? reader.mustName('a database').text : undefined;
    return {kind: 'show-tables', database};
  }
  if (reader.maybeWords('queries')) throw reader.unsupported('SHOW QUERIES is', 0);
  throw reader.expected('a thing to SHOW', SHOW_HINT);
}

const SHOW_HINT =
  'SHOW knows DATABASES, TABLES, TENANTS, REPLICAS, OPERATIONS, SERIES, COLUMNS, TAG KEYS, TAG VALUES and CARDINALITY';

/** The first words that tell one statement of the grammar from another. */
const REFUSED: readonly (readonly [name: string, ...words: string[]])[] = [
  ['CREATE USER is', 'create', 'user'],
  ['ALTER USER is', 'alter', 'user'],
  ['DROP USER is', 'drop', 'user'],
  ['COMPACT DATABASE is', 'compact', 'database'],
  ['KILL QUERY is', 'kill', 'query'],
];

function refuse(reader: TokenReader): never {
  const {at} = reader.peek();
  for (const [name, ...words] of REFUSED) {
    if (reader.maybeWords(...words)) throw reader.unsupported(name, at);
  }
  const first = reader.next().text.toUpperCase();
  const hint = `${first} knows ${first === 'RENAME' ? 'TABLE' : 'DATABASE, TABLE, TENANT'}`;
  throw reader.expected(`a thing to ${first}`, hint);
}

function readCreateDatabase(reader: TokenReader): AdminStatement {
  const ifNotExists = reader.maybeWords('if', 'not', 'exists');
  const name = reader.mustName('a database').text;
  const withWord = reader.maybeWords('with');
  const options = readOptions(reader);
  if (withWord && Object.keys(options).length === 0) throw reader.expected('an option after WITH');
  return {kind: 'create-database', name, ifNotExists, options};
}

function readAlterDatabase(reader: TokenReader): AdminStatement {
  const name = reader.mustName('a database').text;
  reader.mustWord('set');
  const {at} = reader.peek();
  const options = readOptions(reader);
  if (Object.keys(options).length === 0) throw reader.expected('an option after SET');
  if (options.precision !== undefined) {
    throw reader.error('PRECISION is fixed when the database is made', undefined, at);
  }
  return {kind: 'alter-database', name, options};
}

function readDescribe(reader: TokenReader): AdminStatement {
  if (reader.maybeWords('database')) {
    return {kind: 'describe-database', name: reader.mustName('a database').text};
  }
  if (reader.maybeWords('tenant')) {
    return {kind: 'describe-tenant', name: reader.mustName('a tenant').text};
  }
  reader.maybeWords('table');
  return {kind: 'describe-table', table: readTableName(reader)};
}

type Writable = {-readonly [Key in keyof DatabaseOptionsChange]: DatabaseOptionsChange[Key]};

/** `TTL '30d' SHARD 4 ..`, each at most once; commas between them and `=` are taken too. */
function readOptions(reader: TokenReader): DatabaseOptionsChange {
  const options: Writable = {};
  for (;;) {
    const {at, text} = reader.peek();
    const before = Object.keys(options).length;
    if (!maybeReadOption(reader, options)) return options;
    if (Object.keys(options).length === before) {
      throw reader.error(`${text.toUpperCase()} stands twice`, undefined, at);
    }
    reader.maybeSign(',');
  }
}

function maybeReadOption(reader: TokenReader, options: Writable): boolean {
  const token = reader.peek();
  const known = token.kind === 'word' ? OPTIONS[token.text] : undefined;
  if (known === undefined) return false;
  reader.next();
  reader.maybeSign('=');
  known(reader, options);
  return true;
}

const OPTIONS: Readonly<Record<string, (reader: TokenReader, options: Writable) => void>> = {
  ttl: (reader, options) => {
    options.ttlMs = maybeReadNone(reader) ? null : readDuration(reader, {least: 1});
  },
  shard: readShards,
  shards: readShards,
  vnode_duration: readBucketDuration,
  bucket_duration: readBucketDuration,
  replica: readReplicas,
  replicas: readReplicas,
  precision: (reader, options) => {
    options.precision = readChoice(reader, ['ns', 'us', 'ms'] as const);
  },
  failover: (reader, options) => {
    options.failover = readChoice(reader, ['automatic', 'manual'] as const);
  },
  max_series: (reader, options) => {
    options.maxSeries = maybeReadNone(reader) ? null : readPositive(reader, SERIES_DIGITS_MAX);
  },
};

/** A number of so many is exact. */
const SERIES_DIGITS_MAX = 15;
/** More shards or replicas than that are refused by the catalog, with what it takes. */
const DIGITS_MAX = 6;

/** Instead of a length or a number: the option is taken away. */
function maybeReadNone(reader: TokenReader): boolean {
  const isNone = ['none', 'inf'].includes(reader.peek().text.toLowerCase());
  if (isNone) reader.next();
  return isNone;
}

function readShards(reader: TokenReader, options: Writable): void {
  options.shards = reader.peek().text.toLowerCase() === 'auto' ? 'auto' : readPositive(reader);
  if (options.shards === 'auto') reader.next();
}

function readBucketDuration(reader: TokenReader, options: Writable): void {
  options.bucketDurationMs = readDuration(reader, {least: 1});
}

function readReplicas(reader: TokenReader, options: Writable): void {
  options.replicas = readPositive(reader);
}

function readPositive(reader: TokenReader, digitsMax = DIGITS_MAX): number {
  const {kind, text} = reader.peek();
  if (kind !== 'number' || !/^[1-9]\d*$/.test(text) || text.length > digitsMax) {
    throw reader.expected('a whole number from 1');
  }
  reader.next();
  return Number(text);
}

function readChoice<Choice extends string>(
  reader: TokenReader,
  choices: readonly Choice[],
): Choice {
  const token = reader.peek();
  const choice = choices.find((known) => known === token.text.toLowerCase());
  if (choice === undefined || token.kind === 'number') {
    throw reader.expected(choices.map((known) => `'${known}'`).join(' or '));
  }
  reader.next();
  return choice;
}
