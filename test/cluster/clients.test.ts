// Clients that exist, against a cluster of three: the JavaScript clients of InfluxDB 1 and 2, the
// requests of Telegraf and of the loader of TSBS, curl, and one that sends half a request and waits.

import {execFile, spawnSync} from 'node:child_process';
import {readFileSync, writeFileSync} from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import {promisify} from 'node:util';
import zlib from 'node:zlib';
import {LIMITS} from '@flotilla/base';
import {FlotillaClient} from '@flotilla/client';
import {ProcessCluster} from '@flotilla/testkit';
import {InfluxDB as InfluxV2, Point, setLogger} from '@influxdata/influxdb-client';
import {InfluxDB as InfluxV1} from 'influx';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {type Answered, type Exchange, readExchanges, send} from './exchanges.ts';
import {openDatabase} from './nodes.ts';
import {until} from './waiting.ts';

const T0_MS = 1_700_000_000_000;
/** Looked at every 5 s; the rest is for a slow machine. */
const HALF_REQUEST_MS = {
  atLeast: Math.min(LIMITS.head_ms_max.value, LIMITS.body_pause_ms_max.value),
  atMost: 45_000,
};
/** Telegraf gives up then. */
const TELEGRAF_TIMEOUT_MS = 5_000;
const FORBIDDEN_IN_TIMEOUTS =
  /partial write|unable to parse|points beyond|retention policy|hinted handoff|database not found/;

// It tells the console of every failure that it is made to see here.
setLogger({error: () => undefined, warn: () => undefined});

let cluster: ProcessCluster;
let client: FlotillaClient;
let halves: HalfRequest[];

beforeAll(async () => {
  cluster = await ProcessCluster.start({nodes: 3});
  client = new FlotillaClient({urls: cluster.urls});
  for (const {database} of CLIENTS) await openDatabase(client, database);
  halves = [
    // In the middle of a body, of a chunk, and of a head.
    'POST /write?db=public HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\ncpu v=1',
    'POST /api/v2/write?bucket=public HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n64\r\ncpu',
    'POST /write?db=public HTTP/1.1\r\nHost: x\r\nContent-Le',
  ].map((text) => sendHalf(cluster.node(1).port, text));
});
afterAll(async () => {
  for (const {socket} of halves ?? []) socket.destroy();
  client?.close();
  await cluster?.destroy();
});

interface HalfRequest {
  readonly socket: net.Socket;
  readonly localPort: () => number;
  readonly answer: () => string;
  /** How long the node let it wait; 0 while it does. */
  readonly waitedMs: () => number;
}

/** Keeps its side open whatever the node does, as the worst of clients would. */
function sendHalf(port: number, text: string): HalfRequest {
  const socket = net.connect({port, host: '127.0.0.1', allowHalfOpen: true});
  const startMs = performance.now();
  let [answer, waitedMs, localPort] = ['', 0, 0];
  socket.setEncoding('utf8');
  socket.on('error', () => undefined);
  socket.on('data', (piece) => {
    answer += String(piece);
  });
  socket.once('connect', () => {
    localPort = socket.localPort!;
    socket.write(text);
  });
  socket.once('end', () => {
    waitedMs = performance.now() - startMs;
  });
  return {socket, localPort: () => localPort, answer: () => answer, waitedMs: () => waitedMs};
}

function rows(sql: string, database: string): Promise<unknown[]> {
  return client.query(sql, {database});
}

function expectHeaders(answer: Answered, headers: Exchange['well']['headers']): void {
  for (const [name, value] of Object.entries(headers))
    expect(answer.headers[name] ?? null, name).toBe(value);
}

function expectWell({well}: Exchange, answer: Answered): void {
  expect(answer).toMatchObject({status: well.status, body: well.body});
  expectHeaders(answer, well.headers);
  expect(answer.headers['x-influxdb-version']).toMatch(/^\d+\.\d+\.\d+/);
}

const CLIENTS = readExchanges();
const EXCHANGES = CLIENTS.flatMap(({client: name, database, exchanges}) =>
  exchanges.map((exchange) => ({name: `${name}: ${exchange.name}`, database, exchange})),
);

describe('while all is well', () => {
  test.each(EXCHANGES)('$name', async ({database, exchange}) => {
    expectWell(exchange, await send(cluster.node(1).url, exchange.request));
    const {kept} = exchange;
    if (kept !== undefined) expect(await rows(kept.sql, database)).toEqual(kept.rows);
  });
});

describe('JavaScript clients', () => {
  test('influx, of InfluxDB 1', async () => {
    const hosts = cluster.nodes.map(({port}) => ({host: '127.0.0.1', port}));
    const influx = new InfluxV1({hosts, database: 'npm1', username: 'u', password: 'p'});
    expect(await influx.ping(5_000)).toMatchObject(hosts.map(() => ({online: true})));
    expect(await influx.getDatabaseNames()).not.toContain('npm1');
    await influx.createDatabase('npm1');
    expect(await influx.getDatabaseNames()).toContain('npm1');
    const points = Array.from({length: 20}, (_, i) => ({
      measurement: 'cpu',
      tags: {host: `a b,${i % 2}`},
      fields: {usage: i + 0.5, note: `he said "${i}"`},
      timestamp: new Date(T0_MS + i),
    }));
    await influx.writePoints(points);
    await influx.writePoints([{measurement: 'cpu', tags: {host: 'c'}, fields: {usage: 1}}], {
      precision: 's',
    });
    expect(
      await rows("SELECT host, usage, note FROM cpu WHERE host <> 'c' ORDER BY time", 'npm1'),
    ).toEqual(points.map(({tags, fields}) => ({...tags, ...fields})));
    expect(await rows("SELECT usage FROM cpu WHERE host = 'c'", 'npm1')).toEqual([{usage: 1}]);
    await expect(
      influx.writePoints([{measurement: 'cpu', fields: {usage: 'none'}}], {database: 'npm1'}),
    ).rejects.toThrow('400');
    await expect(influx.query('SELECT * FROM cpu')).rejects.toThrow('/api/v1/sql');
    await influx.dropDatabase('npm1');
    expect(await influx.getDatabaseNames()).not.toContain('npm1');
  });

  test('influxdb-client, of InfluxDB 2', async () => {
    await client.admin.createDatabase({name: 'npm2'});
    const influx = new InfluxV2({url: cluster.node(2).url, token: 'any'});
    const api = influx.getWriteApi('an org', 'npm2', 'ms', {
      gzipThreshold: 1_000,
      batchSize: 2_000,
    });
    for (let i = 0; i < 1_000; i++) {
      const point = new Point('cpu').tag('host', `h${i % 10}`).timestamp(T0_MS + i);
      api.writePoint(
        point
          .floatField('usage', i / 4)
          .intField('n', i)
          .stringField('s', 'a"b\\'),
      );
    }
    await api.close();
    expect(
      await rows('SELECT count(*) AS n, sum(n) AS total, max(s) AS s FROM cpu', 'npm2'),
    ).toEqual([{n: 1_000, total: 499_500, s: 'a"b\\'}]);
    const missing = influx.getWriteApi('an org', 'nowhere', 'ms', {maxRetries: 0});
    missing.writePoint(new Point('cpu').intField('n', 1));
    await expect(missing.close()).rejects.toMatchObject({
      statusCode: 404,
      json: {code: 'not found'},
    });
  });

  test('what it asks about health is answered in its form', async () => {
    const health = await fetch(`${cluster.node(2).url}/health`);
    expect(health.status).toBe(200);
    expect(await health.json()).toMatchObject({
      name: expect.any(String),
      message: expect.any(String),
      status: 'pass',
      version: expect.any(String),
    });
  });
});

const hasCurl = spawnSync('curl', ['--version']).status === 0;

describe.skipIf(!hasCurl)('curl (skipped where it is not installed)', () => {
  const run = promisify(execFile);
  const curl = (args: readonly string[]) => run('curl', args);

  test.each([
    ['identity', (body: Buffer) => body],
    ['gzip', zlib.gzipSync],
    ['deflate', zlib.deflateSync],
    ['zstd', zlib.zstdCompressSync],
  ] as const)('%s', async (encoding, encode) => {
    const targets = ['/write?db=public', '/api/v2/write?bucket=public', '/api/v1/write?db=public'];
    for (const [i, target] of targets.entries()) {
      const file = path.join(cluster.directory, `${encoding}-${i}`);
      const line = `curl_${encoding},i=${i} v=${i}i ${T0_MS}000000\n`;
      writeFileSync(file, encode(Buffer.from(line.repeat(50))));
      const {stdout} = await curl([
        ...['-sS', '-o', '-', '-w', '%{http_code}', '--data-binary', `@${file}`],
        ...['-H', `Content-Encoding: ${encoding}`, `${cluster.node(3).url}${target}`],
      ]);
      expect(stdout).toBe('204');
    }
    expect(await rows(`SELECT v FROM curl_${encoding} ORDER BY v`, 'public')).toEqual(
      targets.map((_, v) => ({v})),
    );
  });

  test('the first steps of a person', async () => {
    const {url} = cluster.node(3);
    expect((await curl(['-sSI', `${url}/ping`])).stdout).toMatch(/^HTTP\/1\.1 204 /);
    const query = ['-sS', `${url}/query`, '--data-urlencode', 'q=SHOW DATABASES'];
    expect((await curl(query)).stdout).toContain('"public"');
    expect((await curl([...query, '-G'])).stdout).toContain('"public"');
  });
});

test('the file for Telegraf has both outputs, for the databases of these tests', () => {
  const file = path.resolve(import.meta.dirname, '../../deploy/telegraf/telegraf.conf');
  const conf = readFileSync(file, 'utf8');
  expect(conf).toMatch(/^\[\[outputs\.influxdb]]\n[\s\S]*?^ {2}database = "telegraf"$/m);
  expect(conf).toMatch(/^# \[\[outputs\.influxdb_v2]]\n[\s\S]*?^# {3}bucket = "telegraf"$/m);
});

describe('while the sets of one node alone have no majority', () => {
  const HOSTS = 40;
  const lines = Array.from({length: HOSTS}, (_, i) => `load,host=h${i} v=${i}i ${T0_MS}000000`);
  const request = {method: 'POST', headers: {'content-type': 'text/plain'}, body: lines};
  const v1 = {...request, path: '/write?db=alone'};
  const v2 = {...request, path: '/api/v2/write?bucket=alone'};

  beforeAll(async () => {
    await client.admin.createDatabase({name: 'alone', replicas: 1, shards: 6});
    const {url} = cluster.node(1);
    await until('its sets are open', async () => (await send(url, v1)).status === 204);
    cluster.node(3).signal('SIGSTOP');
  });
  afterAll(() => cluster.node(3).signal('SIGCONT'));

  test('a batch that spans them and others is to be sent again, and says what is written', async () => {
    const {url} = cluster.node(1);
    const [first, second] = await Promise.all([send(url, v1), send(url, v2)]);
    expect(first).toMatchObject({
      status: 500,
      body: expect.stringMatching(
        /^\{"error":"timeout: [A-Z_]+: .* Replica sets: \d+(, \d+)*\. \d+ rows are written; send it again"\}\n$/,
      ),
    });
    expect([503, 504]).toContain(second.status);
    for (const {body} of [first, second]) {
      const written = Number(/(\d+) rows are written/.exec(body)?.[1]);
      expect(written).toBeGreaterThan(0);
      expect(written).toBeLessThan(HOSTS);
    }
    cluster.node(3).signal('SIGCONT');
    await until('it is written', async () => (await send(url, v1)).status === 204);
    expect(await rows('SELECT count(*) AS n, sum(v) AS total FROM load', 'alone')).toEqual([
      {n: HOSTS, total: (HOSTS * (HOSTS - 1)) / 2},
    ]);
  });
});

describe('while two of three nodes are frozen', () => {
  const frozen = () => [cluster.node(2), cluster.node(3)];

  beforeAll(() => {
    for (const node of frozen()) node.signal('SIGSTOP');
  });
  afterAll(() => {
    for (const node of frozen()) node.signal('SIGCONT');
  });

  test('every client is told to send it again, before it gives up', async () => {
    const {url} = cluster.node(1);
    const answers = await Promise.all(EXCHANGES.map(({exchange}) => send(url, exchange.request)));
    for (const [i, {name, exchange}] of EXCHANGES.entries()) {
      const [answer, {noMajority}] = [answers[i]!, exchange];
      expect(noMajority.status, `${name}: ${answer.body}`).toContain(answer.status);
      expect(answer.body, name).toMatch(new RegExp(noMajority.body));
      expectHeaders(answer, noMajority.headers);
      if (answer.status === 503) expect(answer.headers['retry-after'], name).toMatch(/^\d+$/);
      if (answer.status === 500) expect(answer.body, name).not.toMatch(FORBIDDEN_IN_TIMEOUTS);
      if (exchange.request.path.includes('write'))
        expect(answer.ms, name).toBeLessThan(TELEGRAF_TIMEOUT_MS);
    }
  });

  test('influxdb-client sends again by itself until it is written', async () => {
    const influx = new InfluxV2({url: cluster.node(1).url, token: 'any'});
    let [failures, successes] = [0, 0];
    const api = influx.getWriteApi('an org', 'telegraf2', 'ms', {
      minRetryDelay: 200,
      maxRetryDelay: 1_000,
      maxRetries: 50,
      writeFailed: () => {
        failures += 1;
      },
      writeSuccess: () => {
        successes += 1;
      },
    });
    api.writePoint(new Point('patient').intField('n', 1).timestamp(T0_MS));
    await expect(api.flush()).rejects.toThrow();
    expect(failures).toBe(1);
    for (const node of frozen()) node.signal('SIGCONT');
    await until('it is written', () => successes > 0);
    await api.close();
    expect(await rows('SELECT n FROM patient', 'telegraf2')).toEqual([{n: 1}]);
  });
});

describe('when they go on', () => {
  test.each(EXCHANGES)('$name, sent again', async ({database, exchange}) => {
    let answer: Answered | undefined;
    await until('it is answered as before', async () => {
      answer = await send(cluster.node(1).url, exchange.request);
      return answer.status === exchange.well.status;
    });
    const {kept, request} = exchange;
    // Databases were made in between.
    if (!request.path.includes('show')) expectWell(exchange, answer!);
    if (kept !== undefined) expect(await rows(kept.sql, database)).toEqual(kept.rows);
  });
});

describe('half a request', () => {
  test('is answered 408 after ten seconds and cut, also where the client keeps its side open', async () => {
    const {atLeast, atMost} = HALF_REQUEST_MS;
    await until('all were ended', () => halves.every(({waitedMs}) => waitedMs() > 0), atMost);
    for (const {answer, waitedMs} of halves) {
      expect(waitedMs()).toBeGreaterThan(atLeast);
      expect(waitedMs()).toBeLessThan(atMost);
      expect(answer()).toMatch(/^HTTP\/1\.1 408 /);
    }
    await until('the node holds no socket of theirs', () =>
      halves.every(({localPort}) => !holdsSocket(cluster.node(1).port, localPort())),
    );
  }, 120_000);
});

/** Column of the table, after number, local and remote address. */
const INODE = 6;

/** Of the node's end of a connection, by the kernel's table. What no process holds has no inode. */
function holdsSocket(port: number, from: number): boolean {
  const hex = (number: number): string => number.toString(16).toUpperCase().padStart(4, '0');
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .some(
      ([, local = '', remote = '', ...rest]) =>
        local.endsWith(`:${hex(port)}`) && remote.endsWith(`:${hex(from)}`) && rest[INODE] !== '0',
    );
}
