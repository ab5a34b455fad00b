import {type DatabaseId, DbError, type NodeId, type ReplicaSetId} from '@flotilla/base';
import {CatalogMachine, type Command, type ReplicaSet} from '@flotilla/catalog';
import {expect, test} from 'vitest';
import {unpin} from './unpin.ts';

const ID = 1 as ReplicaSetId;

/** A set of two nodes of which one replica was asked for by hand, and this node's own copy of the catalog. */
function pinnedSet() {
  const [meta, copy] = [new CatalogMachine(), new CatalogMachine()];
  const log: Command[] = [];
  let seen = 0;
  const propose = async (command: Command): Promise<never> => {
    log.push(command);
    const {result} = meta.apply(command, log.length);
    if (!result.ok) throw new DbError(result.error.code, result.error.message);
    return result.value as never;
  };
  const refresh = async () => {
    for (; seen < log.length; seen++) copy.apply(log[seen]!, seen + 1);
  };
  const node = (name: string) => ({
    ...{incarnation: name, address: name, engineThreads: 1, version: '1'},
  });
  const bucket = {database: 1 as DatabaseId, timeMs: 0, startMs: 0, endMs: 1};
  const place = {set: ID, expectedEpoch: 1, add: [], remove: [], roles: []};
  const begin = async () => {
    await propose({type: 'found-cluster', clusterId: 'c', node: node('a'), atMs: 0});
    const placements = [[{node: 1 as NodeId, role: 'voter'} as const]];
    await propose({type: 'ensure-bucket', ...bucket, placements});
    await propose({type: 'set-placement', ...place, replicasWanted: 2});
    await propose({type: 'pin-replica-set', set: ID, pinned: true});
  };
  const find = (): ReplicaSet => copy.catalog.replicaSet(ID)!;
  const other = () => {
    const {epoch} = meta.catalog.replicaSet(ID)!;
    return propose({type: 'set-placement', ...place, expectedEpoch: epoch});
  };
  const access = {catalog: copy.catalog, refresh};
  const now = () => meta.catalog.replicaSet(ID)!;
  return {begin, refresh, find, other, now, deps: {access, meta: {propose}, deadlineMs: 1}};
}

test('the number is what the database wants again, also where an operation changes the set meanwhile', async () => {
  const {begin, refresh, find, other, now, deps} = pinnedSet();
  await begin();
  await refresh();
  await other();
  await unpin(find, deps);
  expect(now()).toMatchObject({pinned: false});
  expect(now().replicasWanted).not.toBe(2);
});

test('a set that changes all the time is left pinned, and it is said', async () => {
  const {begin, refresh, find, other, now, deps} = pinnedSet();
  await begin();
  await refresh();
  await other();
  const access = {
    ...deps.access,
    refresh: async () => {
      await refresh();
      await other();
    },
  };
  await expect(unpin(find, {...deps, access})).rejects.toMatchObject({code: 'CONFLICT'});
  expect(now()).toMatchObject({pinned: true, replicasWanted: 2});
});
