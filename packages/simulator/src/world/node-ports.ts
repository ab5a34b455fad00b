// What a simulated node is made of, and what lives while its process does.

import type {Channel, NodeId, ReplicaId, ReplicaSetId, StoreId} from '@flotilla/base';
import type {Catalog} from '@flotilla/catalog';
import type {
  GroupObserver,
  Host,
  HostLimits,
  NodeLiveness,
  NodeState,
  TimingPreset,
} from '@flotilla/multiraft';
import type {NodeWatch, SetCaller} from '@flotilla/router';
import type {FirstGreetings, KnownLife, Vouching} from '@flotilla/server/engine-parts';
import type {MemoryDiskOptions} from '@flotilla/testkit';
import type {Coverage} from '../checks/coverage.ts';
import type {Chance} from '../kernel/chance.ts';
import type {Kernel} from '../kernel/kernel.ts';
import type {Process} from '../kernel/process.ts';
import type {MachinePorts} from '../workload/register-machine.ts';
import type {Disks} from './disks.ts';
import type {Endpoint, Network} from './network.ts';
import type {SimNode} from './node.ts';
import type {NodeHost} from './node-host.ts';
import type {SimRpc} from './rpc.ts';
import type {Threads} from './threads.ts';

/** What an engine thread runs over its host where that is more than registers. */
export interface ThreadProgram {
  readonly openStateMachine: Parameters<typeof Host.open>[0]['openStateMachine'];
  readonly locate: (set: ReplicaSetId, replica: ReplicaId) => NodeId | undefined;
  readonly storeOf: (set: ReplicaSetId) => StoreId;
  /** Reads what must be there before the host opens. */
  prepare(): Promise<void>;
  /** The host is open. */
  opened(host: Host): void;
  /** A replica that could not be opened at first. */
  reopened(set: ReplicaSetId): void;
  nodeChanged(node: NodeId, state: NodeState): void;
}

/** Of one process alone. */
export interface Program {
  /** In the order of the process's engine threads. */
  readonly threads: readonly ThreadProgram[];
  /** All hosts are; connections come after it. */
  opened(): void;
  /** False if the frame is the hosts'. */
  receive(from: NodeId, channel: Channel, frame: Uint8Array): boolean;
  /** From now on nothing new is taken from clients. */
  refuse(): void;
  /** A clean stop, before the hosts'. */
  stop(): Promise<void>;
}

export interface NodePorts {
  readonly kernel: Kernel;
  readonly network: Network;
  readonly chance: Chance;
  readonly timing: TimingPreset;
  readonly limits: Partial<HostLimits>;
  readonly disks: Disks;
  /** How many stores lie on its disk. */
  readonly stores: number;
  /** How many engine threads its processes have at most: each start draws anew, by a stream of its own. */
  readonly threads: number;
  readonly threadChance: Chance;
  readonly coverage: Coverage;
  /** A law of nodes is broken. */
  readonly fail: (law: string, message: string) => void;
  readonly onDurableWrite: MemoryDiskOptions['onDurableWrite'];
  readonly observer: (node: NodeId) => GroupObserver;
  readonly locate: (set: ReplicaSetId, replica: ReplicaId) => NodeId | undefined;
  readonly catalog: () => Catalog;
  /** Those that the node knows of. */
  readonly others: (node: SimNode) => Iterable<NodeId>;
  /** What `by` says in a hello that it remembers of `of`. */
  readonly knownTo: (by: NodeId, of: NodeId) => KnownLife | undefined;
  /** Copies what lies beside its disk; the result puts it back. */
  readonly imageBeside?: ((node: SimNode) => () => void) | undefined;
  readonly onApplied: (set: ReplicaSetId, replica: ReplicaId) => MachinePorts['onApplied'];
  /** The process cannot go on: it ends, as the product's does. */
  readonly onFailure: (node: SimNode, reason: string) => void;
  /** Of the nodes' clocks: 0 for perfect ones. */
  readonly driftMax: number;
  /** Absent: registers. */
  readonly program?: ((node: SimNode, running: Running) => Program) | undefined;
}

/** What lives while the process does. */
export interface Running {
  /** Its main thread. */
  readonly process: Process;
  readonly threads: Threads;
  readonly endpoint: Endpoint;
  readonly rpc: SimRpc;
  readonly caller: SetCaller;
  readonly watch: NodeWatch;
  readonly incarnation: number;
  sequence: number;
  /** It was found to be an old image of itself. */
  isEnding: boolean;
  readonly greetings: FirstGreetings;
  readonly vouching: Vouching;
  host: NodeHost | undefined;
  liveness: NodeLiveness | undefined;
  program: Program | undefined;
}
