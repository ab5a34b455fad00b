import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {META_SET, type NodeId} from '@flotilla/base';
import {Catalog, CatalogMachine} from '@flotilla/catalog';
import {freePorts} from '@flotilla/testkit';
import {afterAll, expect, test} from 'vitest';
import {NodeClock, openNodeDirectory} from '../adapters/index.ts';
import {readCatalogCache, writeCatalogCache} from './catalog-cache.ts';
import {encodeEvidence} from './evidence-file.ts';
import {startNode} from './node.ts';
import {recoverMeta, reportStopped} from './recover-meta.ts';
import {StoppedNode} from './stopped-node.ts';

const LOG = {info: () => {}, warn: () => {}, error: () => {}};
const root = mkdtempSync(path.join(tmpdir(), 'flotilla-recover-'));
afterAll(() => rmSync(root, {recursive: true, force: true}));

/** A node that is no member of the meta group, with a copy of the catalog of that version. */
async function stopped(node: number, version: number, cluster = 'c'): Promise<string> {
  const directory = await openNodeDirectory({path: path.join(root, `node${node}`), stores: 2});
  await directory.adopt({cluster, node: node as NodeId});
  const machine = new CatalogMachine();
  const description = {engineThreads: 1, version: '0'};
  const of = (i: number) => ({...description, incarnation: `i${i}`, address: `n${i}:1`});
  machine.apply({type: 'found-cluster', clusterId: 'c', node: of(1), atMs: 1}, 1);
  for (const i of [2, 3]) machine.apply({type: 'register-node', node: of(i), atMs: 1}, i);
  machine.advance(version);
  await writeCatalogCache(directory.path, machine.catalog.snapshot());
  directory.close();
  return directory.path;
}

test('without a member the newest copy of the catalog becomes a group of one, and the next call goes on from it', async () => {
  const directories = [await stopped(2, 20), await stopped(3, 30)];
  const order = {directories, reports: [], surviving: [], log: LOG};
  const seen = await recoverMeta({...order, isDryRun: true});
  expect(seen).toMatchObject({chosen: {node: 3, source: 'copy', lastIndex: 30}, lost: [1]});
  expect(seen.isDone).toBe(false);
  expect(await recoverMeta({...order, surviving: [1], isDryRun: true})).toMatchObject({lost: []});

  expect(await recoverMeta({...order, isDryRun: false})).toMatchObject({isDone: true, lost: [1]});
  for (const directory of directories) {
    const catalog = Catalog.fromSnapshot(await readCatalogCache(directory, LOG));
    expect(catalog.replicaSetOf(catalog.metaSet()!.replicas[0]!.replica)?.id).toBe(META_SET);
    expect(catalog.metaSet()!.replicas).toMatchObject([{node: 3, role: 'voter'}]);
    // No id that the lost members may have given out.
    expect(catalog.metaSet()!.replicas[0]!.replica).toBeGreaterThan(1_000_000);
    expect(catalog.node(1 as NodeId)?.state).toBe('decommissioned');
  }
  const again = await recoverMeta({...order, isDryRun: true});
  expect(again).toMatchObject({chosen: {node: 3, source: 'member'}, lost: []});
});

test('directories of two clusters, of no node, or of one that runs are refused', async () => {
  const [one, other] = [await stopped(4, 20), await stopped(5, 20, 'd')];
  const order = {reports: [], surviving: [], isDryRun: true, log: LOG};
  const twice = recoverMeta({...order, directories: [one, other]});
  await expect(twice).rejects.toThrow('is of cluster d, not of c');
  const missing = recoverMeta({...order, directories: [path.join(root, 'none')]});
  await expect(missing).rejects.toThrow('no data directory');
  const running = await openNodeDirectory({path: one, stores: 1});
  await expect(recoverMeta({...order, directories: [one]})).rejects.toThrow('stop it first');
  running.close();
});

test('stopped in the middle, the same call goes on from what was done', async () => {
  const [older, newer] = [await stopped(6, 20), await stopped(7, 20)];
  const order = {reports: [], surviving: [], isDryRun: false, log: LOG};
  // A member whose terms are higher than any that the other has seen.
  for (let i = 0; i < 3; i++) await recoverMeta({...order, directories: [older]});
  const {version, changes} = await readCatalogCache(older, LOG);
  await writeCatalogCache(newer, {version: version + 5, changes});
  const directories = [newer, older];
  const wanted = {...order, directories, surviving: [6]};
  // The new replica is durable, and nobody is told: no copy of the catalog can be written.
  const obstacle = path.join(newer, '.catalog-cache.json.tmp');
  mkdirSync(obstacle);
  await expect(recoverMeta(wanted)).rejects.toThrow('cannot replace file');
  rmSync(obstacle, {recursive: true});
  const seen = await recoverMeta({...wanted, isDryRun: true});
  expect(seen.chosen).toMatchObject({node: 7, source: 'member'});
  await recoverMeta(wanted);
  const left = await recoverMeta({...wanted, isDryRun: true});
  expect(left.copies.filter(({source}) => source === 'member')).toMatchObject([{node: 7}]);
  expect(await readCatalogCache(older, LOG)).toEqual(await readCatalogCache(newer, LOG));
});

test('a report and a catalog of another cluster, or of nobody, are refused', async () => {
  const directories = [await stopped(8, 20)];
  const order = {directories, reports: [], surviving: [], isDryRun: true, log: LOG};
  const other = path.join(await stopped(9, 30, 'd'), 'catalog-cache.json');
  const report = path.join(root, 'report.json');
  const own = await reportStopped(directories[0]!, LOG);
  const file = (evidence: object) =>
    writeFileSync(report, encodeEvidence({...own, ...evidence} as typeof own));
  file({});
  await expect(recoverMeta({...order, reports: [report]})).rejects.toThrow('both of node 8');
  file({node: 9, cluster: 'd'});
  await expect(recoverMeta({...order, reports: [report]})).rejects.toThrow('is of cluster d');
  file({node: 0});
  await expect(recoverMeta({...order, reports: [report]})).rejects.toThrow('is no report');
  file({node: 9});
  const reported = await recoverMeta({...order, reports: [report]});
  expect(reported.found).toEqual(['node 9 has joined since', 'node 8 has joined since']);
  await expect(recoverMeta({...order, catalog: report})).rejects.toThrow('is no catalog');
  // Its catalog says that it is of cluster c, whatever the directory it lay in.
  const given = await recoverMeta({...order, catalog: other});
  expect(given.chosen).toMatchObject({source: 'file', lastIndex: 30});
});

const HTTP_MS_MAX = 20_000;

async function running(directory: string) {
  const listen = `127.0.0.1:${await freePorts(2)}`;
  const node = await startNode({dataDirectory: directory, listen, engineThreads: 0, log: 'json'});
  const ask = async (at: string, body?: string) => {
    const method = body === undefined ? 'GET' : 'POST';
    const answer = await fetch(`http://${node.address}${at}`, {method, ...(body && {body})});
    return {status: answer.status, text: await answer.text()};
  };
  await expect.poll(async () => (await ask('/ready')).status, {timeout: HTTP_MS_MAX}).toBe(200);
  return {node, ask};
}

const WEEK_S = 7 * 86_400;

test('from an old catalog and the stores themselves buckets and databases come back with their rows', async () => {
  const directory = path.join(root, 'real');
  const file = path.join(root, 'catalog.json');
  let {node, ask} = await running(directory);
  const write = async (seconds: number, query = 'db=public') => {
    const line = `m,h=a f=1i ${seconds}`;
    expect((await ask(`/api/v1/write?precision=s&${query}`, line)).status).toBe(204);
  };
  await write(WEEK_S);
  writeFileSync(file, (await ask('/admin/v1/cluster/catalog')).text);
  // Behind the export: a bucket, and a database whose table nobody will know.
  await write(20 * WEEK_S);
  expect((await ask('/api/v1/sql', 'CREATE DATABASE late WITH SHARD 2')).status).toBe(200);
  await write(WEEK_S, 'db=late');
  expect((await ask('/admin/v1/storage/flush', '')).status).toBe(200);
  await node.stop();
  // No member and no copy of the catalog is left.
  const held = await StoppedNode.open(directory, new NodeClock(), LOG);
  await held.metaStore.store.end(META_SET);
  await held.close();
  rmSync(path.join(directory, 'catalog-cache.json'));

  const order = {directories: [directory], reports: [], surviving: [], log: LOG};
  await expect(recoverMeta({...order, isDryRun: true})).rejects.toThrow('no copy of the catalog');
  const {found, unknown, chosen} = await recoverMeta({...order, catalog: file, isDryRun: false});
  expect(chosen.source).toBe('file');
  expect(found.join('\n')).toMatch(/bucket \d+ of database public/);
  expect(found.join('\n')).toContain('database late of tenant default was made since');
  expect(unknown.join('\n')).toMatch(/table \d+ of database late, made since/);

  ({node, ask} = await running(directory));
  const count = async () => (await ask('/api/v1/sql', 'SELECT count(f) AS n FROM m')).text;
  await expect.poll(count, {timeout: HTTP_MS_MAX}).toContain('"n":2');
  const again = async () =>
    (await ask('/api/v1/write?db=late&precision=s', `m,h=a f=2i ${WEEK_S}`)).status;
  await expect.poll(again, {timeout: HTTP_MS_MAX}).toBe(204);
  expect((await ask('/api/v1/sql?db=late', 'SELECT f FROM m')).text.trim()).toBe('[{"f":2}]');
  await node.stop();
}, 90_000);
