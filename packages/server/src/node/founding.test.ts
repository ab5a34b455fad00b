// A crash at each step of founding and of joining: the next start goes on with the same step.

import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {DbError, type NodeId} from '@flotilla/base';
import {CatalogMachine} from '@flotilla/catalog';
import {freePorts} from '@flotilla/testkit';
import {afterEach, beforeEach, expect, test} from 'vitest';
import {createPinoLog, NodeClock, openNodeDirectory} from '../adapters/index.ts';
import {JoinSecret, NodeServer} from '../connections/index.ts';
import {writeCatalogCache} from './catalog-cache.ts';
import {EXIT_CODES} from './exit-codes.ts';
import {becomeSomebody, type IdentityDeps} from './identity.ts';
import {type StartedNode, startNode} from './node.ts';
import {parseNodeOptions} from './node-options.ts';

const FOUNDING = {cluster: 'begun', node: 1 as NodeId};
const SECRET = 'the one that all nodes here share';
const log = createPinoLog({level: 'error', plain: true});

let directory: string;
const running: StartedNode[] = [];

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'flotilla-founding-'));
});
afterEach(async () => {
  for (const node of running.splice(0)) await node.stop();
  await rm(directory, {recursive: true, force: true});
});

/** Starts a node and returns the cluster that its catalog is of. */
async function startedCluster(join?: string[]): Promise<string> {
  const listen = `127.0.0.1:${await freePorts(2)}`;
  const node = await startNode({
    dataDirectory: directory,
    listen,
    engineThreads: 0,
    log: 'json',
    join,
    joinSecret: SECRET,
  });
  running.push(node);
  const ready = async () => (await fetch(`http://${node.address}/ready`)).status;
  await expect.poll(ready, {timeout: 20_000}).toBe(200);
  const answer = await fetch(`http://${node.address}/admin/v1/status`);
  return ((await answer.json()) as {cluster: {id: string}}).cluster.id;
}

async function identity(): Promise<unknown> {
  const opened = await openNodeDirectory({path: directory, stores: 1});
  opened.close();
  return {founding: opened.founding, identity: opened.identity};
}

async function stop(): Promise<void> {
  for (const node of running.splice(0)) await node.stop();
}

test('a founding that was only begun goes on, whatever the flags are now', async () => {
  const opened = await openNodeDirectory({path: directory, stores: 1});
  await opened.beginFounding(FOUNDING);
  opened.close();
  expect(await startedCluster(['127.0.0.1:1'])).toBe('begun');
  await stop();
  expect(await identity()).toEqual({founding: undefined, identity: FOUNDING});
}, 40_000);

test('a cluster that was founded, and not yet adopted, is adopted and not founded again', async () => {
  const opened = await openNodeDirectory({path: directory, stores: 1});
  await opened.beginFounding(FOUNDING);
  opened.close();
  const nodeFile = path.join(directory, 'node.json');
  const begun = await readFile(nodeFile);
  expect(await startedCluster()).toBe('begun');
  await stop();
  await rm(path.join(directory, 'catalog-cache.json'));
  await writeFile(nodeFile, begun);
  expect(await startedCluster()).toBe('begun');
  await stop();
  expect(await identity()).toEqual({founding: undefined, identity: FOUNDING});
}, 40_000);

test('a new cluster is named in the directory before anything of it is stored', async () => {
  const listen = `127.0.0.1:${await freePorts(2)}`;
  const opened = await openNodeDirectory({path: directory, stores: 1});
  const beginning = await becomeSomebody(deps(opened, listen, {}));
  opened.close();
  const founding = beginning?.type === 'found' ? beginning.founding : undefined;
  expect(founding?.cluster).toMatch(/^[0-9a-f]{16}$/);
  expect(await identity()).toEqual({founding, identity: undefined});
});

test('a member of a cluster of several does not start without the join secret', async () => {
  const machine = new CatalogMachine();
  const description = (name: string) => ({
    incarnation: `incarnation of ${name}`,
    address: `${name}:8902`,
    engineThreads: 1,
    version: '1',
  });
  machine.apply({type: 'found-cluster', clusterId: 'c', node: description('a'), atMs: 1}, 6);
  machine.apply({type: 'register-node', node: description('b'), atMs: 1}, 7);
  const opened = await openNodeDirectory({path: directory, stores: 1});
  await opened.adopt({cluster: 'c', node: 2 as NodeId});
  await writeCatalogCache(directory, machine.catalog.snapshot());
  opened.close();
  const listen = `127.0.0.1:${await freePorts(2)}`;
  const node = await startNode({
    dataDirectory: directory,
    listen,
    engineThreads: 0,
    log: 'json',
  });
  expect(await node.stopped).toBe(EXIT_CODES.startFailed);
  await node.stop();
});

test('a join that a crash cut off is the same node when it asks again, and knows whom to ask', async () => {
  const incarnations: string[] = [];
  const member = new NodeServer({
    log,
    clock: new NodeClock(),
    secret: new JoinSecret(SECRET),
    identify: () => ({clusterId: 'c'}),
    join: async (request) => {
      incarnations.push((request as {incarnation: string}).incarnation);
      if (incarnations.length === 1) throw new DbError('UNAVAILABLE', 'the answer was lost');
      return {clusterId: 'c', node: 7, catalog: {version: 3, changes: []}};
    },
  });
  const port = await member.listen('127.0.0.1', 0);
  const listen = `127.0.0.1:${await freePorts(2)}`;
  const join = [`127.0.0.1:${port - 1}`];
  const first = await openNodeDirectory({path: directory, stores: 1});
  let asked = 0;
  const isStopping = (): boolean => asked++ > 0;
  expect(await becomeSomebody({...deps(first, listen, {join}), isStopping})).toBeUndefined();
  first.close();

  const second = await openNodeDirectory({path: directory, stores: 1});
  second.adopt = () => Promise.reject(new Error('the power went off'));
  await expect(becomeSomebody(deps(second, listen, {join}))).rejects.toThrow('power');
  expect(await readFile(path.join(directory, 'catalog-cache.json'), 'utf8')).toContain('3');
  second.close();

  const third = await openNodeDirectory({path: directory, stores: 1});
  expect(await becomeSomebody(deps(third, listen, {join}))).toEqual({type: 'joined'});
  expect(third.identity).toEqual({cluster: 'c', node: 7});
  third.close();
  expect(new Set(incarnations).size).toBe(1);
  expect(incarnations).toHaveLength(3);
  await member.close();
});

test('who takes more than a second to answer is heard in the end', async () => {
  const slow = new NodeServer({
    log,
    clock: new NodeClock(),
    secret: new JoinSecret(SECRET),
    identify: () => sleep(1_200, {clusterId: 'c'}),
    join: async () => ({clusterId: 'c', node: 7, catalog: {version: 3, changes: []}}),
  });
  const port = await slow.listen('127.0.0.1', 0);
  const listen = `127.0.0.1:${await freePorts(2)}`;
  const opened = await openNodeDirectory({path: directory, stores: 1});
  const join = [`127.0.0.1:${port - 1}`];
  expect(await becomeSomebody(deps(opened, listen, {join}))).toEqual({type: 'joined'});
  opened.close();
  await slow.close();
});

function deps(
  opened: IdentityDeps['directory'],
  listen: string,
  given: {readonly join?: string[]},
): IdentityDeps {
  return {
    directory: opened,
    options: parseNodeOptions({
      dataDirectory: directory,
      listen,
      log: 'json',
      joinSecret: SECRET,
      ...given,
    }),
    address: listen,
    engineThreads: 1,
    version: '1',
    clock: new NodeClock(),
    log,
    onWaiting: () => {},
    isStopping: () => false,
  };
}
