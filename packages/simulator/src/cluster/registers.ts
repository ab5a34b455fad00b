// Registers as rows: a database, a slot of time and a series name one; its bucket and its replica set
// follow from the catalog. Slots come and go, each with buckets of its own, and none comes twice.

import type {ReplicaSetId} from '@flotilla/base';
import type {Catalog, Database} from '@flotilla/catalog';
import {encodeSeriesKey, type ParsedBatch, ParsedSeries, seriesHash} from '@flotilla/column';
import type {RowAddress} from './row-read.ts';

export const SLOT_MS = 3_600_000;
export const TABLES = ['t0', 't1'] as const;
export const TAG = 'r';
export const FIELD = 'v';
export const TENANT = {tenant: 'default'} as const;

export interface Register {
  /** Its name: which database has it changes. */
  readonly database: string;
  readonly table: string;
  /** Start of its slot. */
  readonly slotMs: number;
  readonly series: number;
}

export function nameOf({database, table, slotMs, series}: Register): string {
  return `${database}/${table}/${slotMs}/${series}`;
}

/** A time of its own for each series, so that slots hold more than one. */
export function timeOf({slotMs, series}: Register): number {
  return slotMs + 1_000 * (series + 1);
}

export interface FoundRegister {
  readonly set: ReplicaSetId;
  readonly address: RowAddress;
}

export function databaseNamed(catalog: Catalog, name: string): Database | undefined {
  const tenant = catalog.tenantByName(TENANT.tenant);
  return tenant && catalog.databaseByName(tenant.id, name);
}

/** Undefined where the catalog has no table or no bucket for it: nothing was ever written there. */
export function find(catalog: Catalog, register: Register): FoundRegister | undefined {
  const database = databaseNamed(catalog, register.database);
  if (database === undefined) return undefined;
  const table = catalog.tableByName(database.id, register.table);
  const timeMs = timeOf(register);
  const bucket = catalog.bucketAt(database.id, timeMs);
  if (table === undefined || bucket === undefined) return undefined;
  const tag = catalog.columnByName(table.id, TAG);
  const field = catalog.columnByName(table.id, FIELD);
  if (tag === undefined || field === undefined) return undefined;
  const tagValue = `s${register.series}`;
  const hash = seriesHash(encodeSeriesKey(table.id, [{column: tag.id, value: tagValue}]));
  const set = bucket.replicaSets[hash % bucket.replicaSets.length]!;
  const offset = timeMs - bucket.startMs;
  const columns = {table: table.id, tag: tag.id, tagValue, field: field.id};
  return {set, address: {...columns, offset, plannedAt: catalog.version}};
}

/** A row for each register, all of one database. */
export function batchOf(rows: readonly {register: Register; value: number}[]): ParsedBatch {
  const tables = Map.groupBy(rows, ({register}) => register.table);
  return {
    rowCount: rows.length,
    badLines: [],
    badLineCount: 0,
    tables: [...tables].map(([table, of]) => ({
      table,
      rowCount: of.length,
      series: of.map(({register}) => new ParsedSeries(table, [TAG], [`s${register.series}`])),
      seriesOfRow: Int32Array.from(of, (_, i) => i),
      timesMs: Float64Array.from(of, ({register}) => timeOf(register)),
      timesNs: new Int32Array(of.length),
      lines: Uint32Array.from(of, (row) => rows.indexOf(row) + 1),
      fields: [
        {
          name: FIELD,
          count: of.length,
          rows: Int32Array.from(of, (_, i) => i),
          values: {type: 'float' as const, values: Float64Array.from(of, ({value}) => value)},
        },
      ],
    })),
  };
}
