// An engine above its open host, put together alike in a thread of a process and in a simulated one: the copy of
// the catalog and what it brings about, the replicas that meta orders, the way of a write, and what other nodes
// are answered. Ports, host and meta role are its owner's.

import {
  type Clock,
  type Disk,
  type Log,
  META_SET,
  type NodeId,
  type Random,
  type ReplicaId,
  type ReplicaSetId,
  type RpcHandlers,
  type StoreId,
} from '@flotilla/base';
import type {Catalog, CatalogUpdate} from '@flotilla/catalog';
import {type CatalogNews, MetaClient, nodeHandlers} from '@flotilla/meta';
import type {Host} from '@flotilla/multiraft';
import {
  DELETE_METHOD,
  deleteHandler,
  FENCE_METHOD,
  type FenceWork,
  fenceHandler,
  type SeriesLimits,
  WRITE_METHOD,
  writeHandler,
} from '@flotilla/replica';
import {LeaderDirectory, MetaDdl, type NodeWatch, SetCaller, WriteRouter} from '@flotilla/router';
import type {Manifest} from '@flotilla/storage';
import {passHandlers} from '../connections/passed-call.ts';
import type {RpcCore} from '../connections/rpc.ts';
import {bucketSeriesOf} from './bucket-series.ts';
import {CatalogCopy} from './catalog-copy.ts';
import {CatalogEffects} from './catalog-effects.ts';
import {notesHandler} from './cluster-view.ts';
import type {EntryOrderBook} from './entry-orders.ts';
import {campaignHandler, FailoverModes} from './failover.ts';
import {ofLivingSets, type SetHandler} from './living-sets.ts';
import {metaProposer} from './meta-proposer.ts';
import {type MetaRole, metaMembers} from './meta-role.ts';
import {pause} from './pause.ts';
import {NodeReplicas} from './replica-host.ts';
import {NotesOfOthers} from './replica-notes.ts';

/** What the main thread is told. */
export interface CoreNews {
  hosted(set: ReplicaSetId, isHere: boolean): void;
  /** Replica ids of the set up to that one are used up in this thread. */
  buried(set: ReplicaSetId, upto: ReplicaId): void;
  broughtBack(): void;
  /** Of thread 0, for the copies of the others. */
  catalog(news: CatalogNews): void;
}

export interface CorePorts extends Omit<SeriesLimits, 'bucketSeries'> {
  readonly node: NodeId;
  readonly thread: number;
  /** Engine threads of the node. */
  readonly threads: number;
  /** Of the thread. */
  readonly stores: readonly StoreId[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly disk: Disk;
  readonly rpc: RpcCore;
  /** Told which nodes answer. */
  readonly nodes: NodeWatch;
  readonly manifests: ReadonlyMap<StoreId, Manifest>;
  readonly orders: EntryOrderBook;
  /** As the node last knew it. */
  readonly catalog: CatalogUpdate;
  /** Numbers this life of the router: none before it had the same. */
  readonly incarnation: number;
  readonly news: CoreNews;
}

type FailoverHost = Pick<Host, 'failoverModes' | 'setFailover' | 'campaign' | 'watchChanges'>;

interface Opened {
  readonly host: Host;
  /** Thread 0 alone. */
  readonly metaRole: MetaRole | undefined;
  /** The host as orders of failover meet it; itself, unless somebody listens in. */
  readonly failoverHost?: FailoverHost | undefined;
}

interface WritePath {
  readonly leaders: LeaderDirectory;
  readonly caller: SetCaller;
  readonly proposer: ReturnType<typeof metaProposer>;
  readonly router: WriteRouter;
}

export interface EngineCore extends WritePath {
  readonly host: Host;
  readonly rpc: RpcCore;
  readonly copy: CatalogCopy;
  readonly meta: MetaClient;
  readonly metaRole: MetaRole | undefined;
  readonly effects: CatalogEffects;
  readonly replicas: NodeReplicas;
  /** Of the other engine threads. */
  readonly notes: NotesOfOthers;
  readonly failover: FailoverModes;
}

/** Stores are numbered for all time; sets are dealt to the stores of whichever thread has them now. */
export function storeOf(
  set: ReplicaSetId,
  {stores, threads}: Pick<CorePorts, 'stores' | 'threads'>,
): StoreId {
  return stores[set === META_SET ? 0 : Math.floor(set / threads) % stores.length]!;
}

export function nodeOf(
  catalog: Catalog | undefined,
  set: ReplicaSetId,
  id: ReplicaId,
): NodeId | undefined {
  return catalog?.replicaSet(set)?.replicas.find(({replica}) => replica === id)?.node;
}

export function assembleCore(ports: CorePorts, opened: Opened): EngineCore {
  const {node, clock, log, rpc, nodes, news} = ports;
  const {host, metaRole, failoverHost = host} = opened;
  const copy =
    metaRole === undefined
      ? CatalogCopy.from(clock, ports.catalog)
      : new CatalogCopy(clock, metaRole.follower.catalog);
  const {catalog} = copy;
  const meta = new MetaClient({
    rpc,
    clock,
    members: () => metaMembers(catalog, node, nodes),
    presence: nodes,
    waitForVersion: (version, deadlineMs) => copy.waitForVersion(version, deadlineMs),
    clusterVersion: () => catalog.cluster && catalog.clusterVersion,
  });
  copy.attach(meta);
  metaRole?.follower.onUpdate((event) => copy.notify(event));
  metaRole?.follower.onNews((told) => news.catalog(told));
  const effects = new CatalogEffects({host, copy, clock, log});
  const notes = new NotesOfOthers();
  const replicas = hostReplicas(ports, {host, metaRole, copy, effects, notes});
  for (const handlers of answers(ports, {host, catalog}, failoverHost, {replicas, effects}))
    rpc.serve(handlers);
  return {
    ...{host, rpc, copy, meta, metaRole, effects, replicas, notes},
    failover: new FailoverModes({host: failoverHost, catalog, log}),
    ...writePath(ports, meta, copy),
  };
}

function hostReplicas(
  ports: CorePorts,
  parts: Pick<EngineCore, 'host' | 'metaRole' | 'copy' | 'effects' | 'notes'>,
): NodeReplicas {
  const {node, thread, threads, clock, log, disk, manifests, orders, news} = ports;
  const {host, metaRole, copy, effects, notes} = parts;
  return new NodeReplicas({
    host,
    copy,
    disk,
    monotonicMs: () => clock.monotonicMs(),
    manifests,
    storeOf: (set) => storeOf(set, ports),
    orders,
    node,
    log,
    isOwn: (set) => (set === META_SET ? 0 : set % threads) === thread,
    others: notes,
    isComplete: () => notes.threadCount >= threads - 1,
    onHosted: (set, isHere) => {
      news.hosted(set, isHere);
      if (set === META_SET) metaRole?.hosted();
      else if (isHere) effects.opened(set);
    },
    onBuried: (set, upto) => news.buried(set, upto),
    onBroughtBack: () => news.broughtBack(),
  });
}

/** What other threads and nodes may ask. */
function answers(
  {clock, rpc, nodes, seriesPerSetMax, indexes}: CorePorts,
  {host, catalog}: {readonly host: Host; readonly catalog: Catalog},
  failoverHost: FailoverHost,
  {replicas, effects}: Pick<EngineCore, 'replicas' | 'effects'>,
): RpcHandlers[] {
  const monotonicMs = (): number => clock.monotonicMs();
  const fenceWork: FenceWork = {
    wait: (ms) => pause(clock, ms),
    confirm: (set, command) => effects.confirm(set, command),
  };
  const living = (handler: SetHandler) => ofLivingSets(catalog, handler);
  const bucketSeries = (set: ReplicaSetId) => bucketSeriesOf(catalog, set);
  const limits = {seriesPerSetMax, bucketSeries, indexes};
  const shares = new Map([
    [WRITE_METHOD, living(writeHandler(host, monotonicMs, limits))],
    [DELETE_METHOD, living(deleteHandler(host, monotonicMs))],
    [FENCE_METHOD, fenceHandler(host, fenceWork)],
  ]);
  return [
    nodeHandlers(replicas, clock),
    notesHandler(replicas),
    campaignHandler(failoverHost),
    passHandlers({rpc, nodes, clock}),
    {call: shares, stream: new Map()},
  ];
}

function writePath(ports: CorePorts, meta: MetaClient, copy: CatalogCopy): WritePath {
  const {rpc, clock, random, nodes, incarnation} = ports;
  const catalog = (): Catalog => copy.catalog;
  const leaders = new LeaderDirectory(nodes);
  const caller = new SetCaller({rpc, catalog, leaders, nodes, clock, random});
  const proposer = metaProposer(meta, copy);
  const ddl = new MetaDdl(proposer);
  const router = new WriteRouter({caller, catalog, meta: ddl, clock, incarnation});
  return {leaders, caller, proposer, router};
}
