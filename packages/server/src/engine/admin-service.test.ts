import {DbError, type NodeId, type Rpc} from '@flotilla/base';
import {CatalogMachine, type Command} from '@flotilla/catalog';
import type {MetaClient} from '@flotilla/meta';
import {beforeEach, expect, test} from 'vitest';
import {NodeClock} from '../adapters/node-clock.ts';
import {AdminService} from './admin-service.ts';
import type {ClusterView} from './cluster-view.ts';
import type {AdminRead} from './gateway.ts';

/** What meta holds; the node's copy is brought to it by a refresh alone. */
let meta: CatalogMachine;
let copy: CatalogMachine;
let behind: [Command, number][];
let refreshFailure: DbError | undefined;
let service: AdminService;

beforeEach(() => {
  meta = new CatalogMachine();
  copy = new CatalogMachine();
  behind = [];
  refreshFailure = undefined;
  const clock = new NodeClock();
  let index = 5;
  const propose = async (command: Command): Promise<unknown> => {
    behind.push([command, ++index]);
    const {result} = meta.apply(command, index);
    if (!result.ok) throw new DbError(result.error.code, result.error.message);
    return result.value;
  };
  const refresh = async (): Promise<void> => {
    if (refreshFailure !== undefined) throw refreshFailure;
    for (const [command, at] of behind.splice(0)) copy.apply(command, at);
  };
  const facts = async () => ({sets: [], nodes: [], meta: {leader: 1 as NodeId, voters: []}});
  service = new AdminService({
    access: {catalog: copy.catalog, refresh},
    meta: {propose} as unknown as MetaClient,
    view: {facts} as unknown as ClusterView,
    rpc: {} as Rpc,
    clock,
  });
  const node = {incarnation: 'n', address: ':1', engineThreads: 1, version: '1'};
  void propose({type: 'found-cluster', clusterId: 'c', node, atMs: 0});
  void propose({type: 'create-database', tenant: 'default', name: 'd', options: {}});
});

function read(action: string, args = {}): Promise<AdminRead> {
  return service.run({action, args: {tenant: 'default', ...args}}) as Promise<AdminRead>;
}

test('what was made through another node is listed', async () => {
  expect(await read('database-list')).toMatchObject({
    value: [{name: 'public'}, {name: 'd'}],
    isOwnCopy: false,
  });
  expect(await read('status')).toMatchObject({value: {catalog: {isCurrent: true}}});
});

test.each(['META_UNAVAILABLE', 'DEADLINE_EXCEEDED'] as const)(
  'with %s the own copy is shown, and marked',
  async (code) => {
    await read('database-list');
    refreshFailure = new DbError(code, 'no answer');
    await service.run({action: 'database-list', args: {tenant: 'default'}});
    expect(await read('database-list')).toMatchObject({value: [{}, {}], isOwnCopy: true});
    expect(await read('database-show', {name: 'd'})).toMatchObject({isOwnCopy: true});
    expect(await read('status')).toMatchObject({
      value: {verdict: 'healthy', catalog: {isCurrent: false}},
      isOwnCopy: true,
    });
  },
);

test('a change never goes by the own copy', async () => {
  refreshFailure = new DbError('META_UNAVAILABLE', 'no answer');
  const change = service.run({action: 'move-replica', args: {id: 1, from: 1, to: 2}});
  await expect(change).rejects.toMatchObject({code: 'META_UNAVAILABLE'});
});
