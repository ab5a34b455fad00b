// Reads when nodes are gone: what fails names what it lacks, and what is asked for by name (a partial
// answer, a stale one) says what it is. One cluster of three; a database whose sets have one replica
// each, and one whose sets have three.

import {FlotillaClient} from '@flotilla/client';
import {ProcessCluster, type ProcessNode} from '@flotilla/testkit';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {openDatabase, untilApplied} from './nodes.ts';
import {until} from './waiting.ts';

const HOSTS = 40;

let cluster: ProcessCluster;
let client: FlotillaClient;

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

async function sql(
  node: ProcessNode,
  statement: string,
  query: string,
  accept = 'application/json',
): Promise<Answer> {
  const url = `${node.url}/api/v1/sql?${query}`;
  const answer = await fetch(url, {method: 'POST', body: statement, headers: {accept}});
  return {status: answer.status, headers: answer.headers, text: await answer.text()};
}

interface Failure {
  readonly code: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

function failureOf({status, text}: Answer): Failure {
  expect(status, text).toBeGreaterThanOrEqual(400);
  return JSON.parse(text) as Failure;
}

function rowsOf({status, text}: Answer): Record<string, unknown>[] {
  expect(status, text).toBe(200);
  return JSON.parse(text) as Record<string, unknown>[];
}

function missingOf({headers}: Answer): number[] {
  const header = headers.get('flotilla-missing-replica-sets');
  return header === null ? [] : header.split(', ').map(Number);
}

/** Each set's own part of a header like `set=4;replica=9;node=1;applied_index=12;age_ms=30`. */
function readFrom({headers}: Answer): Record<string, number>[] {
  return (headers.get('flotilla-read-from') ?? '').split(', ').map((one) =>
    Object.fromEntries(
      one.split(';').map((pair) => {
        const [name, value] = pair.split('=');
        return [name!, Number(value)];
      }),
    ),
  );
}

function lines(table: string): string {
  return Array.from(
    {length: HOSTS},
    (_, i) => `${table},host=h${i} v=${i}i 1600000000000000000`,
  ).join('\n');
}

/** Sets of the database by the node that has their only replica. */
async function setsByNode(database: string): Promise<Map<number, number[]>> {
  const byNode = new Map<number, number[]>();
  for (const {id, replicas} of await client.admin.replicaSets({database})) {
    const node = Number(replicas[0]!.node);
    byNode.set(node, [...(byNode.get(node) ?? []), Number(id)]);
  }
  return byNode;
}

async function idOf({port}: ProcessNode): Promise<number> {
  const nodes = await client.admin.nodes();
  return Number(nodes.find(({address}) => address === `127.0.0.1:${port}`)!['id']);
}

beforeAll(async () => {
  cluster = await ProcessCluster.start({nodes: 3});
  client = new FlotillaClient({urls: cluster.urls});
  await openDatabase(client, 'three');
  await client.write(lines('m'), {database: 'three'});
  await untilApplied(client, 'three');
  await client.admin.createDatabase({name: 'one', replicas: 1, shards: 9});
  await client.write(lines('m'), {database: 'one'});
}, 180_000);

afterAll(async () => {
  client.close();
  await cluster.destroy();
}, 60_000);

describe('with all nodes', () => {
  test('what was made through one node is listed by another at once', async () => {
    for (let i = 0; i < 5; i++) {
      const made = await fetch(`${cluster.node(1 + (i % 3)).url}/admin/v1/databases`, {
        method: 'POST',
        body: JSON.stringify({name: `made${i}`}),
      });
      expect(made.status).toBe(200);
      const listed = await fetch(`${cluster.node(1 + ((i + 1) % 3)).url}/admin/v1/databases`);
      expect(listed.headers.get('flotilla-catalog')).toBeNull();
      expect(await listed.json()).toContainEqual(expect.objectContaining({name: `made${i}`}));
    }
  });

  test('a database is made and dropped whatever the session names', async () => {
    const node = cluster.node(2);
    rowsOf(await sql(node, 'CREATE DATABASE x', 'db=x'));
    rowsOf(await sql(node, 'DROP DATABASE x', 'db=x'));
    rowsOf(await sql(node, 'SHOW DATABASES', 'db=x'));
    expect(failureOf(await sql(node, 'SELECT 1', 'db=x')).code).toBe('DATABASE_NOT_FOUND');
  });

  test('a stale answer comes from the asked node and says what it is', async () => {
    await until('every replica knows its age', async () => {
      const ages = await Promise.all(
        cluster.nodes.map(async (node) =>
          readFrom(await sql(node, 'SELECT count(*) AS n FROM m', 'db=three&consistency=stale')),
        ),
      );
      return ages.flat().every(({age_ms: age}) => age !== undefined);
    });
    for (const node of cluster.nodes) {
      const id = await idOf(node);
      // A majority confirms what the replica itself cannot know so exactly.
      const query = 'db=three&consistency=stale&max_staleness=1ms';
      const answer = await sql(node, 'SELECT count(*) AS n FROM m', query);
      expect(rowsOf(answer)).toEqual([{n: HOSTS}]);
      const replicas = readFrom(answer);
      expect(replicas.length).toBeGreaterThan(1);
      for (const replica of replicas) {
        expect(replica).toMatchObject({node: id, replica: expect.any(Number)});
        expect(replica['applied_index']).toBeGreaterThan(5);
        expect(replica['age_ms']).toBeLessThanOrEqual(1);
      }
    }
  });
});

test('one node gone: its sets are named, and left out where that is allowed', async () => {
  const [asked, , gone] = cluster.nodes as [ProcessNode, ProcessNode, ProcessNode];
  const lost = (await setsByNode('one')).get(await idOf(gone)) ?? [];
  expect(lost.length).toBeGreaterThan(0);
  gone.signal('SIGSTOP');
  const query = 'SELECT * FROM m';
  const refused = failureOf(await sql(asked, query, 'db=one&timeout_ms=3000'));
  expect(lost).toContain(refused.details['replicaSet']);
  const partial = await sql(asked, query, 'db=one&timeout_ms=3000&partial=allow');
  const rows = rowsOf(partial);
  expect(rows.length).toBeGreaterThan(0);
  expect(rows.length).toBeLessThan(HOSTS);
  // A set that holds no host of the table is still asked.
  expect(missingOf(partial)).toEqual(lost.toSorted((a, b) => a - b));
  const ndjson = await sql(
    asked,
    query,
    'db=one&timeout_ms=3000&partial=allow',
    'application/x-ndjson',
  );
  const last = JSON.parse(ndjson.text.trim().split('\n').at(-1)!);
  expect(last.answer.missingReplicaSets.toSorted((a: number, b: number) => a - b)).toEqual(
    missingOf(partial),
  );
  // With a majority nothing is missing.
  const whole = await sql(asked, 'SELECT count(*) AS n FROM m', 'db=three&partial=allow');
  expect(rowsOf(whole)).toEqual([{n: HOSTS}]);
  expect(missingOf(whole)).toEqual([]);
  gone.signal('SIGCONT');
  await until('its sets answer again', async () => {
    const answer = await sql(asked, 'SELECT count(*) AS n FROM m', 'db=one&timeout_ms=3000');
    return rowsOf(answer)[0]!['n'] === HOSTS;
  });
}, 90_000);

describe('two of three nodes gone', () => {
  const count = 'SELECT count(*) AS n FROM m';
  let left: ProcessNode;
  let id: number;

  beforeAll(async () => {
    const [frozen, killed, survivor] = cluster.nodes as [ProcessNode, ProcessNode, ProcessNode];
    left = survivor;
    id = await idOf(survivor);
    frozen.signal('SIGSTOP');
    await killed.kill();
  }, 60_000);

  test('a linearizable read fails, and names what it waited for', async () => {
    const {code, details} = failureOf(await sql(left, count, 'db=three&timeout_ms=4000'));
    expect(['META_UNAVAILABLE', 'DEADLINE_EXCEEDED']).toContain(code);
    expect(details['replicaSet']).toBe(0);
    await until('the meta group is known to be lost', async () => {
      const failure = failureOf(await sql(left, count, 'db=three&timeout_ms=1000'));
      return failure.code === 'META_UNAVAILABLE';
    });
  }, 90_000);

  test('a partial one answers with nothing but the names, or what one node has', async () => {
    const three = await sql(left, count, 'db=three&timeout_ms=4000&partial=allow');
    expect(rowsOf(three)).toEqual([{n: 0}]);
    expect(missingOf(three)[0]).toBe(0);
    expect(missingOf(three).length).toBeGreaterThan(2);
    const one = await sql(left, count, 'db=one&timeout_ms=4000&partial=allow');
    expect(rowsOf(one)[0]!['n']).toBeGreaterThan(0);
    expect(rowsOf(one)[0]!['n']).toBeLessThan(HOSTS);
  }, 60_000);

  test('a stale one is whole, and each set says who answered', async () => {
    const answer = await sql(left, count, 'db=three&consistency=stale');
    expect(rowsOf(answer)).toEqual([{n: HOSTS}]);
    for (const replica of readFrom(answer)) {
      expect(replica['node']).toBe(id);
      expect(replica['age_ms']).toBeGreaterThan(0);
    }
  });

  test('a bound is kept: refused by name below the age, answered above it', async () => {
    const stale = 'db=three&consistency=stale&timeout_ms=4000&max_staleness=';
    const refused = failureOf(await sql(left, count, `${stale}1ms`));
    expect(refused.code).toBe('STALE_TOO_OLD');
    expect(refused.details['replicaSet']).toBeGreaterThan(0);
    expect(rowsOf(await sql(left, count, `${stale}1h`))).toEqual([{n: HOSTS}]);
    const partial = await sql(left, count, `${stale}1ms&partial=allow`);
    expect(rowsOf(partial)).toEqual([{n: 0}]);
    expect(missingOf(partial)).not.toContain(0);
  }, 60_000);

  test('status and lists go on with the own copy, marked', async () => {
    for (const path of ['status', 'databases', 'nodes', 'replica-sets?db=three']) {
      const answer = await fetch(`${left.url}/admin/v1/${path}`);
      expect(answer.status, path).toBe(200);
      expect(answer.headers.get('flotilla-catalog'), path).toBe('own-copy');
    }
    const status = await (await fetch(`${left.url}/admin/v1/status`)).json();
    expect(status).toMatchObject({verdict: 'unavailable', catalog: {isCurrent: false}});
  }, 60_000);

  test('health fails for the meta group alone; metrics go on, and so does traffic', async () => {
    await until('health fails', async () => (await fetch(`${left.url}/health`)).status === 503);
    const health = (await (await fetch(`${left.url}/health`)).json()) as {
      status: string;
      subsystems: Record<string, {status: string; message: string}>;
    };
    expect(health.status).toBe('fail');
    const failing = Object.entries(health.subsystems).filter(([, {status}]) => status === 'fail');
    expect(failing).toEqual([
      ['meta', {status: 'fail', message: expect.stringContaining('has not been heard of for')}],
    ]);
    expect((await fetch(`${left.url}/ready`)).status).toBe(200);
    const metrics = await (await fetch(`${left.url}/metrics`)).text();
    expect(metrics).toMatch(/^flotilla_node_connections\{state="disconnected"\} [12]$/m);
    expect(metrics).toMatch(/^flotilla_raft_elections_started_total\{cause="[a-z_]+"\} [1-9]/m);
    expect(metrics).toMatch(/^flotilla_raft_messages_sent_total\{kind="preVote"\} [1-9]/m);
    expect(metrics).toMatch(/^flotilla_statements_total\{code="STALE_TOO_OLD"\} [1-9]/m);
  }, 90_000);
});
