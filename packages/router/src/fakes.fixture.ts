// A cluster for tests: a real catalog of three nodes, virtual time, and nodes that answer as told.

import {
  type DatabaseId,
  DbError,
  type NodeId,
  type ReplicaSetId,
  type Rpc,
  type RpcOptions,
  type RpcTarget,
  SeededRandom,
} from '@flotilla/base';
import {
  type Catalog,
  CatalogMachine,
  CLUSTER_VERSION,
  type Command,
  type CommandValue,
} from '@flotilla/catalog';
import {VirtualClock} from '@flotilla/testkit';
import {LeaderDirectory} from './leader-directory.ts';
import {NodeWatch} from './node-watch.ts';
import type {SetCallerPorts} from './set-caller.ts';
import type {MetaProposer} from './write/ddl.ts';

export const NODES = [1, 2, 3] as NodeId[];
export const DATABASE = 1 as DatabaseId;
const HOUR_MS = 3_600_000;

/** What a node does with a call; 'silent' never answers. */
export type Behaviour = (payload: Uint8Array, target: RpcTarget) => Promise<Uint8Array> | 'silent';

/** What a replica of a query begins with. */
const ORIGIN = new TextEncoder().encode(JSON.stringify({replica: 1, appliedIndex: 7, ageMs: 0}));

/** Calls as the real ones end: by answer, deadline or signal. */
export class FakeRpc implements Rpc {
  readonly asked: NodeId[] = [];
  /** Of the calls that another node was to pass on: through which, to which. */
  readonly passed: string[] = [];
  behave: (node: NodeId) => Behaviour = () => () => 'silent';
  /** What becomes of calls that another node passes on. */
  pass: Behaviour = fails('UNAVAILABLE', 'not reached from there either');
  readonly #clock: VirtualClock;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  call(target: RpcTarget, _method: string, payload: Uint8Array, options: RpcOptions) {
    if (target.via === undefined) this.asked.push(target.node);
    else this.passed.push(`${target.via}>${target.node}`);
    return new Promise<Uint8Array>((resolve, reject) => {
      const {deadlineMs, signal} = options;
      const waitMs = deadlineMs - this.#clock.monotonicMs();
      const expired = () => reject(new DbError('DEADLINE_EXCEEDED', 'late', {sent: true}));
      const timer = this.#clock.setTimer(waitMs, expired);
      const cancelled = () => reject(new DbError('CANCELLED', 'broken off'));
      signal?.addEventListener('abort', cancelled, {once: true});
      const behaviour = target.via === undefined ? this.behave(target.node) : this.pass;
      const answer = behaviour(payload, target);
      if (answer === 'silent') return;
      answer.then(resolve, reject).finally(() => timer.cancel());
    });
  }

  async *stream(target: RpcTarget, method: string, payload: Uint8Array, options: RpcOptions) {
    const answer = await this.call(target, method, payload, options);
    yield answer.length > 0 ? answer : ORIGIN;
  }
}

export class FakeCluster {
  readonly clock = new VirtualClock(0);
  readonly rpc = new FakeRpc(this.clock);
  readonly nodes = new NodeWatch();
  readonly leaders = new LeaderDirectory(this.nodes);
  readonly machine = new CatalogMachine();
  #index = 5;

  constructor(clusterVersion = CLUSTER_VERSION) {
    const node = (n: number) => ({
      incarnation: `${n}`,
      address: `:${n}`,
      engineThreads: 1,
      version: '1',
    });
    this.apply({type: 'found-cluster', clusterId: 'c', clusterVersion, node: node(1), atMs: 0});
    for (const n of [2, 3]) this.apply({type: 'register-node', node: node(n), atMs: 0});
  }

  get catalog(): Catalog {
    return this.machine.catalog;
  }

  apply<C extends Command>(command: C): CommandValue<C> {
    const {result} = this.machine.apply(command, ++this.#index);
    if (!result.ok) throw new DbError(result.error.code, result.error.message);
    return result.value as CommandValue<C>;
  }

  /** The bucket of an hour (or so) that holds the time, of so many shards, on all nodes. */
  addBucket(timeMs = 0, shards = 1, durationMs = HOUR_MS): readonly ReplicaSetId[] {
    const sets = this.addUnopenedBucket(timeMs, shards, durationMs);
    this.apply({type: 'open-replica-sets', sets});
    return sets;
  }

  addUnopenedBucket(timeMs: number, shards = 1, durationMs = HOUR_MS): readonly ReplicaSetId[] {
    const startMs = Math.floor(timeMs / durationMs) * durationMs;
    const placement = NODES.map((node) => ({node, role: 'voter' as const}));
    const placements = Array.from({length: shards}, () => placement);
    const range = {startMs, endMs: startMs + durationMs};
    this.apply({type: 'ensure-bucket', database: DATABASE, timeMs, ...range, placements});
    return this.catalog.bucketAt(DATABASE, timeMs)!.replicaSets;
  }

  callerPorts(): SetCallerPorts {
    const {rpc, leaders, nodes, clock} = this;
    return {rpc, leaders, nodes, clock, catalog: () => this.catalog, random: new SeededRandom(1)};
  }

  meta(): MetaProposer {
    return {
      propose: async (command) => this.apply(command),
      ensureBucket: async (_database, timeMs) => {
        this.addBucket(timeMs);
      },
      refresh: async () => undefined,
    };
  }
}

export const OK = async (): Promise<Uint8Array> => new Uint8Array(0);

export function fails(...error: ConstructorParameters<typeof DbError>): Behaviour {
  return async () => {
    throw new DbError(...error);
  };
}

export async function errorOf(promise: Promise<unknown>): Promise<DbError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof DbError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}
