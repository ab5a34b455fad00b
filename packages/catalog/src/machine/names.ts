// Which names tenants, databases, tables and columns may have, and which id a column gets.

import {LIMITS} from '@flotilla/base';
import type {Table} from '../model.ts';

/** Room in every list and file name that shows one. */
const NAME_UNITS_MAX = 128;

/** No '/': `db/autogen` is how InfluxDB 2 clients name a database. No control characters: logs. */
export function isEntityName(name: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused.
  return name.length > 0 && name.length <= NAME_UNITS_MAX && !/[\u0000-\u001f\u007f/]/.test(name);
}

export function isTableName(name: string): boolean {
  return name.length > 0 && Buffer.byteLength(name) <= LIMITS.name_bytes_max.value;
}

/** Of a tag or a field. */
export function isColumnName(name: string): boolean {
  return isTableName(name) && name !== TIME_COLUMN;
}

/** The highest id that the table ever gave to a column. */
export function lastColumnId(table: Pick<Table, 'columns' | 'deadColumns'> | undefined): number {
  return Math.max(0, table?.columns.at(-1)?.id ?? 0, ...(table?.deadColumns ?? []));
}

/** Every table has it, first, and it is neither a tag nor a field. */
export const TIME_COLUMN = 'time';
