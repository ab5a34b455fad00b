// The series of one table as a scan: one chunk of one row each, at offset 0 and without fields. What a
// query on tags alone needs, without reading rows.

import type {ColumnId, SeriesId} from '@flotilla/base';
import type {SeriesChunk, TableScan} from '@flotilla/column';
import type {SeriesIndex} from './series-index.ts';

/** Some 100 us of work for whoever reads them. */
const SERIES_PER_CALL = 1_024;
const NO_OFFSET = new Float64Array(1);

export class SeriesScan implements TableScan {
  readonly #index: SeriesIndex;
  readonly #series: Int32Array;
  #next = 0;

  /** @param series ids that are never taken back, so nothing needs to be pinned */
  constructor(index: SeriesIndex, series: Int32Array) {
    this.#index = index;
    this.#series = series;
  }

  async next(): Promise<readonly SeriesChunk[] | undefined> {
    const ids = this.#series.subarray(this.#next, this.#next + SERIES_PER_CALL);
    if (ids.length === 0) return undefined;
    this.#next += ids.length;
    return Array.from(ids, (id) => ({
      series: id as SeriesId,
      rowCount: 1,
      offsets: NO_OFFSET,
      columns: [],
    }));
  }

  tagValue(series: SeriesId, column: ColumnId): string | undefined {
    return this.#index.tagValue(series, column);
  }

  seriesKey(series: SeriesId): Uint8Array {
    return this.#index.key(series);
  }

  close(): void {
    this.#next = this.#series.length;
  }
}
