// What a writer may rely on, with real processes that freeze and die: a write is applied at most once
// by whoever sends it again, and an answer says of every line what became of it.

import {randomBytes} from 'node:crypto';
import {once} from 'node:events';
import http from 'node:http';
import {setTimeout as sleep} from 'node:timers/promises';
import {FlotillaClient} from '@flotilla/client';
import {ProcessCluster, type ProcessNode} from '@flotilla/testkit';
import {afterAll, beforeAll, describe, expect, onTestFailed, test} from 'vitest';
import {busiestLeader, leaderOf, openDatabase, processOf} from './nodes.ts';
import {until} from './waiting.ts';

const T0 = 1_600_000_000;
const NS = '000000000';
const HOSTS = 40;
/** What is selected must not fit into the buffers on its way: 20 MB that cannot be compressed much. */
const [TICKS, TEXT_LENGTH] = [1_000, 500];
/** A node gives a try up after 2 s and a write after 4: who wakes in between sends again. */
const FROZEN_MS = 2_400;

let cluster: ProcessCluster;
let client: FlotillaClient;

beforeAll(async () => {
  cluster = await ProcessCluster.start({nodes: 3});
  client = new FlotillaClient({urls: cluster.urls});
  await openDatabase(client, 'three');
}, 180_000);

afterAll(async () => {
  for (const node of cluster.nodes) if (node.isRunning) node.signal('SIGCONT');
  client.close();
  await cluster.destroy();
}, 60_000);

interface SetReport {
  readonly id: string;
  readonly outcome: 'refused' | 'unknown';
  readonly code: string;
  readonly lines: number;
}

interface Failure {
  readonly code: string;
  readonly message: string;
  readonly details: {
    readonly written: number;
    readonly rejected: number;
    readonly lines: readonly {line: number; code: string; reason: string; text: string}[];
    readonly replicaSets: readonly SetReport[];
  };
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** One request to one node, sent once. */
async function write(
  node: ProcessNode,
  lines: string | readonly string[],
  {query = 'db=three', key}: {query?: string; key?: string | undefined} = {},
): Promise<Answer> {
  const answer = await fetch(`${node.url}/api/v1/write?${query}`, {
    method: 'POST',
    body: typeof lines === 'string' ? lines : lines.join('\n'),
    ...(key === undefined ? {} : {headers: {'idempotency-key': key}}),
  });
  return {status: answer.status, headers: answer.headers, text: await answer.text()};
}

function failureOf({text}: Answer): Failure {
  return JSON.parse(text) as Failure;
}

async function written(...[node, lines, options]: Parameters<typeof write>): Promise<void> {
  const answer = await write(node, lines, options);
  expect(answer.status, answer.text).toBe(204);
}

function query(sql: string, database = 'three') {
  return client.query(sql, {database});
}

/** Value by host. */
async function valuesOf(table: string, options: {stale?: boolean} = {}) {
  const rows = await client.query(`SELECT host, v FROM ${table}`, {database: 'three', ...options});
  expect(new Set(rows.map(({host}) => host)).size, 'one row a host').toBe(rows.length);
  return new Map(rows.map(({host, v}) => [String(host), Number(v)]));
}

function others(node: ProcessNode): ProcessNode[] {
  return cluster.nodes.filter((each) => each !== node);
}

/** A line of each host; the time is the same, so that a later write is written over an earlier one. */
function linesOf(table: string, value: number): string[] {
  return Array.from({length: HOSTS}, (_, i) => `${table},host=h${i} v=${value}i ${T0}${NS}`);
}

async function frozen<T>(nodes: readonly ProcessNode[], run: () => Promise<T>): Promise<T> {
  for (const node of nodes) node.signal('SIGSTOP');
  try {
    return await run();
  } finally {
    for (const node of nodes) node.signal('SIGCONT');
  }
}

describe('a node that sends a write again', () => {
  /**
   * The node that routes freezes with many writes on their way, and wakes when their tries have run
   * out: it sends again what may long be applied. What was seen to be applied, and then written over,
   * must stay written over.
   */
  test('does not overwrite what was written in between', async () => {
    const router = cluster.node(1);
    const [other] = others(router) as [ProcessNode];
    let inBetween = 0;
    for (let round = 0; round < 6 && inBetween === 0; round++) {
      const table = `again${round}`;
      await written(router, linesOf(table, 0));
      const answers: Promise<Answer>[] = [];
      const sendAll = async (): Promise<void> => {
        for (const line of linesOf(table, 1)) {
          answers.push(write(router, line));
          await sleep(0);
        }
      };
      const answered = new Set<number>();
      await sendAll();
      for (const [i, answer] of answers.entries()) void answer.then(() => answered.add(i));
      await sleep(round);
      const applied = await frozen([router], async () => {
        const wakeMs = Date.now() + FROZEN_MS;
        const first = new Set([...answered].map((i) => `h${i}`));
        const own = new FlotillaClient({urls: [other.url], database: 'three'});
        const visible = await own.query(`SELECT host FROM ${table} WHERE v = 1`);
        const hosts = visible.map(({host}) => String(host));
        await until('others lead what it led', async () => {
          return (await write(other, linesOf(table, 2))).status === 204;
        });
        own.close();
        await sleep(Math.max(0, wakeMs - Date.now()));
        return hosts.filter((host) => !first.has(host));
      });
      inBetween += applied.length;
      await Promise.all(answers);
      const values = await valuesOf(table);
      for (const host of applied) expect(values.get(host), `${table} ${host}`).toBe(2);
    }
    expect(inBetween, 'writes applied and not yet answered').toBeGreaterThan(0);
  }, 90_000);

  test('writes one row though its leader froze with it', async () => {
    const leader = await busiestLeader(cluster, client, 'three');
    const [router] = others(leader) as [ProcessNode];
    await written(router, 'warm v=1');
    const lines = Array.from({length: HOSTS}, (_, i) => `once,host=h${i} v=${i}i`);
    // Their times are given by the node that parses: a second row would have another.
    const answers = lines.map((line) => write(router, line));
    await sleep(2);
    const answered = await frozen([leader], () => Promise.all(answers));
    // On a machine that is too slow for an election in time some outcomes are unknown.
    const known = answered.flatMap(({status}, i) => (status === 204 ? [`h${i}`] : []));
    expect(known.length).toBeGreaterThan(0);
    const rows = await query('SELECT host, count(*) AS n FROM once GROUP BY host');
    expect(rows.filter(({n}) => n !== 1)).toEqual([]);
    expect(rows.map(({host}) => host)).toEqual(expect.arrayContaining(known));
  }, 60_000);
});

describe('an Idempotency-Key', () => {
  test('is applied once, through every node and after all were killed', async () => {
    const [one, two, three] = cluster.nodes as [ProcessNode, ProcessNode, ProcessNode];
    const first = [...linesOf('keyed', 1), 'keyed_now v=1'];
    await written(one, first, {key: 'a key'});
    await written(two, linesOf('keyed', 2));
    await written(two, first, {key: 'a key'});
    await written(three, first, {key: 'a key'});
    const expectValues = async (value: number): Promise<void> => {
      expect(new Set((await valuesOf('keyed')).values())).toEqual(new Set([value]));
    };
    await expectValues(2);
    await Promise.all(cluster.nodes.map((node) => node.kill()));
    for (const node of cluster.nodes) node.start();
    await Promise.all(cluster.nodes.map((node) => node.ready()));
    await until('it is written again', async () => {
      const {status} = await write(three, first, {key: 'a key'});
      return status === 204;
    });
    await expectValues(2);
    expect(await query('SELECT count(*) AS n FROM keyed_now')).toEqual([{n: 1}]);
    await written(one, first, {key: 'another key'});
    await expectValues(1);
    expect(await query('SELECT count(*) AS n FROM keyed_now')).toEqual([{n: 2}]);
  }, 120_000);
});

describe('two of three nodes frozen', () => {
  test('an unknown outcome is 504, and the key finds out', async () => {
    const [one, ...gone] = cluster.nodes as [ProcessNode, ProcessNode, ProcessNode];
    onTestFailed(() => console.error(one.logTail()));
    // One that leads a set: a leader proposes, and cannot tell.
    const sets = await client.admin.replicaSets({database: 'three'});
    const led = sets.map(leaderOf).filter((id) => id !== undefined);
    const proposer = await processOf(cluster, client, led[0]!);
    const away = others(proposer);
    await written(proposer, linesOf('unknown', 0));
    const answer = await frozen(away, () => write(proposer, linesOf('unknown', 1), {key: 'u'}));
    expect(answer.status, answer.text).toBe(504);
    const {code, details, message} = failureOf(answer);
    expect(code).toBe('OUTCOME_UNKNOWN');
    expect(message).toContain('Idempotency-Key');
    expect(details.replicaSets.map(({outcome}) => outcome)).toContain('unknown');
    const told = details.replicaSets.reduce((sum, {lines}) => sum + lines, 0);
    expect(details.written + told).toBe(HOSTS);
    await until('the sets answer', async () => (await valuesOf('unknown')).size === HOSTS);
    await until('it is written', async () => {
      return (await write(gone[0]!, linesOf('unknown', 1), {key: 'u'})).status === 204;
    });
    await written(proposer, linesOf('unknown', 2));
    await written(gone[1]!, linesOf('unknown', 1), {key: 'u'});
    expect(new Set((await valuesOf('unknown')).values())).toEqual(new Set([2]));
  }, 90_000);
});

describe('one replica of each set', () => {
  let lost: Set<string>;
  const good = linesOf('mixed', 1);
  /** Good lines of every set, and two bad ones. */
  const mixed = ['mixed', ...good.slice(0, 20), 'mixed,host=h0 v="text"', ...good.slice(20)];
  const alone = {query: 'db=alone'};

  beforeAll(async () => {
    await client.admin.createDatabase({name: 'alone', replicas: 1, shards: 6});
    await client.write(good.join('\n'), {database: 'alone'});
    for (let tick = 0; tick < TICKS; tick += 100) {
      const lines = Array.from({length: 100 * HOSTS}, (_, i) => {
        const time = T0 + tick + Math.floor(i / HOSTS);
        return `big,host=h${i % HOSTS} s="${randomBytes(TEXT_LENGTH / 2).toString('hex')}" ${time}${NS}`;
      });
      await client.write(lines.join('\n'), {database: 'alone'});
    }
    const nodes = await client.admin.nodes();
    const address = `127.0.0.1:${cluster.node(3).port}`;
    const id = String(nodes.find((node) => node['address'] === address)!.id);
    const sets = await client.admin.replicaSets({database: 'alone'});
    lost = new Set(
      sets.filter(({replicas}) => String(replicas[0]!.node) === id).map((set) => String(set.id)),
    );
    expect(lost.size).toBeGreaterThan(0);
    expect(lost.size).toBeLessThan(sets.length);
  }, 60_000);
  afterAll(() => cluster.node(3).isRunning && cluster.node(3).signal('SIGCONT'));

  /** 504 where an outcome is unknown, else 503; and every line is told of. */
  function expectMixed(answer: Answer): void {
    const {code, details} = failureOf(answer);
    const {written: count, rejected, lines, replicaSets} = details;
    const isUnknown = replicaSets.some(({outcome}) => outcome === 'unknown');
    expect(answer.status, answer.text).toBe(isUnknown ? 504 : 503);
    expect(code === 'OUTCOME_UNKNOWN').toBe(isUnknown);
    if (!isUnknown) expect(answer.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(rejected).toBe(2);
    expect(lines).toEqual([
      {line: 1, code: 'LINE_SYNTAX', reason: expect.any(String), text: 'mixed'},
      {line: 22, code: 'TYPE_CONFLICT', reason: expect.any(String), text: mixed[21]},
    ]);
    expect(count).toBeGreaterThan(0);
    expect(count + replicaSets.reduce((sum, {lines: own}) => sum + own, 0)).toBe(HOSTS);
    for (const {id, outcome, code: why} of replicaSets) {
      expect(lost).toContain(id);
      expect(outcome === 'unknown').toBe(why === 'OUTCOME_UNKNOWN');
    }
  }

  /** The answer with nothing of its body read: what does not fit between the two waits on the node. */
  async function beginQuery(accept: string): Promise<http.IncomingMessage> {
    const request = http.request(`${cluster.node(1).url}/api/v1/sql?db=alone`, {
      method: 'POST',
      headers: {accept},
      agent: false,
    });
    request.end('SELECT * FROM big');
    const [answer] = (await once(request, 'response')) as [http.IncomingMessage];
    expect(answer.statusCode).toBe(200);
    return answer;
  }

  /** The body, and whether the connection broke before its end. */
  async function bodyOf(answer: http.IncomingMessage): Promise<{text: string; isBroken: boolean}> {
    const pieces: Buffer[] = [];
    try {
      for await (const piece of answer) pieces.push(piece as Buffer);
    } catch (error) {
      expect(error).toMatchObject({code: 'ECONNRESET'});
    }
    return {text: Buffer.concat(pieces).toString(), isBroken: !answer.complete};
  }

  test('a failure behind the first byte ends NDJSON with an error, and breaks all else off', async () => {
    const accepts = ['application/x-ndjson', 'application/json', 'text/csv'];
    const answers = await Promise.all(accepts.map(beginQuery));
    await cluster.node(3).kill();
    const [ndjson, ...broken] = await Promise.all(answers.map(bodyOf));
    expect(ndjson!.isBroken).toBe(false);
    const lines = ndjson!.text.trim().split('\n');
    expect(lines.length).toBeGreaterThan(1);
    expect(lines.length).toBeLessThan(TICKS * HOSTS);
    const {error} = JSON.parse(lines.at(-1)!);
    expect(error, lines.at(-1)).toMatchObject({
      code: expect.any(String),
      message: expect.any(String),
    });
    expect([...lost].map(Number)).toContain(error.details.replicaSet);
    for (const [i, {text, isBroken}] of broken.entries()) {
      expect(isBroken, `${accepts[i + 1]} ${text.slice(-100)}`).toBe(true);
    }
  }, 60_000);

  test('refused beats bad lines; bad lines are 400 where nothing else fails', async () => {
    const node = cluster.node(2);
    const [refused, answers] = await Promise.all([
      write(node, mixed, alone),
      Promise.all(good.map((line) => write(node, ['bad', line], alone))),
    ]);
    expect(refused.status, refused.text).toBe(503);
    expectMixed(refused);
    expect(answers.map(({status}) => status)).toContain(400);
    for (const answer of answers) {
      const {code, details} = failureOf(answer);
      expect(code === 'LINES_REJECTED').toBe(answer.status === 400);
      expect(details, answer.text).toMatchObject({rejected: 1, lines: [{line: 1}]});
      expect(details.written, answer.text).toBe(answer.status === 400 ? 1 : 0);
    }
  }, 60_000);

  test('accept_partial=false looks at all lines before it sends any', async () => {
    const late = mixed.map((line) => line.replace(`${T0}${NS}`, `${T0 + 1}${NS}`));
    const strict = {query: 'db=alone&accept_partial=false'};
    const answer = await write(cluster.node(1), late, strict);
    expect(answer.status, answer.text).toBe(400);
    expect(failureOf(answer)).toMatchObject({
      code: 'LINES_REJECTED',
      details: {written: 0, rejected: 2, lines: [{line: 1}, {line: 22}], replicaSets: []},
    });
    cluster.node(3).start();
    await cluster.node(3).ready();
    await until('all sets take writes', async () => {
      return (await write(cluster.node(1), good, alone)).status === 204;
    });
    const times = await query('SELECT DISTINCT time FROM mixed', 'alone');
    expect(times).toEqual([{time: new Date(T0 * 1000).toISOString().replace('.000Z', 'Z')}]);
  }, 60_000);

  test('unknown beats refused', async () => {
    const answer = await frozen([cluster.node(3)], () => write(cluster.node(1), mixed, alone));
    expect(answer.status, answer.text).toBe(504);
    expectMixed(answer);
  }, 60_000);
});
