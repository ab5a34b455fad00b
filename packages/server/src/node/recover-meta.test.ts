import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {META_SET, type NodeId} from '@flotilla/base';
import {Catalog, CatalogMachine} from '@flotilla/catalog';
import {afterAll, expect, test} from 'vitest';
import {openNodeDirectory} from '../adapters/index.ts';
import {readCatalogCache, writeCatalogCache} from './catalog-cache.ts';
import {recoverMeta} from './recover-meta.ts';

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
  const order = {directories, surviving: [], log: LOG};
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
  const order = {surviving: [], isDryRun: true, log: LOG};
  const twice = recoverMeta({...order, directories: [one, other]});
  await expect(twice).rejects.toThrow('is of cluster d, not of c');
  const missing = recoverMeta({...order, directories: [path.join(root, 'none')]});
  await expect(missing).rejects.toThrow('no data directory');
  const running = await openNodeDirectory({path: one, stores: 1});
  await expect(recoverMeta({...order, directories: [one]})).rejects.toThrow('stop it first');
  running.close();
});
