import type {ReplicaId, ReplicaSetId, StoreId} from '@flotilla/base';
import {MemtableBudget} from '@flotilla/replica';
import {replicaFactory} from '@flotilla/server/engine-parts';
import {Manifest, StorageCounts} from '@flotilla/storage';
import {MemoryDisk, MemoryManifestStore} from '@flotilla/testkit';
import {expect, test} from 'vitest';

const STORE = 0 as StoreId;

test('of a replica that was destroyed nothing is needed to destroy it again, but to open it its birth is', async () => {
  const open = replicaFactory({
    disk: new MemoryDisk(),
    slices: {due: () => undefined},
    manifests: new Map([[STORE, await Manifest.open(new MemoryManifestStore())]]),
    limits: {memtableBytes: 1e3, memtableBytesMax: 1e4, memtables: new MemtableBudget()},
    counts: new StorageCounts(),
    onFault: (error) => {
      throw error;
    },
  });
  const identity = {set: 7 as ReplicaSetId, replica: 9 as ReplicaId, store: STORE};
  // A log that came back without its last record says that its data is still to go.
  const machine = await open({...identity, isBuried: true});
  await machine.destroy();
  await expect(open(identity)).rejects.toThrow('the manifest has no row birth/7/9');
});
