// Resolve, place and gather against the plainest account of the same: every row of the body comes
// back from the shares once, with its values, in the replica set of its bucket and shard.

import type {NodeId} from '@flotilla/base';
import {type Catalog, CatalogMachine, type Database} from '@flotilla/catalog';
import {
  decodeSeriesKey,
  decodeShare,
  encodeShare,
  type ParsedBatch,
  ParsedSeries,
  type ShareTable,
} from '@flotilla/column';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {Rejections} from './rejected-rows.ts';
import {placeRows} from './row-targets.ts';
import {missingTables, resolveTable} from './schema.ts';
import {buildShares, halveShare, type SetShare} from './share-builder.ts';

const HOUR_MS = 3_600_000;
const NOW_MS = 10 * HOUR_MS;
const SHARDS = 4;

interface Row {
  readonly host: number;
  readonly timeMs: number;
  readonly timeNs: number;
  readonly value: number | undefined;
  readonly label: string | undefined;
}

const rowArbitrary: fc.Arbitrary<Row> = fc.record({
  host: fc.nat(20),
  timeMs: fc.integer({min: 0, max: 3 * HOUR_MS - 1}),
  timeNs: fc.nat(999_999),
  value: fc.option(fc.double({noNaN: true}), {nil: undefined}),
  label: fc.option(fc.string(), {nil: undefined}),
});

function batchOf(rows: readonly Row[]): ParsedBatch {
  const hosts = [...new Set(rows.map(({host}) => host))];
  const series = hosts.map((host) => new ParsedSeries('cpu', ['host'], [`h${host}`]));
  const valued = rows.flatMap((row, i) => (row.value === undefined ? [] : [i]));
  const labelled = rows.flatMap((row, i) => (row.label === undefined ? [] : [i]));
  const texts = labelled.map((i) => Buffer.from(rows[i]!.label!));
  let end = 0;
  const table = {
    table: 'cpu',
    rowCount: rows.length,
    series,
    seriesOfRow: Int32Array.from(rows, ({host}) => hosts.indexOf(host)),
    timesMs: Float64Array.from(rows, ({timeMs}) => timeMs),
    timesNs: Int32Array.from(rows, ({timeNs}) => timeNs),
    lines: Uint32Array.from(rows, (_, i) => i + 1),
    fields: [
      {
        name: 'v',
        count: valued.length,
        rows: Int32Array.from(valued),
        values: {type: 'float' as const, values: Float64Array.from(valued, (i) => rows[i]!.value!)},
      },
      {
        name: 's',
        count: labelled.length,
        rows: Int32Array.from(labelled),
        values: {
          type: 'string' as const,
          bytes: Buffer.concat(texts),
          ends: Uint32Array.from(texts, (text) => (end += text.length)),
        },
      },
    ].filter(({count}) => count > 0),
  };
  return {tables: [table], rowCount: rows.length, badLines: [], badLineCount: 0};
}

/** A cluster of one with database `public` and buckets of an hour, made as meta would. */
function world(batch: ParsedBatch): {catalog: Catalog; database: Database} {
  const machine = new CatalogMachine();
  let index = 5;
  const apply = (command: Parameters<CatalogMachine['apply']>[0]): void => {
    const {result} = machine.apply(command, ++index);
    if (!result.ok) throw new Error(result.error.message);
  };
  const node = {incarnation: 'a', address: '127.0.0.1:1', engineThreads: 1, version: '1'};
  apply({type: 'found-cluster', clusterId: 'c', node, atMs: 0});
  const {catalog} = machine;
  const tenant = catalog.tenantByName('default')!;
  const {id} = catalog.databaseByName(tenant.id, 'public')!;
  apply({
    type: 'ensure-tables',
    database: id,
    tables: missingTables(catalog, catalog.database(id)!, batch, new Map()),
  });
  for (let hour = 0; hour < 3; hour++) {
    const startMs = hour * HOUR_MS;
    const placements = Array.from({length: SHARDS}, () => [
      {node: 1 as NodeId, role: 'voter' as const},
    ]);
    apply({
      type: 'ensure-bucket',
      database: id,
      timeMs: startMs,
      startMs,
      endMs: startMs + HOUR_MS,
      placements,
    });
  }
  return {catalog, database: catalog.database(id)!};
}

function sharesOf(
  batch: ParsedBatch,
  {catalog, database}: {catalog: Catalog; database: Database},
): SetShare[] {
  const rejections = new Rejections(batch, () => '');
  const tables = batch.tables.map(
    (table) => resolveTable(catalog, database, table, rejections, new Map())!,
  );
  const placement = placeRows(tables, {
    catalog,
    database,
    nowMs: NOW_MS,
    rejections,
    bucketRefusals: new Map(),
  });
  expect(rejections.listed()).toEqual([]);
  expect(placement.missingTimesMs).toEqual([]);
  return [...buildShares(placement)];
}

/** Rows of a share as text, each with its set. */
function rowsOf({set, tables}: SetShare, {catalog}: {catalog: Catalog}): string[] {
  const decoded = decodeShare(encodeShare({router: {incarnation: 1, sequence: 1}, tables})).tables;
  const {startMs} = catalog.bucket(catalog.replicaSet(set)!.bucket)!;
  return decoded.flatMap((table) => tableRows(table, startMs).map((row) => `${set} ${row}`));
}

function tableRows(table: ShareTable, startMs: number): string[] {
  return Array.from({length: table.rowCount}, (_, row) => {
    const key = decodeSeriesKey(table.series[table.seriesOfRow[row]!] as Uint8Array);
    const cells = table.columns.flatMap((column) => {
      const at =
        column.rows === undefined ? row : column.rows.subarray(0, column.count).indexOf(row);
      if (at < 0) return [];
      const {values} = column;
      if (values.type !== 'string')
        return [`v=${Object.is(values.values[at], -0) ? '-0' : values.values[at]}`];
      const start = at === 0 ? 0 : values.ends[at - 1]!;
      return [`s=${Buffer.from(values.bytes.subarray(start, values.ends[at])).toString()}`];
    });
    return [
      key.tags.map(({value}) => value).join(),
      startMs * 1e6 + table.offsets[row]!,
      ...cells,
    ].join(' ');
  });
}

test('each row goes once, whole, to the set of its bucket and shard', () => {
  fc.assert(
    fc.property(fc.array(rowArbitrary, {minLength: 1, maxLength: 60}), (rows) => {
      const usable = rows.filter(({value, label}) => value !== undefined || label !== undefined);
      if (usable.length === 0) return;
      const batch = batchOf(usable);
      const both = world(batch);
      const shares = sharesOf(batch, both);
      const setOfHost = new Map<string, Set<number>>();
      const got = shares
        .flatMap((share) => rowsOf(share, both))
        .map((text) => {
          const [set, host, ...rest] = text.split(' ');
          const {bucket, shard} = both.catalog.replicaSet(Number(set) as never)!;
          expect(both.catalog.bucket(bucket)!.startMs <= Number(rest[0]) / 1e6).toBe(true);
          const shards = setOfHost.get(host!) ?? new Set();
          setOfHost.set(host!, shards.add(shard));
          return [host, ...rest].join(' ');
        });
      const wanted = usable.map(({host, timeMs, timeNs, value, label}) =>
        [
          `h${host}`,
          timeMs * 1e6 + timeNs,
          ...(value === undefined ? [] : [`v=${Object.is(value, -0) ? '-0' : value}`]),
          ...(label === undefined ? [] : [`s=${Buffer.from(Buffer.from(label)).toString()}`]),
        ].join(' '),
      );
      expect(got.sort()).toEqual(wanted.sort());
      for (const shards of setOfHost.values()) expect(shards.size).toBe(1);
    }),
    {numRuns: 60},
  );
});

test('halves hold the rows of the whole, in their order', () => {
  fc.assert(
    fc.property(fc.array(rowArbitrary, {minLength: 8, maxLength: 60}), (rows) => {
      const usable = rows.filter(({value, label}) => value !== undefined || label !== undefined);
      if (usable.length < 2) return;
      const batch = batchOf(usable);
      const both = world(batch);
      for (const share of sharesOf(batch, both)) {
        if (share.rowCount < 2) continue;
        const [first, second] = halveShare(share);
        expect(first.rowCount + second.rowCount).toBe(share.rowCount);
        expect([...rowsOf(first, both), ...rowsOf(second, both)]).toEqual(rowsOf(share, both));
      }
    }),
    {numRuns: 40},
  );
});

test('an unknown table asks meta for all its columns at once', () => {
  const batch = batchOf([{host: 1, timeMs: 0, timeNs: 0, value: 1, label: 'x'}]);
  const machine = new CatalogMachine();
  const database = {id: 1} as Database;
  expect(missingTables(machine.catalog, database, batch, new Map())).toEqual([
    {
      name: 'cpu',
      tags: ['host'],
      fields: [
        {name: 'v', type: 'float'},
        {name: 's', type: 'string'},
      ],
    },
  ]);
});

test('what is kept with a series holds no state of its table, which would be one for each of its columns', () => {
  const batch = batchOf([{host: 1, timeMs: 0, timeNs: 0, value: 1, label: undefined}]);
  const {catalog, database} = world(batch);
  const [parsed] = batch.tables;
  resolveTable(catalog, database, parsed!, new Rejections(batch, () => ''), new Map());
  const kept = parsed!.series[0]!.resolution as Record<string, unknown>;
  expect(Object.keys(kept).sort()).toEqual(['hash', 'key', 'state']);
  expect(kept['state']).toEqual({});
});
