// The product's engine in a simulated process: host, meta role (member, service, reconciler), catalog
// copy, replica machines over the simulated disk, router and handlers, put together as
// server/src/engine/engine-start.ts puts them together for a thread.

import {
  DbError,
  FatalError,
  type Log,
  META_SET,
  type NodeId,
  type ReplicaId,
  type ReplicaSetId,
  type StoreId,
} from '@flotilla/base';
import type {Catalog} from '@flotilla/catalog';
import {MetaClient, nodeHandlers} from '@flotilla/meta';
import type {Host, NodeState as PeerState, StateMachine} from '@flotilla/multiraft';
import {
  DELETE_METHOD,
  deleteHandler,
  FENCE_METHOD,
  fenceHandler,
  MemtableBudget,
  ReplicaMachine,
  WRITE_METHOD,
  writeHandler,
} from '@flotilla/replica';
import {freshen, LeaderDirectory, MetaDdl, SetCaller, WriteRouter} from '@flotilla/router';
import {
  CAMPAIGN_METHOD,
  CatalogCopy,
  CatalogEffects,
  campaignHandler,
  FailoverModes,
  KnownLives,
  LIVES_EVERY_MS,
  MetaRole,
  metaMembers,
  metaProposer,
  NodeReplicas,
  passHandlers,
  RpcCore,
  replicaFactory,
  WorkTurns,
} from '@flotilla/server/engine-parts';
import {Manifest, StorageCounts} from '@flotilla/storage';
import type {FailoverLaw} from '../checks/failover-law.ts';
import type {Chance} from '../kernel/chance.ts';
import type {Network} from '../world/network.ts';
import type {Program, Running, SimNode} from '../world/node.ts';
import {HeldWatch} from './held-watch.ts';
import type {NodeState} from './node-state.ts';
import {type RowReading, type RowRequest, rowAt} from './row-read.ts';

export const READ_METHOD = 'sim.read-row';
const HOUSEKEEPING_MS = 1_000;
const READ_MS_MAX = 4_000;
/** Small, so that memtables are flushed and compacted while a run lasts. */
const MEMTABLE_BYTES = 4_096;
const CLUSTER_ID = 'simulated';

export interface EnginePorts {
  readonly network: Network;
  readonly chance: Chance;
  readonly state: NodeState;
  readonly log: Log;
  readonly failover: FailoverLaw;
  readonly onMachine: (set: ReplicaSetId, replica: ReplicaId, machine: StateMachine) => void;
  readonly onDestroyed: (replica: ReplicaId) => void;
  readonly onFailure: (reason: string) => void;
  /** A node that is silent for so long has its replicas made anew elsewhere. */
  readonly repairAfterMs: number;
}

/** What a process has once its host is open. */
interface Parts {
  readonly host: Host;
  readonly metaRole: MetaRole;
  readonly copy: CatalogCopy;
  readonly effects: CatalogEffects;
  readonly meta: MetaClient;
  readonly caller: SetCaller;
  readonly router: WriteRouter;
}

export class Engine implements Program {
  readonly openStateMachine: Program['openStateMachine'];
  readonly #node: SimNode;
  readonly #running: Running;
  readonly #ports: EnginePorts;
  readonly #rpc: RpcCore;
  readonly #watch: HeldWatch;
  readonly #manifests = new Map<StoreId, Manifest>();
  #parts: Parts | undefined;
  readonly #lives: KnownLives;
  #isSaving = false;
  #isRefusing = false;

  constructor(node: SimNode, running: Running, ports: EnginePorts) {
    this.#node = node;
    this.#running = running;
    this.#ports = ports;
    this.#lives = new KnownLives(ports.state.lives);
    const {process, endpoint} = running;
    const {network, log} = ports;
    this.#rpc = new RpcCore({
      node: node.id,
      thread: 1,
      bootEpoch: node.bootEpoch,
      port: {send: (to, channel, frame) => network.sendSurely(endpoint, to, channel, frame)},
      clock: process,
      log,
      hosts: () => true,
    });
    this.#watch = new HeldWatch(this.#rpc);
    const open = replicaFactory({
      disk: node.disk,
      slices: new WorkTurns(process),
      manifests: this.#manifests,
      limits: {
        memtableBytes: MEMTABLE_BYTES,
        memtableBytesMax: 4 * MEMTABLE_BYTES,
        memtables: new MemtableBudget(),
      },
      counts: new StorageCounts(),
      onFault: (error) => this.#fault(error),
      onFate: (set, table) => this.#parts?.effects.fateApplied(set, table),
    });
    this.openStateMachine = async (identity) => {
      const machine = await open(identity);
      ports.onMachine(identity.set, identity.replica, machine);
      return machine;
    };
  }

  /** Undefined while the node starts, and where it takes nothing more. */
  get parts(): Parts | undefined {
    return this.#isRefusing ? undefined : this.#parts;
  }

  get catalog(): Catalog | undefined {
    return this.#parts?.copy.catalog;
  }

  /** The catalog stays as it is until it is let go. */
  holdCatalog(isHeld: boolean): void {
    this.#watch.isHeld = isHeld;
  }

  get isCatalogHeld(): boolean {
    return this.#watch.isHeld;
  }

  locate = (set: ReplicaSetId, replica: ReplicaId): NodeId | undefined =>
    this.catalog?.replicaSet(set)?.replicas.find((placed) => placed.replica === replica)?.node;

  /** As the one engine thread of a node places them. */
  storeOf = (set: ReplicaSetId): StoreId => {
    const {stores} = this.#node;
    return stores[set === META_SET ? 0 : set % stores.length]!;
  };

  async prepare(): Promise<void> {
    for (const store of this.#node.stores) {
      const rows = this.#ports.state.manifest(store, () => this.#durable());
      this.#manifests.set(store, await Manifest.open(rows));
    }
  }

  opened(host: Host): void {
    const {process, watch} = this.#running;
    const {chance, log, state} = this.#ports;
    const {id} = this.#node;
    const rpc = this.#rpc;
    const metaRole = new MetaRole({
      host,
      rpc: this.#watch,
      clock: process,
      random: chance,
      log,
      options: {
        node: id,
        catalog: state.catalog,
        address: `n${id}`,
        threads: 1,
        version: '1',
      },
      presence: watch,
      settings: {repairAfterMs: this.#ports.repairAfterMs},
    });
    const copy = new CatalogCopy(process, metaRole.follower.catalog);
    const meta = new MetaClient({
      rpc,
      clock: process,
      members: () => metaMembers(copy.catalog, id),
      presence: watch,
      waitForVersion: (version, deadlineMs) => copy.waitForVersion(version, deadlineMs),
      clusterVersion: () => copy.catalog.cluster && copy.catalog.clusterVersion,
    });
    copy.attach(meta);
    metaRole.follower.onUpdate((event) => {
      copy.notify(event);
      this.#save();
    });
    const effects = new CatalogEffects({host, copy, clock: process, log});
    const caller = this.#caller(copy);
    const router = new WriteRouter({
      caller,
      catalog: () => copy.catalog,
      meta: new MetaDdl(metaProposer(meta, copy)),
      clock: process,
      incarnation: (id * 2 ** 24 + this.#node.bootEpoch) * 2 ** 8,
    });
    this.#parts = {host, metaRole, copy, effects, meta, caller, router};
    this.#serve(this.#parts);
    metaRole.start();
    const modes = new FailoverModes({host: this.#obeying(host), catalog: copy.catalog, log});
    this.#tick(effects, modes);
    this.#rememberLives();
  }

  /** The host, as the law of manual failover is told what it was ordered and what it keeps. */
  #obeying(host: Host): Pick<Host, 'failoverModes' | 'setFailover' | 'campaign' | 'watchChanges'> {
    const {failover} = this.#ports;
    const replicaOf = (set: ReplicaSetId): number => host.status(set)?.replica ?? 0;
    return {
      failoverModes: (sets) => host.failoverModes(sets),
      watchChanges: () => host.watchChanges(),
      setFailover: async (set, mode) => {
        const replica = replicaOf(set);
        failover.changing(replica);
        await host.setFailover(set, mode);
        if (this.#node.running === this.#running) failover.changed(replica, mode);
      },
      campaign: (set) => {
        failover.ordered(replicaOf(set));
        host.campaign(set);
      },
    };
  }

  /** As a node without cluster does that may found one. */
  async found(): Promise<void> {
    await this.#parts!.metaRole.found(CLUSTER_ID, 'incarnation-1');
    this.#ports.state.isMember = true;
  }

  nodeChanged(node: NodeId, state: PeerState): void {
    if (state.state === 'gone') this.#rpc.nodeLost(node);
  }

  receive(from: NodeId, frame: Uint8Array): boolean {
    return this.#rpc.receive(from, frame);
  }

  refuse(): void {
    this.#isRefusing = true;
  }

  /** What the node remembers of another, as its hello tells it. */
  knownOf(node: NodeId): ReturnType<KnownLives['of']> {
    this.#lives.learn(this.#running.liveness?.views() ?? []);
    return this.#lives.of(node);
  }

  async stop(): Promise<void> {
    await this.#parts?.metaRole.stop();
    this.#rpc.close();
  }

  /** A row by one replica's ReadIndex: its leader's, or that of whichever node is named. */
  async readRow(
    set: ReplicaSetId,
    request: RowRequest,
    on: NodeId | undefined,
  ): Promise<RowReading> {
    const payload = new TextEncoder().encode(JSON.stringify(request));
    const deadlineMs = this.#running.process.monotonicMs() + READ_MS_MAX;
    const {caller} = this.#parts!;
    const method = READ_METHOD;
    const answer =
      on === undefined
        ? await caller.call({set, method, payload, deadlineMs})
        : await this.#rpc.call({node: on, set}, method, payload, {deadlineMs});
    const view = new DataView(answer.buffer, answer.byteOffset, answer.byteLength);
    return {value: view.getFloat64(0), ageMs: answer.length > 8 ? view.getFloat64(8) : 0};
  }

  /** The replica on that node is to stand for election. */
  async elect(set: ReplicaSetId, node: NodeId): Promise<void> {
    const deadlineMs = this.nowMs + READ_MS_MAX;
    await this.#rpc.call({node, set}, CAMPAIGN_METHOD, new Uint8Array(0), {deadlineMs});
  }

  get nowMs(): number {
    return this.#running.process.monotonicMs();
  }

  #caller(copy: CatalogCopy): SetCaller {
    const {process, watch} = this.#running;
    return new SetCaller({
      rpc: this.#rpc,
      catalog: () => copy.catalog,
      leaders: new LeaderDirectory(watch),
      nodes: watch,
      clock: process,
      random: this.#ports.chance,
    });
  }

  #serve({host, copy, metaRole, effects}: Parts): void {
    const {process, watch} = this.#running;
    const rpc = this.#rpc;
    const monotonicMs = (): number => process.monotonicMs();
    const replicas = new NodeReplicas({
      host,
      copy,
      disk: this.#node.disk,
      monotonicMs,
      manifests: this.#manifests,
      storeOf: this.storeOf,
      node: this.#node.id,
      log: this.#ports.log,
      isOwn: () => true,
      notesOfOthers: () => [],
      isComplete: () => true,
      onHosted: (set, isHere) => {
        if (set === META_SET) metaRole.hosted();
        else if (isHere) effects.opened(set);
      },
      // The one thread of its node.
      onBuried: () => undefined,
      onBroughtBack: () => {
        replicas.settleLoss().catch((error: unknown) => this.#fault(error));
      },
    });
    if (host.hasLoss) replicas.learnLoss([]);
    rpc.serve(nodeHandlers(this.#watched(replicas), process));
    rpc.serve(campaignHandler(this.#obeying(host)));
    rpc.serve(passHandlers({rpc, nodes: watch, clock: process}));
    const pause = (ms: number) =>
      new Promise<void>((resolve) => {
        process.setTimer(ms, resolve);
      });
    rpc.serve({
      call: new Map([
        [WRITE_METHOD, writeHandler(host, monotonicMs)],
        [DELETE_METHOD, deleteHandler(host, monotonicMs)],
        [FENCE_METHOD, fenceHandler(host, pause)],
        [READ_METHOD, (payload, {set}) => readHandler({host, monotonicMs}, set, payload)],
      ]),
      stream: new Map(),
    });
  }

  /** The laws are told of each replica that is gone for good. */
  #watched(replicas: NodeReplicas): NodeReplicas {
    const {onDestroyed} = this.#ports;
    const destroy = replicas.destroyReplica.bind(replicas);
    replicas.destroyReplica = async (order) => {
      await destroy(order);
      onDestroyed(order.replica);
    };
    return replicas;
  }

  #tick(effects: CatalogEffects, modes: FailoverModes): void {
    const {process} = this.#running;
    const {chance} = this.#ports;
    const turn = (): void => {
      effects.settle();
      modes.settle();
      if (chance.odds(0.2)) this.#flushOne();
      process.setTimer(HOUSEKEEPING_MS, turn);
    };
    process.setTimer(HOUSEKEEPING_MS, turn);
  }

  #flushOne(): void {
    const {host} = this.#parts!;
    const {chance} = this.#ports;
    const sets = [...host.statuses()];
    if (sets.length === 0) return;
    const machine = host.stateMachine(chance.pick(sets).set);
    if (machine instanceof ReplicaMachine)
      machine.flush().catch((error: unknown) => this.#fault(error));
  }

  /** A moment after the catalog has changed, as production's cache of it. */
  #save(): void {
    if (this.#isSaving) return;
    this.#isSaving = true;
    this.#running.process.setTimer(HOUSEKEEPING_MS, () => {
      this.#isSaving = false;
      const snapshot = this.catalog!.snapshot();
      const saved = this.#durable().then((isAlive) => {
        if (isAlive) this.#ports.state.catalog = snapshot;
      });
      saved.catch((error: unknown) => this.#fault(error));
    });
  }

  /** As StoreRecords does it. */
  #rememberLives(): void {
    this.#running.process.setTimer(LIVES_EVERY_MS, () => {
      this.#rememberLives();
      this.#lives.learn(this.#running.liveness?.views() ?? []);
      const text = this.#lives.toText();
      const saved = this.#durable().then((isAlive) => {
        if (isAlive) this.#ports.state.lives = text;
      });
      saved.catch((error: unknown) => this.#fault(error));
    });
  }

  async #durable(): Promise<boolean> {
    await this.#node.disk.syncDirectory('');
    return this.#node.running === this.#running;
  }

  #fault(error: unknown): void {
    if (!(error instanceof DbError || error instanceof FatalError)) throw error;
    if (this.#node.running === this.#running) this.#ports.onFailure(String(error));
  }
}

/** As fresh as the product's own reads make a replica before they look at its rows. */
async function readHandler(
  ports: {readonly host: Host; readonly monotonicMs: () => number},
  set: ReplicaSetId,
  payload: Uint8Array,
): Promise<Uint8Array> {
  const {host} = ports;
  const {maxStalenessMs, ...address} = JSON.parse(new TextDecoder().decode(payload)) as RowRequest;
  const consistency = maxStalenessMs === undefined ? 'linearizable' : 'stale';
  const ageMs = await freshen(ports, set, {consistency, maxStalenessMs, timeoutMs: READ_MS_MAX});
  const machine = host.stateMachine(set);
  if (!(machine instanceof ReplicaMachine))
    throw new DbError('REPLICA_GONE', `no replica of set ${set} here`);
  const answer = new DataView(new ArrayBuffer(maxStalenessMs === undefined ? 8 : 16));
  if (maxStalenessMs !== undefined) answer.setFloat64(8, ageMs!);
  answer.setFloat64(0, await rowAt(machine, address));
  return new Uint8Array(answer.buffer);
}
