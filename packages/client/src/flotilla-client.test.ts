import {spawn} from 'node:child_process';
import {once} from 'node:events';
import http from 'node:http';
import net, {type AddressInfo} from 'node:net';
import {setTimeout as sleep} from 'node:timers/promises';
import {gunzipSync} from 'node:zlib';
import {afterEach, describe, expect, it} from 'vitest';
import {FlotillaError, writeDetailsOf} from './errors.ts';
import {FlotillaClient, isReadOnly} from './flotilla-client.ts';

interface Seen {
  readonly method: string;
  readonly url: URL;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}
type Answer = (seen: Seen, response: http.ServerResponse, count: number) => void;

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

interface FakeNode {
  readonly url: string;
  readonly seen: Seen[];
  stop(): void;
  /** Again, at the same address. */
  start(): Promise<void>;
}

/** A node that answers as the test says and remembers what it was asked. */
async function fakeNode(answer: Answer): Promise<FakeNode> {
  const seen: Seen[] = [];
  const server = http.createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const url = new URL(request.url ?? '/', 'http://node');
      const {method = '', headers} = request;
      seen.push({method, url, headers, body: Buffer.concat(pieces)});
      answer(seen.at(-1)!, response, seen.length);
    });
  });
  const listen = (port: number) =>
    new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  await listen(0);
  const {port} = server.address() as AddressInfo;
  const stop = (): void => {
    server.closeAllConnections();
    server.close();
  };
  cleanups.push(stop);
  return {url: `http://127.0.0.1:${port}`, seen, stop, start: () => listen(port)};
}

/** Listens and takes nothing, with as short a queue as the system lets it: further connections wait for ever. */
const FULL = `
  const server = require('node:net').createServer().listen({port: 0, host: '127.0.0.1', backlog: 1}, () => {
    require('node:fs').writeSync(1, String(server.address().port));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });`;
/** A connection that is taken is by then. */
const TAKEN_MS_MAX = 300;

/** A node that takes no connection, and says nothing: as one that is off, or behind a wall. */
async function fullNode(): Promise<string> {
  const child = spawn(process.execPath, ['-e', FULL], {stdio: ['ignore', 'pipe', 'inherit']});
  cleanups.push(() => child.kill('SIGKILL'));
  const [text] = (await once(child.stdout, 'data')) as [Buffer];
  const port = Number(text);
  for (let isTaken = true; isTaken; ) {
    const socket = net.connect(port, '127.0.0.1');
    cleanups.push(() => socket.destroy());
    const late = sleep(TAKEN_MS_MAX, false);
    isTaken = await Promise.race([once(socket, 'connect').then(() => true), late]);
  }
  return `http://127.0.0.1:${port}`;
}

function clientOf(urls: string[], options: {timeoutMs?: number; writeSilenceMs?: number} = {}) {
  const client = new FlotillaClient({urls, ...options});
  cleanups.push(() => client.close());
  return client;
}

function fail(response: http.ServerResponse, status: number, code: string, details = {}) {
  response.writeHead(status, {'content-type': 'application/json'});
  response.end(JSON.stringify({code, message: `${code} it is`, details}));
}
const noContent: Answer = (_seen, response) => response.writeHead(204).end();

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

async function errorOf(promise: Promise<unknown>): Promise<FlotillaError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(FlotillaError);
  return error as FlotillaError;
}

describe('write', () => {
  it('sends scope, precision and a key', async () => {
    const node = await fakeNode(noContent);
    const client = clientOf([node.url]);
    await client.write('m v=1 1', {database: 'metrics', precision: 's', acceptPartial: false});
    const {url, headers, body} = node.seen[0]!;
    expect(`${url.pathname}${url.search}`).toBe(
      '/api/v1/write?db=metrics&tenant=default&precision=s&accept_partial=false',
    );
    expect(headers['idempotency-key']).toMatch(/^[\x21-\x7e]{1,128}$/);
    expect(body.toString()).toBe('m v=1 1');
  });

  it('sends columns to their own route, under a key too', async () => {
    const node = await fakeNode(noContent);
    await clientOf([node.url]).writeColumns(Buffer.of(1, 0xff), {
      database: 'd',
      acceptPartial: false,
    });
    const {url, headers, body} = node.seen[0]!;
    expect(`${url.pathname}${url.search}`).toBe(
      '/api/v1/write/columns?db=d&tenant=default&accept_partial=false',
    );
    expect(headers['idempotency-key']).toMatch(/^[\x21-\x7e]{1,128}$/);
    expect([headers['content-type'], body]).toEqual([
      'application/octet-stream',
      Buffer.of(1, 0xff),
    ]);
  });

  it('compresses where asked', async () => {
    const node = await fakeNode(noContent);
    await clientOf([node.url]).write('m v=1 1', {gzip: true});
    expect(node.seen[0]!.headers['content-encoding']).toBe('gzip');
    expect(gunzipSync(node.seen[0]!.body).toString()).toBe('m v=1 1');
  });

  it.each([429, 503, 504])('goes to the next node on %i under the same key', async (status) => {
    const first = await fakeNode((_seen, response) => fail(response, status, 'X'));
    const second = await fakeNode(noContent);
    const result = await clientOf([first.url, second.url]).write('m v=1 1');
    expect(result).toEqual({attempts: 2, url: second.url});
    const keys = [...first.seen, ...second.seen].map((seen) => seen.headers['idempotency-key']);
    expect(new Set(keys).size).toBe(1);
  });

  it('goes to the next node when one breaks the connection or is not there', async () => {
    const broken = await fakeNode((_seen, response) => response.destroy());
    const living = await fakeNode(noContent);
    const client = clientOf(['127.0.0.1:1', broken.url, living.url]);
    expect((await client.write('m v=1 1')).url).toBe(living.url);
    // Both are asked last from now on.
    expect((await client.write('m v=2 2')).attempts).toBe(1);
  });

  it('leaves a node that is silent', async () => {
    const frozen = await fakeNode(() => {});
    const living = await fakeNode(noContent);
    const client = clientOf([frozen.url, living.url], {writeSilenceMs: 60});
    expect(await client.write('m v=1 1')).toEqual({attempts: 2, url: living.url});
  });

  it('keeps trying a lone node until it is back', async () => {
    const node = await fakeNode((_seen, response, count) =>
      count < 4 ? fail(response, 503, 'NO_LEADER') : response.writeHead(204).end(),
    );
    expect((await clientOf([node.url]).write('m v=1 1')).attempts).toBe(4);
  });

  it('gives up at the deadline with the last answer', async () => {
    const node = await fakeNode((_seen, response) => fail(response, 503, 'NO_LEADER', {set: 7}));
    const error = await errorOf(clientOf([node.url], {timeoutMs: 300}).write('m v=1 1'));
    expect(error).toMatchObject({code: 'NO_LEADER', status: 503, details: {set: 7}});
    expect(error.attempts).toBeGreaterThan(1);
  });

  it('says at the deadline that it may be written if any of its tries may have', async () => {
    let breaks = true;
    const node = await fakeNode((_seen, response) => {
      if (breaks) response.destroy();
      else fail(response, 503, 'NO_LEADER');
      breaks = false;
    });
    const client = clientOf([node.url], {timeoutMs: 300});
    const error = await errorOf(client.write('m v=1 1'));
    expect(error).toMatchObject({code: 'CONNECTION_LOST', status: undefined});
    expect(error.attempts).toBeGreaterThan(1);
    breaks = true;
    expect(await errorOf(client.query('SELECT 1'))).toMatchObject({code: 'NO_LEADER'});
  });

  it('gives up sooner where no node can be connected to', async () => {
    const client = new FlotillaClient({urls: ['127.0.0.1:1'], unreachableMs: 100});
    cleanups.push(() => client.close());
    const startMs = performance.now();
    expect(await errorOf(client.write('m v=1 1'))).toMatchObject({code: 'CONNECTION_FAILED'});
    expect(performance.now() - startMs).toBeLessThan(5_000);
  });

  it('asks each node once where none has ever answered, and says of each why it does not', async () => {
    const asked: string[] = [];
    const onTry = (url: string) => {
      asked.push(url);
      return (isAnswered: boolean) => void asked.push(isAnswered ? 'answered' : 'silent');
    };
    const urls = ['http://127.0.0.1:1', 'http://nowhere.invalid:8902'];
    const client = new FlotillaClient({urls, unreachableMs: 5_000, onTry});
    cleanups.push(() => client.close());
    const error = await errorOf(client.query('SELECT 1'));
    expect(error).toMatchObject({code: 'CONNECTION_FAILED', attempts: 2});
    expect(error.message).toMatch(
      /^cannot connect to http:\/\/127\.0\.0\.1:1: nothing listens there \(ECONNREFUSED\); cannot connect to http:\/\/nowhere\.invalid:8902: .*\((ENOTFOUND|EAI_AGAIN)\)$/,
    );
    expect(error.details['errno']).toMatch(/^(ENOTFOUND|EAI_AGAIN)$/);
    expect(asked).toEqual([urls[0], 'silent', urls[1], 'silent']);
  });

  it('waits for a node that has answered before, as one does that restarts', async () => {
    const node = await fakeNode(noContent);
    const client = new FlotillaClient({urls: [node.url], unreachableMs: 20_000});
    cleanups.push(() => client.close());
    await client.write('m v=1 1');
    node.stop();
    // Until the client has seen that its connection ended.
    await sleep(100);
    const writing = client.write('m v=2 2');
    await sleep(200);
    await node.start();
    expect((await writing).attempts).toBeGreaterThan(1);
  });

  it('leaves a node that takes no connection for one that does', async () => {
    const full = await fullNode();
    const living = await fakeNode(noContent);
    const options = {urls: [full, living.url], timeoutMs: 20_000, unreachableMs: 150};
    const client = new FlotillaClient(options);
    cleanups.push(() => client.close());
    expect(await client.write('m v=1 1')).toEqual({attempts: 2, url: living.url});
    const alone = new FlotillaClient({...options, urls: [full]});
    cleanups.push(() => alone.close());
    const startMs = performance.now();
    expect((await errorOf(alone.write('m v=1 1'))).message).toBe(
      `cannot connect to ${full}: no connection within 150 ms`,
    );
    expect(performance.now() - startMs).toBeLessThan(5_000);
  });

  it.each([400, 404, 413, 415, 500, 507])('does not repeat a %i', async (status) => {
    const node = await fakeNode((_seen, response) => fail(response, status, 'NO_USE'));
    const error = await errorOf(clientOf([node.url]).write('m v=1 1'));
    expect(error).toMatchObject({code: 'NO_USE', status, attempts: 1});
    expect(node.seen.length).toBe(1);
  });

  it('names rejected lines', async () => {
    const line = {line: 2, code: 'LINE_SYNTAX', reason: 'no field', text: 'bad'};
    const details = {written: 1, rejected: 1, lines: [line], replicaSets: []};
    const node = await fakeNode((_seen, response) =>
      fail(response, 400, 'LINES_REJECTED', details),
    );
    const error = await errorOf(clientOf([node.url]).write('m v=1 1\nbad'));
    expect(writeDetailsOf(error)).toEqual(details);
  });

  it("says what a proxy's page said", async () => {
    const node = await fakeNode((_seen, response) => response.writeHead(403).end('<h1>no</h1>'));
    const error = await errorOf(clientOf([node.url]).write('m v=1 1'));
    expect(error).toMatchObject({code: 'HTTP_403', message: 'HTTP status 403: <h1>no</h1>'});
  });

  it('spreads writes over all nodes', async () => {
    const nodes = await Promise.all([1, 2, 3].map(() => fakeNode(noContent)));
    const client = clientOf(nodes.map((node) => node.url));
    for (let i = 0; i < 6; i++) await client.write('m v=1 1');
    expect(nodes.map((node) => node.seen.length)).toEqual([2, 2, 2]);
  });

  it('stops when aborted', async () => {
    const node = await fakeNode((_seen, response) => fail(response, 503, 'NO_LEADER'));
    const signal = AbortSignal.timeout(50);
    await expect(clientOf([node.url]).write('m v=1 1', {signal})).rejects.toThrow(/abort/i);
  });
});

describe('query', () => {
  it('returns rows and keeps every bit of long integers', async () => {
    const node = await fakeNode((_seen, response) =>
      response.end(
        '[{"a":9007199254740993,"b":0.30000000000000004,"c":1e300,"d":"1234567890123456789"}]',
      ),
    );
    const rows = await clientOf([node.url]).query('SELECT 1', {stale: true});
    expect(rows).toEqual([
      {a: 9007199254740993n, b: 0.30000000000000004, c: 1e300, d: '1234567890123456789'},
    ]);
    expect(node.seen[0]!.url.searchParams.get('consistency')).toBe('stale');
  });

  it('allows for missing sets where it can tell of them', async () => {
    const node = await fakeNode((seen, response) => {
      response.setHeader('flotilla-missing-replica-sets', '3, 17, more=2');
      const answer = {missingReplicaSets: [3, 17, 18, 19], readFrom: []};
      const isStream = seen.headers.accept === 'application/x-ndjson';
      response.end(isStream ? `{"answer":1}\n${JSON.stringify({answer})}\n` : '[{"a":1}]');
    });
    const told: (readonly number[])[] = [];
    const options = {onMissing: (sets: readonly number[]) => told.push(sets)};
    expect(await clientOf([node.url]).query('SELECT 1', options)).toEqual([{a: 1}]);
    expect(await collect(clientOf([node.url]).queryStream('SELECT 1', options))).toEqual([
      {answer: 1},
    ]);
    expect(told).toEqual([
      [3, 17],
      [3, 17, 18, 19],
    ]);
    expect(node.seen.map(({url}) => url.searchParams.get('partial'))).toEqual(['allow', 'allow']);
    await clientOf([node.url]).query('SELECT 1');
    expect(node.seen[2]!.url.searchParams.get('partial')).toBeNull();
  });

  it('streams rows across piece borders', async () => {
    const node = await fakeNode((_seen, response) => {
      const text = Buffer.from('{"name":"é"}\n{"name":"b"}\n{"name":"c"}');
      response.write(text.subarray(0, 10)); // In the middle of a letter.
      setTimeout(() => response.end(text.subarray(10)), 10);
    });
    const rows = await collect(clientOf([node.url]).queryStream('SELECT 1'));
    expect(rows.map((row) => row['name'])).toEqual(['é', 'b', 'c']);
    expect(node.seen[0]!.headers.accept).toBe('application/x-ndjson');
  });

  it.each([
    '{"error":{"code":"NO_LEADER","message":"gone"}}',
    '{"code":"NO_LEADER","message":"gone","details":{},"error_code":"NO_LEADER"}',
  ])('throws what ends a stream: %s', async (last) => {
    const node = await fakeNode((_seen, response) => response.end(`{"a":1}\n${last}\n`));
    const seen: unknown[] = [];
    const reading = (async () => {
      for await (const row of clientOf([node.url]).queryStream('SELECT 1')) seen.push(row);
    })();
    expect(await errorOf(reading)).toMatchObject({code: 'NO_LEADER', message: 'gone'});
    expect(seen).toEqual([{a: 1}]);
  });

  it('breaks off where the loop is left early, also before the first row', async () => {
    const closed: Promise<unknown>[] = [];
    const node = await fakeNode((_seen, response, count) => {
      closed.push(new Promise((resolve) => response.once('close', resolve)));
      response.write(count === 1 ? '{"a":1}\n{"a":2}\n' : '\n');
    });
    for await (const row of clientOf([node.url]).queryStream('SELECT 1')) {
      expect(row).toEqual({a: 1});
      break;
    }
    await closed[0];
    const aborter = new AbortController();
    const {signal} = aborter;
    const reading = collect(clientOf([node.url]).queryStream('SELECT 1', {signal}));
    while (closed.length < 2) await sleep(5);
    aborter.abort();
    await expect(reading).rejects.toThrow(/abort/);
    await closed[1];
  });

  it('reads no faster than the loop', async () => {
    const line = Buffer.from(`{"a":"${'x'.repeat(1_000)}"}\n`.repeat(100));
    let sentBytes = 0;
    const node = await fakeNode((_seen, response) => {
      const fill = (): void => {
        let hasRoom = true;
        while (hasRoom && !response.destroyed) {
          hasRoom = response.write(line);
          sentBytes += line.length;
        }
      };
      response.on('drain', fill);
      fill();
    });
    let count = 0;
    for await (const _row of clientOf([node.url]).queryStream('SELECT 1')) {
      count += 1;
      if (count === 1) await sleep(300);
      // Buffers of both kernels, some megabytes, and no more.
      if (count === 1) expect(sentBytes).toBeLessThan(64_000_000);
      if (count === 50_000) break;
    }
    expect(sentBytes).toBeGreaterThan(50_000_000);
  });

  it('says that a broken connection is one', async () => {
    const node = await fakeNode((_seen, response) => {
      response.write('{"a":1}\n');
      setTimeout(() => response.destroy(), 20);
    });
    const reading = collect(clientOf([node.url]).queryStream('SELECT 1'));
    expect(await errorOf(reading)).toMatchObject({code: 'CONNECTION_LOST'});
  });

  it('asks another node where one dies in the middle of its answer, but for a change', async () => {
    const dying: Answer = (_seen, response) => {
      response.write('[{"a":1},');
      setTimeout(() => response.destroy(), 20);
    };
    const whole = await fakeNode((_seen, response) => response.end('[{"a":1},{"a":2}]'));
    const [first, second] = [await fakeNode(dying), await fakeNode(dying)];
    const rows = await clientOf([first.url, whole.url]).query('SELECT a FROM t');
    expect(rows).toEqual([{a: 1}, {a: 2}]);
    const error = await errorOf(clientOf([second.url, whole.url]).query('DELETE FROM t'));
    expect(error).toMatchObject({code: 'CONNECTION_LOST', attempts: 1});
    expect(second.seen).toHaveLength(1);
  });

  it('repeats a read and not a change after a lost connection', async () => {
    const flaky: Answer = (_seen, response, count) =>
      count === 1 ? response.destroy() : response.end('[]');
    const reads = await fakeNode(flaky);
    expect(await clientOf([reads.url]).query('SELECT 1')).toEqual([]);
    const changes = await fakeNode(flaky);
    const error = await errorOf(clientOf([changes.url]).query('DROP TABLE t'));
    expect(error).toMatchObject({code: 'CONNECTION_LOST', attempts: 1});
  });

  it('returns text in the format asked for', async () => {
    const node = await fakeNode((seen, response) => response.end(seen.headers.accept));
    const client = clientOf([node.url]);
    expect(await client.queryText('SELECT 1', 'csv')).toBe('text/csv');
    expect(await client.queryText('SELECT 1', 'table')).toBe('text/plain');
  });

  it.each([
    ['SELECT 1', true],
    ['  -- note\n /* and\nmore */ (select 1)', true],
    ['WITH a AS (SELECT 1) SELECT * FROM a', true],
    ['EXPLAIN SELECT 1', true],
    ['EXPLAIN ANALYZE DELETE FROM t', false],
    ['INSERT INTO t VALUES (1)', false],
    ['selection', false],
    ['', false],
  ])('knows what only reads: %s', (sql, expected) => {
    expect(isReadOnly(sql)).toBe(expected);
  });
});

describe('admin', () => {
  it('starts an operation and reads it', async () => {
    const operation = {id: 7, kind: 'move', state: 'running', step: 'catch-up'};
    const node = await fakeNode((seen, response) =>
      response.end(JSON.stringify(seen.method === 'POST' ? {operation} : operation)),
    );
    const {admin} = clientOf([node.url]);
    const change = {action: 'move-replica', from: 1, to: 'n3'} as const;
    expect(await admin.changeReplicaSet(12, change)).toMatchObject(operation);
    expect(await admin.operation(7)).toMatchObject({state: 'running', history: []});
    const {url, body} = node.seen[0]!;
    expect(url.pathname).toBe('/admin/v1/replica-sets/12/move-replica');
    expect(JSON.parse(body.toString())).toEqual({from: 1, to: 'n3'});
  });

  it('leaves a node that is frozen for one that answers', async () => {
    const frozen = await fakeNode(() => {});
    const living = await fakeNode((_seen, response) => response.end('[]'));
    const {admin} = clientOf([frozen.url, living.url], {timeoutMs: 9_000});
    expect(await admin.nodes()).toEqual([]);
    expect([frozen.seen.length, living.seen.length]).toEqual([1, 1]);
  }, 20_000);

  it('reads lists with and without a name around them', async () => {
    const node = await fakeNode((seen, response) =>
      response.end(
        seen.url.pathname.endsWith('nodes') ? '[{"id":1}]' : '{"databases":[{"name":"a"}]}',
      ),
    );
    const {admin} = clientOf([node.url]);
    expect(await admin.nodes()).toEqual([{id: 1}]);
    expect(await admin.databases({tenant: 't'})).toEqual([{name: 'a'}]);
    expect(node.seen[1]!.url.search).toBe('?tenant=t');
  });

  it('creates, alters and drops by method', async () => {
    const node = await fakeNode((_seen, response) => response.writeHead(204).end());
    const {admin} = clientOf([node.url]);
    await admin.createDatabase({name: 'a b'}, {});
    await admin.alterDatabase('a b', {replicas: 1});
    await admin.dropDatabase('a b');
    await admin.flushStorage();
    expect(node.seen.map((seen) => `${seen.method} ${seen.url.pathname}`)).toEqual([
      'POST /admin/v1/databases',
      'PATCH /admin/v1/databases/a%20b',
      'DELETE /admin/v1/databases/a%20b',
      'POST /admin/v1/storage/flush',
    ]);
  });
});

it('counts its tries where they explain the failure, and not beside an answer to the request', async () => {
  const node = await fakeNode((_seen, response, count) => {
    if (count === 1) fail(response, 503, 'NO_LEADER');
    else fail(response, 404, 'TABLE_NOT_FOUND');
  });
  const answered = await errorOf(clientOf([node.url]).query('SELECT 1'));
  expect(answered.message).toBe('TABLE_NOT_FOUND it is');
  const nobody = clientOf(['http://127.0.0.1:1'], {timeoutMs: 300});
  expect((await errorOf(nobody.query('SELECT 1'))).message).toMatch(
    /ECONNREFUSED.* \(tried \d times\)$/,
  );
});

it('knows a ready node from one that is not there', async () => {
  const node = await fakeNode((_seen, response) => response.end());
  const client = clientOf([node.url]);
  expect(await client.isReady(node.url)).toBe(true);
  expect(await client.isReady('http://127.0.0.1:1')).toBe(false);
});

it('refuses what is no URL', () => {
  expect(() => new FlotillaClient({urls: []})).toThrow(/urls is empty/);
  expect(() => new FlotillaClient({urls: ['http://a b']})).toThrow(/not a URL/);
  expect(() => new FlotillaClient({urls: ['ftp://a']})).toThrow(/not a URL/);
});
