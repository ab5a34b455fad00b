// The columns of a table and their types: as DESCRIBE TABLE tells them, as a manifest keeps them, and as SQL
// that makes the same table elsewhere.

import type {FlotillaClient, QueryOptions, Row} from '@flotilla/client';
import {z} from 'zod';

export const FIELD_TYPES = ['float', 'integer', 'unsigned', 'boolean', 'string'] as const;
export type FieldType = (typeof FIELD_TYPES)[number];

export const TableShape = z.object({
  name: z.string(),
  tags: z.array(z.string()),
  fields: z.array(z.object({name: z.string(), type: z.enum(FIELD_TYPES)})),
});
export type TableShape = z.infer<typeof TableShape>;

/** As SQL names them. */
const SQL_TYPES: Readonly<Record<FieldType, string>> = {
  float: 'DOUBLE',
  integer: 'BIGINT',
  unsigned: 'BIGINT UNSIGNED',
  boolean: 'BOOLEAN',
  string: 'STRING',
};

/** Rejects with TABLE_NOT_FOUND. */
export async function describeTable(
  client: FlotillaClient,
  name: string,
  options: QueryOptions,
): Promise<TableShape> {
  const columns = await client.query(`DESCRIBE TABLE ${quoted(name)}`, options);
  const ofKind = (kind: string): Row[] => columns.filter(({column_type}) => column_type === kind);
  return {
    name,
    tags: ofKind('TAG').map(({column_name}) => String(column_name)),
    fields: ofKind('FIELD').map(({column_name, data_type}) => {
      return {name: String(column_name), type: typeNamed(String(data_type))};
    }),
  };
}

function typeNamed(sqlName: string): FieldType {
  const found = FIELD_TYPES.find((type) => SQL_TYPES[type] === sqlName);
  if (found === undefined) throw new Error(`the cluster tells of a type ${sqlName}, unknown here`);
  return found;
}

export async function listTables(client: FlotillaClient, options: QueryOptions): Promise<string[]> {
  const rows = await client.query('SHOW TABLES', options);
  return rows.map((row) => String(Object.values(row)[0])).sort();
}

/** Time first, then tags, then fields. */
export function columnsOf({tags, fields}: TableShape): string[] {
  return ['time', ...tags, ...fields.map(({name}) => name)];
}

export function createTableText({name, tags, fields}: TableShape): string {
  const columns = fields.map((field) => `${quoted(field.name)} ${SQL_TYPES[field.type]}`);
  if (tags.length > 0) columns.push(`TAGS(${tags.map(quoted).join(', ')})`);
  return `CREATE TABLE IF NOT EXISTS ${quoted(name)} (${columns.join(', ')})`;
}

/** A name as SQL takes it, whatever is in it. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
