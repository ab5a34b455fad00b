// The order to skip an entry, in a model: the product's coordinator, catalog, books and handlers over replicas of
// which some can apply the entry and some cannot, that lag, restart, are upgraded and taken back, are asked or do
// not answer, while coordinators die in the middle, come twice, and withdraw.
// Law: of two replicas one never applies what the other passes over.

import {
  DbError,
  type ManifestStore,
  type NodeId,
  type ReplicaId,
  type ReplicaSetId,
  SeededRandom,
  type StoreId,
} from '@flotilla/base';
import {Catalog, CatalogMachine, type Command, type CommandValue} from '@flotilla/catalog';
import {Manifest} from '@flotilla/storage';
import {MemoryManifestStore} from '@flotilla/testkit';
import {expect, test} from 'vitest';
import type {ReplicaSetView, ReplicaView} from './cluster-view.ts';
import {EntryOrderBook} from './entry-orders.ts';
import {StoppedAdmin} from './stopped-admin.ts';
import {StoppedReplicas} from './stopped-replicas.ts';

const INDEX = 17;
const STORE = 1 as StoreId;
const SEEDS = 400;

class Died extends Error {}

class Chance {
  readonly #random: SeededRandom;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  int(from: number, to: number): number {
    return from + this.#random.below(to - from + 1);
  }

  chance(share: number): boolean {
    return this.#random.next() < share;
  }
}

/** A replica on a node of its own, with its copy of the catalog. */
class ModelNode {
  readonly id: NodeId;
  readonly replica: ReplicaId;
  readonly #model: Model;
  readonly #store = new MemoryManifestStore();
  isNewer: boolean;
  /** It answers. */
  isUp = true;
  applied: number;
  flushed: number;
  failedIndex: number | undefined;
  /** What became of the entry in its state, and in what is flushed of that. */
  fate: 'applied' | 'skipped' | undefined;
  flushedFate: ModelNode['fate'];
  copy = new Catalog();
  #listener: (() => void) | undefined;
  #life = 0;
  book!: EntryOrderBook;
  stopped!: StoppedReplicas;

  constructor(model: Model, {id, replica, isNewer}: Pick<ModelNode, 'id' | 'replica' | 'isNewer'>) {
    this.#model = model;
    this.id = id;
    this.replica = replica;
    this.isNewer = isNewer;
    this.applied = model.random.int(INDEX - 2, INDEX - 1);
    this.flushed = model.random.int(INDEX - 3, this.applied);
  }

  async start(): Promise<void> {
    const manifest = await Manifest.open(this.#storeOfLife());
    this.book = new EntryOrderBook(new Map([[STORE, manifest]]), () => this.copy);
    const {id} = this;
    const node = this;
    this.stopped = new StoppedReplicas({
      host: {
        reopenReplica: async () => this.replay(),
        stoppedReplicas: () => {
          const {failedIndex, replica} = node;
          return failedIndex === undefined ? [] : [{set: node.#model.set, replica, failedIndex}];
        },
        status: () => node.status() as never,
      },
      copy: {
        get catalog() {
          return node.copy;
        },
        // A copy that is cut off never comes up to it.
        waitForVersion: async (version) => {
          if (node.copy.version < version && node.#model.random.chance(0.8)) node.follow();
          if (node.copy.version < version) throw new DbError('UNAVAILABLE', `node ${id} is behind`);
        },
        onUpdate: (listener) => {
          this.#listener = () => listener({} as never);
        },
      },
      orders: this.book,
      monotonicMs: () => 0,
      log: {warn: () => undefined, error: () => undefined} as never,
      onOpened: () => undefined,
    });
    this.isUp = true;
    this.replay();
  }

  /** What the process before was still doing does nothing any more. */
  #storeOfLife(): ManifestStore {
    this.#life += 1;
    const life = this.#life;
    const store = this.#store;
    return {
      load: () => store.load(),
      commit: async (edit) => {
        if (life !== this.#life) throw new DbError('UNAVAILABLE', `node ${this.id} has ended`);
        return store.commit(edit);
      },
      close: () => store.close(),
    };
  }

  status() {
    const {applied, flushed, failedIndex, replica} = this;
    const configuration = {
      voters: this.#model.members(),
      votersOutgoing: [],
      learners: [],
      learnersNext: [],
      autoLeave: false,
    };
    const numbers = {appliedIndex: applied, firstIndex: 1, flushedIndex: flushed};
    return {set: this.#model.set, replica, store: STORE, configuration, failedIndex, ...numbers};
  }

  /** What a new core begins with: what is flushed. */
  replay(): void {
    this.applied = this.flushed;
    this.fate = this.flushedFate;
    this.failedIndex = undefined;
  }

  /** One step of its applier. */
  apply(): void {
    if (this.failedIndex !== undefined || this.applied > INDEX) return;
    const index = this.applied + 1;
    if (index === INDEX) {
      const orders = this.book.of({set: this.#model.set, replica: this.replica});
      const isSkipped = orders?.skipped.includes(INDEX) === true;
      const isHeld = orders?.held.includes(INDEX) === true;
      if (!isSkipped && (isHeld || !this.isNewer)) {
        this.failedIndex = INDEX;
        return;
      }
      // Those that can apply it are behind, or nobody would have a question.
      if (!isSkipped && this.#model.random.chance(0.8)) return;
      this.fate = isSkipped ? 'skipped' : 'applied';
    }
    this.applied = index;
  }

  flush(): void {
    this.flushed = this.applied;
    this.flushedFate = this.fate;
  }

  async restart(isNewer: boolean): Promise<void> {
    this.isUp = false;
    this.isNewer = isNewer;
    // It has an older copy of the catalog on its disk.
    if (this.#model.random.chance(0.3)) this.copy = this.#model.oldest();
    await this.start();
  }

  follow(): void {
    this.copy = Catalog.fromSnapshot(this.#model.machine.catalog.snapshot());
    this.#listener?.();
  }
}

class Model {
  readonly random: Chance;
  readonly machine = new CatalogMachine();
  readonly nodes: ModelNode[] = [];
  readonly set: ReplicaSetId;
  readonly #first: ReturnType<Catalog['snapshot']>;

  constructor(seed: number) {
    this.random = new Chance(seed);
    const description = {engineThreads: 1, version: '1'};
    const node = (i: number) => ({...description, incarnation: `${i}`, address: `n${i}`});
    this.#apply({type: 'found-cluster', clusterId: 'c', clusterVersion: 3, node: node(1), atMs: 1});
    for (const i of [2, 3, 4]) this.#apply({type: 'register-node', node: node(i), atMs: 1});
    const placements = [[1, 2, 3].map((id) => ({node: id as NodeId, role: 'voter' as const}))];
    const range = {timeMs: 0, startMs: 0, endMs: 9};
    const database = [...this.machine.catalog.databases()][0]!.id;
    this.#apply({type: 'ensure-bucket', database, ...range, placements});
    this.set = [...this.machine.catalog.replicaSets()][0]!.id;
    this.#first = this.machine.catalog.snapshot();
    for (const {replica, node: id} of this.entity.replicas)
      this.nodes.push(new ModelNode(this, {id, replica, isNewer: this.random.chance(0.3)}));
  }

  get entity() {
    return this.machine.catalog.replicaSet(this.set)!;
  }

  members(): number[] {
    return this.nodes.map(({replica}) => replica);
  }

  oldest(): Catalog {
    return Catalog.fromSnapshot(this.#first);
  }

  #apply<C extends Command>(command: C): CommandValue<C> {
    const {result} = this.machine.apply(command, this.machine.catalog.version + 1);
    if (result.ok) return result.value;
    throw new DbError(result.error.code, result.error.message);
  }

  /** What happens while somebody waits. */
  async pass(): Promise<void> {
    const {random} = this;
    for (let steps = random.int(0, 3); steps > 0; steps--) {
      const node = this.nodes[random.int(0, this.nodes.length - 1)]!;
      const step = random.int(0, 9);
      if (step < 4) node.apply();
      else if (step < 5) node.flush();
      else if (step < 7) node.follow();
      else if (step < 8) node.stopped.settle();
      else if (step < 9) node.isUp = random.chance(0.95);
      else await node.restart(random.chance(0.3));
      await new Promise(setImmediate);
      this.check();
    }
  }

  check(): void {
    const fates = new Set(this.nodes.map(({fate}) => fate).filter((fate) => fate !== undefined));
    expect([...fates].length, [...fates].join()).toBeLessThanOrEqual(1);
  }

  /** One who gives orders; he dies at any step. */
  admin(): StoppedAdmin {
    const step = async () => {
      await this.pass();
      if (this.random.chance(0.03)) throw new Died();
    };
    return new StoppedAdmin({
      clock: {
        wallMs: () => 1,
        monotonicMs: (() => {
          let ms = 0;
          return () => (ms += 2_000);
        })(),
        setTimer: (_ms: number, work: () => void) => void setImmediate(work),
      } as never,
      viewOf: async () => {
        await step();
        return this.view();
      },
      propose: async <C extends Command>(command: C) => {
        await step();
        const value = this.#apply(command);
        // Its answer is lost: whoever asked does not know.
        if (this.random.chance(0.05)) throw new DbError('OUTCOME_UNKNOWN', 'no answer');
        await step();
        return value;
      },
      rpc: {
        call: async ({node: id}: {node: NodeId}, method: string, payload: Uint8Array) => {
          await step();
          const node = this.nodes.find((one) => one.id === id)!;
          if (!node.isUp) throw new DbError('UNAVAILABLE', `node ${id} does not answer`);
          const handler = node.stopped.handlers().call.get(method)!;
          const answer = await handler(payload, {set: this.set} as never);
          await step();
          return answer;
        },
      } as never,
    });
  }

  view(): ReplicaSetView {
    const replicas = this.nodes.map((node): ReplicaView => {
      const {id, replica, applied, failedIndex, isUp} = node;
      const place = {node: id, replica, address: undefined, role: 'voter', leader: false} as const;
      if (!isUp) return {...place, state: 'unreachable'};
      const state = failedIndex === undefined ? 'follower' : 'failed';
      return {...place, state, appliedIndex: applied, failedIndex};
    });
    return {leader: 1, replicas, skippedEntries: this.entity.skippedEntries} as never;
  }

  async order(): Promise<void> {
    const admin = this.admin();
    try {
      if (this.random.chance(0.75)) await admin.skip(this.entity, {index: INDEX, by: 'ann'}, 0);
      else await admin.retry(this.entity, 0);
    } catch (error) {
      if (!(error instanceof DbError || error instanceof Died)) throw error;
    }
  }
}

test('no replica applies what another passes over, whoever dies, lags or is upgraded meanwhile', async () => {
  const ends = {skipped: 0, applied: 0, open: 0};
  for (let seed = 1; seed <= SEEDS; seed++) {
    const model = new Model(seed);
    for (const node of model.nodes) await node.start();
    for (let order = 0; order < 8; order++) {
      const orders = [model.order()];
      // Somebody else has the same idea.
      if (model.random.chance(0.3)) orders.push(model.order());
      await Promise.all(orders);
      await model.pass();
    }
    for (const node of model.nodes) {
      await node.start();
      node.follow();
      await node.book.settle();
    }
    for (let step = 0; step < 100; step++) {
      for (const node of model.nodes) node.apply();
      model.check();
    }
    const isSkipped = model.entity.skippedEntries !== undefined;
    if (isSkipped)
      for (const node of model.nodes) expect(node.fate, `seed ${seed}`).toBe('skipped');
    const isOpen = model.entity.skipOrder !== undefined;
    if (!isSkipped && !isOpen)
      for (const node of model.nodes)
        expect(node.fate, `seed ${seed}`).toBe(node.isNewer ? 'applied' : node.flushedFate);
    const applied = model.nodes.some(({fate}) => fate === 'applied');
    ends[isSkipped ? 'skipped' : applied ? 'applied' : 'open'] += 1;
  }
  // The model meets all of them, or it shows nothing.
  for (const [end, times] of Object.entries(ends)) expect(times, end).toBeGreaterThan(5);
}, 60_000);
