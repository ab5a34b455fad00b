// Tenants, databases, their options and their buckets: names, numbers and sizes.

import {LIMITS} from '@flotilla/base';
import {describe, expect, test} from 'vitest';
import type {TableChange} from '../commands.ts';
import {code, DAY, founded, id, must} from './catalog-machine.fixture.ts';

describe('ensure-bucket', () => {
  const wanted = (time: number, from: number, to: number, database = 1) =>
    ({
      type: 'ensure-bucket',
      database: id<never>(database),
      timeMs: time,
      startMs: from,
      endMs: to,
      placements: [[{node: id<never>(1), role: 'voter'}]],
    }) as const;

  test('returns the present one and cuts a new one against its neighbours', () => {
    const {machine, run} = founded();
    const first = must(run(wanted(15, 10, 20)));
    expect(must(run(wanted(10, 0, 100)))).toEqual({bucket: first.bucket, created: false});
    must(run(wanted(45, 40, 50)));
    const middle = must(run(wanted(30, 0, 100)));
    expect(machine.catalog.bucket(middle.bucket)).toMatchObject({startMs: 20, endMs: 40});
  });

  test('refuses an even number of voters, unknown nodes and expired times', () => {
    const {run} = founded();
    const even = [1, 2].map((node) => ({node: id<never>(node), role: 'voter' as const}));
    expect(code(run({...wanted(1, 0, 9), placements: [even]}))).toBe('INVALID_ARGUMENT');
    const unknown = [{node: id<never>(77), role: 'voter' as const}];
    expect(code(run({...wanted(1, 0, 9), placements: [unknown]}))).toBe('NOT_FOUND');
    must(run({type: 'raise-expired-before', database: id(1), expiredBeforeMs: 50, atMs: 1}));
    expect(code(run(wanted(1, 0, 9)))).toBe('TIME_EXPIRED');
    expect(code(run(wanted(1, 0, 9, 99)))).toBe('DATABASE_NOT_FOUND');
  });

  test('buckets_per_database_max: one more is refused, those that are there go on', () => {
    const {machine, run} = founded();
    const max = LIMITS.buckets_per_database_max.value;
    for (let i = 0; i < max; i++) must(run(wanted(i, i, i + 1)));
    expect(code(run(wanted(2 * max, 2 * max, 2 * max + 1)))).toBe('BUCKET_LIMIT');
    expect(must(run(wanted(7, 7, 8)))).toMatchObject({created: false});
    must(run({type: 'drop-bucket', bucket: machine.catalog.bucketAt(id(1), 7)!.id}));
    expect(must(run(wanted(2 * max, 2 * max, 2 * max + 1)))).toMatchObject({created: true});
  });

  test('shards_per_bucket_max: as many are made, one more is refused', () => {
    const {machine, run} = founded();
    const max = LIMITS.shards_per_bucket_max.value;
    const shards = (count: number) =>
      Array.from({length: count}, () => [{node: id<never>(1), role: 'voter' as const}]);
    expect(code(run({...wanted(1, 0, 9), placements: shards(max + 1)}))).toBe('INVALID_ARGUMENT');
    must(run({...wanted(1, 0, 9), placements: shards(max)}));
    expect(machine.catalog.bucketAt(id(1), 1)?.replicaSets).toHaveLength(max);
  });
});

test('databases_max: one more is refused, until a dropped one is purged', () => {
  const {machine, run} = founded();
  const max = LIMITS.databases_max.value;
  const create = (name: string) =>
    run({type: 'create-database', tenant: 'default', name, ifNotExists: true, options: {}});
  for (let i = machine.catalog.databaseCount; i < max; i++) must(create(`d${i}`));
  expect(code(create('more'))).toBe('CONFLICT');
  expect(code(create(`d${max - 1}`))).toBe('ok');
  const names = {tenant: 'default', name: `d${max - 1}`};
  const {database} = must(run({type: 'drop-database', ...names, atMs: 1, purgeAtMs: 2}));
  expect(code(create('more'))).toBe('CONFLICT');
  must(run({type: 'purge-database', database: database!}));
  expect(code(create('more'))).toBe('ok');
});

test('tenants_max: one more is refused, those that are there stay', () => {
  const {machine, run} = founded();
  const max = LIMITS.tenants_max.value;
  const create = (name: string) => run({type: 'create-tenant', name, ifNotExists: true});
  for (let i = machine.catalog.tenantCount; i < max; i++) must(create(`t${i}`));
  expect(code(create('more'))).toBe('CONFLICT');
  expect(code(create(`t${max - 1}`))).toBe('ok');
  must(run({type: 'drop-tenant', name: `t${max - 1}`}));
  expect(code(create('more'))).toBe('ok');
});

test('tenant_comment_bytes_max: a longer comment is refused, and the old one stays', () => {
  const {machine, run} = founded();
  const max = LIMITS.tenant_comment_bytes_max.value;
  const longest = 'é'.repeat(max / 2);
  must(run({type: 'create-tenant', name: 'a', comment: longest}));
  for (const outcome of [
    run({type: 'create-tenant', name: 'b', comment: `${longest}x`}),
    run({type: 'alter-tenant', name: 'a', comment: `${longest}x`}),
  ]) {
    expect(code(outcome)).toBe('INVALID_ARGUMENT');
    expect(JSON.stringify(outcome)).toContain(
      `a comment has at most ${max} bytes; have ${max + 1}`,
    );
  }
  expect(machine.catalog.tenantByName('b')).toBeUndefined();
  expect(machine.catalog.tenantByName('a')?.comment).toBe(longest);
});

describe('names', () => {
  const long = (max: number) => 'n'.repeat(max + 1);
  const database = id<never>(1);

  test.each(['create-tenant', 'create-database'] as const)(
    '%s: database_name_chars_max, no "/" and no control character',
    (type) => {
      const {run} = founded();
      const max = LIMITS.database_name_chars_max.value;
      const create = (name: string) => run({type, tenant: 'default', name, options: {}});
      expect(code(create('n'.repeat(max)))).toBe('ok');
      for (const name of ['', long(max), 'a/b', 'a\n']) {
        const outcome = create(name);
        expect(code(outcome)).toBe('INVALID_ARGUMENT');
        expect(JSON.stringify(outcome)).toContain('a name has 1 to 128 characters');
      }
    },
  );

  test('name_bytes_max: of tables and columns, by statements too', () => {
    const {run} = founded();
    const name = long(LIMITS.name_bytes_max.value);
    const field = (of: string) => ({name: of, type: 'float' as const});
    const table = (of: string, fieldName: string) => ({
      name: of,
      tags: [],
      fields: [field(fieldName)],
    });
    must(run({type: 'create-table', database, table: table('t', 'v')}));
    const alter = (change: TableChange) => run({type: 'alter-table', database, name: 't', change});
    for (const outcome of [
      run({type: 'create-table', database, table: table(name, 'v')}),
      run({type: 'create-table', database, table: table('u', name)}),
      alter({kind: 'rename-table', to: name}),
      alter({kind: 'rename-column', name: 'v', to: name}),
      alter({kind: 'add-column', column: {...field(name), kind: 'field'}}),
    ]) {
      expect(code(outcome)).toBe('INVALID_ARGUMENT');
      expect(JSON.stringify(outcome)).toContain('a name has 1 to 1024 bytes');
    }
  });
});

describe('database options', () => {
  test('a bucket that is too long is told in days', () => {
    const {run} = founded();
    const options = {bucketDurationMs: 1000 * DAY};
    const outcome = run({type: 'create-database', tenant: 'default', name: 'd', options});
    expect(JSON.stringify(outcome)).toMatch(/to 90 days at precision ns; have 1000 days/);
  });

  test.each([
    [{bucketDurationMs: 90 * DAY}, 'ok'],
    [{bucketDurationMs: 91 * DAY}, 'INVALID_ARGUMENT'],
    [{bucketDurationMs: 91 * DAY, precision: 'us'}, 'ok'],
    [{bucketDurationMs: 1000}, 'INVALID_ARGUMENT'],
    [{shards: LIMITS.shards_per_bucket_max.value}, 'ok'],
    [{shards: LIMITS.shards_per_bucket_max.value + 1}, 'INVALID_ARGUMENT'],
    [{shards: 0}, 'INVALID_ARGUMENT'],
    [{replicas: LIMITS.replicas_max.value}, 'ok'],
    [{replicas: LIMITS.replicas_max.value + 1}, 'INVALID_ARGUMENT'],
    [{ttlMs: 0}, 'INVALID_ARGUMENT'],
    [{ttlMs: Number.MAX_SAFE_INTEGER + 1}, 'INVALID_ARGUMENT'],
    [{bucketDurationMs: Number.MAX_SAFE_INTEGER, precision: 'ms'}, 'INVALID_ARGUMENT'],
    [{maxSeries: 1}, 'ok'],
    [{maxSeries: 0}, 'INVALID_ARGUMENT'],
    [{maxSeries: 1.5}, 'INVALID_ARGUMENT'],
    [{maxSeries: Number.MAX_SAFE_INTEGER + 1}, 'INVALID_ARGUMENT'],
  ] as const)('%j: %s', (options, expected) => {
    const {run} = founded();
    expect(code(run({type: 'create-database', tenant: 'default', name: 'd', options}))).toBe(
      expected,
    );
  });

  test('precision is fixed; null removes a ttl and a max_series, and what is not named stays', () => {
    const {machine, run} = founded();
    const alter = (options: object) =>
      run({type: 'alter-database', tenant: 'default', name: 'public', options});
    expect(code(alter({precision: 'ms'}))).toBe('INVALID_ARGUMENT');
    must(alter({ttlMs: DAY}));
    expect(machine.catalog.database(id(1))?.options.ttlMs).toBe(DAY);
    must(alter({ttlMs: null}));
    expect(machine.catalog.database(id(1))?.options.ttlMs).toBeUndefined();
    must(alter({maxSeries: 7}));
    must(alter({replicas: 1}));
    expect(machine.catalog.database(id(1))?.options).toMatchObject({maxSeries: 7, replicas: 1});
    must(alter({maxSeries: null}));
    expect(machine.catalog.database(id(1))?.options.maxSeries).toBeUndefined();
  });
});
