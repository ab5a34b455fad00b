// Which names tenants, databases, tables and columns may have, and which id a column gets.

import {LIMITS} from '@flotilla/base';
import type {Table} from '../model.ts';

const ENTITY_NAME_MAX = LIMITS.database_name_chars_max.value;
const TABLE_NAME_BYTES_MAX = LIMITS.name_bytes_max.value;

/** No '/': `db/autogen` is how InfluxDB 2 clients name a database. No control characters: logs. */
export function isEntityName(name: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused.
  return name.length > 0 && name.length <= ENTITY_NAME_MAX && !/[\u0000-\u001f\u007f/]/.test(name);
}

export function isTableName(name: string): boolean {
  return name.length > 0 && Buffer.byteLength(name) <= TABLE_NAME_BYTES_MAX;
}

/** Why `name` is refused, for the person who chose it. */
export function entityNameFault(name: string, what: 'database' | 'tenant' | 'token'): string {
  const rule = `1 to ${ENTITY_NAME_MAX} characters, none of them "/" or a control character`;
  return `${JSON.stringify(name)} cannot name a ${what}: a name has ${rule}`;
}

export function tableNameFault(name: string): string {
  const rule = `a name has 1 to ${TABLE_NAME_BYTES_MAX} bytes`;
  return `${JSON.stringify(name)} cannot name a table: ${rule}`;
}

export function columnNameFault(name: string): string {
  const rule = `a name has 1 to ${TABLE_NAME_BYTES_MAX} bytes and is not ${TIME_COLUMN}`;
  return `${JSON.stringify(name)} cannot name a tag or a field: ${rule}`;
}

/** Of a tag or a field. */
export function isColumnName(name: string): boolean {
  return isTableName(name) && name !== TIME_COLUMN;
}

/** The highest id that the table ever gave to a column. */
export function lastColumnId(
  table: Pick<Table, 'columns' | 'deadColumns' | 'columnIdsFrom'> | undefined,
): number {
  const passedOver = (table?.columnIdsFrom ?? 1) - 1;
  return Math.max(0, passedOver, table?.columns.at(-1)?.id ?? 0, ...(table?.deadColumns ?? []));
}

/** Every table has it, first, and it is neither a tag nor a field. */
export const TIME_COLUMN = 'time';
