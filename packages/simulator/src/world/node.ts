// A node: a disk that outlives its processes, and at most one process of the product's own classes
// over it. Everything else in the cluster sees it through its connections alone.

import {
  DbError,
  FatalError,
  type NodeId,
  type ReplicaId,
  type ReplicaSetId,
  type StoreId,
} from '@flotilla/base';
import type {Catalog} from '@flotilla/catalog';
import {
  type DurablePoint,
  type GroupObserver,
  Host,
  type HostLimits,
  NodeLiveness,
  type NodeState,
  type RememberedRecord,
  type StoppedListener,
  TIMINGS,
  type TimingPreset,
} from '@flotilla/multiraft';
import {EMPTY_CONFIGURATION} from '@flotilla/raft';
import {LeaderDirectory, NodeWatch, SetCaller} from '@flotilla/router';
import {FirstGreetings, type KnownLife} from '@flotilla/server/engine-parts';
import {MemoryDisk, type MemoryDiskOptions} from '@flotilla/testkit';
import type {Chance} from '../kernel/chance.ts';
import type {Kernel} from '../kernel/kernel.ts';
import {Process} from '../kernel/process.ts';
import {decodeNumber, encodeNumber} from '../workload/command.ts';
import {
  type Applied,
  type KeptState,
  type MachinePorts,
  RegisterMachine,
} from '../workload/register-machine.ts';
import type {Disks} from './disks.ts';
import type {Endpoint, Network} from './network.ts';
import {type CallHandler, SimRpc} from './rpc.ts';

export const WRITE_METHOD = 'sim.write';
export const READ_METHOD = 'sim.read';
/** As the product's write handler: a proposal is answered by then. */
const PROPOSAL_MS_MAX = 4_000;
const EMPTY: DurablePoint = {index: 0, term: 0, configuration: EMPTY_CONFIGURATION};

/** What a process runs over its host where that is more than registers. Of one process alone. */
export interface Program {
  readonly openStateMachine: Parameters<typeof Host.open>[0]['openStateMachine'];
  readonly locate: (set: ReplicaSetId, replica: ReplicaId) => NodeId | undefined;
  readonly storeOf: (set: ReplicaSetId) => StoreId;
  /** Reads what must be there before the host opens. */
  prepare(): Promise<void>;
  /** The host is open; connections come after it. */
  opened(host: Host): void;
  nodeChanged(node: NodeId, state: NodeState): void;
  /** False if the frame is the host's. */
  receive(from: NodeId, frame: Uint8Array): boolean;
  /** From now on nothing new is taken from clients. */
  refuse(): void;
  /** A clean stop, before the host's. */
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
  readonly onDurableWrite: MemoryDiskOptions['onDurableWrite'];
  readonly observer: (node: NodeId) => GroupObserver;
  readonly locate: (set: ReplicaSetId, replica: ReplicaId) => NodeId | undefined;
  readonly catalog: () => Catalog;
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
  readonly process: Process;
  readonly endpoint: Endpoint;
  readonly rpc: SimRpc;
  readonly caller: SetCaller;
  readonly watch: NodeWatch;
  readonly incarnation: number;
  sequence: number;
  /** It was found to be an old image of itself. */
  isEnding: boolean;
  readonly greetings: FirstGreetings;
  host: Host | undefined;
  liveness: NodeLiveness | undefined;
  program: Program | undefined;
}

export class SimNode {
  readonly id: NodeId;
  readonly wall = {skewMs: 0};
  readonly disk: MemoryDisk;
  readonly stores: readonly StoreId[];
  kept = new Map<string, KeptState>();
  running: Running | undefined;
  bootEpoch = 0;
  /** Of processes: unlike boots never taken back. */
  starts = 0;
  isStarting = false;
  /** Its log cannot be read: an operator must make a new node of it. */
  openFailure: string | undefined;
  /** Its disk lost what it held, and no other node has told it so yet. */
  isImage = false;
  /** The process that ran last when its disk lost something. */
  #damagedStart = 0;
  /** Puts back what `takeImage` copied. */
  image: (() => void) | undefined;
  /** Multiplies what each disk operation takes. */
  slowness = 1;
  readonly #ports: NodePorts;

  constructor(id: NodeId, ports: NodePorts) {
    this.#ports = ports;
    this.id = id;
    const {chance} = ports;
    this.stores = Array.from({length: ports.stores}, (_, store) => store as StoreId);
    // The disk's time is the machine's; what it answers reaches the process that is alive by then.
    const setTimer = (delayMs: number, run: () => void) => {
      const spread = delayMs * this.slowness * (0.2 + chance.wait(0.8));
      return ports.kernel.after(spread, run, this.running?.process);
    };
    const clock = {
      wallMs: () => 0,
      monotonicMs: () => ports.kernel.nowMs,
      setTimer,
      defer: (run: () => void) => ports.kernel.defer(run),
    };
    const latencyMs = {read: 0.1, write: 0.05, sync: 0.8};
    this.disk = new MemoryDisk({
      ...{clock, latencyMs, totalBytes: 2 ** 30},
      writesDurably: ports.disks === 'durable',
      onDurableWrite: ports.onDurableWrite,
    });
  }

  get host(): Host | undefined {
    return this.running?.host;
  }

  get isUp(): boolean {
    return this.running !== undefined;
  }

  /** Its disk lost something once. */
  get wasDamaged(): boolean {
    return this.#damagedStart > 0;
  }

  get isPaused(): boolean {
    return this.running?.process.isPaused === true;
  }

  async start(): Promise<void> {
    if (this.running !== undefined) return;
    const {kernel, chance, driftMax} = this.#ports;
    this.bootEpoch += 1;
    this.starts += 1;
    const rate = 1 + chance.between(-driftMax, driftMax);
    const name = `${this.id}.${this.bootEpoch}`;
    const startMs = Math.floor(chance.between(0, 1e6));
    const process = new Process(kernel, {name, wall: this.wall, rate, startMs});
    const running = this.#assemble(process);
    this.running = running;
    this.isStarting = true;
    running.program = this.#ports.program?.(this, running);
    try {
      if (running.program !== undefined) await running.program.prepare();
      if (this.running !== running) return;
      const host = await Host.open(this.#hostOptions(running));
      if (this.running !== running) return;
      this.isStarting = false;
      this.#serve(running, host);
    } catch (error) {
      if (this.running !== running) return;
      this.isStarting = false;
      if (!(error instanceof FatalError)) throw error;
      this.openFailure = error.message;
      this.#ports.onFailure(this, `cannot open: ${error.message}`);
    }
  }

  /** The process ends at once; with `power` its disk loses what was not synced. */
  end(how: 'kill' | 'power'): void {
    const {running} = this;
    if (running === undefined) return;
    const {network, chance} = this.#ports;
    this.running = undefined;
    this.isStarting = false;
    running.process.die();
    running.liveness?.stop();
    if (how === 'power') this.disk.crash(chance);
    else this.disk.kill();
    network.leave(running.endpoint, how === 'power');
  }

  /** A clean stop; resolves when the process has ended. */
  async stop(): Promise<void> {
    const {running} = this;
    if (running?.host === undefined) return;
    if (running.program !== undefined) await running.program.stop();
    await running.host.close();
    if (this.running === running) this.end('kill');
  }

  /** Copies its disk; putting that back needs the process ended. */
  takeImage(): void {
    const disk = this.disk.image();
    const kept = new Map(this.kept);
    const beside = this.#ports.imageBeside?.(this);
    this.image = () => {
      disk();
      beside?.();
      this.isImage = true;
      this.#damagedStart = this.starts;
      this.kept = new Map(kept);
    };
  }

  /** Turns one bit of its log; the result turns it back. Undefined without a log. */
  flipBit(chance: Chance): (() => void) | undefined {
    const segments = this.disk.files().filter((path) => /log\/segment-\d+$/.test(path));
    const path = segments.length === 0 ? '' : chance.pick(segments);
    const bytes = path === '' ? 0 : this.disk.bytesOf(path).length;
    if (bytes === 0) return undefined;
    const offset = chance.below(bytes);
    const bit = chance.below(8);
    this.disk.flipBit(path, offset, bit);
    // A bit of the last record makes a torn tail, which only the other nodes know for damage.
    this.isImage = true;
    this.#damagedStart = this.starts;
    return () => {
      const isThere = this.disk.files().includes(path) && offset < this.disk.bytesOf(path).length;
      if (isThere) this.disk.flipBit(path, offset, bit);
    };
  }

  /** What keeps it from being at rest beside all these. */
  unrest(nodes: readonly SimNode[]): string[] {
    const {running} = this;
    if (running?.host === undefined) {
      const why = this.isStarting ? 'it has not opened its stores yet' : this.openFailure;
      return [`node ${this.id} is down: ${why}`];
    }
    const all: string[] = [];
    for (const [set, {replica, reason}] of running.host.broken())
      all.push(`replica ${replica} of set ${set} is broken: ${reason}`);
    // Whom it has not met may know that it is an old image: then it ends, and what it was asked is lost.
    for (const {id} of nodes)
      if (id !== this.id && !running.greetings.isVetted(id))
        all.push(`node ${this.id} has not heard what node ${id} remembers of it`);
    return all;
  }

  nextSequence(): number {
    const {running} = this;
    running!.sequence += 1;
    return running!.sequence;
  }

  #assemble(process: Process): Running {
    const {network, chance, catalog} = this.#ports;
    const {id, bootEpoch} = this;
    const watch = new NodeWatch();
    const leaders = new LeaderDirectory(watch);
    const endpoint: Endpoint = {
      node: id,
      process,
      bootEpoch,
      connected: (other, epoch) => this.#connected(running, other, epoch),
      lost: (other) => {
        running.liveness?.disconnected(other);
        rpc.lost(other);
      },
      receive: (from, channel, frame) => {
        if (running.program?.receive(from, frame) === true) return;
        running.liveness?.receive(from, frame);
        running.host?.receive(from, channel, frame);
      },
      receiveLetter: (from, letter) => rpc.receive(from, letter),
    };
    const handlers = new Map<string, CallHandler>([
      [WRITE_METHOD, (payload, {set}) => this.#write(running, set, payload)],
      [READ_METHOD, (payload, {set}) => this.#read(running, set, decodeNumber(payload))],
    ]);
    const rpc = new SimRpc({
      node: id,
      bootEpoch,
      clock: process,
      handlers,
      isAway: (other) => watch.isAway(other),
      send: (to, letter, bytes) => network.sendLetter(endpoint, to, letter, bytes),
    });
    const caller = new SetCaller({
      rpc,
      catalog,
      leaders,
      nodes: watch,
      clock: process,
      random: chance,
    });
    const running: Running = {
      process,
      endpoint,
      rpc,
      caller,
      watch,
      incarnation: id * 1_000_000 + bootEpoch,
      sequence: 0,
      isEnding: false,
      greetings: new FirstGreetings({
        bootEpoch,
        threads: () => 1,
        ask: (other, records) => this.#remembered(running, other, records),
        onVetted: (other) => running.liveness?.vetted(other),
        onOldImage: () => this.#endAsImage(running),
      }),
      host: undefined,
      liveness: undefined,
      program: undefined,
    };
    return running;
  }

  #hostOptions({process, endpoint, program}: Running): Parameters<typeof Host.open>[0] {
    const {network, chance, timing, limits, observer, locate} = this.#ports;
    const {id: node, bootEpoch, disk} = this;
    return {
      node,
      bootEpoch,
      clock: process,
      random: chance,
      transport: {send: (to, channel, frame) => network.send(endpoint, to, channel, frame)},
      stores: this.stores.map((store) => ({store, disk, path: `store-${store}`})),
      storeOf: program?.storeOf,
      timing,
      limits,
      damagedLog: 'replace' as const,
      observer: observer(node),
      locate: program?.locate ?? locate,
      openStateMachine:
        program?.openStateMachine ??
        (async ({set, replica, founding}) => this.#machine(set, replica, founding)),
    };
  }

  #machine(set: ReplicaSetId, replica: ReplicaId, founding = EMPTY): RegisterMachine {
    const {running} = this;
    const key = `${set}/${replica}`;
    const sync = (): Promise<void> => this.disk.syncDirectory('');
    return new RegisterMachine(founding, {
      disk: this.disk,
      load: () => this.kept.get(key),
      save: async (state) => {
        await sync();
        if (this.running !== running) return;
        const before = this.kept.get(key);
        if (before === undefined || before.point.index <= state.point.index)
          this.kept.set(key, state);
      },
      remove: () => {
        if (this.running === running) this.kept.delete(key);
      },
      onApplied: this.#ports.onApplied(set, replica),
    });
  }

  #serve(running: Running, host: Host): void {
    const {network, chance, timing, kernel} = this.#ports;
    const {process, endpoint, watch} = running;
    running.host = host;
    const liveness = new NodeLiveness({
      bootEpoch: this.bootEpoch,
      clock: process,
      random: chance,
      transport: {send: (to, channel, frame) => network.send(endpoint, to, channel, frame)},
      timing: TIMINGS[timing],
      threads: () => [host.ages()],
      stores: () => host.durableRecords(),
      onChange: (other, state) => {
        watch.changed(other, state.state === 'alive');
        running.program?.nodeChanged(other, state);
        host.nodeChanged(other, state);
      },
    });
    running.liveness = liveness;
    const onStopped: StoppedListener = ({reason, isStore}) => {
      if (isStore) kernel.defer(() => this.#ports.onFailure(this, reason), process);
    };
    host.onStopped(onStopped);
    liveness.start();
    running.program?.opened(host);
    network.join(endpoint);
  }

  /** The other side's hello says what it remembers of this node's store; then frames may come. */
  #connected(running: Running, other: NodeId, bootEpoch: number): void {
    const {greetings, liveness} = running;
    if (!greetings.hasMet(other)) {
      greetings.greeted(other, this.#ports.knownTo(other, this.id));
      if (!running.isEnding && this.starts > this.#damagedStart) this.isImage = false;
    }
    liveness?.connected(other, bootEpoch);
  }

  /** As the one engine thread of a node. */
  #remembered(running: Running, other: NodeId, records: KnownLife['records']): void {
    const disowned = running.host?.remembered(records as readonly RememberedRecord[]);
    if (disowned === undefined) return running.greetings.answered(other);
    this.#refuse(running);
    disowned.then(
      () => {
        if (this.running !== running) return;
        // What it lost is known to its log.
        this.isImage = false;
        running.greetings.foundOldImage();
      },
      // Not durable: the next process hears it again.
      (error: unknown) => this.#fail(running, String(error)),
    );
  }

  /** Its next start is a later one than any that others saw. */
  #endAsImage(running: Running): void {
    this.#refuse(running);
    const {knownEpoch} = running.greetings;
    const raised = async (): Promise<void> => {
      if (knownEpoch <= this.bootEpoch) return;
      await this.disk.syncDirectory('');
      if (this.running === running) this.bootEpoch = knownEpoch;
    };
    raised().then(
      () => this.#fail(running, 'old image'),
      (error: unknown) => this.#fail(running, String(error)),
    );
  }

  #refuse(running: Running): void {
    running.isEnding = true;
    running.program?.refuse();
  }

  #fail(running: Running, reason: string): void {
    if (this.running === running) this.#ports.onFailure(this, reason);
  }

  async #write(running: Running, set: ReplicaSetId, payload: Uint8Array): Promise<Uint8Array> {
    const deadlineMs = running.process.monotonicMs() + PROPOSAL_MS_MAX;
    const applied = (await running.host!.propose(set, payload, {deadlineMs})) as Applied;
    if (applied.status === 'forgotten')
      throw new DbError('OUTCOME_UNKNOWN', `set ${set} does not remember so old a write`);
    return encodeNumber(applied.status === 'duplicate' ? 1 : 0);
  }

  async #read(running: Running, set: ReplicaSetId, register: number): Promise<Uint8Array> {
    const deadlineMs = running.process.monotonicMs() + PROPOSAL_MS_MAX;
    const host = running.host!;
    await host.readIndex(set, {deadlineMs});
    const machine = host.stateMachine(set);
    if (!(machine instanceof RegisterMachine))
      throw new DbError('REPLICA_GONE', `no replica of set ${set} here`);
    return encodeNumber(machine.read(register));
  }
}
