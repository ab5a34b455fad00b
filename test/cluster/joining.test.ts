// How nodes find each other, come back and are kept out: one cluster, from its first start on.

import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {crc32} from 'node:zlib';
import {META_SET} from '@flotilla/base';
import {FlotillaClient} from '@flotilla/client';
import {freePorts, makeJoinSecret, ProcessNode} from '@flotilla/testkit';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {openDatabase, untilApplied} from './nodes.ts';
import {until} from './waiting.ts';

let directory: string;
let secret: string;
let ports: number[];
/** By number; ids are given in the order of joining. */
const nodes: ProcessNode[] = [];
const started: ProcessNode[] = [];
let client: FlotillaClient;
let cluster: string;

function place(name: string, port: number, args: readonly string[]): ProcessNode {
  const data = path.join(directory, name);
  const listen = ['--listen', `127.0.0.1:${port}`, '--data', data, '--no-hints'];
  const node = new ProcessNode(port, {port, directory: data, args: [...listen, ...args]});
  started.push(node);
  return node;
}

function addressesOf(list: readonly number[]): string {
  return list.map((port) => `127.0.0.1:${port}`).join(',');
}

beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'flotilla-joining-'));
  secret = makeJoinSecret(directory);
  ports = [await freePorts(2), await freePorts(2), await freePorts(2)];
  for (const [i, port] of ports.entries()) {
    const flags = ['--join', addressesOf(ports), '--join-secret-file', secret];
    const founder = i === 0 ? ['--bootstrap'] : [];
    nodes.push(place(`node${i + 1}`, port, [...flags, ...founder, '--zone', `zone-${i + 1}`]));
  }
  client = new FlotillaClient({urls: nodes.map(({url}) => url), database: 'joined'});
});
afterAll(async () => {
  client.close();
  await Promise.all(started.map((node) => node.kill()));
  rmSync(directory, {recursive: true, force: true});
});

async function waitReason(node: ProcessNode, reason: RegExp): Promise<void> {
  await until(`node at ${node.port} says ${reason}`, async () => {
    const answer = await fetch(`${node.url}/ready`);
    return answer.status === 503 && reason.test(await answer.text());
  });
}

async function clusterOf(node: ProcessNode): Promise<string> {
  const answer = await fetch(`${node.url}/admin/v1/status`);
  return ((await answer.json()) as {cluster: {id: string}}).cluster.id;
}

async function nodeAt(port: number): Promise<Readonly<Record<string, unknown>> | undefined> {
  const list = (await client.admin.nodes()).filter(({address}) => address === `127.0.0.1:${port}`);
  return list.sort((a, b) => Number(b['id']) - Number(a['id']))[0];
}

test('the join list never founds; with one --bootstrap among them, however late, all are one', async () => {
  const [founder, second, third] = nodes as [ProcessNode, ProcessNode, ProcessNode];
  third.start();
  await waitReason(third, /none of .* is known to belong to a cluster; one node needs --bootstrap/);
  founder.start();
  await waitReason(founder, new RegExp(`127.0.0.1:${second.port} must answer first`));
  second.start();
  await Promise.all(nodes.map((node) => node.ready()));
  cluster = await clusterOf(founder);
  expect(await Promise.all(nodes.map(clusterOf))).toEqual([cluster, cluster, cluster]);
  await until('all three are in the catalog with their zones', async () => {
    const zones = (await client.admin.nodes()).map(({zone}) => zone);
    return zones.sort().join() === 'zone-1,zone-2,zone-3';
  });
  await openDatabase(client, 'joined');
}, 120_000);

test('one without the secret, with another one, or of another cluster stays outside', async () => {
  const elsewhere = path.join(directory, 'elsewhere');
  const port = await freePorts(2);
  const alone = place('no-secret', port, ['--join', addressesOf(ports)]);
  alone.start();
  alone.mayEnd();
  expect(await alone.exited()).toBe(1);
  expect(alone.logTail()).toMatch(/--join needs the join secret.*openssl rand -hex 32 > secret/);

  // It founds one of its own, and is then put where a node of the cluster was.
  const [, , third] = nodes as [ProcessNode, ProcessNode, ProcessNode];
  const {port: taken} = third;
  await third.kill();
  const stranger = place('stranger', taken, ['--join-secret-file', secret]);
  stranger.start();
  const other = place('other', port, ['--join', addressesOf(ports)]);
  other.start(['--join-secret-file', makeJoinSecret(path.dirname(elsewhere), 'other-secret')]);
  await stranger.ready();
  expect(await clusterOf(stranger)).not.toBe(cluster);
  await until('both sides say that the clusters differ', () =>
    [stranger, nodes[0]!].every((node) =>
      new RegExp(`belongs to cluster .*${cluster}`).test(node.logTail()),
    ),
  );
  await waitReason(other, /the join secrets differ: all nodes of a cluster need the same/);
  await until('the node that was asked says so too', () =>
    nodes.some((node) => node.logTail().includes('the join secrets differ')),
  );
  await Promise.all([stranger.kill(), other.kill()]);
  expect(await client.admin.nodes()).toHaveLength(3);
}, 120_000);

test('a node that returns at another address is found there, though others dial it', async () => {
  const [, second, third] = nodes as [ProcessNode, ProcessNode, ProcessNode];
  const id = (await nodeAt(third.port))?.['id'];
  const greatest = Math.max(...(await client.admin.nodes()).map((node) => Number(node['id'])));
  const port = await freePorts(2);
  const flags = ['--join', addressesOf([ports[0]!, ports[1]!, port]), '--join-secret-file', secret];
  nodes[2] = place('node3', port, flags);
  nodes[2].start();
  await nodes[2].ready();
  await until('the catalog has its address', async () => (await nodeAt(port))?.['id'] === id);
  expect((await nodeAt(port))?.['zone']).toBe('zone-3');
  expect((await client.admin.nodes()).map((node) => Number(node['id']))).toContain(greatest);
  // It takes the returned one to have a majority.
  client.close();
  client = new FlotillaClient({urls: nodes.map(({url}) => url), database: 'joined'});
  await second.kill();
  await client.write('moved v=1i 1600000000000000000', {timeoutMs: 30_000});
  second.start();
  await second.ready();
  await untilApplied(client, 'joined');
}, 120_000);

interface CachedChange {
  readonly kind: string;
  readonly id: number;
  readonly value: Record<string, unknown>;
}

/** As it was when the node had just joined: of the meta group only the founder's replica, no node after it. */
function ageCatalogCache(node: number, data: string): void {
  const file = path.join(data, 'catalog-cache.json');
  const cached = JSON.parse(readFileSync(file, 'utf8')) as {snapshot: string};
  const {changes} = JSON.parse(cached.snapshot) as {changes: CachedChange[]};
  const old = changes.flatMap((change): CachedChange[] => {
    const {kind, id, value} = change;
    if (kind === 'cluster' || (kind === 'node' && id <= node)) return [change];
    if (kind !== 'replica-set' || id !== META_SET) return [];
    const [founder] = value['replicas'] as unknown[];
    return [{kind, id, value: {...value, replicas: [founder]}}];
  });
  const snapshot = JSON.stringify({version: 8, changes: old});
  writeFileSync(file, JSON.stringify({...cached, checksum: crc32(snapshot), snapshot}));
}

test('two of three whose cached catalogs are older than they elect without the third', async () => {
  await until('the meta group has three voters', async () => {
    const {metaVoters} = await client.admin.status();
    return (metaVoters as unknown[]).length === 3;
  });
  await untilApplied(client, 'joined');
  const ids = await Promise.all(nodes.map(async ({port}) => Number((await nodeAt(port))?.['id'])));
  await Promise.all(nodes.map((node) => node.kill()));
  for (const [i, {directory: data}] of nodes.entries()) ageCatalogCache(ids[i]!, data);
  const [first, ...others] = nodes as [ProcessNode, ...ProcessNode[]];
  for (const node of others) node.start();
  await client.write('older v=3i 1600000000000000000', {timeoutMs: 30_000});
  first.start();
  await Promise.all(nodes.map((node) => node.ready()));
  await untilApplied(client, 'joined');
}, 120_000);

test('one whose directory was emptied is a new node, also the founder, which joins', async () => {
  const founder = nodes[0]!;
  const before = await nodeAt(founder.port);
  await founder.kill();
  rmSync(founder.directory, {recursive: true});
  founder.start();
  await founder.ready();
  expect(await clusterOf(founder)).toBe(cluster);
  const now = await nodeAt(founder.port);
  expect(Number(now?.['id'])).toBeGreaterThan(3);
  expect(now?.['id']).not.toBe(before?.['id']);
  expect(await client.query('SELECT v FROM moved', {database: 'joined'})).toEqual([{v: 1}]);
  await client.write('after v=2i 1600000000000000000', {timeoutMs: 30_000});
}, 120_000);

test.each([
  ['first', /must answer first/],
  ['last', /one node needs --bootstrap/],
] as const)(
  'the one with --bootstrap may start %s',
  async (name, reason) => {
    const own = [await freePorts(2), await freePorts(2), await freePorts(2)];
    const flags = ['--join', addressesOf(own), '--join-secret-file', secret];
    const three = own.map((port, i) =>
      place(`${name}-${i + 1}`, port, i === 0 ? [...flags, '--bootstrap'] : flags),
    );
    const [founder, ...joining] = three as [ProcessNode, ...ProcessNode[]];
    const [early, late] = name === 'first' ? [[founder], joining] : [joining, [founder]];
    for (const node of early) node.start();
    await Promise.all(early.map((node) => waitReason(node, reason)));
    for (const node of late) node.start();
    await Promise.all(three.map((node) => node.ready()));
    const [id, ...others] = await Promise.all(three.map(clusterOf));
    expect(others).toEqual([id, id]);
    // Why it waits is said once and not at each try.
    const told = three.map((node) => node.logTail().split('did not take this node in').length - 1);
    expect(Math.max(...told)).toBeLessThan(3);
    await Promise.all(three.map((node) => node.kill()));
  },
  120_000,
);

test('a node that is no member of meta comes back without its cached catalog', async () => {
  const port = await freePorts(2);
  const flags = ['--join', addressesOf(ports), '--join-secret-file', secret, '--zone', 'zone-1'];
  const fourth = place('node4', port, flags);
  fourth.start();
  await fourth.ready();
  const {metaVoters} = await client.admin.status();
  expect(metaVoters).not.toContain((await nodeAt(port))?.['id']);
  await fourth.kill();
  rmSync(path.join(fourth.directory, 'catalog-cache.json'));
  fourth.start();
  await fourth.ready();
  const own = new FlotillaClient({urls: [fourth.url], database: 'joined'});
  expect(await own.query('SELECT v FROM moved')).toEqual([{v: 1}]);
  own.close();
}, 60_000);
