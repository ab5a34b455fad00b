import {mkdtempSync, readFileSync, rmSync, statSync, writeFileSync} from 'node:fs';
import http from 'node:http';
import {type AddressInfo, createServer} from 'node:net';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {Readable, Writable} from 'node:stream';
import {stripVTControlCharacters} from 'node:util';
import {gzipSync} from 'node:zlib';
import {SIMULATOR_USAGE} from '@flotilla/simulator';
import type {Command} from 'commander';
import {afterEach, describe, expect, it} from 'vitest';
import {buildProgram, runCommandLine} from './program.ts';
import {CommandContext} from './session.ts';
import {EXIT, type Terminal} from './terminal.ts';

interface Seen {
  readonly method: string;
  readonly path: string;
  readonly body: string;
  readonly authorization?: string;
}
type Routes = Record<string, (seen: Seen) => unknown>;

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

class Refusal {
  readonly status: number;
  readonly body: object;
  constructor(status: number, body: object) {
    this.status = status;
    this.body = body;
  }
}

/** Answers `METHOD /path` from `routes`; a string goes out as it is, a Refusal with its status. */
async function fakeCluster(routes: Routes): Promise<{url: string; seen: Seen[]}> {
  const seen: Seen[] = [];
  const server = http.createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const {method = '', url = ''} = request;
      const {authorization} = request.headers;
      const sent = {method, path: url, body: Buffer.concat(pieces).toString()};
      const entry = {...sent, ...(authorization !== undefined && {authorization})};
      seen.push(entry);
      const route = routes[`${method} ${url.split('?')[0]}`];
      const answer =
        route === undefined ? new Refusal(404, {code: 'ROUTE_NOT_FOUND'}) : route(entry);
      if (answer instanceof Refusal) response.statusCode = answer.status;
      if (answer === undefined) response.statusCode = 204;
      const body = answer instanceof Refusal ? answer.body : answer;
      response.end(typeof body === 'string' || body === undefined ? body : JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return {url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen};
}

class Sink extends Writable {
  text = '';
  readonly isTTY: boolean;
  readonly columns = 80;
  constructor(isTTY: boolean) {
    super();
    this.isTTY = isTTY;
  }
  override _write(piece: Buffer, _encoding: string, done: () => void): void {
    this.text += piece.toString();
    done();
  }
}

type Leaf = readonly [words: string, command: Command];

/** Commands that do something, by their words. */
function leavesOf(command: Command, words: string): Leaf[] {
  if (command.commands.length === 0) return [[words.trim(), command]];
  return command.commands.flatMap((each) => leavesOf(each, `${words} ${each.name()}`));
}

interface TerminalOptions {
  readonly url?: string;
  readonly stdin?: string;
  readonly tty?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  readonly onInterrupt?: (stop: () => void) => void;
}

function terminalOf(options: TerminalOptions = {}) {
  const stdout = new Sink(options.tty ?? false);
  const stderr = new Sink(options.tty ?? false);
  const terminal: Terminal = {
    stdin: Readable.from(options.stdin === undefined ? [] : [Buffer.from(options.stdin)]),
    stdout,
    stderr,
    env: {FLOTILLA_URL: options.url ?? 'http://127.0.0.1:1', ...options.env},
    onInterrupt(handler) {
      options.onInterrupt?.(handler);
      return () => {};
    },
  };
  return {terminal, stdout, stderr};
}

async function run(args: string[], options: TerminalOptions = {}) {
  const {terminal, stdout, stderr} = terminalOf(options);
  const code = await runCommandLine(args, terminal);
  return {code, out: stdout.text, err: stderr.text};
}

describe('status', () => {
  const degraded = {
    verdict: 'degraded',
    reasons: [{message: 'node 2 is down', next: 'flotilla node list'}],
    cluster: {id: 'c1'},
    nodes: [{id: 1, address: 'a:1', state: 'active'}],
  };

  it.each([
    ['healthy', 0],
    ['degraded', 1],
    ['unavailable', 2],
  ])('%s exits with %i', async (verdict, code) => {
    const {url} = await fakeCluster({'GET /admin/v1/status': () => ({...degraded, verdict})});
    expect(await run(['status'], {url})).toMatchObject({code});
  });

  it('shows each reason with the next command', async () => {
    const {url} = await fakeCluster({'GET /admin/v1/status': () => degraded});
    const {out} = await run(['status'], {url});
    expect(out).toBe(
      'degraded  (cluster c1)\n- node 2 is down\n    next: ./flotilla node list\n\n' +
        'ID  ADDRESS  STATE\n 1  a:1      active\n',
    );
    const json = await run(['status', '--json'], {url});
    expect(JSON.parse(json.out)).toMatchObject({verdict: 'degraded', nodes: degraded.nodes});
    const elsewhere = await run(['status', '--url', url]);
    expect(elsewhere.out).toContain(`next: ./flotilla node list --url ${url}\n`);
  });

  it('is unavailable where no node answers', async () => {
    const {code, out} = await run(['status', '--timeout', '0.2']);
    expect(code).toBe(2);
    expect(out).toMatch(/^unavailable\n- cannot connect to http:\/\/127\.0\.0\.1:1/);
    expect(out).toContain('next: ./flotilla start');
  });
});

describe('rebalance', () => {
  const view = {
    leads: [{replicaSet: 7, from: 1, to: 2}],
    replicas: [{replicaSet: 8, replica: 21, from: 1, to: 3, bytes: 4096}],
    nodes: [{node: 1, leads: 4, leadsAfter: 3, replicas: 9, replicasAfter: 8, diskUsed: 0.25}],
  };
  const operation = {id: 3, kind: 'rebalance', state: 'running', step: 'run'};

  it('prints the plan on a dry run', async () => {
    const {url} = await fakeCluster({'POST /admin/v1/rebalance': () => view});
    const {code, out} = await run(['rebalance', '--dry-run'], {url});
    expect(code).toBe(0);
    expect(out).toMatch(/lead +7 +1 +2/);
    expect(out).toMatch(/replica +8 +1 +3 +4.1 kB/);
    expect(out).toMatch(/1 +4 +3 +9 +8 +25%/);
    const json = await run(['rebalance', '--dry-run', '--json'], {url});
    expect(JSON.parse(json.out)).toEqual(view);
  });

  it('says so where nothing would be moved', async () => {
    const even = {...view, leads: [], replicas: []};
    const {url} = await fakeCluster({'POST /admin/v1/rebalance': () => even});
    expect((await run(['rebalance', '--dry-run'], {url})).out).toContain('nothing would be moved');
  });

  it('begins an operation', async () => {
    const {url} = await fakeCluster({'POST /admin/v1/rebalance': () => ({operation})});
    const {code, out} = await run(['rebalance', '--no-wait'], {url});
    expect(code).toBe(0);
    expect(out).toContain('operation watch 3');
  });
});

describe('usage', () => {
  it.each([
    [['sail'], /unknown command/],
    [['status', '--speed'], /unknown option/],
    [['replica-set', 'show'], /missing required argument/],
    [['database', 'create', 'x', '--replicas', 'many'], /--replicas: not a number: many/],
    [
      ['database', 'create', 'x', '--shards', 'many'],
      /--shards: neither a number from 1 nor auto: many/,
    ],
    [['replica-set', 'show', 'x1'], /<id>: not an id: x1/],
    [['operation', 'watch', '0'], /<id>: not an id: 0/],
    [['replica-set', 'move-replica', '1', '--from', 'a:1', '--to', '2'], /--from: not an id: a:1/],
    [['write', '/nowhere/points'], /no such file: \/nowhere\/points/],
    [['write', '/'], /\/ is a directory/],
    [['database', 'alter', 'x'], /name an option/],
    [['replica-set', 'move-replica', '1', '--from', '2'], /--to is missing/],
    [['status', '--url', 'http://a b'], /--url: not a URL/],
    [['status', '--url', 'ftp://a'], /--url: not a URL/],
    [['replica-set', 'elect', '1'], /--node is missing/],
    [['failover', 'mode', 'sometimes'], /Allowed choices are automatic, manual/],
    [['failover', 'mode', 'manual', '--db', 'm', '--replica-set', '1'], /not both/],
    [['node', 'maintenance', '1', '--end', '--for', '1h'], /--end wants no --for/],
    [['automation', 'pause', 'everything'], /Allowed choices are repair, rebalance, all/],
    [['completion', 'csh'], /Allowed choices are bash, zsh, fish/],
    [['nonsense'], /\(\.\/flotilla --help shows how\)/],
    [['database', 'nonsense'], /\(\.\/flotilla database --help shows how\)/],
    [['database', 'create'], /\(\.\/flotilla database create --help shows how\)/],
    [['tenant', 'alter', 'acme'], /--comment/],
    [['start', '--listen', 'here'], /--listen: not host:port: here/],
    [['cert', 'node', '--name', 'n', '--host', '10.0.0.1:8902'], /--host: .*without a port/],
    [['cert', 'node', '--name', 'n', '--host', '10.0.0.256'], /--host: not a name/],
    [['sql', '-e', ' ; -- nothing'], /no SQL/],
  ])('%j', async (args, message) => {
    const {code, err} = await run(args);
    expect(code).toBe(EXIT.usage);
    expect(err).toMatch(message);
  });

  it('every command that talks to a cluster takes --url and --json, and shows examples', async () => {
    const leaves = leavesOf(buildProgram(new CommandContext(terminalOf().terminal)), '');
    // They talk to no cluster, or to the node beside them alone.
    const silent = ['start', 'dev', 'health', 'audit', 'sim', 'completion'];
    silent.push('cert ca', 'cert node', 'cert client', 'recover meta', 'recover report');
    expect(leaves.length).toBeGreaterThan(35);
    for (const [words, command] of leaves) {
      const options = command.options.map(({long}) => long);
      if (!silent.includes(words))
        expect([words, options]).toEqual([words, expect.arrayContaining(['--url', '--json'])]);
      const {code, out} = await run([...words.split(' '), '--help']);
      expect([words, code]).toEqual([words, 0]);
      if (words !== 'sim') expect(out).toContain(`Examples:\n  ./flotilla ${words}`);
    }
  });

  it('every command that changes the cluster takes --dry-run', () => {
    const leaves = leavesOf(buildProgram(new CommandContext(terminalOf().terminal)), '');
    const dry = leaves.filter(([, {options}]) => options.some(({long}) => long === '--dry-run'));
    const reading =
      /^(start|dev|sql|write|status|health|audit|sim|completion|cert .*|.* (list|show|watch|candidates|ok-to-stop|plan|export|report))$/;
    expect(leaves.map(([words]) => words).filter((words) => !reading.test(words))).toEqual(
      dry.map(([words]) => words),
    );
  });

  it('sim takes what the simulator takes by itself', async () => {
    const {code, out} = await run(['sim', '--help']);
    expect(code).toBe(0);
    for (const [option] of SIMULATOR_USAGE.matchAll(/--[a-z]+/g)) expect(out).toContain(option);
  });

  it('tells its version', async () => {
    expect(await run(['--version'])).toMatchObject({code: 0, out: '0.1.0\n'});
  });

  it('says so where something else than a node answers', async () => {
    const other = createServer((socket) => socket.end('PRI * HTTP/2.0\r\n\r\n'));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => other.close());
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    const {code, err} = await run(['node', 'list', '--timeout', '0.2'], {url});
    expect(code).toBe(EXIT.unavailable);
    expect(err).toMatch(/answers, but not in HTTP.*\n {2}A node's HTTP port is that of --listen/);
    const status = await run(['status', '--timeout', '0.2'], {url});
    expect(status.out).toMatch(/next: .* the HTTP port of a node/);
  });

  it('keeps the catalog in a file for its owner alone', async () => {
    const kept = {version: 1, checksum: 7, snapshot: '{}'};
    const {url} = await fakeCluster({'GET /admin/v1/cluster/catalog': () => kept});
    const directory = mkdtempSync(path.join(tmpdir(), 'flotilla-export-'));
    cleanups.push(() => rmSync(directory, {recursive: true}));
    const file = path.join(directory, 'catalog.json');
    writeFileSync(file, 'the one before');
    const args = ['cluster', 'catalog', 'export', '--output', file];
    expect(await run(args, {url})).toMatchObject({code: 0, out: `the catalog is in ${file}\n`});
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(kept);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('documents the exit codes', async () => {
    expect((await run(['--help'])).out).toMatch(/Exit codes:[\s\S]*130/);
  });

  it('prints failures as JSON where asked', async () => {
    const {url} = await fakeCluster({});
    const {code, err} = await run(['node', 'list', '--json'], {url});
    expect(code).toBe(EXIT.failed);
    expect(JSON.parse(err)).toMatchObject({code: 'ROUTE_NOT_FOUND'});
  });
});

describe('tenant', () => {
  it('lists, creates, drops and alters', async () => {
    const {url, seen} = await fakeCluster({
      'GET /admin/v1/tenants': () => [{id: 1, name: 'default', databases: 2}],
      'GET /admin/v1/tenants/acme': () => ({id: 2, name: 'acme', databases: 0}),
      'POST /admin/v1/tenants': () => ({}),
      'PATCH /admin/v1/tenants/acme': () => ({}),
      'DELETE /admin/v1/tenants/acme': () => ({}),
    });
    const {out} = await run(['tenant', 'list'], {url});
    expect(out).toBe('NAME     DATABASES\ndefault          2\n');
    const created = await run(['tenant', 'create', 'acme', '--comment', 'ours'], {url});
    expect(created).toMatchObject({code: 0, out: 'created acme\n'});
    expect(JSON.parse(seen[1]!.body)).toEqual({name: 'acme', comment: 'ours'});
    expect(await run(['tenant', 'drop', 'acme', '--dry-run'], {url})).toMatchObject({
      code: 0,
      out: 'dry run, nothing was done: dropped acme\n',
    });
    expect(seen.at(-1)!.path).toBe('/admin/v1/tenants/acme?dry_run=true');
    expect(await run(['tenant', 'drop', 'acme'], {url})).toMatchObject({code: 0});
    const altered = await run(['tenant', 'alter', 'acme', '--comment', 'theirs'], {url});
    expect(altered).toMatchObject({code: 0, out: 'altered acme\n'});
    expect(seen.at(-1)).toMatchObject({method: 'PATCH', path: '/admin/v1/tenants/acme'});
    expect(await run(['tenant', 'create', 'x', '--dry-run'], {url})).toMatchObject({code: 0});
    expect(seen.at(-1)).toMatchObject({method: 'POST', path: '/admin/v1/tenants?dry_run=true'});
  });
});

describe('token', () => {
  const routes = {
    'GET /admin/v1/tokens': () => [{id: 1, name: 'ann', createdBy: 'admin', createdAt: 'then'}],
    'POST /admin/v1/tokens': () => ({name: 'ann', token: 'flt_x'}),
    'DELETE /admin/v1/tokens/ann': () => ({revoked: 'ann'}),
  };

  it('creates, lists and revokes', async () => {
    const {url, seen} = await fakeCluster(routes);
    expect(await run(['token', 'create', 'ann'], {url})).toMatchObject({code: 0, out: 'flt_x\n'});
    expect(JSON.parse(seen[0]!.body)).toEqual({name: 'ann'});
    expect((await run(['token', 'list'], {url})).out).toMatch(
      /^NAME +CREATED BY[\s\S]*ann +admin +then/,
    );
    expect(await run(['token', 'revoke', 'ann'], {url})).toMatchObject({out: 'revoked ann\n'});
    expect(seen.map(({method}) => method)).toEqual(['POST', 'GET', 'DELETE']);
  });

  it('is sent from its file, else from the environment', async () => {
    const {url, seen} = await fakeCluster(routes);
    const directory = mkdtempSync(path.join(tmpdir(), 'flotilla-token-'));
    cleanups.push(() => rmSync(directory, {recursive: true}));
    const file = path.join(directory, 'token');
    writeFileSync(file, 'of-the-file\n');
    const env = {FLOTILLA_TOKEN: 'of-the-environment'};
    await run(['token', 'list', '--token-file', file], {url, env});
    await run(['token', 'list'], {url, env});
    await run(['token', 'list'], {url, env: {FLOTILLA_TOKEN: ''}});
    expect(seen.map(({authorization}) => authorization)).toEqual([
      'Bearer of-the-file',
      'Bearer of-the-environment',
      undefined,
    ]);
    const missing = await run(['token', 'list', '--token-file', `${file}.none`], {url});
    expect(missing).toMatchObject({code: EXIT.usage, err: expect.stringMatching(/--token-file: /)});
  });

  it('that is missing or wrong is told with what to do', async () => {
    const body = {code: 'UNAUTHENTICATED', message: 'this needs a token', details: {}};
    const {url} = await fakeCluster({'GET /admin/v1/nodes': () => new Refusal(401, body)});
    const {code, err} = await run(['node', 'list'], {url});
    expect(code).toBe(EXIT.failed);
    expect(err).toMatch(/this needs a token[\s\S]*--token-file/);
  });

  it('goes by the two halves of a certificate together', async () => {
    const {code, err} = await run(['status', '--tls-cert', 'package.json']);
    expect(code).toBe(EXIT.usage);
    expect(err).toMatch(/--tls-cert and --tls-key go together/);
  });
});

describe('one tenant, one database', () => {
  const metrics = {id: 2, name: 'metrics', tenant: 'acme', ttl: null, replicas: 3, shards: 'auto'};
  const acme = {id: 2, name: 'acme', comment: 'the plant in Turin', databases: 1};

  it('are shown with what they have, as JSON too', async () => {
    const {url, seen} = await fakeCluster({
      'GET /admin/v1/tenants/acme': () => acme,
      'GET /admin/v1/databases/metrics': () => metrics,
    });
    expect(await run(['tenant', 'show', 'acme'], {url})).toMatchObject({
      code: 0,
      out: 'id         2\nname       acme\ncomment    the plant in Turin\ndatabases  1\n',
    });
    const show = ['database', 'show', 'metrics', '--tenant', 'acme'];
    expect((await run(show, {url})).out).toBe(
      'id        2\nname      metrics\ntenant    acme\nttl       none\nreplicas  3\nshards    auto\n',
    );
    expect(seen.at(-1)!.path).toBe('/admin/v1/databases/metrics?tenant=acme');
    expect(JSON.parse((await run([...show, '--json'], {url})).out)).toEqual(metrics);
    expect(JSON.parse((await run(['tenant', 'show', 'acme', '--json'], {url})).out)).toEqual(acme);
  });

  it('that are not there are an error with the next command', async () => {
    const {url} = await fakeCluster({
      'GET /admin/v1/tenants/acme': () =>
        new Refusal(404, {code: 'TENANT_NOT_FOUND', message: 'no tenant acme', details: {}}),
    });
    const {code, err} = await run(['tenant', 'show', 'acme'], {url});
    expect(code).toBe(EXIT.failed);
    expect(err).toMatch(/^flotilla: no tenant acme\n {2}See \.\/flotilla tenant list; make one/);
  });
});

describe('database', () => {
  it('lists, and says none where rows stay for ever', async () => {
    const options = {ttl: null, bucketDuration: '7d', replicas: 3, shards: 'auto'};
    const {url} = await fakeCluster({
      'GET /admin/v1/databases': () => [{name: 'public', ...options}],
    });
    const {out} = await run(['database', 'list'], {url});
    expect(out).toBe(
      'NAME    TTL   BUCKET DURATION  SHARDS  REPLICAS\n' +
        'public  none  7d               auto           3\n',
    );
  });

  it('says which replica sets have not confirmed a drop', async () => {
    const {url} = await fakeCluster({
      'DELETE /admin/v1/databases/m': () => ({dropped: 'm', unconfirmed: [7, 9]}),
    });
    const {code, out} = await run(['database', 'drop', 'm'], {url});
    expect(code).toBe(0);
    expect(out).toMatch(/^dropped m\nnot confirmed yet by replica sets 7, 9: /);
    const json = await run(['database', 'drop', 'm', '--json'], {url});
    expect(JSON.parse(json.out)).toEqual({dropped: 'm', unconfirmed: [7, 9]});
  });

  it('creates, alters and drops', async () => {
    const {url, seen} = await fakeCluster({
      'POST /admin/v1/databases': () => ({}),
      'PATCH /admin/v1/databases/m': () => ({}),
      'DELETE /admin/v1/databases/m': () => undefined,
    });
    const created = await run(['database', 'create', 'm', '--ttl', '30d', '--shards', '8'], {url});
    expect(created).toMatchObject({code: 0, out: 'created m\n'});
    expect(await run(['database', 'alter', 'm', '--ttl', 'none'], {url})).toMatchObject({code: 0});
    expect(await run(['database', 'drop', 'm', '--tenant', 't'], {url})).toMatchObject({code: 0});
    expect(seen.map(({body}) => (body === '' ? undefined : JSON.parse(body)))).toEqual([
      {name: 'm', ttl: '30d', shards: 8},
      {ttl: null},
      undefined,
    ]);
    expect(seen[2]!.path).toBe('/admin/v1/databases/m?tenant=t');
  });

  it('asks whether it would be made on a dry run', async () => {
    const {url, seen} = await fakeCluster({'POST /admin/v1/databases': () => ({})});
    const args = ['database', 'create', 'm', '--tenant', 't', '--dry-run'];
    expect((await run(args, {url})).out).toBe('dry run, nothing was done: created m\n');
    expect(seen.map(({path}) => path)).toEqual(['/admin/v1/databases?tenant=t&dry_run=true']);
    const json = await run([...args, '--json'], {url});
    expect(JSON.parse(json.out)).toEqual({dryRun: true, created: 'm'});
  });
});

describe('replica sets and operations', () => {
  const set = {
    id: 12,
    database: 'public',
    bucket: {id: 3, start: '2026-01-01T00:00:00Z', end: '2026-01-08T00:00:00Z'},
    shard: 0,
    epoch: 2,
    state: 'open',
    replicas: [
      {replica: 31, node: 1, role: 'voter', leader: true, state: 'open', appliedIndex: 9, lag: 0},
      {replica: 32, node: 2, role: 'learner', leader: false, state: 'open', lag: 4},
    ],
  };
  const operation = {id: 7, kind: 'move-replica', state: 'running', step: 'catch-up', percent: 40};

  it('lists and shows', async () => {
    const {url} = await fakeCluster({
      'GET /admin/v1/replica-sets': () => [set],
      'GET /admin/v1/replica-sets/12': () => set,
    });
    const list = await run(['replica-set', 'list', '--db', 'public'], {url});
    expect(list.out.split('\n')[1]).toMatch(/^12 {2}public .* open +1 +1 2\*$/);
    const shown = await run(['replica-set', 'show', '12'], {url});
    expect(shown.out).toContain('replica set 12  database public  bucket 3 [2026-01-01T00:00:00Z');
    expect(shown.out).toMatch(/32 {5}2 {2}learner {2}no/);
  });

  it('moves and watches to the end', async () => {
    let looks = 0;
    const {url, seen} = await fakeCluster({
      'POST /admin/v1/replica-sets/12/move-replica': () => ({operation}),
      'GET /admin/v1/operations/7': () =>
        ++looks < 2 ? operation : {...operation, state: 'done', step: 'done'},
    });
    const args = ['replica-set', 'move-replica', '12', '--from', '1', '--to', '3'];
    const {code, out, err} = await run(args, {url});
    expect(code).toBe(0);
    expect(seen[0]!.body).toBe('{"from":"1","to":"3"}');
    expect(err).toBe('operation 7 (move-replica): running, catch-up\n');
    expect(out).toBe('operation 7 (move-replica): done\n');
  });

  it('fails as the operation fails', async () => {
    const failed = {...operation, state: 'failed', error: 'node 3 is gone'};
    const {url} = await fakeCluster({'GET /admin/v1/operations/7': () => failed});
    const {code, out} = await run(['operation', 'watch', '7'], {url});
    expect(code).toBe(EXIT.failed);
    expect(out).toContain('failed: node 3 is gone');
  });

  it('leaves it running on Ctrl-C and says how to watch', async () => {
    const {url} = await fakeCluster({'GET /admin/v1/operations/7': () => operation});
    const onInterrupt = (stop: () => void) => setTimeout(stop, 50);
    const args = ['operation', 'watch', '7', '--url', url];
    const {code, err} = await run(args, {tty: true, onInterrupt});
    expect(code).toBe(EXIT.interrupted);
    expect(err).toContain('[##########................] 40%');
    expect(err).toContain(`watch it with: ./flotilla operation watch 7 --url ${url}\n`);
  });

  it('returns at once where asked', async () => {
    const {url} = await fakeCluster({
      'POST /admin/v1/replica-sets/12/remove-replica': () => ({operation}),
    });
    const args = ['replica-set', 'remove-replica', '12', '--node', '2', '--no-wait'];
    const {code, out} = await run(args, {url});
    expect(code).toBe(0);
    expect(out).toContain('watch it: ./flotilla operation watch 7');
  });

  it('cancels and tries again', async () => {
    const {url} = await fakeCluster({
      'POST /admin/v1/operations/7/cancel': () => ({operation: {...operation, state: 'cancelled'}}),
      'POST /admin/v1/operations/8/cancel': () => ({operation: {...operation, state: 'done'}}),
      'POST /admin/v1/operations/7/retry': () => ({operation: {...operation, id: 9}}),
      'GET /admin/v1/operations/9': () => ({...operation, id: 9, state: 'done'}),
    });
    const cancelled = await run(['operation', 'cancel', '7'], {url});
    expect(cancelled).toMatchObject({code: 0, out: 'operation 7 (move-replica): cancelled\n'});
    // It was too late.
    expect((await run(['operation', 'cancel', '8'], {url})).code).toBe(EXIT.failed);
    const retried = await run(['operation', 'retry', '7'], {url});
    expect(retried).toMatchObject({code: 0, out: 'operation 9 (move-replica): done\n'});
    const begun = await run(['operation', 'retry', '7', '--no-wait', '--json'], {url});
    expect(JSON.parse(begun.out)).toMatchObject({id: 9, state: 'running'});
  });

  it('shows an order to skip an entry that nobody brought to its end', async () => {
    const skipOrder = {order: 9, index: 17, by: 'ann', atMs: 1};
    const {url} = await fakeCluster({'GET /admin/v1/replica-sets/12': () => ({...set, skipOrder})});
    const {out} = await run(['replica-set', 'show', '12'], {url});
    expect(out).toContain(
      'an order of ann to skip entry 17 is not decided: go on with it by flotilla replica-set skip-entry 12 --index 17 --yes, or withdraw it by flotilla replica-set retry 12\n',
    );
  });

  it('skips an entry, and tells by exit code and text whether the set goes on', async () => {
    const led = {...set, leader: 1, skippedEntries: [{index: 17, by: 'ann', atMs: 1}]};
    const failed = {...set.replicas[1]!, state: 'failed', failedIndex: 17, appliedIndex: 16};
    let answer: object = led;
    const {url} = await fakeCluster({
      'POST /admin/v1/replica-sets/12/skip-entry': () => answer,
      'POST /admin/v1/replica-sets/12/retry': () => answer,
    });
    const skip = ['replica-set', 'skip-entry', '12', '--index', '17'];
    expect((await run(skip, {url})).err).toContain('say --yes if that is meant');
    expect((await run([...skip, '--yes'], {url})).code).toBe(0);
    answer = {...led, replicas: [set.replicas[0]!, failed]};
    const slow = await run([...skip, '--yes'], {url});
    expect(slow.code).toBe(EXIT.failed);
    expect(slow.out).toContain('replica 32 on node 2 failed at entry 17, which it is to pass over');
    answer = {...led, replicas: [set.replicas[0]!, {...failed, failedIndex: 18}]};
    for (const args of [skip.concat('--yes'), ['replica-set', 'retry', '12']]) {
      const next = await run(args, {url});
      expect(next.code).toBe(EXIT.failed);
      expect(next.out).toContain(
        `replica 32 on node 2 failed at entry 18: start its node with a build that knows the entry, or give the entry up: ./flotilla replica-set skip-entry 12 --index 18 --yes\n`,
      );
    }
    answer = {...led, leader: undefined};
    const json = await run([...skip, '--yes', '--json'], {url});
    expect(json.code).toBe(EXIT.failed);
    expect(JSON.parse(json.out)).toMatchObject({id: 12});
  });

  it('compares and compacts', async () => {
    const result = '3 replicas agree on 5 values at index 9 (aa)';
    const done = {id: 7, kind: 'checksum', replicaSet: 12, state: 'done', result};
    const {url} = await fakeCluster({
      'POST /admin/v1/replica-sets/12/checksum': () => ({operation: done}),
      'POST /admin/v1/replica-sets/12/compact': () => ({operation: {...done, kind: 'compact'}}),
    });
    const compared = await run(['replica-set', 'checksum', '12'], {url});
    const line = `operation 7 (checksum of replica set 12): done: ${result}\n`;
    expect(compared).toMatchObject({code: 0, out: line});
    expect((await run(['replica-set', 'compact', '12'], {url})).code).toBe(0);
  });

  it('says what it would begin', async () => {
    const begun = {id: 9, kind: 'add-replica', state: 'running', replicaSet: 12, targetNode: 4};
    const {url, seen} = await fakeCluster({
      'POST /admin/v1/replica-sets/12/add-replica': () => ({dryRun: true, operation: begun}),
    });
    const args = ['replica-set', 'add-replica', '12', '--node', '4', '--dry-run'];
    const {code, out} = await run(args, {url});
    expect({code, out}).toEqual({
      code: 0,
      out: 'would begin: add-replica, replicaSet 12, targetNode 4\n',
    });
    expect(seen.map(({path}) => path)).toEqual([
      '/admin/v1/replica-sets/12/add-replica?dry_run=true',
    ]);
  });

  it('shows who could lead, and why another cannot', async () => {
    const candidate = {
      replica: 31,
      node: 1,
      isReachable: true,
      votes: 2,
      votesNeeded: 2,
      canWin: true,
    };
    const {url} = await fakeCluster({
      'GET /admin/v1/replica-sets/12/candidates': () => [
        {...candidate, lastTerm: 4, lastIndex: 9, lag: 0},
        {...candidate, node: 2, votes: 1, canWin: false, why: 'its node does not answer'},
      ],
    });
    const {out} = await run(['replica-set', 'candidates', '12'], {url});
    expect(out).toMatch(/LAST TERM {2}LAST INDEX {2}LAG {2}VOTES {2}VOTES NEEDED {2}CAN WIN\n/);
    expect(out).toMatch(/\n\nnode 2 cannot lead: its node does not answer\n$/);
  });
});

describe('people and what the cluster does by itself', () => {
  it('pauses and resumes it, and status says so', async () => {
    const until = '2026-01-01T02:00:00.000Z';
    const paused = {repair: {state: 'paused', until}, rebalance: {state: 'running'}};
    const {url, seen} = await fakeCluster({
      'POST /admin/v1/automation/pause': () => paused,
      'POST /admin/v1/automation/resume': () => ({...paused, repair: {state: 'running'}}),
      'GET /admin/v1/status': () => ({
        verdict: 'healthy',
        notices: [{message: 'repair is paused', next: 'flotilla automation resume repair'}],
      }),
    });
    const {out} = await run(['automation', 'pause', 'repair', '--for', '2h'], {url});
    expect(out).toBe(
      `WHAT       STATE    UNTIL\nrepair     paused   ${until}\nrebalance  running  -\n`,
    );
    await run(['automation', 'resume'], {url});
    expect(seen.map(({body}) => JSON.parse(body))).toEqual([
      {what: 'repair', for: '2h'},
      {what: 'all'},
    ]);
    const status = await run(['status'], {url});
    expect(status).toMatchObject({
      code: 0,
      out: 'healthy\n- repair is paused\n    next: ./flotilla automation resume repair\n',
    });
  });

  it('says whether nodes can be stopped, in words and by its exit code', async () => {
    const lost = {id: 12, database: 'public', voters: 3, present: 2, left: 1, needed: 2};
    const {url} = await fakeCluster({
      'GET /admin/v1/nodes/ok-to-stop': ({path}) =>
        path.endsWith('=2,3') ? {ok: false, sets: [lost]} : {ok: true, sets: []},
    });
    expect(await run(['node', 'ok-to-stop', '3'], {url})).toMatchObject({
      code: EXIT.ok,
      out: 'ok: without node 3 every replica set keeps a majority\n',
    });
    const {code, out} = await run(['node', 'ok-to-stop', '2', '3'], {url});
    expect(code).toBe(EXIT.failed);
    expect(out).toMatch(/^not ok: without nodes 2, 3 .*\n\nID .*\n12 {2}public/);
  });

  it('waits until a node in maintenance leads nothing', async () => {
    let looks = 0;
    const maintenance = {untilMs: 1_000, scope: 'all'};
    const {url, seen} = await fakeCluster({
      'POST /admin/v1/nodes/3/maintenance': () => ({id: 3, maintenance}),
      'GET /admin/v1/nodes': () => [{id: 3, leaders: 2 - ++looks}],
    });
    const {code, out} = await run(['node', 'maintenance', '3', '--for', '1h'], {url});
    expect({code, out}).toEqual({
      code: EXIT.ok,
      out: 'node 3 is to lead nothing until 1970-01-01T00:00:01.000Z\nit leads nothing now\n',
    });
    expect(JSON.parse(seen[0]!.body)).toEqual({for: '1h'});
    expect(await run(['node', 'maintenance', '3', '--end'], {url})).toMatchObject({
      code: EXIT.ok,
      out: 'the maintenance of node 3 has ended\n',
    });
    expect(JSON.parse(seen.at(-1)!.body)).toEqual({end: true});
  });

  it('sets how the cluster, a database or a set fails over, and shows it', async () => {
    const {url, seen} = await fakeCluster({
      'PATCH /admin/v1/cluster': () => ({}),
      'PATCH /admin/v1/databases/m': () => ({}),
      'POST /admin/v1/replica-sets/12/failover': () => ({id: 12}),
      'GET /admin/v1/cluster': () => ({id: 'c', failover: 'manual'}),
    });
    const mode = (...args: string[]) => run(['failover', 'mode', ...args], {url});
    expect((await mode('manual')).out).toBe('failover of the cluster is manual\n');
    expect((await mode('manual', '--db', 'm')).out).toBe('failover of database m is manual\n');
    await mode('automatic', '--replica-set', '12');
    expect(seen.map(({path, body}) => [path.split('?')[0], body])).toEqual([
      ['/admin/v1/cluster', '{"failover":"manual"}'],
      ['/admin/v1/databases/m', '{"failover":"manual"}'],
      ['/admin/v1/replica-sets/12/failover', '{"mode":"automatic"}'],
    ]);
    expect((await mode()).out).toBe('failover  manual\n');
  });

  it('shows what version the cluster uses and could use, and raises it', async () => {
    const {url} = await fakeCluster({
      'GET /admin/v1/cluster': () => ({
        id: 'c',
        version: 1,
        nodes: [{node: 1, address: 'a:1', build: '0.1.0', clusterVersionMax: 2}],
        next: 'flotilla cluster upgrade finalize',
      }),
      'POST /admin/v1/cluster/upgrade/finalize': () => ({version: 2, from: 1}),
    });
    const {out} = await run(['cluster', 'show'], {url});
    expect(out).toMatch(/next +\.\/flotilla cluster upgrade finalize\n/);
    expect(out).toMatch(/1 +a:1 +0\.1\.0 +2\n/);
    expect((await run(['cluster', 'upgrade', 'finalize'], {url})).out).toBe(
      'the cluster uses version 2 now; before, it was 1\n',
    );
  });
});

describe('colour', () => {
  const routes: Routes = {
    'GET /admin/v1/status': () => ({
      verdict: 'degraded',
      nodes: [
        {id: 1, state: 'active', address: 'a:1'},
        {id: 2, state: 'draining', address: 'b:1'},
      ],
    }),
  };

  it('marks verdicts and states on a terminal, and no column moves', async () => {
    const {url} = await fakeCluster(routes);
    const {out} = await run(['status'], {url, tty: true});
    expect(out).toContain('\x1b[33mdegraded\x1b[0m\n');
    expect(out).toContain('\x1b[32mactive\x1b[0m');
    const plain = await run(['status'], {url});
    expect(plain.out).not.toContain('\x1b');
    expect(stripVTControlCharacters(out)).toBe(plain.out);
  });

  it.each<Record<string, string>>([{NO_COLOR: '1'}, {TERM: 'dumb'}])(
    'is not there with %j',
    async (env) => {
      const {url} = await fakeCluster(routes);
      expect((await run(['status'], {url, tty: true, env})).out).not.toContain('\x1b');
    },
  );
});

describe('sql', () => {
  const accept = {'POST /api/v1/sql': ({body}: Seen) => `<${body}>`};

  it('runs statements from -e and stdin', async () => {
    const {url} = await fakeCluster(accept);
    expect(await run(['sql', '-e', "SELECT ';'; SELECT 2"], {url})).toMatchObject({
      code: 0,
      out: "<SELECT ';'>\n<SELECT 2>\n",
    });
    expect((await run(['sql'], {url, stdin: 'SELECT 3;\n'})).out).toBe('<SELECT 3>\n');
  });

  it('stops at the first failure and points to it', async () => {
    const {url, seen} = await fakeCluster({
      'POST /api/v1/sql': () => new Refusal(404, {code: 'DATABASE_NOT_FOUND', message: 'no m'}),
    });
    const {code, err} = await run(['sql', '-e', 'SELECT 1; SELECT 2', '--db', 'm'], {url});
    expect(code).toBe(EXIT.failed);
    expect(err).toMatch(/^flotilla: no m\n {2}See .\/flotilla database list/);
    expect(seen.length).toBe(1);
  });
});

describe('write', () => {
  function directory(): string {
    const made = mkdtempSync(path.join(tmpdir(), 'flotilla-cli-'));
    cleanups.push(() => rmSync(made, {recursive: true}));
    return made;
  }

  it('cuts a file at lines and goes on where it is told', async () => {
    const {url, seen} = await fakeCluster({'POST /api/v1/write': () => undefined});
    const file = path.join(directory(), 'a.lp.gz');
    writeFileSync(file, gzipSync('m v=1 1\nm v=2 2\nm v=3 3\nm v=4 4\nm v=5 5'));
    const args = ['write', file, '--batch-lines', '2', '--skip-lines', '1', '--db', 'd'];
    const {code, out} = await run(args, {url});
    expect({code, out}).toEqual({code: 0, out: 'sent 4 lines (39 B)\n'});
    expect(seen.map(({body}) => body)).toEqual(['m v=2 2\n', 'm v=3 3\nm v=4 4\n', 'm v=5 5']);
    expect(seen[0]!.path).toBe('/api/v1/write?db=d&tenant=default&accept_partial=true');
  });

  it('names bad lines by their place in the whole input', async () => {
    const line = {line: 1, code: 'LINE_SYNTAX', reason: 'no fields', text: 'bad'};
    const {url} = await fakeCluster({
      'POST /api/v1/write': ({body}) =>
        body.startsWith('bad')
          ? new Refusal(400, {
              code: 'LINES_REJECTED',
              message: 'x',
              details: {written: 0, rejected: 1, lines: [line], replicaSets: []},
            })
          : undefined,
    });
    const stdin = 'm v=1 1\nm v=2 2\nbad\nm v=4 4\n';
    const {code, out} = await run(['write', '--batch-lines', '2'], {url, stdin});
    expect(code).toBe(EXIT.linesRejected);
    expect(out).toBe('line 3: no fields: bad\nsent 4 lines (28 B), 1 rejected\n');
  });

  it('shows of a bad line nothing that a terminal obeys', async () => {
    const text = `\u001b[2J${'x'.repeat(200)}`;
    const lines = [{line: 1, code: 'LINE_SYNTAX', reason: 'missing fields', text}];
    const details = {written: 0, rejected: 1, lines, replicaSets: []};
    const {url} = await fakeCluster({
      'POST /api/v1/write': () => new Refusal(400, {code: 'LINES_REJECTED', details}),
    });
    const {out} = await run(['write'], {url, stdin: 'bad\n'});
    expect(out.split('\n')[0]).toBe(`line 1: missing fields: \ufffd[2J${'x'.repeat(116)} ...`);
  });

  it('says from where to go on after a failure', async () => {
    let count = 0;
    const {url} = await fakeCluster({
      'POST /api/v1/write': () =>
        ++count === 2 ? new Refusal(507, {code: 'DISK_FULL'}) : undefined,
    });
    const stdin = 'm v=1 1\nm v=2 2\nm v=3 3\n';
    const {code, err} = await run(['write', '--batch-lines', '1'], {url, stdin});
    expect(code).toBe(EXIT.failed);
    expect(err).toBe(
      'the first 1 lines are written; go on with --skip-lines 1\nflotilla: DISK_FULL\n',
    );
  });
});
