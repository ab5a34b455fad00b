// Goal: whatever is wrong with a request, the answer has the right status and code and says what to
// do; and after all of it the cluster is healthy and has lost nothing. Method: cases as data files,
// each answer compared to the last letter. BAD_INPUTS_WRITE=1 writes what was answered into the files;
// read the difference before you keep it.

import http from 'node:http';
import net from 'node:net';
import {FlotillaClient} from '@flotilla/client';
import {ProcessCluster} from '@flotilla/testkit';
import {afterAll, beforeAll, describe, expect, onTestFinished, test} from 'vitest';
import {type BadInput, readBadInputs, rewriteExpected} from './bad-input-file.ts';
import {until} from './waiting.ts';

const GOOD_ROWS = 1_000;
const SILENCE_MS_MAX = 20_000;
const isWriting = process.env['BAD_INPUTS_WRITE'] === '1';

let cluster: ProcessCluster;
let client: FlotillaClient;

beforeAll(async () => {
  cluster = await ProcessCluster.start({nodes: 3});
  client = new FlotillaClient({urls: cluster.urls});
  const rows = Array.from({length: GOOD_ROWS}, (_, i) => `good,n=${i % 50} v=${i}i ${i}`);
  await client.write(rows.join('\n'));
  await client.query("CREATE DATABASE daily WITH VNODE_DURATION '1d' SHARD 1");
  await client.query("CREATE DATABASE small WITH TTL '1d' SHARD 2 REPLICA 3");
  await client.write('typed,tag=a f=1.5,i=1i,u=1u,b=true,s="x" 1', {acceptPartial: false});
});
afterAll(async () => {
  client?.close();
  await cluster?.destroy();
});

const files = readBadInputs();

test('there are as many cases as promised, each under its own name', () => {
  const names = files.flatMap(({cases}) => cases.map(({name}) => name));
  expect(names.length).toBeGreaterThanOrEqual(120);
  expect(new Set(names).size).toBe(names.length);
});

interface RouteDocument {
  readonly paths: Record<
    string,
    Record<string, {readonly responses: Record<string, {readonly description: string}>}>
  >;
}

test('each route says of itself in /openapi.json that it may answer so', async () => {
  const answer = await fetch(`${cluster.urls[0]}/openapi.json`);
  const {paths} = (await answer.json()) as RouteDocument;
  /** Of no route, or of a request that did not come whole. */
  const anywhere = /^(404 ROUTE_NOT_FOUND|405|408|431) /;
  const undocumented = files
    .flatMap(({cases}) => cases)
    .filter(({method, target, expected: [told = '']}) => {
      const [, status = '', code] = /^(\d{3}) ([A-Z]+(?:_[A-Z]+)*) /.exec(told) ?? [];
      if (method === 'RAW' || code === undefined || anywhere.test(told)) return false;
      const [path = ''] = target.split('?');
      const [, methods] =
        Object.entries(paths).find(([pattern]) =>
          new RegExp(`^${pattern.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path),
        ) ?? [];
      if (methods === undefined) return false;
      const description = methods[method.toLowerCase()]?.responses[status]?.description;
      return description === undefined || !description.includes(`${code}: `);
    });
  expect(undocumented.map(({name, expected}) => `${name}: ${expected[0]}`)).toEqual([]);
});

describe.each(files)('$file', ({file, cases}) => {
  const answers = new Map<string, readonly string[]>();
  if (isWriting) afterAll(() => rewriteExpected(file, answers));

  test.each(cases)('$name', async (input) => {
    const node = cluster.nodes[answers.size % cluster.nodes.length]!;
    const got = input.method === 'RAW' ? await sendRaw(node, input) : await send(node.url, input);
    answers.set(input.name, got);
    if (!isWriting) expect(got).toEqual(input.expected);
  });
});

test('after all of that the cluster is healthy, and nothing was lost or invented', async () => {
  await until('every node says healthy', async () => {
    const verdicts = await Promise.all(
      cluster.urls.map(async (url) => {
        const asked = new FlotillaClient({urls: [url]});
        onTestFinished(() => asked.close());
        return (await asked.admin.status()).verdict;
      }),
    );
    return verdicts.every((verdict) => verdict === 'healthy');
  });
  const [counted] = await client.query('SELECT count(v) AS n, sum(v) AS total FROM good');
  expect(counted).toEqual({n: GOOD_ROWS, total: (GOOD_ROWS * (GOOD_ROWS - 1)) / 2});
  expect(await client.query('SELECT f, i, u, b, s FROM typed')).toEqual([
    {f: 1.5, i: 1, u: 1, b: true, s: 'x'},
  ]);
});

/** Status, code and message; then the bad lines that the details name. */
function describeAnswer(status: number, type: string, text: string): string[] {
  if (!type.startsWith('application/json')) return [printable(`${status} ${text.trimEnd()}`)];
  const answer = JSON.parse(text || 'null') as {
    readonly code?: string;
    readonly message?: string;
    readonly details?: {
      readonly position?: number;
      readonly lines?: readonly {line: number; code: string; reason: string}[];
    };
  } | null;
  if (answer?.code === undefined) return [`${status} ${text.trimEnd()}`];
  const at = answer.details?.position;
  const lines = (answer.details?.lines ?? []).map(
    ({line, code, reason}) => `line ${line} ${code} ${reason}`,
  );
  const head = `${status} ${answer.code} ${answer.message ?? ''}`;
  const where = at === undefined ? [] : [`position ${at}`];
  return [...printable(head).split('\n'), ...where, ...lines.slice(0, 5).map(printable)];
}

/** The files stay text. */
function printable(text: string): string {
  return text.replace(
    /[^\n -~]/g,
    (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function send(url: string, {method, target, headers, body}: BadInput): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const length =
      body.length === 0 || headers['transfer-encoding'] !== undefined
        ? {}
        : {'content-length': String(body.length)};
    const options = {method, headers: {...length, ...headers}, agent: false, path: target};
    const {hostname, port} = new URL(url);
    const request = http.request({hostname, port, ...options}, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (piece) => {
        text += piece;
      });
      response.once('error', reject);
      response.once('end', () => {
        const type = response.headers['content-type'] ?? '';
        resolve(describeAnswer(response.statusCode!, type, text));
      });
    });
    request.once('error', reject);
    request.end(body);
  });
}

/** The status line of what comes back; `closed` where the connection ends without any. */
function sendRaw(node: {readonly port: number}, {target, body}: BadInput): Promise<string[]> {
  const port = target === 'grpc' ? node.port + 1 : node.port;
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1');
    let text = '';
    socket.setTimeout(SILENCE_MS_MAX, () => socket.destroy(new Error('nothing came back')));
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
    });
    const end = () => resolve([/^HTTP\/1\.1 [^\r]*/.exec(text)?.[0] ?? 'closed']);
    socket.once('close', end);
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNRESET' || error.code === 'EPIPE') end();
      else reject(error);
    });
    socket.end(body);
  });
}
