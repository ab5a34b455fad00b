// Opens the state machines of the replicas of this thread: the catalog's for the meta group, rows for
// all others.

import {
  type Disk,
  META_SET,
  type ReplicaId,
  type ReplicaSetId,
  type StoreId,
  type TableId,
  type WorkSlices,
} from '@flotilla/base';
import {PARTS_SINCE, type Precision} from '@flotilla/catalog';
import {MetaStateMachine} from '@flotilla/meta';
import type {DurablePoint, HostOptions, StateMachine} from '@flotilla/multiraft';
import {type MachineEvents, type MachineLimits, ReplicaMachine} from '@flotilla/replica';
import {
  type BucketTime,
  type Manifest,
  type OpenFiles,
  type PartMerges,
  type PartVersion,
  ReplicaStorage,
  type StorageCounts,
} from '@flotilla/storage';
import {storePath} from '../adapters/store-path.ts';
import {type ReplicaBirth, readBirth} from './replica-births.ts';

const UNITS_PER_SECOND: Readonly<Record<Precision, number>> = {ns: 1e9, us: 1e6, ms: 1e3};
/** Of a replica that begins empty and waits for a snapshot. */
const NOWHERE: DurablePoint = {
  index: 0,
  term: 0,
  configuration: {voters: [], votersOutgoing: [], learners: [], learnersNext: [], autoLeave: false},
};

export interface ReplicaFactoryDeps {
  readonly disk: Disk;
  readonly slices: WorkSlices;
  /** By default compactions take slices. */
  readonly merges?: PartMerges | undefined;
  readonly manifests: ReadonlyMap<StoreId, Manifest>;
  readonly limits: MachineLimits;
  readonly counts: StorageCounts;
  readonly openFiles?: OpenFiles | undefined;
  /** As the thread knows it: 1 until it has its copy of the catalog. Behind is well, ahead there is nothing. */
  readonly clusterVersion: () => number;
  /** A disk failed under a state machine: the process ends and replays. */
  readonly onFault: (error: unknown) => void;
  /** An entry was applied that dropped, recovered or purged the table. */
  readonly onFate: (set: ReplicaSetId, table: TableId) => void;
  readonly onLoading?: MachineEvents['onLoading'];
  readonly onPutOff?: ((key: SetReplica, error: unknown) => void) | undefined;
}

interface SetReplica {
  readonly set: ReplicaSetId;
  readonly replica: ReplicaId;
}

type Open = HostOptions['openStateMachine'];
type Identity = Parameters<Open>[0];

export function replicaFactory(deps: ReplicaFactoryDeps): Open {
  return (identity) =>
    identity.set === META_SET ? openMeta(deps, identity) : openReplica(deps, identity);
}

export function replicaDirectory(store: StoreId, set: ReplicaSetId, replica: ReplicaId): string {
  return `${storePath(store)}/replicas/${set}-${replica}`;
}

function openMeta(deps: ReplicaFactoryDeps, identity: Identity): Promise<StateMachine> {
  const {disk, slices, onFault} = deps;
  const {store, set, replica, founding, isBuried} = identity;
  return MetaStateMachine.open({
    disk,
    directory: replicaDirectory(store, set, replica),
    slices,
    founding,
    isBuried,
    onFatal: onFault,
  });
}

async function openReplica(deps: ReplicaFactoryDeps, identity: Identity): Promise<StateMachine> {
  const {disk, slices, merges, manifests, limits, counts, openFiles, clusterVersion} = deps;
  const {onFault, onFate, onLoading, onPutOff} = deps;
  const {store, set, replica, founding, isBuried} = identity;
  const manifest = manifests.get(store)!;
  const birth = readBirth(manifest, identity);
  const storage = await ReplicaStorage.open({
    disk,
    directory: replicaDirectory(store, set, replica),
    manifest,
    set,
    replica,
    isBuried,
    bucket: bucketTime(birth),
    deadTables: birth.deadTables,
    deadColumns: birth.deadColumns,
    partVersion: () => partVersionAt(clusterVersion()),
    slices,
    merges,
    counts,
    openFiles,
  });
  return new ReplicaMachine(storage, founding ?? NOWHERE, limits, {
    onFault,
    onFate: (table) => onFate(set, table),
    onLoading,
    onPutOff: (error) => onPutOff?.({set, replica}, error),
  });
}

function partVersionAt(clusterVersion: number): PartVersion {
  if (clusterVersion >= PARTS_SINCE[4]) return 4;
  return clusterVersion >= PARTS_SINCE[2] ? 2 : 1;
}

function bucketTime({startMs, precision}: Pick<ReplicaBirth, 'startMs' | 'precision'>): BucketTime {
  const unitsPerSecond = UNITS_PER_SECOND[precision];
  return {startUnits: (BigInt(startMs) * BigInt(unitsPerSecond)) / 1000n, unitsPerSecond};
}
