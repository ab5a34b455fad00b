// One question three times: with statistics of blocks, without them, and by the model's rows.

import type {BucketId, ColumnId, DatabaseId, ReplicaSetId, TableId, TenantId} from '@flotilla/base';
import {expect} from 'vitest';
import {Catalog} from '../../packages/catalog/src/index.ts';
import {
  executeFragment,
  mergeResults,
  parseStatement,
  planSelect,
  type ResultBatch,
  type SelectStatement,
} from '../../packages/query/src/index.ts';
import {HOST, REGION, TYPES} from '../../packages/storage/src/replica-model.fixture.ts';
import type {Trial} from '../../packages/storage/src/replica-trial.fixture.ts';
import {type Answer, plainAnswer} from './plain-answer.ts';
import type {Asked} from './random-history.ts';

/** Of the trial's replica. */
const BUCKET_MS = Date.UTC(2026, 0, 1, 0, 30);
const CONTEXT = {tenant: 1 as TenantId, database: 1 as DatabaseId, nowNs: 0n};

function makeCatalog(): Catalog {
  const catalog = new Catalog();
  const tags = [HOST, REGION].map((id, i) => ({id, name: ['host', 'region'][i]!}));
  const columns = [
    ...tags.map((tag) => ({...tag, kind: 'tag' as const, type: 'string' as const})),
    ...TYPES.map((type, i) => ({
      ...{id: (3 + i) as ColumnId, name: ['f', 'i', 'u', 'b', 's'][i]!},
      ...{kind: 'field' as const, type},
    })),
  ];
  const options = {
    ...{bucketDurationMs: 864e5, shards: 1, replicas: 1},
    ...{precision: 'ms' as const, failover: 'automatic' as const},
  };
  const {tenant, database} = CONTEXT;
  const bucket = {
    ...{id: 1 as BucketId, database, startMs: BUCKET_MS, endMs: BUCKET_MS + 864e5},
    replicaSets: [1 as ReplicaSetId],
  };
  catalog.applyUpdate({
    version: 1,
    changes: [
      {kind: 'tenant', id: tenant, value: {id: tenant, name: 'default'}},
      {kind: 'database', id: database, value: {id: database, tenant, name: 'public', options}},
      {kind: 'table', id: 1 as TableId, value: {id: 1 as TableId, database, name: 't', columns}},
      {kind: 'bucket', id: bucket.id, value: bucket},
    ],
  });
  return catalog;
}

const CATALOG = makeCatalog();

function sqlOf({bin, byHost, byFlag, aggregates, start, end, where, edge}: Asked): string {
  const keys = [
    ...(bin === undefined ? [] : [`date_bin('${bin}', time)`]),
    ...(byHost ? ['host'] : []),
    ...(byFlag ? ['b'] : []),
  ];
  const at = (offset: number) => `'${new Date(BUCKET_MS + Math.ceil(offset)).toISOString()}'`;
  const conditions = [
    ...(start === undefined ? [] : [`time >= ${at(start)}`]),
    ...(end === undefined ? [] : [`time < ${at(end)}`]),
    ...(where === undefined ? [] : [where]),
  ];
  const values = aggregates.map(([name, of]) => `${name}(${of})`);
  if (edge !== undefined) {
    const filter = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
    const columns = aggregates.map(([, of]) => of).join(', ');
    const way = edge === 'last' ? ' DESC' : '';
    return `SELECT DISTINCT ON (host) host, ${columns} FROM t${filter} ORDER BY host, time${way}`;
  }
  return [
    `SELECT ${[...keys, ...values].join(', ')} FROM t`,
    ...(conditions.length === 0 ? [] : [`WHERE ${conditions.join(' AND ')}`]),
    ...(keys.length === 0 ? [] : [`GROUP BY ${keys.map((_, i) => i + 1).join(', ')}`]),
  ].join(' ');
}

type Cell = number | bigint | boolean | string | null;

async function rowsOf(trial: Trial, sql: string, statistics: boolean): Promise<Cell[][] | string> {
  const plan = planSelect(parseStatement(sql) as SelectStatement, CATALOG, CONTEXT);
  const streams = plan.fragments.map((fragment) =>
    executeFragment(fragment, trial.storage.scan(fragment.scan), {statistics}),
  );
  const rows: Cell[][] = [];
  try {
    for await (const batch of mergeResults(plan, streams)) rows.push(...cellsOf(batch));
  } catch (error) {
    return (error as Error).message;
  }
  return rows;
}

function cellsOf({rowCount, columns}: ResultBatch): Cell[][] {
  return Array.from({length: rowCount}, (_, row) =>
    columns.map(({values}) => {
      const slot = values.constant ? 0 : row;
      if (values.present?.[slot] === 0) return null;
      if (values.type === 'boolean') return values.values[slot] === 1;
      if (values.type === 'float' || values.type === 'string') return values.values[slot]!;
      return values.wide === undefined ? BigInt(values.values[slot]!) : values.wide[slot]!;
    }),
  );
}

/** By group, as `plainAnswer` names them. */
function byGroup(rows: readonly Cell[][], {bin, byHost, byFlag}: Asked): Map<string, Cell[]> {
  const keys = [bin !== undefined, byHost, byFlag === true].filter((is) => is).length;
  return new Map(
    rows.map((row) => {
      const name = row
        .slice(0, keys)
        .map((key) => String(typeof key === 'bigint' ? key / 1_000_000n : key));
      return [name.join(), row.slice(keys)];
    }),
  );
}

/** -0 and 0 are one value of an answer, but for the first and the last of them. */
function agrees(have: Cell, want: Answer): boolean {
  if (want === null || typeof want !== 'object')
    return Object.is(have, want) || (typeof want === 'number' && have === want);
  // Sums that pass the range of doubles are those of one order of additions.
  if (!Number.isFinite(want.near) || !Number.isFinite(want.within)) return true;
  return Math.abs((have as number) - want.near) <= want.within;
}

/** Sums of floats differ in their last bits, by what they are sums of. */
function same(on: Cell, off: Cell, want: Answer | undefined): boolean {
  if (Object.is(on, off)) return true;
  if (want === null || typeof want !== 'object' || want.near === undefined) return false;
  if (!Number.isFinite(on) || !Number.isFinite(off)) return false;
  return Math.abs((on as number) - (off as number)) <= want.within;
}

/** Fails where the answers with statistics, without them and by the model are not one. */
export async function ask(trial: Trial, question: Asked): Promise<void> {
  const sql = sqlOf(question);
  const on = await rowsOf(trial, sql, true);
  const off = await rowsOf(trial, sql, false);
  if (typeof on === 'string' || typeof off === 'string') {
    expect({sql, on}).toEqual({sql, on: off});
    return;
  }
  const want = plainAnswer(trial.model, question, BUCKET_MS);
  const [answered, scanned] = [byGroup(on, question), byGroup(off, question)];
  expect({sql, groups: [...answered.keys()].sort()}).toEqual({
    sql,
    groups: [...want.keys()].sort(),
  });
  expect([...scanned.keys()].sort()).toEqual([...want.keys()].sort());
  for (const [group, cells] of want) {
    const [have, without] = [answered.get(group)!, scanned.get(group)!];
    cells.forEach((cell, i) => {
      const told = {
        sql,
        group,
        aggregate: question.aggregates[i],
        have: have[i],
        without: without[i],
        cell,
      };
      if (!agrees(without[i]!, cell)) expect.fail(`rows: ${shown(told)}`);
      if (!agrees(have[i]!, cell)) expect.fail(`statistics: ${shown(told)}`);
      if (!same(have[i]!, without[i]!, cell)) expect.fail(`one of two: ${shown(told)}`);
    });
  }
}

function shown(value: unknown): string {
  return JSON.stringify(value, (_, each) =>
    typeof each === 'bigint' || Object.is(each, -0) || Number.isNaN(each)
      ? `${String(each)} (-0: ${Object.is(each, -0)})`
      : each,
  );
}
