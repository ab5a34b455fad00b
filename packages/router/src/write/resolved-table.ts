// A parsed table whose names have been replaced by the catalog's ids.

import type {Column, Table} from '@flotilla/catalog';
import type {ParsedField, ParsedTable} from '@flotilla/column';
import type {RejectedRows} from './rejected-rows.ts';

/** Stands for one state of a table without holding it: a wide one's old states would pile up. */
export type TableState = object;

/** What a series' names resolved to; kept in ParsedSeries.resolution, good while the table is in `state`. */
export interface ResolvedSeries {
  readonly state: TableState;
  readonly key: Uint8Array;
  readonly hash: number;
}

export interface ResolvedField {
  readonly column: Column;
  readonly field: ParsedField;
}

export interface ResolvedTable {
  readonly table: Table;
  readonly parsed: ParsedTable;
  /** As parsed.series; undefined where all of its rows are refused. */
  readonly series: readonly (ResolvedSeries | undefined)[];
  readonly fields: readonly ResolvedField[];
  readonly rejected: RejectedRows;
}
