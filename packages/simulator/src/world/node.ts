// A node: a disk that outlives its processes, and at most one process of the product's own classes
// over it. Everything else in the cluster sees it through its connections alone.

import {FatalError, type NodeId, type StoreId} from '@flotilla/base';
import {
  Host,
  NodeLiveness,
  type NodeState,
  type RememberedRecord,
  type StoreBeat,
  TIMINGS,
} from '@flotilla/multiraft';
import {LeaderDirectory, NodeWatch, SetCaller} from '@flotilla/router';
import {
  FirstGreetings,
  type KnownLife,
  VOUCHING_MS_MAX,
  Vouching,
} from '@flotilla/server/engine-parts';
import {MemoryDisk} from '@flotilla/testkit';
import type {Chance} from '../kernel/chance.ts';
import {Process} from '../kernel/process.ts';
import type {KeptState} from '../workload/register-machine.ts';
import {hostOptions} from './host-options.ts';
import type {Endpoint} from './network.ts';
import {NodeHost} from './node-host.ts';
import type {NodePorts, Running} from './node-ports.ts';
import {registerHandlers} from './register-calls.ts';
import {SimRpc} from './rpc.ts';
import {endWhereStoresFail} from './store-failures.ts';
import {type EngineThread, Threads} from './threads.ts';
import {Wall} from './wall.ts';

export class SimNode {
  readonly id: NodeId;
  readonly wall = new Wall();
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
  /** Puts back what `takeImage` copied; the result takes that back. */
  image: (() => () => void) | undefined;
  /** Multiplies what each disk operation takes. */
  slowness = 1;
  /** Engine threads of the process that ran last: 0 before any. */
  #threadCount = 0;
  readonly #ports: NodePorts;

  constructor(id: NodeId, ports: NodePorts) {
    this.#ports = ports;
    this.id = id;
    const {chance} = ports;
    this.stores = Array.from({length: ports.stores}, (_, store) => store as StoreId);
    // The disk's time is the machine's; what it answers reaches the process that is alive by then.
    const setTimer = (delayMs: number, run: () => void) => {
      const spread = delayMs * this.slowness * (0.2 + chance.wait(0.8));
      return ports.kernel.after(spread, run, this.running?.threads.life);
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

  get host(): NodeHost | undefined {
    return this.running?.host;
  }

  /** Engine threads that a process of it may have. */
  get threadsMax(): number {
    return this.#ports.threads;
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

  /** Some thread of it stands still. */
  get isStalled(): boolean {
    return this.running?.threads.all.some(({isPaused}) => isPaused) === true;
  }

  async start(): Promise<void> {
    if (this.running !== undefined) return;
    const {kernel, chance, driftMax} = this.#ports;
    this.bootEpoch += 1;
    this.starts += 1;
    const rate = 1 + chance.between(-driftMax, driftMax);
    const name = `${this.id}.${this.bootEpoch}`;
    const startMs = Math.floor(chance.between(0, 1e6));
    const {wall, stores, disk} = this;
    const threads = new Threads({
      ...{kernel, stores, disk, chance: this.#ports.threadChance, count: this.#drawThreads()},
      newProcess: (suffix) => new Process(kernel, {name: name + suffix, wall, rate, startMs}),
    });
    const running = this.#assemble(threads);
    this.running = running;
    this.isStarting = true;
    running.program = this.#ports.program?.(this, running);
    try {
      await this.#openAll(running);
      if (this.running !== running) return;
      this.isStarting = false;
      this.#serve(running);
    } catch (error) {
      if (this.running !== running) return;
      this.isStarting = false;
      if (!(error instanceof FatalError)) throw error;
      this.openFailure = error.message;
      this.#ports.onFailure(this, `cannot open: ${error.message}`);
    }
  }

  /** Mostly as many as before; where they are others, stores move to other threads. */
  #drawThreads(): number {
    const {threads, threadChance: chance, coverage} = this.#ports;
    if (threads === 1) return 1;
    const before = this.#threadCount;
    const count = before > 0 && chance.odds(0.5) ? before : 1 + chance.below(threads);
    this.#threadCount = count;
    coverage.count(`threads:processes with ${count}`);
    if (before === 0) return count;
    const moved = this.stores.filter((store) => store % count !== store % before);
    if (moved.length > 0) coverage.count('threads:stores moved to another', moved.length);
    return count;
  }

  /** One thread's failure is the process's. */
  async #openAll(running: Running): Promise<void> {
    const {threads} = running;
    const [first] = threads.engines;
    if (threads.isAlone) return this.#open(running, first!);
    await Promise.all(
      threads.engines.map((thread) => threads.ask(thread, () => this.#open(running, thread))),
    );
  }

  async #open(running: Running, thread: EngineThread): Promise<void> {
    const program = running.program?.threads[thread.index];
    if (program !== undefined) await program.prepare();
    if (this.running !== running) return;
    thread.host = await Host.open(hostOptions(this, this.#ports, running, thread));
  }

  /** The process ends at once; with `power` its disk loses what was not synced. */
  end(how: 'kill' | 'power'): void {
    const {running} = this;
    if (running === undefined) return;
    const {network, chance} = this.#ports;
    this.running = undefined;
    this.isStarting = false;
    running.threads.die();
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
    const putBack = this.#copy();
    this.image = () => {
      const undo = this.#copy();
      putBack();
      this.isImage = true;
      this.#damagedStart = this.starts;
      return undo;
    };
  }

  #copy(): () => void {
    const disk = this.disk.image();
    const kept = new Map(this.kept);
    const beside = this.#ports.imageBeside?.(this);
    return () => {
      disk();
      beside?.();
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
    const flipped = this.disk.bytesOf(path)[offset];
    // A bit of the last record makes a torn tail, which only the other nodes know for damage.
    this.isImage = true;
    this.#damagedStart = this.starts;
    return () => {
      const isThere = this.disk.files().includes(path);
      // What was written over it since is as it should be.
      if (isThere && this.disk.bytesOf(path)[offset] === flipped)
        this.disk.flipBit(path, offset, bit);
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

  #assemble(threads: Threads): Running {
    const {network, chance, catalog} = this.#ports;
    const {id, bootEpoch} = this;
    const {main: process} = threads;
    const watch = new NodeWatch(id);
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
        if (running.program?.receive(from, channel, frame) === true) return;
        running.liveness?.receive(from, frame);
        running.host?.receive(from, channel, frame);
      },
      receiveLetter: (from, letter) => rpc.receive(from, letter),
    };
    const rpc = new SimRpc({
      node: id,
      bootEpoch,
      clock: process,
      handlers: registerHandlers(() => running),
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
      threads,
      endpoint,
      rpc,
      caller,
      watch,
      incarnation: id * 1_000_000 + bootEpoch,
      sequence: 0,
      isEnding: false,
      greetings: new FirstGreetings({
        bootEpoch,
        // Images are put back here, and no copy runs beside its original: records tell them.
        hasLife: () => true,
        disown: () => undefined,
        threads: () => threads.engines.length,
        ask: (other, records) => {
          for (const thread of threads.engines) this.#hold(running, thread, other, records);
        },
        onVetted: (other) => {
          running.liveness?.vetted(other);
          running.vouching.settle();
        },
        onOldImage: () => this.#endAsImage(running),
      }),
      vouching: this.#newVouching(() => running),
      host: undefined,
      liveness: undefined,
      program: undefined,
    };
    return running;
  }

  /**
   * An old image that all others are kept from for longer is not found in time: nobody is there to tell it.
   * That is out of what the product promises, and so is not let happen.
   */
  #newVouching(running: () => Running): Vouching {
    const {coverage} = this.#ports;
    return new Vouching(
      {
        clock: {setTimer: (ms, run) => running().process.setTimer(ms, run)},
        others: () => this.#ports.others(this),
        isVetted: (other) => running().greetings.isVetted(other),
        onVouched: (unheard) => {
          coverage.count(`vouching:${unheard.length > 0 ? 'given up' : 'by all'}`);
          for (const {post, host} of running().threads.engines) post(() => host!.vouched());
        },
      },
      this.isImage ? Infinity : VOUCHING_MS_MAX,
    );
  }

  #serve(running: Running): void {
    const {network, chance, timing} = this.#ports;
    const {process, endpoint, watch, threads, program} = running;
    const host = new NodeHost(threads);
    running.host = host;
    const liveness = new NodeLiveness({
      bootEpoch: this.bootEpoch,
      clock: process,
      random: chance,
      transport: {send: (to, channel, frame) => network.send(endpoint, to, channel, frame)},
      timing: TIMINGS[timing],
      threads: () => threads.engines.map((thread) => agesOf(threads, thread)),
      stores: () => storesOf(threads),
      onChange: (other, state) => {
        this.#countStalls(state);
        watch.changed(other, state.state === 'alive');
        for (const {index, post, host: own} of threads.engines)
          post(() => {
            program?.threads[index]?.nodeChanged(other, state);
            own!.nodeChanged(other, state);
          });
      },
    });
    running.liveness = liveness;
    this.#watchStores(running);
    // What one store has lost may be dealt to another thread by now.
    if (program === undefined && !threads.isAlone && host.hasLoss)
      for (const {host: own} of threads.engines) own!.learnLoss();
    liveness.start();
    for (const [index, {host: own}] of threads.engines.entries())
      program?.threads[index]?.opened(own!);
    program?.opened();
    running.vouching.start();
    network.join(endpoint);
  }

  #watchStores(running: Running): void {
    const {kernel, threadChance: chance, coverage, fail} = this.#ports;
    endWhereStoresFail(running, {
      ...{kernel, chance, coverage, node: this.id},
      fail: (message) => fail('stores fail alone', message),
      onFailure: (reason) => this.#fail(running, reason),
    });
  }

  #countStalls({stalledThreads = []}: NodeState): void {
    if (stalledThreads.length > 0) this.#ports.coverage.count('threads:told of as stalled');
  }

  /** The other side's hello says what it remembers of this node's store; then frames may come. */
  #connected(running: Running, other: NodeId, bootEpoch: number): void {
    const {greetings, liveness} = running;
    if (!greetings.hasMet(other)) {
      greetings.greeted(other, this.#ports.knownTo(other, this.id));
      this.#vetted(running, other);
    }
    liveness?.connected(other, bootEpoch);
  }

  /** All its threads have found nothing missing of what the other remembers. */
  #vetted(running: Running, other: NodeId): void {
    const isWhole = !running.isEnding && running.greetings.isVetted(other);
    if (isWhole && this.starts > this.#damagedStart) this.isImage = false;
  }

  /** As an engine thread holds it against its stores. */
  #hold(
    running: Running,
    {post, host}: EngineThread,
    other: NodeId,
    records: KnownLife['records'],
  ): void {
    const {threads, greetings} = running;
    post(() => {
      const disowned = host?.remembered(records as readonly RememberedRecord[]);
      if (disowned === undefined)
        return threads.post(() => {
          greetings.answered(other);
          this.#vetted(running, other);
        });
      this.#refuse(running);
      disowned.then(
        () => threads.post(() => this.#disowned(running)),
        // Not durable: the next process hears it again.
        (error: unknown) => this.#fail(running, String(error)),
      );
    });
  }

  /** What a thread lost is known to its log. Another may not have come so far: it hears it again in the next life. */
  #disowned(running: Running): void {
    if (this.running !== running) return;
    if (running.threads.isAlone) this.isImage = false;
    running.greetings.foundOldImage();
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
}

/** A thread that is the main one says them itself. */
function agesOf(
  {isAlone}: Threads,
  {host, vitals, process, bornMs}: EngineThread,
): ReturnType<Host['ages']> {
  return isAlone ? host!.ages() : vitals.ages(process.monotonicMs(), bornMs);
}

function storesOf({isAlone, engines}: Threads): readonly StoreBeat[] {
  if (isAlone) return engines[0]!.host!.durableRecords();
  return engines.flatMap(({vitals}) => vitals.stores());
}
