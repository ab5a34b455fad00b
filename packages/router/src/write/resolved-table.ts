// A parsed table whose names have been replaced by the catalog's ids.

import type {Column, Table} from '@flotilla/catalog';
import type {ParsedField, ParsedTable} from '@flotilla/column';
import type {RejectedRows} from './rejected-rows.ts';

/** What a series' names resolved to; kept in ParsedSeries.resolution while `table` is current. */
export interface ResolvedSeries {
  readonly table: Table;
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
