// Keeps a node's copy of the catalog current: a watch on any member of the meta group, resumed at the
// copy's version, replaced by a snapshot when that is too old, taken up with another member when the
// connection ends or goes silent, or when somebody waits for what the member does not get to: its disk may
// hang, or it applies nothing any more, while it goes on telling the version that it has. The copy never goes back: an older member's news change nothing.

import {type Clock, DbError, type Log, META_SET, type NodeId, type Rpc} from '@flotilla/base';
import {Catalog} from '@flotilla/catalog';
import {type CatalogEvent, CatalogIntake, type CatalogNews} from './catalog-news.ts';
import {pause} from './pause.ts';
import {type MetaMembers, type NodePresence, presentOf} from './ports.ts';
import {VersionWaits} from './version-waits.ts';
import {decodeWatchFrame, encodeWatchRequest, HEARTBEAT_MS, type WatchFrame} from './watch.ts';

const RECONNECT_PAUSE_MS = 100;
/** Three heartbeats missed. */
const SILENCE_MS = 3 * HEARTBEAT_MS;

export interface CatalogFollowerOptions {
  readonly rpc: Rpc;
  readonly clock: Clock;
  readonly log: Log;
  /** Members to ask, the own node first where it is one. */
  readonly members: MetaMembers;
  /** A watch on a node that has stopped answering ends at once. */
  readonly presence: NodePresence;
  /** A copy to go on from, as of the node's last run. */
  readonly catalog?: Catalog | undefined;
}

export class CatalogFollower {
  readonly catalog: Catalog;
  readonly #options: CatalogFollowerOptions;
  readonly #intake: CatalogIntake;
  readonly #waits: VersionWaits;
  readonly #newsListeners: ((news: CatalogNews) => void)[] = [];
  readonly #listeners = new Set<(event: CatalogEvent) => void>();
  readonly #stopped = new AbortController();
  #running: Promise<void> | undefined;
  #nextMember = 0;
  #heardAtMs: number | undefined;
  /** The last reason that was logged per member since it was heard. */
  readonly #told = new Map<NodeId, string>();

  constructor(options: CatalogFollowerOptions) {
    this.#options = options;
    this.catalog = options.catalog ?? new Catalog();
    this.#intake = new CatalogIntake(this.catalog);
    this.#waits = new VersionWaits(options.clock);
    this.#waits.reached(this.catalog.version);
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  /** Called after the copy has changed, in order. Returns what ends it. */
  onUpdate(listener: (event: CatalogEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What other copies are to be told, after this one and who reads it were. */
  onNews(listener: (news: CatalogNews) => void): void {
    this.#newsListeners.push(listener);
  }

  /** Rejects with DEADLINE_EXCEEDED past the deadline. */
  waitForVersion(version: number, deadlineMs: number): Promise<void> {
    return this.#waits.wait(version, deadlineMs);
  }

  /** How long ago a member was heard of; Infinity before the first time. */
  silentMs(): number {
    if (this.#heardAtMs === undefined) return Infinity;
    return this.#options.clock.monotonicMs() - this.#heardAtMs;
  }

  async #run(): Promise<void> {
    const {clock, members, presence} = this.#options;
    const {signal} = this.#stopped;
    while (!signal.aborted) {
      const all = presentOf(members(), presence);
      const node = all[this.#nextMember % Math.max(1, all.length)];
      if (node !== undefined) {
        try {
          await this.#follow(node);
        } catch (error) {
          if (!signal.aborted) this.#tell(node, String(error));
        }
      }
      this.#nextMember++;
      await pause(clock, RECONNECT_PAUSE_MS, signal);
    }
  }

  /** A member that is away is asked ten times a second: one line says it. */
  #tell(node: NodeId, error: string): void {
    if (this.#told.get(node) === error) return;
    this.#told.set(node, error);
    this.#options.log.warn({node, error}, 'catalog watch ended');
  }

  async #follow(node: NodeId): Promise<void> {
    const {rpc, clock, presence} = this.#options;
    const connection = new AbortController();
    const end = () => connection.abort();
    const unwatch = presence.onAway(node, end);
    this.#stopped.signal.addEventListener('abort', end);
    let silence = clock.setTimer(SILENCE_MS, end);
    let isFirst = true;
    const beganMs = clock.monotonicMs();
    try {
      const frames = rpc.stream(
        {node, set: META_SET},
        'meta.watch',
        encodeWatchRequest(this.catalog.version),
        {deadlineMs: Infinity, signal: connection.signal},
      );
      for await (const payload of frames) {
        if (connection.signal.aborted) break;
        silence.cancel();
        silence = clock.setTimer(SILENCE_MS, end);
        this.#heardAtMs = clock.monotonicMs();
        this.#told.delete(node);
        const frame = decodeWatchFrame(payload);
        for (const news of newsOf(frame, isFirst)) this.#take(news);
        if (this.#isTooSlow(beganMs)) throw new DbError('UNAVAILABLE', 'it is behind the leader');
        isFirst = frame.type !== 'snapshot-part';
        // Of those that came together each has a turn of its own.
        if (!isFirst) await new Promise<void>((resolve) => clock.defer(resolve));
      }
    } finally {
      silence.cancel();
      unwatch();
      this.#stopped.signal.removeEventListener('abort', end);
      connection.abort();
    }
  }

  /** Some wait for a version for as long as a silent member is borne, and as long as this one is followed. */
  #isTooSlow(followedMs: number): boolean {
    const {oldestMs} = this.#waits;
    if (oldestMs === undefined) return false;
    return this.#options.clock.monotonicMs() - Math.max(oldestMs, followedMs) >= SILENCE_MS;
  }

  #take(news: CatalogNews): void {
    const event = this.#intake.take(news);
    if (event !== undefined) {
      this.#waits.reached(this.catalog.version);
      for (const listener of this.#listeners) listener(event);
    }
    for (const listener of this.#newsListeners) listener(news);
  }
}

function* newsOf(frame: WatchFrame, isFirst: boolean): Generator<CatalogNews> {
  switch (frame.type) {
    case 'snapshot-part':
      yield {type: 'snapshot-part', isFirst, changes: frame.changes};
      break;
    case 'snapshot': {
      const {version, changes} = frame.update;
      yield {type: 'snapshot-part', isFirst, changes};
      yield {type: 'snapshot', version};
      break;
    }
    case 'updates':
      for (const update of frame.updates) yield {type: 'update', update};
      break;
    case 'version':
      break; // It has been heard: that is all that is to be learnt.
    default:
      frame satisfies never;
  }
}
