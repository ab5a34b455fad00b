// What SHOW and DESCRIBE say of the catalog, as rows. Dropped things are not shown.

import {DbError} from '@flotilla/base';
import type {Catalog, ColumnType, Database, Table, Tenant} from '@flotilla/catalog';
import type {ExplainedSet, ResultBatch} from '@flotilla/query';
import {durationText} from './durations.ts';
import {type Cell, textRows} from './text-rows.ts';

type Rows = AsyncIterable<ResultBatch>;

/** One column of names. */
export function names(column: string, values: readonly string[]): Rows {
  return texts(
    [column],
    values.map((value) => [value]),
  );
}

function texts(columns: readonly string[], rows: readonly (readonly Cell[])[]): Rows {
  return textRows(
    columns.map((name) => ({name, type: 'string'})),
    rows,
  );
}

export function databasesOf(catalog: Catalog, tenant: Tenant['id']): Database[] {
  return [...catalog.databases()].filter(
    (one) => one.tenant === tenant && one.dropped === undefined,
  );
}

export function liveTenants(catalog: Catalog): Tenant[] {
  return [...catalog.tenants()].filter(({dropped}) => dropped === undefined);
}

export function describeTenant(catalog: Catalog, {id, name, comment}: Tenant): Rows {
  return textRows(
    [
      {name: 'tenant_name', type: 'string'},
      {name: 'comment', type: 'string'},
      {name: 'databases', type: 'integer'},
    ],
    [[name, comment, databasesOf(catalog, id).length]],
  );
}

export function describeDatabase({options}: Database): Rows {
  const {ttlMs, shards, bucketDurationMs, replicas, precision, failover, maxSeries} = options;
  const first = ['ttl', 'shard', 'bucket_duration', 'replica', 'precision', 'failover'];
  const columns = [...first, 'max_series'];
  const row = [
    ttlMs === undefined ? 'none' : durationText(ttlMs),
    String(shards),
    durationText(bucketDurationMs),
    String(replicas),
    precision,
    failover,
    String(maxSeries ?? 'none'),
  ];
  return texts(columns, [row]);
}

/** CnosDB's names of the types. */
export const TYPE_NAMES: Readonly<Record<ColumnType, string>> = {
  float: 'DOUBLE',
  integer: 'BIGINT',
  unsigned: 'BIGINT UNSIGNED',
  boolean: 'BOOLEAN',
  string: 'STRING',
};

export function mustTable(catalog: Catalog, database: Database, name: string): Table {
  const table = catalog.tableByName(database.id, name);
  if (table === undefined) throw new DbError('TABLE_NOT_FOUND', `table "${name}" does not exist`);
  return table;
}

export function describeTable({columns}: Table): Rows {
  const ordered = [...columns].sort(
    (a, b) => Number(a.kind === 'field') - Number(b.kind === 'field'),
  );
  const rows = ordered.map(({name, type, kind}) => [name, TYPE_NAMES[type], kind.toUpperCase()]);
  const first = ['time', 'TIMESTAMP', 'TIME'];
  return texts(['column_name', 'data_type', 'column_type'], [first, ...rows]);
}

export function tagKeys(tables: readonly Table[]): Rows {
  const rows = tables
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap(({name, columns}) =>
      columns
        .filter(({kind}) => kind === 'tag')
        .map((tag) => tag.name)
        .sort()
        .map((key) => [name, key]),
    );
  return texts(['table_name', 'tag_key'], rows);
}

export function explainedRows(sets: readonly ExplainedSet[]): Rows {
  const rows = sets.map(({set, bucket, shard, startMs, endMs, isRead, why}): Cell[] => [
    set,
    bucket,
    shard,
    new Date(startMs).toISOString(),
    new Date(endMs).toISOString(),
    isRead,
    why,
  ]);
  return textRows(
    [
      {name: 'replica_set', type: 'integer'},
      {name: 'bucket', type: 'integer'},
      {name: 'shard', type: 'integer'},
      {name: 'start_time', type: 'string'},
      {name: 'end_time', type: 'string'},
      {name: 'read', type: 'boolean'},
      {name: 'why', type: 'string'},
    ],
    rows,
  );
}
