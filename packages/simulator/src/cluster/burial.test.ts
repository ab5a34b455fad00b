import {
  FatalError,
  type NodeId,
  type ReplicaId,
  type ReplicaSetId,
  SeededRandom,
  type StoreId,
} from '@flotilla/base';
import {Host, type OpenHostedStateMachine} from '@flotilla/multiraft';
import {IndexBudget, MemtableBudget} from '@flotilla/replica';
import {replicaFactory} from '@flotilla/server/engine-parts';
import {Manifest, StorageCounts} from '@flotilla/storage';
import {MemoryDisk, MemoryManifestStore, MemoryNetwork, VirtualClock} from '@flotilla/testkit';
import {expect, test} from 'vitest';

const STORE = 0 as StoreId;
const NODE = 1 as NodeId;
const KEY = {set: 7 as ReplicaSetId, replica: 9 as ReplicaId};
const STATE_ROW = 'replica/7/9/state';
const BIRTH = {version: 1, database: 1, startMs: 0, precision: 'ms', deadTables: []};

async function opened() {
  const disk = new MemoryDisk();
  const manifest = await Manifest.open(new MemoryManifestStore());
  const open = replicaFactory({
    disk,
    slices: {due: () => undefined},
    manifests: new Map([[STORE, manifest]]),
    limits: {
      ...{memtableBytes: 1e3, memtableBytesMax: 1e4},
      ...{memtables: new MemtableBudget(), indexes: new IndexBudget()},
    },
    counts: new StorageCounts(),
    clusterVersion: () => 1,
    onFault: (error) => {
      throw error;
    },
    onFate: () => undefined,
  });
  return {disk, manifest, open};
}

test('of a replica that was destroyed nothing is needed to destroy it again, but to open it its birth is', async () => {
  const {open} = await opened();
  const identity = {...KEY, store: STORE};
  // A log that came back without its last record says that its data is still to go.
  const machine = await open({...identity, isBuried: true});
  await machine.destroy();
  await expect(open(identity)).rejects.toThrow('the manifest has no row birth/7/9');
});

/** A node whose disk outlives its hosts, with one replica that was flushed. */
async function withReplica() {
  const {disk, manifest, open} = await opened();
  const clock = new VirtualClock();
  const random = new SeededRandom(1);
  const network = new MemoryNetwork({clock, latencyMs: 1, random});
  let bootEpoch = 0;
  const start = (openStateMachine: OpenHostedStateMachine): Promise<Host> => {
    bootEpoch += 1;
    const transport = network.join(NODE, () => undefined);
    const stores = [{store: STORE, disk, path: 'stores/0'}];
    const ports = {clock, random, transport, stores, openStateMachine, locate: () => NODE};
    return clock.resolve(Host.open({node: NODE, bootEpoch, timing: 'local', ...ports}));
  };
  const create = async (host: Host, replica: ReplicaId): Promise<void> => {
    const birth = `birth/${KEY.set}/${replica}`;
    await manifest.commit({put: [[birth, Buffer.from(JSON.stringify(BIRTH))]]});
    const founding = {voters: [replica], learners: []};
    await clock.resolve(host.createReplica({set: KEY.set, replica, founding}));
    await clock.resolve(host.stateMachine(KEY.set)!.flush());
  };
  const damage = async (): Promise<void> => {
    const state = JSON.parse(Buffer.from(manifest.get(STATE_ROW)!).toString()) as object;
    const keyFiles = [{file: '00000001.keys', bytes: 9, firstSeries: 0, count: 1}];
    const damaged = Buffer.from(JSON.stringify({...state, keyFiles}));
    await manifest.commit({put: [[STATE_ROW, damaged]]});
  };
  return {clock, manifest, open, start, create, damage};
}

test('a node starts with a damaged replica whose destruction was broken off, and ends it', async () => {
  const {clock, manifest, open, start, create, damage} = await withReplica();
  let host = await start(open);
  await create(host, KEY.replica);
  await clock.resolve(host.close());

  await damage();
  host = await start(async (identity) => {
    if (identity.isBuried === true) throw new Error('broken off');
    return open(identity);
  });
  expect(host.broken().get(KEY.set)).toMatchObject({replica: KEY.replica});
  await expect(clock.resolve(host.destroyReplica(KEY))).rejects.toThrow('broken off');
  await clock.resolve(host.close());

  host = await start(open);
  expect(host.broken().size).toBe(0);
  expect(manifest.rows('replica/')).toEqual([]);
  await clock.resolve(host.close());
});

test('an order to destroy that a disk broke off is done only when its repetition has removed the data', async () => {
  const {clock, manifest, open, start, create} = await withReplica();
  const host = await start(open);
  for (const replica of [KEY.replica, KEY.replica + 1] as ReplicaId[]) {
    await create(host, replica);
    const machine = host.stateMachine(KEY.set)!;
    machine.destroy = () => Promise.reject(new FatalError('EIO'));
    await expect(clock.resolve(host.destroyReplica({...KEY, replica}))).rejects.toThrow('EIO');
  }
  expect(manifest.rows('replica/')).toHaveLength(2);
  // Not that of the one that came after it.
  await clock.resolve(host.destroyReplica(KEY));
  expect(manifest.rows('replica/7/9/')).toEqual([]);
  expect(manifest.rows('replica/7/10/')).not.toEqual([]);
  const later = {...KEY, replica: (KEY.replica + 1) as ReplicaId};
  await clock.resolve(host.destroyReplica(later));
  expect(manifest.rows('replica/')).toEqual([]);
  await clock.resolve(host.close());
});

test('of several replicas of a set whose destruction was broken off the next start removes all', async () => {
  const {clock, manifest, open, start, create} = await withReplica();
  let host = await start(open);
  for (const replica of [KEY.replica, KEY.replica + 1] as ReplicaId[]) {
    await create(host, replica);
    host.stateMachine(KEY.set)!.destroy = () => Promise.reject(new FatalError('EIO'));
    await expect(clock.resolve(host.destroyReplica({...KEY, replica}))).rejects.toThrow('EIO');
  }
  await clock.resolve(host.close());
  host = await start(open);
  expect(manifest.rows('replica/')).toEqual([]);
  await clock.resolve(host.close());
});

test('a replica that cannot be opened is removed by an order for one that came after it', async () => {
  const {clock, manifest, open, start, create, damage} = await withReplica();
  let host = await start(open);
  await create(host, KEY.replica);
  await clock.resolve(host.close());
  await damage();
  host = await start(open);
  expect(host.broken().size).toBe(1);
  const later = (KEY.replica + 3) as ReplicaId;
  await clock.resolve(host.destroyReplica({...KEY, replica: later}));
  expect(host.broken().size).toBe(0);
  expect(manifest.rows('replica/')).toEqual([]);
  const founding = {voters: [later], learners: []};
  const again = host.createReplica({set: KEY.set, replica: later, founding});
  await expect(clock.resolve(again)).rejects.toMatchObject({code: 'CONFLICT'});
  await clock.resolve(host.close());
});
