// The product's part of a simulated process: an engine in each of its threads, and in the main one what
// passes between them and the other nodes (its relay), as server/src/node/running-node.ts puts them together.
// A process of one thread has no relay: its engine speaks with the connections itself.

import {
  type Channel,
  DbError,
  FatalError,
  type Log,
  META_SET,
  type NodeId,
  type ReplicaId,
  type ReplicaSetId,
} from '@flotilla/base';
import type {Catalog} from '@flotilla/catalog';
import type {StateMachine} from '@flotilla/multiraft';
import {KnownLives, LIVES_EVERY_MS, type Recovery, Relay} from '@flotilla/server/engine-parts';
import type {FailoverLaw} from '../checks/failover-law.ts';
import type {Chance} from '../kernel/chance.ts';
import type {Network} from '../world/network.ts';
import type {SimNode} from '../world/node.ts';
import type {Program, Running} from '../world/node-ports.ts';
import type {EngineThread} from '../world/threads.ts';
import type {NodeState} from './node-state.ts';
import type {RowReading} from './row-read.ts';
import {ThreadEngine, type ThreadNews} from './thread-engine.ts';

const CLUSTER_ID = 'simulated';

export interface EnginePorts {
  readonly network: Network;
  /** Of an engine thread. */
  readonly chance: (thread: number) => Chance;
  readonly state: NodeState;
  readonly log: Log;
  readonly failover: FailoverLaw;
  readonly onMachine: (set: ReplicaSetId, replica: ReplicaId, machine: StateMachine) => void;
  readonly onDestroyed: (replica: ReplicaId) => void;
  readonly onFailure: (reason: string) => void;
  /** A node that is silent for so long has its replicas made anew elsewhere. */
  readonly repairAfterMs: number;
}

export class Engine implements Program {
  readonly threads: readonly ThreadEngine[];
  readonly #node: SimNode;
  readonly #running: Running;
  readonly #ports: EnginePorts;
  readonly #lives: KnownLives;
  /** Undefined where one thread does all. */
  readonly #relay: Relay | undefined;
  #isRefusing = false;
  /** Threads that have not brought back yet what was lost. */
  #lossesLeft = 0;
  #turn = 0;

  constructor(node: SimNode, running: Running, ports: EnginePorts) {
    this.#node = node;
    this.#running = running;
    this.#ports = ports;
    this.#lives = new KnownLives(ports.state.lives);
    const {threads} = running;
    this.threads = threads.engines.map(
      (thread) => new ThreadEngine(node, running, thread, ports, this.#newsOf(thread)),
    );
    if (!threads.isAlone) this.#relay = this.#makeRelay();
  }

  /** Of thread 0. Undefined while the node starts, and where it takes nothing more. */
  get parts(): ThreadEngine['parts'] {
    return this.#isRefusing ? undefined : this.#first.parts;
  }

  /** As bodies and statements are given away: to one thread after the other. */
  get nextThread(): ThreadEngine {
    this.#turn = (this.#turn + 1) % this.threads.length;
    return this.threads[this.#turn]!;
  }

  get catalog(): Catalog | undefined {
    return this.#first.catalog;
  }

  get isCatalogHeld(): boolean {
    return this.#first.isCatalogHeld;
  }

  get nowMs(): number {
    return this.#running.process.monotonicMs();
  }

  holdCatalog(isHeld: boolean): void {
    this.#first.holdCatalog(isHeld);
  }

  readRow(...request: Parameters<ThreadEngine['readRow']>): Promise<RowReading> {
    return this.#first.readRow(...request);
  }

  elect(...order: Parameters<ThreadEngine['elect']>): Promise<void> {
    return this.#first.elect(...order);
  }

  /** What is left of sets that have lost their majority, and what becomes of it by order. */
  recovery(): Recovery {
    return this.#first.recovery();
  }

  opened(): void {
    if (this.#relay !== undefined) this.#join(this.#relay);
    this.#rememberLives();
  }

  /** As a node without cluster does that may found one. */
  async found(): Promise<void> {
    await this.parts!.metaRole!.found(CLUSTER_ID, 'incarnation-1');
    this.#relay?.hosted(META_SET, 0, true);
    this.#ports.state.isMember = true;
  }

  receive(from: NodeId, channel: Channel, frame: Uint8Array): boolean {
    if (this.#relay === undefined) return this.#first.rpc.receive(from, frame);
    this.#relay.receive(from, channel, frame);
    return true;
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
    const {threads} = this.#running;
    if (threads.isAlone) return this.#first.stop();
    const stops = threads.engines.map((thread) =>
      threads.ask(thread, () => this.threads[thread.index]!.stop()),
    );
    await Promise.all(stops);
  }

  get #first(): ThreadEngine {
    return this.threads[0]!;
  }

  #makeRelay(): Relay {
    const {network, log} = this.#ports;
    const {endpoint, greetings, threads} = this.#running;
    const {id: self} = this.#node;
    const relay = new Relay({
      self,
      connections: {
        send: (to, channel, frame) => network.sendSurely(endpoint, to, channel, frame),
      },
      liveness: () => this.#running.liveness,
      isVetted: (other) => other === self || greetings.isVetted(other),
      log,
    });
    relay.attach(
      threads.engines.map(({post, index}) => ({
        post: (message) => {
          if (message.type !== 'frame') return;
          const {from, channel, frame} = message;
          post(() => this.threads[index]!.receive(from, channel, frame));
        },
      })),
    );
    return relay;
  }

  /** What a thread tells the main one. Alone it is that itself. */
  #newsOf({index}: EngineThread): ThreadNews {
    const {network} = this.#ports;
    const {endpoint, threads} = this.#running;
    const tell = (told: (relay: Relay) => void): void => {
      if (!threads.isAlone) threads.post(() => told(this.#relay!));
    };
    return {
      send: (to, channel, frame) => {
        if (threads.isAlone) return network.sendSurely(endpoint, to, channel, frame);
        tell((relay) => relay.send(to, channel, frame));
        return true;
      },
      hosted: (set, isHere) => tell((relay) => relay.hosted(set, index, isHere)),
      buried: (set, upto) => tell((relay) => relay.buried(set, index, upto)),
      catalog: (news) => {
        threads.post(() => this.#running.vouching.settle());
        tell(() => this.#passOn(news));
      },
      notes: (news) =>
        tell(() => threads.engines[0]!.post(() => this.#first.takeNotes(index, news))),
      broughtBack: () => this.#broughtBack(),
    };
  }

  /** Each thread has a copy of its own, as of any message. */
  #passOn(news: Parameters<ThreadEngine['takeCatalog']>[0]): void {
    for (const {post, index} of this.#running.threads.engines.slice(1)) {
      const own = structuredClone(news);
      post(() => this.threads[index]!.takeCatalog(own));
    }
  }

  /** Every thread has told what it hosts and what it buried; what one lost all bring back, before any order. */
  #join(relay: Relay): void {
    const {engines} = this.#running.threads;
    for (const {index, host} of engines) {
      for (const [set] of host!.stateMachines()) relay.hosted(set, index, true);
      for (const set of host!.broken().keys()) relay.hosted(set, index, true);
      for (const [set, upto] of host!.tombstones()) relay.buried(set, index, upto);
    }
    if (engines.some(({host}) => host!.hasLoss)) {
      this.#lossesLeft = engines.length;
      for (const {index, post} of engines) {
        const elsewhere = relay.heldBeside(index);
        post(() => this.threads[index]!.parts!.replicas.learnLoss(elsewhere));
      }
    }
    relay.complete();
  }

  #broughtBack(): void {
    const {threads} = this.#running;
    threads.post(() => {
      this.#lossesLeft -= 1;
      if (this.#lossesLeft > 0) return;
      for (const {post, index} of threads.engines)
        post(() => {
          const settled = this.threads[index]!.parts!.replicas.settleLoss();
          settled.catch((error: unknown) => this.#fault(error));
        });
    });
  }

  /** As StoreRecords does it. */
  #rememberLives(): void {
    this.#running.process.setTimer(LIVES_EVERY_MS, () => {
      this.#rememberLives();
      this.#lives.learn(this.#running.liveness?.views() ?? []);
      const text = this.#lives.toText();
      const saved = this.#node.disk.syncDirectory('').then(() => {
        if (this.#node.running === this.#running) this.#ports.state.lives = text;
      });
      saved.catch((error: unknown) => this.#fault(error));
    });
  }

  #fault(error: unknown): void {
    if (!(error instanceof DbError || error instanceof FatalError)) throw error;
    if (this.#node.running === this.#running) this.#ports.onFailure(String(error));
  }
}
