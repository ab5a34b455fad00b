// What the series index of one replica set says of how many series there are, and of whom. The shape is here,
// below both, so that query and storage know it and not each other. Plain JSON: it crosses nodes.

import type {ColumnId, TableId} from '@flotilla/base';

export interface CardinalitySpec {
  /** Absent: all. */
  readonly table?: TableId | undefined;
  /** So many of each list are given: those with most. */
  readonly top: number;
}

/** Counts are sketches, `DistinctSketch.encode`: those of other sets join them. */
export interface SetCardinality {
  /** Of all tables that were asked for. */
  readonly series: string;
  readonly tables: readonly {readonly table: TableId; readonly series: string}[];
  /** By how many values a tag has. */
  readonly tags: readonly {
    readonly table: TableId;
    readonly column: ColumnId;
    readonly values: string;
  }[];
  /** By how many series have the value. */
  readonly values: readonly {
    readonly table: TableId;
    readonly column: ColumnId;
    readonly value: string;
    readonly series: string;
  }[];
}
