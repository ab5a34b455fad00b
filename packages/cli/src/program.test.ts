import {readFileSync, statSync, writeFileSync} from 'node:fs';
import {type AddressInfo, createServer} from 'node:net';
import path from 'node:path';
import {SIMULATOR_USAGE} from '@flotilla/simulator';
import type {Command} from 'commander';
import {afterEach, describe, expect, it} from 'vitest';
import {
  cleanUp,
  cleanups,
  fakeCluster,
  run,
  temporaryDirectory,
  terminalOf,
} from './program.fixture.ts';
import {buildProgram} from './program.ts';
import {CommandContext} from './session.ts';
import {EXIT} from './terminal.ts';

afterEach(cleanUp);

type Leaf = readonly [words: string, command: Command];

/** Commands that do something, by their words. */
function leavesOf(command: Command, words: string): Leaf[] {
  if (command.commands.length === 0) return [[words.trim(), command]];
  return command.commands.flatMap((each) => leavesOf(each, `${words} ${each.name()}`));
}

const newContext = (): CommandContext => new CommandContext(terminalOf().terminal);

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
    [['node', 'maintenance', '1', '--end', '--for', '1h'], /--end and --for exclude each other/],
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
    const leaves = leavesOf(await buildProgram(newContext()), '');
    // They talk to no cluster, or to the node beside them alone.
    const silent = ['start', 'dev', 'health', 'audit', 'check', 'plan', 'sim', 'completion'];
    silent.push('cert ca', 'cert node', 'cert client', 'recover meta', 'recover report');
    silent.push('backup list', 'backup verify', 'backup prune');
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

  it('every command that changes the cluster takes --dry-run', async () => {
    const leaves = leavesOf(await buildProgram(newContext()), '');
    const dry = leaves.filter(([, {options}]) => options.some(({long}) => long === '--dry-run'));
    const reading =
      /^(start|dev|sql|write|export|status|health|audit|check|plan|sim|completion|cert .*|backup verify|.* (list|show|watch|candidates|cardinality|ok-to-stop|plan|export|report))$/;
    expect(leaves.map(([words]) => words).filter((words) => !reading.test(words))).toEqual(
      dry.map(([words]) => words),
    );
  });

  it('a command that is named is loaded alone, and by its name', async () => {
    const namesOf = async (first?: string) =>
      (await buildProgram(newContext(), first)).commands.map((each) => each.name());
    const all = await namesOf();
    for (const name of all)
      expect([name, await namesOf(name)]).toEqual([name, name === 'completion' ? all : [name]]);
    for (const other of ['--help', 'statsu', 'constructor', ''])
      expect([other, await namesOf(other)]).toEqual([other, all]);
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

  it('says at once where nobody listens, and what to do', async () => {
    const {code, err} = await run(['node', 'list'], {url: 'http://127.0.0.1:1'});
    expect([code, err]).toEqual([
      EXIT.unavailable,
      'flotilla: cannot connect to http://127.0.0.1:1: nothing listens there (ECONNREFUSED)\n' +
        '  Is a node running there? Start one with ./flotilla start, or name another with --url.\n',
    ]);
  });

  it('says that a name is not known, and sends nobody to start a node there', async () => {
    const url = 'http://nowhere.invalid:8902';
    const {code, err} = await run(['node', 'list', '--url', 'nowhere.invalid:8902']);
    expect(code).toBe(EXIT.unavailable);
    expect(err).toMatch(
      /^flotilla: cannot connect to http:\/\/nowhere\.invalid:8902: .*name.*\n {2}Name a node with --url/,
    );
    const status = await run(['status', '--url', url]);
    expect(status.code).toBe(EXIT.unavailable);
    expect(status.out).toMatch(/next: \.\/flotilla status --url with the address of a node/);
  });

  it('tells a person whom it waits for, and takes that away', async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => silent.close());
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const args = ['node', 'list', '--timeout', '0.8'];
    const said = `\r\x1b[2Kasking ${url}, no answer yet\r\x1b[2Kflotilla: `;
    expect((await run(args, {url, tty: true})).err).toContain(said);
    expect((await run(args, {url})).err).not.toContain('asking');
    const {url: living} = await fakeCluster({'GET /admin/v1/nodes': () => []});
    expect((await run(['node', 'list'], {url: living, tty: true})).err).toBe('');
  });

  it('keeps the catalog in a file for its owner alone', async () => {
    const kept = {version: 1, checksum: 7, snapshot: '{}'};
    const {url} = await fakeCluster({'GET /admin/v1/cluster/catalog': () => kept});
    const directory = temporaryDirectory();
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
