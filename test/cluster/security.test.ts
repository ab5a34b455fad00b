// Goal: over TLS three nodes are a cluster, and nobody else is let in; tokens guard what changes the
// cluster on every node; what was done is told. Method: real processes that listen on all addresses,
// certificates by the command that operators have.

import {spawnSync} from 'node:child_process';
import {createHash} from 'node:crypto';
import {mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import https from 'node:https';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {text} from 'node:stream/consumers';
import {setTimeout as sleep} from 'node:timers/promises';
import tls from 'node:tls';
import {FlotillaClient} from '@flotilla/client';
import {
  freePorts,
  makeCertificates,
  makeJoinSecret,
  ProcessNode,
  tlsFlags,
} from '@flotilla/testkit';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {until} from './waiting.ts';

const FIRST = 'the-first-token-of-this-cluster-0123456789';
const ROOT = path.resolve(import.meta.dirname, '../..');
const NAMES = ['node1', 'node2', 'node3'];
const GREETING_MS = 3_000;

const directory = mkdtempSync(path.join(tmpdir(), 'flotilla-doors-'));
const certs = path.join(directory, 'certs');
const foreign = path.join(directory, 'foreign');
let nodes: ProcessNode[];
const clients: FlotillaClient[] = [];

interface Own {
  readonly ca: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

function credentials(of: string, name: string): Required<Own> {
  const read = (file: string): Buffer => readFileSync(path.join(of, file));
  return {ca: read('ca.crt'), cert: read(`${name}.crt`), key: read(`${name}.key`)};
}

function clientOf(ports: readonly number[], token?: string): FlotillaClient {
  const urls = ports.map((port) => `https://127.0.0.1:${port}`);
  const client = new FlotillaClient({urls, token, tls: credentials(certs, 'node1')});
  clients.push(client);
  return client;
}

const everywhere = (token?: string): FlotillaClient =>
  clientOf(
    nodes.map(({port}) => port),
    token,
  );

beforeAll(async () => {
  await makeCertificates(certs, NAMES);
  await makeCertificates(foreign, ['stranger']);
  const secret = makeJoinSecret(directory);
  const token = path.join(directory, 'token');
  writeFileSync(token, `${FIRST}\n`);
  const ports = [await freePorts(2), await freePorts(2), await freePorts(2)];
  const join = ports.map((port) => `127.0.0.1:${port}`).join(',');
  nodes = ports.map((port, i) => {
    const data = path.join(directory, NAMES[i]!);
    mkdirSync(data);
    const place = ['--listen', `0.0.0.0:${port}`, '--advertise', `127.0.0.1:${port}`];
    const founder = i === 0 ? ['--bootstrap', '--admin-token-file', token] : [];
    const args = [
      ...[...place, '--data', data, '--join', join, '--join-secret-file', secret],
      ...[...tlsFlags(certs, NAMES[i]!), ...founder, '--engine-threads', '1', '--no-hints'],
    ];
    return new ProcessNode(i + 1, {port, directory: data, args});
  });
  for (const node of nodes) node.start();
  for (const node of nodes) {
    const client = clientOf([node.port]);
    await until(`node ${node.number} is ready`, () => client.isReady(client.urls[0]!));
  }
}, 120_000);

afterAll(async () => {
  for (const client of clients) client.close();
  await Promise.all(nodes.map((node) => node.kill()));
  rmSync(directory, {recursive: true, force: true});
});

/** What each door answers first: HTTP a request, gRPC the greeting of HTTP/2 with its settings. */
const GREETINGS = {
  http: {ALPNProtocols: ['http/1.1'], text: 'GET /ready HTTP/1.1\r\nhost: here\r\n\r\n'},
  grpc: {ALPNProtocols: ['h2'], text: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'},
};

/** Whether a node answers at all to whoever shows this. */
function greet(port: number, door: keyof typeof GREETINGS, own: Own): Promise<'in' | 'out'> {
  const {ALPNProtocols, text} = GREETINGS[door];
  return new Promise((resolve) => {
    const socket = tls.connect({port, host: '127.0.0.1', ALPNProtocols, ...own});
    socket.setTimeout(GREETING_MS, () => socket.destroy());
    socket.on('error', () => resolve('out'));
    socket.on('close', () => resolve('out'));
    socket.once('data', () => {
      resolve('in');
      socket.destroy();
    });
    socket.write(text);
  });
}

describe('over TLS', () => {
  test('what is written through one node is read through the others', async () => {
    const [first, second, third] = nodes.map(({port}) => clientOf([port]));
    await first!.write('doors,host=a v=1 1600000000000000000');
    await second!.write('doors,host=b v=2 1600000000000000001');
    const rows = [{host: 'a', v: 1}, {host: 'b', v: 2}]; // biome-ignore format: two rows
    expect(await third!.query('SELECT host, v FROM doors ORDER BY host')).toEqual(rows);
  }, 60_000);

  test('both doors of each node open for its authority alone', async () => {
    const {ca, ...stranger} = credentials(foreign, 'stranger');
    const own = credentials(certs, 'node2');
    const greetAll = async (one: Own) => {
      const places = nodes.flatMap(({port}) => [
        greet(port, 'http', one),
        greet(port + 1, 'grpc', one),
      ]);
      return new Set(await Promise.all(places));
    };
    expect(await greetAll(own)).toEqual(new Set(['in']));
    expect(await greetAll({ca: own.ca})).toEqual(new Set(['out']));
    expect(await greetAll({ca: own.ca, ...stranger})).toEqual(new Set(['out']));
    // And who trusts only others does not take these for them.
    expect(await greetAll({...own, ca})).toEqual(new Set(['out']));
    // Who asks whether a node is ready is told that no waiting helps.
    const {port} = nodes[0]!;
    const url = `https://127.0.0.1:${port}`;
    const lost = new FlotillaClient({urls: [url], tls: {ca}});
    clients.push(lost);
    await expect(lost.isReady(url)).rejects.toThrow(/not of an authority that is trusted here/);
    const plain = await fetch(`http://127.0.0.1:${nodes[0]!.port}/ready`).catch(() => 'refused');
    expect(plain).toBe('refused');
  }, 60_000);
});

test('a node says at its start what is wrong with its certificate, and waits for nothing in vain', async () => {
  const port = await freePorts(2);
  const data = path.join(directory, 'alone');
  const at = (listen: string): string[] => ['--listen', listen, '--data', data];
  const mixed = [...tlsFlags(certs, 'node1').slice(0, 4), '--tls-ca', path.join(foreign, 'ca.crt')];
  const place = {port, directory: data};
  const refused = new ProcessNode(8, {...place, args: [...at(`127.0.0.1:${port}`), ...mixed]});
  refused.start();
  refused.mayEnd();
  expect(await refused.exited()).toBe(1);
  expect(refused.logTail()).toMatch(/node1\.crt is not of an authority in .*no other node would/);
  // It names 127.0.0.1 and localhost alone.
  const args = [...at(`127.0.0.2:${port}`), ...tlsFlags(certs, 'node1')];
  const misnamed = new ProcessNode(9, {...place, args});
  misnamed.start();
  try {
    await until('it says that it cannot be asked', async () =>
      /cannot look whether the node is ready: .*--tls-cert must name the host/.test(
        misnamed.logTail(),
      ),
    );
  } finally {
    await misnamed.kill();
  }
}, 60_000);

test('beyond loopback a node without TLS is refused, or said to be open in status', async () => {
  const port = await freePorts(2);
  const data = path.join(directory, 'open');
  const args = ['--listen', `0.0.0.0:${port}`, '--advertise', `127.0.0.1:${port}`, '--data', data];
  args.push('--bootstrap', '--join-secret-file', makeJoinSecret(directory, 'own-secret'));
  const node = new ProcessNode(7, {port, directory: data, args});
  node.start();
  node.mayEnd();
  expect(await node.exited()).toBe(1);
  expect(node.logTail()).toMatch(/beyond loopback \(0\.0\.0\.0:\d+\) needs TLS.*say --insecure/);
  node.start(['--insecure', '--engine-threads', '1']);
  try {
    await node.ready();
    const open = new FlotillaClient({urls: [node.url]});
    clients.push(open);
    const {verdict, notices} = await open.admin.status();
    expect(verdict).toBe('healthy');
    expect(notices.map(({message}) => message)).toEqual([
      expect.stringMatching(/without TLS or tokens \(--insecure\): node 1$/),
    ]);
  } finally {
    await node.kill();
  }
}, 60_000);

describe('tokens', () => {
  let ofAnn: string | undefined;
  const code = (asked: Promise<unknown>): Promise<string> =>
    asked.then(
      () => 'ok',
      (error: {code?: string; status?: number}) => `${error.status} ${error.code}`,
    );

  test('guard what changes the cluster on each node, and end there when revoked', async () => {
    const admin = everywhere(FIRST);
    await until('the first token is known everywhere', async () => {
      const answers = nodes.map(({port}) => code(clientOf([port], FIRST).admin.status()));
      return (await Promise.all(answers)).every((answer) => answer === 'ok');
    });
    for (const {port} of nodes) {
      expect(await code(clientOf([port]).admin.status())).toBe('401 UNAUTHENTICATED');
      expect(await code(clientOf([port], 'wrong').admin.status())).toBe('401 UNAUTHENTICATED');
    }
    const anyone = everywhere();
    await anyone.query('CREATE DATABASE attic');
    expect(await code(anyone.query("DROP DATABASE attic AFTER '0s'"))).toBe('401 UNAUTHENTICATED');
    expect(await code(anyone.query('CREATE TENANT acme'))).toBe('401 UNAUTHENTICATED');
    await anyone.query('DROP DATABASE attic');

    const {token} = await admin.admin.createToken('ann');
    ofAnn = token;
    const anns = nodes.map(({port}) => clientOf([port], token));
    await until('the token of ann is known everywhere', async () => {
      const answers = await Promise.all(anns.map((client) => code(client.admin.status())));
      return answers.every((answer) => answer === 'ok');
    });
    await anns[1]!.query('CREATE TENANT acme');
    await anns[1]!.query('DROP TENANT acme');
    await anns[1]!.query('RECOVER TENANT acme');
    const [{id: set} = {id: 0}] = await anns[0]!.admin.replicaSets();
    await anns[1]!.query(`CHECKSUM GROUP ${set}`);
    const begun = await anns[2]!.admin.operations();
    expect(begun).toMatchObject([{kind: 'checksum', startedBy: 'ann'}]);
    expect((await admin.admin.tokens()).map(({name}) => name)).toEqual(['admin', 'ann']);
    expect(JSON.stringify(await admin.admin.tokens())).not.toMatch(/hash/);
    await admin.admin.revokeToken('ann');
    await until('the token of ann has ended everywhere', async () => {
      const answers = await Promise.all(anns.map((client) => code(client.admin.status())));
      return answers.every((answer) => answer === '401 UNAUTHENTICATED');
    });
    expect(await code(admin.admin.revokeToken('admin'))).toBe('409 CONFLICT');
  }, 90_000);

  test('each stands in the audit log of the node that was asked', async () => {
    const lines = nodes.map(({directory: data}) =>
      readFileSync(path.join(data, 'audit/audit.jsonl'), 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    );
    expect(lines[0]).toContainEqual(
      expect.objectContaining({who: '--admin-token-file', what: 'token-create', result: 'ok'}),
    );
    expect(lines[1]).toContainEqual(
      expect.objectContaining({
        ...{who: 'ann', from: '127.0.0.1', what: 'create-tenant'},
        ...{how: 'CREATE TENANT acme', result: 'ok', at: expect.stringMatching(/Z$/)},
      }),
    );
    const recovered = {who: 'ann', what: 'recover-tenant', result: 'ok'};
    expect(lines[1]).toContainEqual(expect.objectContaining(recovered));
    for (const ofNode of lines)
      expect(ofNode).toContainEqual(
        expect.objectContaining({who: 'stranger', what: 'status', result: 'UNAUTHENTICATED'}),
      );
    const by = {who: 'admin', what: 'token-revoke', how: {name: 'ann'}, result: 'ok'};
    expect(lines.flat()).toContainEqual(expect.objectContaining(by));
    expect(JSON.stringify(lines)).not.toContain(FIRST);
    const made = lines[1]!.filter(({what, who}) => what === 'create-tenant' && who === 'ann');
    expect(made.map(({result}) => result)).toEqual(['begun', 'ok']);
    expect(new Set(made.map(({act}) => act)).size).toBe(1);
    const shown = spawnSync(path.join(ROOT, 'node_modules/.bin/node'), [
      ...[path.join(ROOT, 'packages/cli/src/main.ts'), 'audit', '--json'],
      ...['--data', nodes[1]!.directory],
    ]);
    const acts = JSON.parse(String(shown.stdout)) as Record<string, unknown>[];
    expect(acts.filter(({what, who}) => what === 'create-tenant' && who === 'ann')).toEqual([
      expect.objectContaining({result: 'ok', endedAt: expect.stringMatching(/Z$/)}),
    ]);
  });

  test('stand in no file of a node, nor in its log: what is kept of them is a hash', () => {
    const files = nodes.flatMap(({directory: data, logFile}) => [
      logFile,
      ...readdirSync(data, {recursive: true, withFileTypes: true})
        // What has not got its name yet goes away while it is looked for.
        .filter((entry) => entry.isFile() && !entry.name.endsWith('.tmp'))
        .map((entry) => path.join(entry.parentPath, entry.name)),
    ]);
    const holding = (text: string) => files.filter((file) => readFileSync(file).includes(text));
    const hash = createHash('sha256').update(FIRST).digest('hex');
    expect(holding(hash).length, 'files with the hash').toBeGreaterThanOrEqual(nodes.length);
    for (const token of [FIRST, ofAnn!]) expect(holding(token)).toEqual([]);
  });

  test('the health check of a container finds the node by its directory, and shows its certificate', () => {
    const args = ['health', '--data', nodes[1]!.directory];
    const asked = spawnSync(path.join(ROOT, 'node_modules/.bin/node'), [
      path.join(ROOT, 'packages/cli/src/main.ts'),
      ...args,
    ]);
    expect([asked.status, String(asked.stdout), String(asked.stderr)]).toEqual([0, 'ready\n', '']);
  }, 60_000);

  test('the end of its certificate stands in the metrics of each node', async () => {
    const {port} = nodes[0]!;
    const metrics = await new Promise<string>((resolve, reject) => {
      const options = {...credentials(certs, 'node1'), agent: false as const};
      https
        .get(`https://127.0.0.1:${port}/metrics`, options, (answer) => {
          text(answer).then(resolve, reject);
        })
        .on('error', reject);
    });
    const end = /^flotilla_tls_certificate_expiry_timestamp_seconds (\S+)$/m.exec(metrics)?.[1];
    expect(Number(end)).toBeGreaterThan(Date.now() / 1_000);
  }, 60_000);

  test('the command line sends one, and says how to get one', async () => {
    const run = (...args: string[]) =>
      spawnSync(path.join(ROOT, 'node_modules/.bin/node'), [
        ...[path.join(ROOT, 'packages/cli/src/main.ts'), ...args],
        ...['--url', `https://127.0.0.1:${nodes[2]!.port}`, ...tlsFlags(certs, 'node3')],
      ]);
    const status = run('status', '--token-file', path.join(directory, 'token'));
    expect([String(status.stderr), status.status]).toEqual(['', 0]);
    const refused = run('token', 'list');
    expect(refused.status).toBe(1);
    expect(String(refused.stderr)).toMatch(/needs a token[\s\S]*--token-file/);
  }, 60_000);
});

test('certificates are renewed under load without a failed write', async () => {
  const client = everywhere();
  const serialOf = (port: number): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = tls.connect({port, host: '127.0.0.1', ...credentials(certs, 'node1')}, () => {
        resolve(socket.getPeerCertificate().serialNumber);
        socket.destroy();
      });
      socket.on('error', reject);
    });
  const ports = nodes.flatMap(({port}) => [port, port + 1]);
  const before = await Promise.all(ports.map(serialOf));
  const failures: unknown[] = [];
  let written = 0;
  let isOver = false;
  const load = Array.from({length: 4}, async (_, i) => {
    while (!isOver) {
      await client.write(`renewal,writer=${i} v=${written}`).then(
        () => written++,
        (error: unknown) => failures.push(error),
      );
      await sleep(5);
    }
  });
  await makeCertificates(certs, NAMES);
  await until('both doors of all nodes show new certificates', async () => {
    const now = await Promise.all(ports.map(serialOf));
    return now.every((serial, i) => serial !== before[i]);
  });
  const atRenewal = written;
  await until('writes go on', () => written > atRenewal + 50);
  isOver = true;
  await Promise.all(load);
  expect(failures).toEqual([]);
  const [count] = await client.query('SELECT count(v) AS n FROM renewal');
  expect(Number(count!['n'])).toBe(written);
  // A node that starts with the new one finds the others.
  await nodes[2]!.stop();
  nodes[2]!.start();
  const third = clientOf([nodes[2]!.port]);
  await until('node 3 is ready', () => third.isReady(third.urls[0]!));
  expect(await third.query('SELECT count(v) AS n FROM renewal')).toEqual([count]);
}, 120_000);
