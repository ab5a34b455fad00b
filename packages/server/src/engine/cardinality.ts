// SHOW CARDINALITY and GET /admin/v1/cardinality: the tables with most series, the tags with most values, the
// values with most series. Each replica set of the database is asked once, as by a query, and the answers are
// joined by names that the catalog has now.

import {type Clock, DbError, LIMITS, type WorkSlices} from '@flotilla/base';
import type {Catalog, Database, Table} from '@flotilla/catalog';
import {
  type Cardinality,
  mergeCardinality,
  planCardinality,
  type ResultBatch,
} from '@flotilla/query';
import type {FragmentReader, ReadOptions} from '@flotilla/router';
import {AnswerNotes} from './answer-notes.ts';
import {type CatalogAccess, findDatabase} from './catalog-access.ts';
import {mustTable} from './catalog-rows.ts';
import {plannedAnew} from './planned-anew.ts';
import {beginDeadline, SetReadings} from './set-readings.ts';
import {textRows} from './text-rows.ts';

const QUERY = {work: 'query'} as const;
/** A screen of three lists. */
const ROWS_DEFAULT = 10;
/** What is worst in all may be a little behind in one set. */
const TOLD_TIMES = 2;

export interface CardinalityDeps {
  readonly reader: FragmentReader;
  readonly clock: Clock;
  /** Of the thread. */
  readonly slices: WorkSlices;
}

export interface CardinalityWanted {
  readonly database: Database;
  /** Absent: all tables. */
  readonly table?: Table | undefined;
  /** Of each list. */
  readonly limit?: number | undefined;
}

export interface CardinalityTerms
  extends Pick<ReadOptions, 'consistency' | 'maxStalenessMs' | 'deadlineMs'> {
  /** Sets that cannot be read are noted and left out. */
  readonly isPartial: boolean;
  readonly stop: AbortSignal;
  readonly notes: AnswerNotes;
}

/** `isEstimate`: within some percent; what is few is exact. */
export interface CardinalityReport {
  readonly database: string;
  /** Of the table, where one was asked for. */
  readonly series: number;
  readonly isEstimate: boolean;
  readonly tables: readonly {
    readonly table: string;
    readonly series: number;
    readonly isEstimate: boolean;
  }[];
  readonly tags: readonly {
    readonly table: string;
    readonly tag: string;
    readonly values: number;
    readonly isEstimate: boolean;
  }[];
  readonly values: readonly {
    readonly table: string;
    readonly tag: string;
    readonly value: string;
    readonly series: number;
    readonly isEstimate: boolean;
  }[];
}

export async function readCardinality(
  deps: CardinalityDeps,
  catalog: Catalog,
  {database, table, limit = ROWS_DEFAULT}: CardinalityWanted,
  terms: CardinalityTerms,
): Promise<CardinalityReport> {
  const limitMax = LIMITS.cardinality_rows_max.value;
  if (limit > limitMax)
    throw new DbError(
      'INVALID_ARGUMENT',
      `limit: ${limit} rows of each list are over cardinality_rows_max, ${limitMax}`,
      {limit: 'cardinality_rows_max', limitMax},
    );
  return plannedAnew(async () => {
    const notes = new AnswerNotes();
    const report = await countOnce(deps, catalog, {database, table, limit}, {...terms, notes});
    terms.notes.take(notes);
    return report;
  });
}

async function countOnce(
  {reader, clock, slices}: CardinalityDeps,
  catalog: Catalog,
  {database, table, limit}: CardinalityWanted & {readonly limit: number},
  {isPartial, stop, notes, ...read}: CardinalityTerms,
): Promise<CardinalityReport> {
  const top = TOLD_TIMES * limit;
  const mayGiveUp = isPartial || read.maxStalenessMs !== undefined;
  const {deadlineMs} = read;
  const readings = new SetReadings(reader, {
    fragments: planCardinality(catalog, database, {table: table?.id, top}),
    read: {...read, beginDeadlineMs: mayGiveUp ? beginDeadline(clock, deadlineMs) : deadlineMs},
    isPartial,
    stop,
    notes,
  });
  try {
    const due = () => slices.due(QUERY);
    const found = await mergeCardinality(readings.streams(), {top, due});
    return reportOf(catalog, database, {found, limit});
  } catch (error) {
    const isStopped = stop.aborted && error instanceof DbError && error.code === 'CANCELLED';
    throw isStopped ? stop.reason : error;
  } finally {
    readings.end();
  }
}

/** Checked by the route (http/routes/admin.ts). */
export interface CardinalityArgs {
  readonly tenant: string;
  readonly db: string;
  readonly table?: string | undefined;
  readonly limit?: number | undefined;
}

/** For /admin/v1: with a query's time, and what a majority of each set confirms. */
export async function cardinalityFor(
  deps: CardinalityDeps & {readonly access: CatalogAccess},
  {tenant, db, table: name, limit}: CardinalityArgs,
): Promise<CardinalityReport> {
  const {access, clock} = deps;
  const deadlineMs = clock.monotonicMs() + LIMITS.query_deadline_ms.value;
  const database = await findDatabase(access, {tenant, database: db}, deadlineMs);
  const {catalog} = access;
  const table = name === undefined ? undefined : mustTable(catalog, database, name);
  return readCardinality(
    deps,
    catalog,
    {database, table, limit},
    {
      consistency: 'linearizable',
      deadlineMs,
      isPartial: false,
      stop: new AbortController().signal,
      notes: new AnswerNotes(),
    },
  );
}

/** What was dropped since has no name any more. */
function reportOf(
  catalog: Catalog,
  {id, name}: Database,
  {found, limit}: {readonly found: Cardinality; readonly limit: number},
): CardinalityReport {
  const tables = new Map(catalog.tables(id).map((table) => [table.id, table]));
  const told = <Item, Row>(items: readonly Item[], rowOf: (item: Item) => Row | undefined): Row[] =>
    items
      .map(rowOf)
      .filter((row) => row !== undefined)
      .slice(0, limit);
  const tagOf = ({table, column}: Cardinality['tags'][number]) => {
    const owner = tables.get(table);
    const tag = owner?.columns.find((each) => each.id === column);
    return owner && tag && {table: owner.name, tag: tag.name};
  };
  return {
    database: name,
    ...seriesOf(found.series),
    tables: told(found.tables, ({table, count}) => {
      const owner = tables.get(table);
      return owner && {table: owner.name, ...seriesOf(count)};
    }),
    tags: told(found.tags, (item) => {
      const names = tagOf(item);
      const {count: values, isEstimate} = item.count;
      return names && {...names, values, isEstimate};
    }),
    values: told(found.values, (item) => {
      const names = tagOf(item);
      return names && {...names, value: item.value, ...seriesOf(item.count)};
    }),
  };
}

function seriesOf({count: series, isEstimate}: Cardinality['series']): {
  readonly series: number;
  readonly isEstimate: boolean;
} {
  return {series, isEstimate};
}

/** As rows: of the database (or of nothing, where a table was asked for), then each list. */
export function cardinalityRows(
  report: CardinalityReport,
  {isOfTable}: {readonly isOfTable: boolean},
): AsyncIterable<ResultBatch> {
  const {series, isEstimate, tables, tags, values} = report;
  const whole = ['database', undefined, undefined, undefined, series, undefined, isEstimate];
  const rows = [
    ...(isOfTable ? [] : [whole]),
    ...tables.map((row) => [
      'table',
      row.table,
      undefined,
      undefined,
      row.series,
      undefined,
      row.isEstimate,
    ]),
    ...tags.map((row) => [
      'tag',
      row.table,
      row.tag,
      undefined,
      undefined,
      row.values,
      row.isEstimate,
    ]),
    ...values.map((row) => [
      'value',
      row.table,
      row.tag,
      row.value,
      row.series,
      undefined,
      row.isEstimate,
    ]),
  ];
  return textRows(
    [
      {name: 'kind', type: 'string'},
      {name: 'table_name', type: 'string'},
      {name: 'tag_key', type: 'string'},
      {name: 'tag_value', type: 'string'},
      {name: 'series', type: 'integer'},
      {name: 'tag_values', type: 'integer'},
      {name: 'is_estimate', type: 'boolean'},
    ],
    rows,
  );
}
