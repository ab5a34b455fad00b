// Thread 0's part in the meta group: follows the catalog for the node; where this node is a member,
// serves the others; where it leads, runs the reconciler.

import {
  assert,
  type Clock,
  type Log,
  META_SET,
  type NodeId,
  type Random,
  type ReplicaId,
  type Rpc,
  type RpcHandlers,
} from '@flotilla/base';
import {Catalog, CLUSTER_VERSION, type Command} from '@flotilla/catalog';
import {
  CatalogFollower,
  isLed,
  type MetaClient,
  MetaService,
  MetaStateMachine,
  Reconciler,
} from '@flotilla/meta';
import type {Host} from '@flotilla/multiraft';
import type {NodeWatch} from '@flotilla/router';
import {clusterSamples} from '../metrics/cluster-samples.ts';
import type {Sample} from '../metrics/sample.ts';
import type {EngineOptions} from './messages.ts';
import {metaHandlers} from './meta-handlers.ts';
import {pause} from './pause.ts';

/** The first replica of the meta group; the catalog gives it this id when the cluster is founded. */
const FIRST_META_REPLICA = 1 as ReplicaId;
const FOUNDING_MS_MAX = 20_000;
const POLL_MS = 20;
/** Members tell watchers of themselves each second. */
const SILENT_MS_MAX = 5_000;

export interface MetaRoleDeps {
  readonly host: Host;
  readonly rpc: Rpc & {serve(handlers: RpcHandlers): void};
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly options: Pick<
    EngineOptions,
    'node' | 'catalog' | 'address' | 'zone' | 'threads' | 'version' | 'isInsecure' | 'settings'
  >;
  readonly presence: NodeWatch;
}

/**
 * Members of the meta group, this node first if it is one. Where the cached catalog is lost, whoever was met is
 * asked: those who are none say so.
 */
export function metaMembers(
  catalog: Catalog,
  self: NodeId,
  presence: Pick<NodeWatch, 'met'>,
): NodeId[] {
  const nodes = catalog.metaSet()?.replicas.map(({node}) => node) ?? presence.met();
  return nodes.includes(self) ? [self, ...nodes.filter((node) => node !== self)] : nodes;
}

/** This node's replica of the meta group, and what runs on it. */
interface Member {
  readonly machine: MetaStateMachine;
  readonly service: MetaService;
  readonly handlers: RpcHandlers;
  readonly reconciler: Reconciler;
}

export class MetaRole {
  readonly follower: CatalogFollower;
  readonly #deps: MetaRoleDeps;
  #member: Member | undefined;

  constructor(deps: MetaRoleDeps) {
    this.#deps = deps;
    const {rpc, clock, log, options, presence} = deps;
    const catalog = Catalog.fromSnapshot(options.catalog);
    this.follower = new CatalogFollower({
      rpc,
      clock,
      log,
      catalog,
      presence,
      members: () => this.#toFollow(catalog),
    });
    rpc.serve(metaHandlers(() => this.#member?.handlers));
    deps.host.onLeadership(({set}) => {
      if (set === META_SET) this.#followLeadership();
    });
  }

  /** A member here knows a leader; elsewhere, some member was heard of. */
  get isHeard(): boolean {
    const own = this.#deps.host.status(META_SET);
    return own === undefined ? this.follower.silentMs() < SILENT_MS_MAX : isLed(own);
  }

  /** Of the whole cluster; nothing elsewhere than at the leader. */
  samples(): Sample[] {
    if (this.#member === undefined) return [];
    const {service, reconciler} = this.#member;
    if (!reconciler.isRunning()) return [];
    return clusterSamples(service.catalog, reconciler.reports(), this.#deps.clock.wallMs());
  }

  /**
   * A replica here comes first, whatever the catalog says: after a crash the cached one may be older than
   * the replica's own, and what that knows of the other members is what it takes to elect a leader.
   */
  #toFollow(catalog: Catalog): NodeId[] {
    const {options, presence} = this.#deps;
    const {node} = options;
    const members = metaMembers(catalog, node, presence);
    return this.#member === undefined || members.includes(node) ? members : [node, ...members];
  }

  start(): void {
    this.hosted();
    this.follower.start();
    this.#followLeadership();
  }

  /** A replica of the meta group may have come to this thread, or gone: served is the one that is here. */
  hosted(): void {
    const machine = this.#deps.host.stateMachine(META_SET);
    if (machine === this.#member?.machine) return;
    const before = this.#member;
    this.#member = machine instanceof MetaStateMachine ? this.#join(machine) : undefined;
    if (before !== undefined) this.#leave(before);
    this.#followLeadership();
  }

  #join(machine: MetaStateMachine): Member {
    const {host, rpc, clock, random, log, options} = this.#deps;
    const {settings} = options;
    const service = new MetaService({
      group: host,
      machine,
      clock,
      reports: () => this.#member?.reconciler.reports() ?? new Map(),
    });
    const reconciler = new Reconciler({service, rpc, clock, random, log, settings});
    return {machine, service, handlers: service.handlers(), reconciler};
  }

  #leave({service, reconciler}: Member): void {
    service.close();
    reconciler.stop();
  }

  /** Founds the cluster: the meta group of this node alone, then the first command. Idempotent. */
  async found(clusterId: string, incarnation: string): Promise<void> {
    const {host, clock, options} = this.#deps;
    const founding = {voters: [FIRST_META_REPLICA], learners: []};
    await host.createReplica({set: META_SET, replica: FIRST_META_REPLICA, founding});
    this.hosted();
    const deadlineMs = clock.monotonicMs() + FOUNDING_MS_MAX;
    while (host.status(META_SET)?.role !== 'leader') {
      if (clock.monotonicMs() > deadlineMs)
        throw new Error('the meta group of this node alone found no leader');
      await pause(clock, POLL_MS);
    }
    await host.readIndex(META_SET, {deadlineMs});
    const {service} = this.#member!;
    const present = service.catalog.cluster?.id;
    assert(
      present === undefined || present === clusterId,
      () => `the meta group here is of cluster ${present}, not of ${clusterId}`,
    );
    if (present !== undefined) return;
    const command: Command = {
      type: 'found-cluster',
      clusterId,
      node: nodeDescription(options, incarnation),
      clusterVersion: CLUSTER_VERSION,
      atMs: clock.wallMs(),
    };
    await service.propose(command, deadlineMs);
  }

  async stop(): Promise<void> {
    this.#member?.reconciler.stop();
    await this.follower.stop();
    this.#member?.service.close();
  }

  #followLeadership(): void {
    const reconciler = this.#member?.reconciler;
    if (reconciler === undefined) return;
    if (this.#deps.host.status(META_SET)?.role === 'leader') reconciler.start();
    else reconciler.stop();
  }
}

export function nodeDescription(
  {address, zone, threads, version, isInsecure}: MetaRoleDeps['options'],
  incarnation: string,
): Extract<Command, {type: 'register-node'}>['node'] {
  return {incarnation, address, zone, engineThreads: threads, version, isInsecure};
}

/** Tells the catalog where and what this node is now, if that has changed since. */
export async function updateNodeRecord(
  meta: Pick<MetaClient, 'propose'>,
  catalog: Catalog,
  options: MetaRoleDeps['options'],
  deadlineMs: number,
): Promise<void> {
  const known = catalog.node(options.node);
  const {address, zone, threads: engineThreads, version, isInsecure} = options;
  const isSame =
    known?.address === address &&
    known.zone === (zone ?? known.zone) &&
    known.engineThreads === engineThreads &&
    known.version === version &&
    (known.isInsecure === true) === (isInsecure === true);
  if (isSame) return;
  await meta.propose(
    {type: 'update-node', node: options.node, address, zone, engineThreads, version, isInsecure},
    {deadlineMs},
  );
}
