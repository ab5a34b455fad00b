// The data directory of a node that does not run: all of its stores, and what they tell of the replicas in
// them. Holds the directory's lock, so that the node cannot start meanwhile.

import {existsSync} from 'node:fs';
import {readFile} from 'node:fs/promises';
import path from 'node:path';
import {
  type Clock,
  FatalError,
  type Log,
  type ManifestStore,
  META_SET,
  type NodeId,
  type StoreId,
} from '@flotilla/base';
import type {CatalogUpdate, NodeEvidence, ReplicaEvidence} from '@flotilla/catalog';
import {StoppedStore} from '@flotilla/multiraft';
import {Manifest} from '@flotilla/storage';
import {
  createNodeRandom,
  type NodeDirectory,
  openNodeDirectory,
  stoppedManifest,
  storePath,
} from '../adapters/index.ts';
import {readCatalogCache, writeCatalogCache} from './catalog-cache.ts';
import {DOOR_FILE} from './door-note.ts';
import type {Stopped} from './meta-recovery.ts';
import {storeEvidence} from './store-evidence.ts';

interface NumberedStore {
  readonly storeId: StoreId;
  readonly store: StoppedStore;
}

interface OpenedStores {
  readonly stores: readonly NumberedStore[];
  /** What cannot be read of it, in words. */
  readonly faults: readonly string[];
}

export class StoppedNode implements Stopped {
  readonly directory: NodeDirectory;
  readonly node: NodeId;
  readonly cluster: string;
  readonly cached: CatalogUpdate;
  /** Those that can be read; one at least. */
  readonly stores: readonly NumberedStore[];
  readonly #faults: readonly string[];

  private constructor(
    directory: NodeDirectory,
    cached: CatalogUpdate,
    {stores, faults}: OpenedStores,
  ) {
    this.directory = directory;
    this.cached = cached;
    this.stores = stores;
    this.#faults = faults;
    const {node, cluster} = directory.identity!;
    this.node = node;
    this.cluster = cluster;
  }

  /** Throws DirectoryLockedError for a node that runs. */
  static async open(given: string, clock: Clock, log: Log): Promise<StoppedNode> {
    if (!existsSync(path.join(given, 'node.json')))
      throw new Error(`${given} is no data directory of a node: it has no node.json`);
    const directory = await openNodeDirectory({path: given, stores: 1});
    try {
      if (directory.identity === undefined)
        throw new Error(`the node of ${given} belongs to no cluster yet`);
      const cached = await readCatalogCache(given, log);
      return new StoppedNode(directory, cached, await openStores(directory, clock, log));
    } catch (error) {
      directory.close();
      throw error;
    }
  }

  get path(): string {
    return this.directory.path;
  }

  get disk(): NodeDirectory['disk'] {
    return this.directory.disk;
  }

  remember(catalog: CatalogUpdate): Promise<void> {
    return writeCatalogCache(this.path, catalog);
  }

  get metaStore(): NumberedStore {
    const holder = this.stores.find(({store}) => store.replica(META_SET) !== undefined);
    return holder ?? this.stores[0]!;
  }

  async evidence(): Promise<NodeEvidence> {
    const {directory, node, cluster, stores} = this;
    const faults = [...this.#faults];
    const replicas: ReplicaEvidence[] = [];
    for (const each of stores) replicas.push(...(await evidenceOf(each, directory.path, faults)));
    const ended = stores.flatMap(({store}) =>
      [...store.tombstones()].map(([set, replica]) => ({set, replica})),
    );
    const address = await addressOf(directory.path);
    const {name} = directory;
    return {cluster, node, name, address, stores: stores.length, replicas, ended, faults};
  }

  async close(): Promise<void> {
    for (const {store} of this.stores) await store.close();
    this.directory.close();
  }
}

/**
 * One whose log is damaged is passed over where another holds the meta group's replica: else it might be
 * in that one, and the node would come to have two.
 */
async function openStores(
  {disk, bootEpoch, stores: count}: NodeDirectory,
  clock: Clock,
  log: Log,
): Promise<OpenedStores> {
  const ports = {random: createNodeRandom(), clock, bootEpoch, log};
  const stores: NumberedStore[] = [];
  const failures: FatalError[] = [];
  for (let number = 0; number < count; number++) {
    const storeId = number as StoreId;
    try {
      const options = {store: storeId, disk, path: storePath(storeId)};
      stores.push({storeId, store: await StoppedStore.open(options, ports)});
    } catch (error) {
      if (!(error instanceof FatalError)) throw error;
      failures.push(error);
    }
  }
  const [first] = failures;
  const hasMeta = stores.some(({store}) => store.replica(META_SET) !== undefined);
  if (first !== undefined && !hasMeta) {
    for (const {store} of stores) await store.close();
    throw first;
  }
  const faults = failures.map(({message}) => `what a store of it holds: ${message}`);
  return {stores, faults};
}

async function evidenceOf(
  {storeId, store}: NumberedStore,
  root: string,
  faults: string[],
): Promise<ReplicaEvidence[]> {
  const file = path.join(root, storePath(storeId), 'manifest.sqlite');
  const manifest = await openManifest(file, storeId, faults);
  try {
    return await storeEvidence(store, manifest);
  } finally {
    await manifest?.close();
  }
}

/** What a damaged one held is unknown: of its replicas the log alone tells. */
async function openManifest(
  file: string,
  store: StoreId,
  faults: string[],
): Promise<Manifest | undefined> {
  let rows: ManifestStore | undefined;
  try {
    rows = stoppedManifest(file);
    return rows && (await Manifest.open(rows));
  } catch (error) {
    await rows?.close();
    if (!(error instanceof FatalError)) throw error;
    faults.push(`what the manifest of store ${store} holds: ${error.message}`);
    return undefined;
  }
}

/** Where it listened last, as it wrote down itself. */
async function addressOf(directory: string): Promise<string | undefined> {
  try {
    const {url} = JSON.parse(await readFile(path.join(directory, DOOR_FILE), 'utf8')) as {
      url: string;
    };
    return new URL(url).host;
  } catch (error) {
    // It never listened, or the note is not whole: at its start the node says where it is.
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code !== undefined)
      return undefined;
    throw error;
  }
}
