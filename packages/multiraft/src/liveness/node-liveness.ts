// Who of the other nodes is alive: one beat per pair of nodes, whatever the number of groups. Lives in
// the main thread; the hosts hear of changes only. A beat carries the sender's boot epoch and, per
// engine thread, how long it and its disk have stood still. Laws: a node is suspect only after a wait
// during which this loop itself ran on time, since a late loop finds beats it has not read yet; a
// lost connection needs no wait at all; a beat says how long its sender has not heard the receiver, so
// that a link which fails one way is lost to both. A beat is never evidence for reads or commits.

import type {Clock, NodeId, Random, Timer, Transport} from '@flotilla/base';
import {
  type Beat,
  decodeBeat,
  encodeBeat,
  encodeFrame,
  frameBody,
  frameKind,
  type StoreBeat,
  type ThreadBeat,
} from '@flotilla/wire';
import type {NodeState} from '../host/node-states.ts';
import type {Timing} from '../host/timing.ts';

/**
 * Of `lateMs`: a tick later than this shows that the cores are taken. On a machine that has one to spare a
 * timer is a millisecond or two late.
 */
const PROMPT_SHARE = 0.25;
/**
 * Of a look, counted against a thread at a tick that was not prompt. Not nothing: a thread that hangs on a
 * busy machine is to be told of too, if later than its groups' own timers would find out.
 */
const BUSY_SHARE = 0.25;

export interface NodeLivenessOptions {
  readonly bootEpoch: number;
  /** Of this start alone; told with the records. */
  readonly life?: number | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly transport: Transport;
  readonly timing: Timing;
  /** By number of engine thread. */
  readonly threads: () => readonly ThreadBeat[];
  /** Their records are told to a node once it is vetted; 0 before. */
  readonly stores: () => readonly StoreBeat[];
  readonly onChange: (node: NodeId, state: NodeState) => void;
  /** Engine threads here, or their disks, began to stand still: how long all of them have. */
  readonly onStall?: ((threads: readonly ThreadBeat[]) => void) | undefined;
  /** This loop turned, so late: nobody else needs a timer to know how late those of the thread come. */
  readonly onLook?: ((lateMs: number) => void) | undefined;
}

export interface NodeView extends NodeState {
  readonly node: NodeId;
  readonly sinceBeatMs: number;
  /** The other's wall clock minus this one's, late by one way of the network. */
  readonly wallOffsetMs: number;
  /** Its start, once it was vetted by what is known here; absent of an older build. */
  readonly life: number | undefined;
  /** Highest durable record of each of its stores: one that reopens below it is an old image. */
  readonly durableRecords: ReadonlyMap<number, number>;
}

/** What makes a node unfit to lead. */
interface Troubles {
  readonly stalledThreads: readonly number[];
  readonly slowThreads: readonly number[];
  readonly isFull: boolean;
}

interface Known {
  state: NodeState['state'];
  bootEpoch: number;
  sequence: number;
  beatMs: number;
  /** Suspect from then on, unless a beat comes. */
  deadlineMs: number;
  stalledThreads: readonly number[];
  slowThreads: readonly number[];
  isFull: boolean;
  /** Since the last tick, and the latest alone: what it says was not told yet. */
  beat: Beat | undefined;
  wallOffsetMs: number;
  life: number | undefined;
  readonly durableRecords: Map<number, number>;
}

export class NodeLiveness {
  readonly #options: NodeLivenessOptions;
  readonly #known = new Map<NodeId, Known>();
  readonly #vetted = new Set<NodeId>();
  #timer: Timer | undefined;
  #sequence = 0;
  /** What came while this loop was late was not read: nobody was silent before that. */
  #onTimeSinceMs = 0;
  #dueMs = 0;
  #beatDueMs = 0;
  /** As told in the last beats. */
  #troubles: Troubles = {stalledThreads: [], slowThreads: [], isFull: false};
  /** Of the engine threads here, as told in the next beats. */
  #threads: readonly ThreadBeat[] = [];
  /** Waits begun anew because this loop was late. */
  lateCount = 0;

  constructor(options: NodeLivenessOptions) {
    this.#options = options;
  }

  start(): void {
    this.#schedule();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** A connection stands and its hello was read. */
  connected(node: NodeId, bootEpoch: number): void {
    const known = this.#known.get(node);
    // The later one may have been a copy of its directory that was sent away.
    if (known?.state === 'alive' && bootEpoch < known.bootEpoch) return;
    // A disk put back to an older state gives the node a boot epoch anew, and its beats begin again.
    this.#heard(node, bootEpoch).sequence = 0;
    this.#sendBeat(node);
  }

  /**
   * What the node remembers of the stores here was held against them, and none is an old image: from now on
   * it may remember the records of this life instead. Told sooner, they would take the place of those that
   * show a loss, and a life that ends before it has made the loss durable would leave nobody who knows it.
   */
  vetted(node: NodeId): void {
    this.#vetted.add(node);
  }

  /** Its connection was closed or reset: nobody waits for beats that cannot come. */
  disconnected(node: NodeId): void {
    const known = this.#known.get(node);
    if (known === undefined || known.state === 'gone') return;
    known.state = 'gone';
    known.stalledThreads = [];
    known.slowThreads = [];
    known.beat = undefined;
    this.#tell(node, known);
  }

  /** Frames of other kinds are not for it. */
  receive(from: NodeId, frame: Uint8Array): void {
    const beat = frameKind(frame) === 'beat' ? decodeBeat(frameBody(frame)) : undefined;
    if (beat === undefined) return;
    const before = this.#known.get(from);
    // Of an earlier life, or overtaken by a later one of the same connection.
    if (before !== undefined && beat.bootEpoch < before.bootEpoch) return;
    if (beat.bootEpoch === before?.bootEpoch && beat.sequence <= before.sequence) return;
    const isDeaf = beat.silentMs > this.#options.timing.suspectMaxMs;
    const known = this.#heard(from, beat.bootEpoch, isDeaf);
    known.sequence = beat.sequence;
    known.life = beat.life ?? known.life;
    known.wallOffsetMs = beat.wallMs - this.#options.clock.wallMs();
    for (const {store, durableRecord} of beat.stores)
      known.durableRecords.set(
        store,
        Math.max(durableRecord, known.durableRecords.get(store) ?? 0),
      );
    known.beat = beat;
  }

  view(node: NodeId): NodeView | undefined {
    const known = this.#known.get(node);
    if (known === undefined) return undefined;
    const {state, bootEpoch, beatMs, stalledThreads, isFull} = known;
    const {wallOffsetMs, life, durableRecords} = known;
    const sinceBeatMs = this.#options.clock.monotonicMs() - beatMs;
    const seen = {sinceBeatMs, wallOffsetMs, life, durableRecords};
    return {node, state, bootEpoch, stalledThreads, isFull, ...seen};
  }

  *views(): Iterable<NodeView> {
    for (const node of this.#known.keys()) yield this.view(node)!;
  }

  #heard(node: NodeId, bootEpoch: number, isDeaf = false): Known {
    const nowMs = this.#options.clock.monotonicMs();
    let known = this.#known.get(node);
    const isNew = known?.bootEpoch !== bootEpoch;
    if (known === undefined) {
      known = {
        state: 'gone',
        bootEpoch,
        sequence: 0,
        beatMs: nowMs,
        deadlineMs: 0,
        stalledThreads: [],
        slowThreads: [],
        isFull: false,
        beat: undefined,
        wallOffsetMs: 0,
        life: undefined,
        durableRecords: new Map(),
      };
      this.#known.set(node, known);
    }
    if (isNew) {
      known.bootEpoch = bootEpoch;
      known.sequence = 0;
      known.stalledThreads = [];
      known.slowThreads = [];
      known.beat = undefined;
      known.life = undefined;
    }
    // One that does not hear this node is no better for it than one that is not heard.
    const state = isDeaf ? 'suspect' : 'alive';
    const isChanged = known.state !== state || isNew;
    known.state = state;
    known.beatMs = nowMs;
    known.deadlineMs = nowMs + this.#drawWaitMs();
    if (isChanged) this.#tell(node, known);
    return known;
  }

  /** Of the latest beat: this loop may read several at once, and the first is over by then. */
  #takeTroubles(node: NodeId, known: Known): void {
    const {beat} = known;
    known.beat = undefined;
    if (beat === undefined) return;
    const troubles = this.#troublesOf(beat);
    if (areSame(troubles, known)) return;
    known.stalledThreads = troubles.stalledThreads;
    known.slowThreads = troubles.slowThreads;
    known.isFull = troubles.isFull;
    this.#tell(node, known);
  }

  #schedule(): void {
    const {clock, timing} = this.#options;
    this.#dueMs = clock.monotonicMs() + timing.watchMs;
    this.#timer = clock.setTimer(timing.watchMs, () => this.#tick());
  }

  #tick(): void {
    const {watchMs, lateMs: lateMsMax} = this.#options.timing;
    const nowMs = this.#options.clock.monotonicMs();
    const lateMs = nowMs - this.#dueMs;
    this.#schedule();
    const isLate = lateMs > lateMsMax;
    if (isLate) this.#onTimeSinceMs = nowMs;
    const isPrompt = lateMs <= PROMPT_SHARE * lateMsMax;
    this.#watchThreads(isPrompt ? watchMs + lateMs : BUSY_SHARE * watchMs);
    this.#sendBeats(nowMs);
    this.#options.onLook?.(lateMs);
    if (isLate) {
      this.lateCount += 1;
      for (const known of this.#known.values()) known.deadlineMs = nowMs + this.#drawWaitMs();
      return;
    }
    for (const [node, known] of this.#known) {
      this.#takeTroubles(node, known);
      if (known.state !== 'alive' || nowMs < known.deadlineMs) continue;
      known.state = 'suspect';
      this.#tell(node, known);
    }
  }

  /**
   * A thread stands still if it has no turn while this loop has many. When all cores are taken both are
   * late, and the one that works far more than the other: a tick that was late itself counts but little.
   */
  #watchThreads(elapsedMs: number): void {
    this.#threads = this.#options.threads().map(({turnAgeMs, writeAgeMs}, thread) => {
      const countedMs = (this.#threads[thread]?.turnAgeMs ?? 0) + elapsedMs;
      return {turnAgeMs: Math.min(turnAgeMs, countedMs), writeAgeMs};
    });
  }

  /**
   * To all when they are due, or when a thread or a disk came into trouble, or out of it; at each look to
   * who is silent, since it may hear this node and is to know that it is not heard itself.
   */
  #sendBeats(nowMs: number): void {
    const {timing, stores} = this.#options;
    const troubles = this.#troublesOf({threads: this.#threads, stores: stores()});
    // At the look that is nearest.
    const isDue = nowMs >= this.#beatDueMs - timing.watchMs / 2;
    const isNews = !areSame(troubles, this.#troubles);
    const isStall = troubles.stalledThreads.some(
      (thread) => !this.#troubles.stalledThreads.includes(thread),
    );
    if (isStall) this.#options.onStall?.(this.#threads);
    this.#troubles = troubles;
    if (isDue || isNews) this.#beatDueMs = nowMs + timing.beatMs;
    for (const [node, {state}] of this.#known)
      if (state === 'suspect' || (state === 'alive' && (isDue || isNews))) this.#sendBeat(node);
  }

  #troublesOf({threads, stores}: Pick<Beat, 'threads' | 'stores'>): Troubles {
    const {stallMs} = this.#options.timing;
    const stalledThreads: number[] = [];
    const slowThreads: number[] = [];
    for (const [thread, {turnAgeMs, writeAgeMs}] of threads.entries()) {
      if (turnAgeMs > stallMs || writeAgeMs > stallMs) stalledThreads.push(thread);
      if (writeAgeMs > stallMs / 2) slowThreads.push(thread);
    }
    return {stalledThreads, slowThreads, isFull: stores.some((store) => store.isFull)};
  }

  #sendBeat(node: NodeId): void {
    const {bootEpoch, life, clock, transport, stores} = this.#options;
    this.#sequence += 1;
    const heardMs = Math.max(this.#known.get(node)?.beatMs ?? 0, this.#onTimeSinceMs);
    const isVetted = this.#vetted.has(node);
    const beat: Beat = {
      bootEpoch,
      sequence: this.#sequence,
      threads: this.#threads,
      life: isVetted ? life : undefined,
      stores: isVetted ? stores() : stores().map(withoutRecord),
      wallMs: clock.wallMs(),
      silentMs: clock.monotonicMs() - heardMs,
    };
    // A beat that does not fit is one that is missed.
    transport.send(node, 'control', encodeFrame('beat', encodeBeat(beat)));
  }

  #drawWaitMs(): number {
    const {suspectMinMs, suspectMaxMs} = this.#options.timing;
    return suspectMinMs + this.#options.random.next() * (suspectMaxMs - suspectMinMs);
  }

  #tell(node: NodeId, known: Known): void {
    const {state, bootEpoch, stalledThreads, slowThreads, isFull} = known;
    this.#options.onChange(node, {state, bootEpoch, stalledThreads, slowThreads, isFull});
  }
}

const areSame = (a: Troubles, b: Troubles): boolean =>
  a.isFull === b.isFull &&
  a.stalledThreads.join() === b.stalledThreads.join() &&
  a.slowThreads.join() === b.slowThreads.join();

const withoutRecord = (store: StoreBeat): StoreBeat => ({...store, durableRecord: 0});
