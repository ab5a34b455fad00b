// One store as an engine thread has it, without sockets: the log, the manifest in SQLite, a host, and the machine
// of one set whose only voter lives here. What a write goes through is what it goes through in a node.

import {
  type Disk,
  FatalError,
  handledElsewhere,
  type ManifestStore,
  type NodeId,
  type ReplicaId,
  type ReplicaSetId,
  type RpcContext,
  SeededRandom,
  type StoreId,
} from '@flotilla/base';
import {Host, type HostOptions} from '../../../packages/multiraft/src/index.ts';
import {
  deleteHandler,
  encodeControl,
  encodeDeleteRequest,
  IndexBudget,
  MemtableBudget,
  ReplicaMachine,
  writeHandler,
} from '../../../packages/replica/src/index.ts';
import {ManifestDatabase} from '../../../packages/server/src/adapters/background/manifest-database.ts';
import {NodeClock, storePath} from '../../../packages/server/src/adapters/index.ts';
import {WorkTurns} from '../../../packages/server/src/engine/work-turns.ts';
import {Manifest, type PartVersion, ReplicaStorage} from '../../../packages/storage/src/index.ts';
import {FIELDS, keyOf, lineOf, type Operation, shareOf} from './operations.ts';

export const SET = 1 as ReplicaSetId;
export const REPLICA = 11 as ReplicaId;
const NODE = 1 as NodeId;
const PART_VERSIONS: readonly PartVersion[] = [1, 2, 4];
export const STORE = storePath(0 as StoreId);
export const REPLICA_DIRECTORY = `${STORE}/replicas/${SET}-${REPLICA}`;
const PROPOSAL_MS_MAX = 20_000;

/** So small that flushes, compactions and new segments come by themselves, every few operations. */
const MEMTABLE_BYTES = 24 * 1024;
const SEGMENT_BYTES = 12 * 1024;

export interface LoneStoreOptions {
  /** Higher at each start. */
  readonly bootEpoch: number;
  readonly disk: Disk;
  readonly manifest: ManifestStore;
  readonly segmentBytes?: number | undefined;
  /** The log knows the replica: one that it does not know is not made. */
  readonly isKnown?: boolean | undefined;
}

/** The real one, called from this thread. */
export function manifestStore(file: string): ManifestStore {
  const database = new ManifestDatabase(file);
  return {
    load: async () => [...database.load()],
    commit: async (edit) => database.commit(edit),
    close: async () => database.close(),
  };
}

export class LoneStore {
  readonly #host: Host;
  readonly #manifest: Manifest;
  readonly #clock: NodeClock;
  /** Why the replica, or all of the store, has stopped. */
  #stopped: string | undefined;

  private constructor(host: Host, manifest: Manifest, clock: NodeClock) {
    this.#host = host;
    this.#manifest = manifest;
    this.#clock = clock;
    host.onStopped(({reason}) => {
      this.#stopped ??= reason;
    });
  }

  /** Resolves once it leads, and has applied what its log holds. */
  static async open(options: LoneStoreOptions): Promise<LoneStore> {
    const {disk, bootEpoch, segmentBytes = SEGMENT_BYTES, isKnown = false} = options;
    const clock = new NodeClock();
    const manifest = await Manifest.open(options.manifest);
    const host = await Host.open({
      node: NODE,
      bootEpoch,
      clock,
      random: new SeededRandom(bootEpoch),
      transport: {send: () => true},
      stores: [{store: 0 as StoreId, disk, path: STORE}],
      timing: 'local',
      limits: {segmentBytes, groupLogBytesMax: 64 * 1024, storeLogBytesMax: 128 * 1024},
      openStateMachine: machineOpener(disk, manifest, new WorkTurns(clock)),
      locate: () => NODE,
    });
    const store = new LoneStore(host, manifest, clock);
    try {
      await store.#lead(isKnown);
    } catch (error) {
      await handledElsewhere(store.close());
      throw error;
    }
    return store;
  }

  get machine(): ReplicaMachine {
    return this.#host.stateMachine(SET) as ReplicaMachine;
  }

  async do(operation: Operation, sequence: number): Promise<void> {
    const host = this.#host;
    const nowMs = (): number => this.#clock.monotonicMs();
    const context = {from: NODE, set: SET, signal: new AbortController().signal} as RpcContext;
    switch (operation.type) {
      case 'write':
        await writeHandler(host, nowMs)(shareOf(operation, sequence), context);
        return;
      case 'delete': {
        const {deletion} = operation;
        const request = {router: {incarnation: 1, sequence}, deletion};
        await deleteHandler(host, nowMs)(encodeDeleteRequest(request), context);
        return;
      }
      case 'control':
        await host.propose(SET, encodeControl(operation.control), this.#deadline());
    }
  }

  /** All that can be read, as the model has it. */
  async lines(): Promise<string[]> {
    if (this.#stopped !== undefined) throw new FatalError(this.#stopped);
    const {machine} = this;
    await machine.load();
    const lines: string[] = [];
    for (const {table} of machine.storage.tables()) {
      const scan = machine.scan({table, startOffset: 0, endOffset: 2 ** 40, fields: FIELDS});
      try {
        for (let chunks = await scan.next(); chunks !== undefined; chunks = await scan.next())
          for (const {series, rowCount, offsets, columns} of chunks)
            for (let row = 0; row < rowCount; row++) {
              const key = keyOf(scan.tagValue(series, 1 as never), offsets[row]!);
              lines.push(
                lineOf(
                  table,
                  key,
                  columns.map((column) => cellAt(column, row)),
                ),
              );
            }
      } finally {
        scan.close();
      }
    }
    return lines.sort();
  }

  async close(): Promise<void> {
    await this.#host.close();
    await this.#manifest.close();
  }

  #deadline(): {readonly deadlineMs: number} {
    return {deadlineMs: this.#clock.monotonicMs() + PROPOSAL_MS_MAX};
  }

  async #lead(isKnown: boolean): Promise<void> {
    const broken = this.#host.broken().get(SET);
    if (broken !== undefined) throw new FatalError(broken.reason);
    if (isKnown && this.#host.status(SET) === undefined)
      throw new FatalError('its log knows no replica');
    const founding = {voters: [REPLICA], learners: []};
    await this.#host.createReplica({set: SET, replica: REPLICA, founding});
    if (this.#host.status(SET)?.role !== 'leader') this.#host.campaign(SET);
    const deadline = this.#deadline();
    while (this.#host.status(SET)?.role !== 'leader') {
      if (this.#stopped !== undefined) throw new FatalError(this.#stopped);
      if (this.#clock.monotonicMs() > deadline.deadlineMs) throw new Error('it does not lead');
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await this.#host.readIndex(SET, deadline).catch((error: unknown) => {
      throw this.#stopped === undefined ? error : new FatalError(this.#stopped, error);
    });
  }
}

function machineOpener(
  disk: Disk,
  manifest: Manifest,
  slices: WorkTurns,
): HostOptions['openStateMachine'] {
  let parts = 0;
  return async ({set, replica, founding}) => {
    const storage = await ReplicaStorage.open({
      disk,
      directory: REPLICA_DIRECTORY,
      manifest,
      set,
      replica,
      bucket: {startUnits: 1_767_227_400_000n, unitsPerSecond: 1_000},
      slices,
      // All, since nodes have parts of each.
      partVersion: () => PART_VERSIONS[parts++ % PART_VERSIONS.length]!,
    });
    const limits = {
      memtableBytes: MEMTABLE_BYTES,
      memtableBytesMax: 64 * MEMTABLE_BYTES,
      memtables: new MemtableBudget(),
      indexes: new IndexBudget(),
    };
    const onFault = (error: unknown): never => {
      throw error;
    };
    return new ReplicaMachine(storage, founding!, limits, {onFault});
  };
}

type Chunks = NonNullable<Awaited<ReturnType<ReturnType<ReplicaMachine['scan']>['next']>>>;
type ChunkColumn = Chunks[number]['columns'][number];

function cellAt(column: ChunkColumn, row: number): unknown {
  if (column === undefined || column.present?.[row] === 0) return undefined;
  const {values} = column;
  if (values.type === 'boolean') return values.values[row] === 1;
  if (values.type !== 'string') return values.values[row];
  const start = row === 0 ? 0 : values.ends[row - 1]!;
  return Buffer.from(values.bytes.subarray(start, values.ends[row])).toString();
}
