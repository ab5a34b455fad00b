// Shares that a replica set refused because it holds as many series as it may: the lines of the series
// that found no room are bad lines, the other rows are sent again.

import type {DbError} from '@flotilla/base';
import type {ParsedTable} from '@flotilla/column';
import {refusedSeries} from '@flotilla/replica';
import type {RejectedRows, Rejections} from './rejected-rows.ts';
import type {RowSource, SetShare} from './share-builder.ts';

export interface RefusedShare {
  readonly share: SetShare;
  readonly outcome: {readonly error?: DbError | undefined};
}

export function isOfFullSet({outcome: {error}}: RefusedShare): boolean {
  return error?.code === 'SERIES_LIMIT';
}

/** The rows that are sent again; the others are added to `rejections`. Requires shares of full sets. */
export function refuseNewSeries(
  shares: readonly RefusedShare[],
  rejections: Rejections,
): RowSource[] {
  const marks = new Map<ParsedTable, RejectedRows>();
  // Pieces behind a refused one were not sent, and carry its error: it says nothing of their series.
  const told = new Set<DbError>();
  return shares.flatMap(({share, outcome: {error}}) => {
    const isRefused = error === undefined || told.has(error) ? undefined : refusedSeries(error);
    if (error === undefined || isRefused === undefined) return share.sources;
    told.add(error);
    const refusal = {code: error.code, reason: error.message};
    return share.sources.map(({parsed, rows}, table) => ({
      parsed,
      rows: rows.filter((row, i) => {
        if (!isRefused(table, share.tables[table]!.seriesOfRow[i]!)) return true;
        marks.set(parsed, rejections.add(parsed, row, marks.get(parsed), refusal));
        return false;
      }),
    }));
  });
}
