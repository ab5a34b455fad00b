// What a running node tells of itself, by HTTP: metrics that move with the work and stay few and quick
// with many replica sets, health, readiness, the ids of requests.

import {once} from 'node:events';
import {mkdtemp, rm} from 'node:fs/promises';
import {request} from 'node:http';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {freePorts} from '@flotilla/testkit';
import {afterAll, beforeAll, describe, expect, test, vi} from 'vitest';
import {METRICS, type MetricDefinition} from '../metrics/catalogue.ts';
import {type Family, parseExposition} from '../metrics/exposition-parser.fixture.ts';
import {type StartedNode, startNode} from './node.ts';

const BUDGETS = [
  ...['bodies', 'writes', 'series_caches', 'proposals', 'memtables', 'indexes'],
  ...['queries', 'calls', 'node_queue'],
];
const SETS_MIN = 200;
const SHARDS = 50;
const WEEK_S = 7 * 86_400;
const T0_S = 1_700_000_000;
const START_MS_MAX = 60_000;
/** Less than what a test may take. */
const POLL_MS_MAX = 10_000;
/** The engine threads answer in so long; a test machine may be ten times slower than it should. */
const SCRAPE_MS_MAX = 100;
const SCRAPES = 10;

let directory: string;
let node: StartedNode;
let url: string;

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'flotilla-seeing-'));
  node = await startSomewhere();
  url = `http://${node.address}`;
  await vi.waitFor(async () => expect((await fetch(`${url}/ready`)).status).toBe(200), {
    timeout: START_MS_MAX,
  });
}, START_MS_MAX);
afterAll(async () => {
  await node.stop();
  await rm(directory, {recursive: true, force: true});
});

async function startSomewhere(): Promise<StartedNode> {
  const listen = `127.0.0.1:${await freePorts(2)}`;
  return startNode({dataDirectory: directory, listen, engineThreads: 2, log: 'json'});
}

async function scrape(): Promise<Map<string, Family>> {
  const answer = await fetch(`${url}/metrics`);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  return parseExposition(await answer.text());
}

/** The sum of the series that have these labels; of a histogram its count. */
function read(
  families: Map<string, Family>,
  name: string,
  wanted: Record<string, string> = {},
): number {
  const family = families.get(name);
  if (family === undefined) throw new Error(`no ${name}`);
  const series = family.series.get(family.type === 'histogram' ? `${name}_count` : name) ?? [];
  const matching = series.filter(({labels}) =>
    Object.entries(wanted).every(([label, value]) => labels[label] === value),
  );
  return matching.reduce((sum, {value}) => sum + value, 0);
}

function write(lines: string, query = 'db=public&precision=s', headers = {}): Promise<Response> {
  return fetch(`${url}/api/v1/write?${query}`, {method: 'POST', body: lines, headers});
}

/** A write whose body has not come whole. */
function heldBody(): {readonly end: () => Promise<number>} {
  const line = `held v=1 ${T0_S}`;
  const headers = {'content-length': line.length};
  const options = {method: 'POST', headers};
  const sent = request(`${url}/api/v1/write?db=public&precision=s`, options);
  const answered = once(sent, 'response').then(([answer]) => answer.resume().statusCode);
  sent.write(line.slice(0, 1));
  return {
    end: () => {
      sent.end(line.slice(1));
      return answered;
    },
  };
}

async function sql(text: string): Promise<number> {
  const answer = await fetch(`${url}/api/v1/sql`, {method: 'POST', body: text});
  await answer.arrayBuffer();
  return answer.status;
}

describe('/metrics', () => {
  test('every metric of the catalogue is told, and none beside them', async () => {
    // This node has no certificate.
    const known = Object.entries(METRICS)
      .filter(([name]) => !name.startsWith('flotilla_tls_'))
      .map(([name, {type, help}]) => [name, type, help]);
    // Of the cluster it tells once it leads meta and has asked the nodes.
    const told = async () =>
      [...(await scrape())].map(([name, {type, help}]) => [name, type, help]);
    await expect.poll(told, {timeout: START_MS_MAX}).toEqual(known);
  });

  test('counters move with writes and statements', async () => {
    const before = await scrape();
    expect((await write(`cpu,host=a v=1 ${T0_S}\ncpu,host=b v=2 ${T0_S}`)).status).toBe(204);
    expect((await write(`cpu,host=a v=1 ${T0_S}\ncpu v=oops`)).status).toBe(400);
    expect(await sql('SELECT host, max(v) FROM cpu GROUP BY host')).toBe(200);
    expect(await sql('SELECT nothing FROM cpu')).toBe(400);
    const after = await scrape();
    const moved = (name: string, labels?: Record<string, string>): number =>
      read(after, name, labels) - read(before, name, labels);
    expect(moved('flotilla_write_rows_total', {outcome: 'written'})).toBe(3);
    expect(moved('flotilla_write_bodies_total', {outcome: 'written'})).toBe(1);
    expect(moved('flotilla_write_bodies_total', {outcome: 'rejected'})).toBe(1);
    expect(moved('flotilla_write_duration_seconds')).toBe(2);
    for (const stage of ['wait', 'parse', 'resolve'])
      expect([stage, moved('flotilla_write_stage_duration_seconds', {stage})]).toEqual([stage, 2]);
    for (const stage of ['commit', 'apply'])
      expect(moved('flotilla_write_stage_duration_seconds', {stage})).toBeGreaterThanOrEqual(2);
    const proposed = (kind: string) => moved('flotilla_raft_propose_duration_seconds', {kind});
    expect(proposed('write')).toBe(
      moved('flotilla_write_stage_duration_seconds', {stage: 'commit'}),
    );
    expect(proposed('write')).toBeGreaterThanOrEqual(2);
    // Names of the table, its columns, and a bucket.
    expect(proposed('meta')).toBeGreaterThanOrEqual(2);
    expect(moved('flotilla_statements_total', {code: 'OK'})).toBe(1);
    expect(moved('flotilla_statements_total', {code: 'QUERY_ERROR'})).toBe(1);
    expect(moved('flotilla_statement_duration_seconds')).toBe(2);
    expect(moved('flotilla_statement_first_byte_seconds')).toBe(1);
    for (const stage of ['plan', 'catalog', 'read_index', 'scan', 'merge'])
      expect(moved('flotilla_query_stage_duration_seconds', {stage})).toBeGreaterThanOrEqual(1);
    expect(moved('flotilla_log_batches_total')).toBeGreaterThan(0);
    expect(moved('flotilla_log_sync_duration_seconds')).toBe(moved('flotilla_log_batches_total'));
    expect(moved('flotilla_raft_elections_started_total')).toBeGreaterThan(0);
    expect(moved('flotilla_rpc_calls_total', {code: 'OK'})).toBeGreaterThan(0);
    const route = '/api/v1/write';
    expect(moved('flotilla_http_requests_total', {route, status: '204'})).toBe(1);
    for (const code of ['LINES_REJECTED', 'QUERY_ERROR'])
      expect([code, moved('flotilla_errors_total', {code})]).toEqual([code, 1]);
    expect(read(after, 'flotilla_storage_series')).toBe(2);
    expect(read(after, 'flotilla_storage_memtable_bytes')).toBeGreaterThan(0);
    expect(read(after, 'flotilla_engine_thread_up')).toBe(2);
    for (const thread of ['main', '0', '1']) {
      expect(read(after, 'flotilla_event_loop_delay_seconds', {thread})).toBeGreaterThan(0);
      expect(read(after, 'flotilla_heap_used_bytes', {thread})).toBeGreaterThan(0);
    }
  });

  test('what is used of each budget moves while it is used, and comes back', async () => {
    const most = new Map<string, number>();
    const used = async (): Promise<Map<string, number>> => {
      const families = await scrape();
      const of = (budget: string) => read(families, 'flotilla_budget_used_bytes', {budget});
      const present = new Map(BUDGETS.map((budget) => [budget, of(budget)]));
      for (const [budget, bytes] of present)
        most.set(budget, Math.max(bytes, most.get(budget) ?? 0));
      return present;
    };
    const unseen = () => BUDGETS.filter((budget) => !(most.get(budget)! > 0));
    const held = heldBody();
    let isOver = false;
    const work = async (act: () => Promise<unknown>): Promise<void> => {
      while (!isOver) await act();
    };
    const lines = Array.from({length: 5_000}, (_, i) => `load,host=h${i} v=${i} ${T0_S}`);
    const working = Promise.all([
      ...[1, 2, 3, 4].map(() => work(() => write(lines.join('\n')))),
      ...[1, 2].map(() => work(() => sql('SELECT host, v FROM load ORDER BY v'))),
    ]);
    try {
      // Of what waits for other nodes this one has nothing; node-samples.test.ts sees it move.
      await expect
        .poll(
          async () => {
            await used();
            return unseen();
          },
          {timeout: POLL_MS_MAX},
        )
        .toEqual(['node_queue']);
    } finally {
      isOver = true;
      await working;
      await held.end();
    }
    const left = async () => {
      const present = await used();
      const passing = ['bodies', 'writes', 'proposals', 'queries'];
      const kept = passing.filter((budget) => present.get(budget)! > 0);
      // Those who follow the catalog have asked, and are never answered to the end.
      return present.get('calls')! < most.get('calls')! ? kept : [...kept, 'calls'];
    };
    await expect.poll(left, {timeout: POLL_MS_MAX}).toEqual([]);
    const families = await scrape();
    for (const budget of BUDGETS)
      expect(read(families, 'flotilla_budget_limit_bytes', {budget}), budget).toBeGreaterThan(
        most.get(budget)!,
      );
  });

  test('a flush moves rows from memory to parts', async () => {
    const before = await scrape();
    await fetch(`${url}/admin/v1/storage/flush`, {method: 'POST'});
    const after = await scrape();
    const name = 'flotilla_storage_flushes_total';
    expect(read(after, name)).toBeGreaterThan(read(before, name));
    expect(read(after, 'flotilla_storage_parts')).toBeGreaterThan(0);
    expect(read(after, 'flotilla_storage_part_bytes')).toBeGreaterThan(0);
  });

  test('a compaction counts with what it wrote, and leaves fewer parts', async () => {
    const post = (what: string) => fetch(`${url}/admin/v1/storage/${what}`, {method: 'POST'});
    for (const second of [1, 2]) {
      await write(`cpu,host=a v=3 ${T0_S + second}`);
      await post('flush');
    }
    const before = await scrape();
    expect((await post('compact')).status).toBe(200);
    const after = await scrape();
    const moved = (name: string): number => read(after, name) - read(before, name);
    expect(moved('flotilla_storage_compactions_total')).toBeGreaterThan(0);
    expect(moved('flotilla_storage_parts')).toBeLessThan(0);
    const written = moved('flotilla_storage_compacted_bytes_total');
    expect(written).toBeGreaterThan(0);
    expect(written).toBeLessThanOrEqual(read(after, 'flotilla_storage_part_bytes'));
  });

  test('a query of whole blocks takes them by their statistics, one of rows decodes them', async () => {
    const blocks = async (by: string) =>
      read(await scrape(), 'flotilla_storage_scanned_blocks_total', {by});
    const ask = (sql: string) => fetch(`${url}/api/v1/sql`, {method: 'POST', body: sql});
    const before = [await blocks('statistics'), await blocks('rows')];
    await (await ask('SELECT count(*) FROM cpu')).text();
    const between = [await blocks('statistics'), await blocks('rows')];
    expect(between[0]).toBeGreaterThan(before[0]!);
    expect(between[1]).toBe(before[1]);
    await (await ask('SELECT * FROM cpu')).text();
    expect(await blocks('rows')).toBeGreaterThan(between[1]!);
    expect(await blocks('statistics')).toBe(between[0]);
  });

  test(
    'with hundreds of replica sets it is as long as before, bounded, and quick',
    async () => {
      const body = JSON.stringify({name: 'many', shards: SHARDS});
      const options = {method: 'POST', body, headers: {'content-type': 'application/json'}};
      expect((await fetch(`${url}/admin/v1/databases`, options)).status).toBe(200);
      const before = await scrape();
      const weeks = [0, 1, 2, 3].map((week) => `cpu,host=a v=1 ${T0_S - week * WEEK_S}`);
      // The first may run into its deadline while so many sets are made; the next finds them.
      await expect
        .poll(async () => (await write(weeks.join('\n'), 'db=many&precision=s')).status, {
          timeout: START_MS_MAX,
        })
        .toBe(204);
      await expect
        .poll(async () => read(await scrape(), 'flotilla_raft_groups', {role: 'leader'}), {
          timeout: START_MS_MAX,
        })
        .toBeGreaterThanOrEqual(SETS_MIN);
      await expect
        .poll(async () => read(await scrape(), 'flotilla_replica_sets', {state: 'led'}), {
          timeout: START_MS_MAX,
        })
        .toBeGreaterThanOrEqual(SETS_MIN);
      const after = await scrape();
      expect(read(after, 'flotilla_clock_trusted')).toBe(1);
      for (const {name, series} of after.values()) {
        const {labels: known = {}} = (METRICS as Record<string, MetricDefinition>)[name]!;
        for (const {labels} of [...series.values()].flat()) {
          for (const [label, value] of Object.entries(labels)) {
            if (label !== 'le')
              expect([name, label, known[label]?.has(value)]).toEqual([name, label, true]);
          }
        }
      }
      const count = (families: Map<string, Family>): number =>
        [...families.values()].flatMap(({series}) => [...series.values()].flat()).length;
      // Codes and routes that were not seen before; never one for a set.
      expect(count(after) - count(before)).toBeLessThan(20);
      const took: number[] = [];
      for (let i = 0; i < SCRAPES; i++) {
        const beganMs = performance.now();
        await scrape();
        took.push(performance.now() - beganMs);
      }
      expect(Math.min(...took)).toBeLessThan(SCRAPE_MS_MAX);
      for (const thread of ['0', '1'])
        expect(read(after, 'flotilla_gc_pause_seconds', {thread})).toBeGreaterThan(0);
    },
    2 * START_MS_MAX,
  );
});

test('/health tells of each part, /ready that there is traffic', async () => {
  const health = await (await fetch(`${url}/health`)).json();
  expect(health).toMatchObject({name: 'flotilla', status: 'pass', version: expect.any(String)});
  const {subsystems} = health as {subsystems: Record<string, unknown>};
  expect(Object.keys(subsystems)).toEqual(['engine', 'stores', 'disk', 'replicas', 'meta']);
  for (const part of Object.values(subsystems))
    expect(part).toEqual({status: 'pass', message: 'ok'});
  expect(await (await fetch(`${url}/ready`)).json()).toEqual({status: 'ready'});
});

test('every answer has the id of its request', async () => {
  const idOf = async (answer: Promise<Response>): Promise<string | null> =>
    (await answer).headers.get('x-request-id');
  const headers = {'x-request-id': 'trace-7'};
  expect(await idOf(write('cpu v=1', 'db=public', headers))).toBe('trace-7');
  expect(await idOf(write('cpu v=oops', 'db=public', headers))).toBe('trace-7');
  expect(await idOf(fetch(`${url}/nowhere`, {headers}))).toBe('trace-7');
  expect(await idOf(fetch(`${url}/health`))).toMatch(/^[0-9a-f]{8}-\w+$/);
});
