// The versioned watch, server side: recent updates in a bounded ring, each sent to every watcher
// after the version it has; a watcher from before the ring gets a snapshot. Idle watches get the
// version again and again, so that waits end and a dead connection is noticed. A member that cannot
// know the present catalog sends its watchers to another one: they would wait on it for ever.

import {type Clock, DbError} from '@flotilla/base';
import type {CatalogChange, CatalogImage, CatalogUpdate} from '@flotilla/catalog';
import * as z from 'zod';
import type {CatalogEvent} from './catalog-news.ts';
import {decodeChecked, decodeJson, encodeJson} from './command-codec.ts';
import type {MetaStateMachine} from './meta-state-machine.ts';
import {pause} from './pause.ts';

/** Some minutes of busy DDL; a follower that was away for longer takes a snapshot. */
const RING_UPDATES_MAX = 4_096;
/** Also bounded by what the updates hold, since one may replace a wide table. */
const RING_CHANGES_MAX = 20_000;
/** A third of what a follower takes for a dead connection. */
export const HEARTBEAT_MS = 1_000;
/** An election takes less. */
const LEADERLESS_MS_MAX = 3 * HEARTBEAT_MS;
/** A piece of a snapshot or of a burst: far below the bulk connection's window. */
const FRAME_CHARS = 64 * 1024;
/** Between two of them: the groups of this thread go on. */
const FRAME_GAP_MS = 1;

export type WatchFrame =
  /** The first ones of a snapshot; nothing is applied before the last. */
  | {readonly type: 'snapshot-part'; readonly changes: readonly CatalogChange[]}
  | {readonly type: 'snapshot'; readonly update: CatalogUpdate}
  | {readonly type: 'updates'; readonly updates: readonly CatalogUpdate[]}
  /** The version that the asked member has. */
  | {readonly type: 'version'; readonly version: number};

const watchRequest = z.object({from: z.int().min(0)});

export function encodeWatchRequest(from: number): Uint8Array {
  return encodeJson({from});
}

/** Another node of the same cluster made it: its shape is not checked field by field. */
export function decodeWatchFrame(payload: Uint8Array): WatchFrame {
  return decodeJson(payload) as WatchFrame;
}

export class CatalogWatch {
  readonly #machine: MetaStateMachine;
  readonly #clock: Clock;
  readonly #hasLeader: () => boolean;
  readonly #ring: CatalogUpdate[] = [];
  readonly #wakes = new Set<() => void>();
  readonly #stop: () => void;
  #changes = 0;
  #isClosed = false;
  /** Updates after this version are in the ring. */
  #ringFrom: number;

  constructor(options: {
    readonly machine: MetaStateMachine;
    readonly clock: Clock;
    /** The member follows a leader, or leads. */
    readonly hasLeader: () => boolean;
  }) {
    const {machine, clock, hasLeader} = options;
    this.#machine = machine;
    this.#clock = clock;
    this.#hasLeader = hasLeader;
    this.#ringFrom = machine.catalog.version;
    this.#stop = machine.onUpdate((event) => this.#push(event));
  }

  /** The machine goes: what it holds from here on is old, whatever replica comes to the node after it. */
  close(): void {
    this.#isClosed = true;
    this.#stop();
    for (const wake of this.#wakes) wake();
  }

  /** Until `signal` is aborted. Throws NO_LEADER where another member is to be asked. */
  async *serve(payload: Uint8Array, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    let {from} = decodeChecked(watchRequest, payload);
    let ledAtMs = this.#clock.monotonicMs();
    while (!signal.aborted) {
      const nowMs = this.#clock.monotonicMs();
      if (this.#hasLeader()) ledAtMs = nowMs;
      // One that has just joined is empty until its first snapshot.
      const isEmpty = this.#machine.catalog.version === 0 && !this.#hasLeader();
      if (this.#isClosed || isEmpty || nowMs - ledAtMs > LEADERLESS_MS_MAX) {
        throw new DbError('NO_LEADER', 'this member of the meta group hears of no leader, or left');
      }
      const {version} = this.#machine.catalog;
      if (from < version) {
        let isFirst = true;
        for (const frame of this.#framesAfter(from)) {
          if (!isFirst) await pause(this.#clock, FRAME_GAP_MS, signal);
          if (signal.aborted) return;
          isFirst = false;
          yield frame;
        }
        from = version;
      } else {
        yield encodeJson({type: 'version', version} satisfies WatchFrame);
      }
      if (this.#machine.catalog.version <= from) await this.#nextWake(signal);
    }
  }

  #push(event: CatalogEvent): void {
    if (event.type === 'snapshot') {
      this.#ring.length = 0;
      this.#changes = 0;
      this.#ringFrom = event.version;
    } else {
      this.#ring.push(event.update);
      this.#changes += event.update.changes.length;
      while (this.#ring.length > RING_UPDATES_MAX || this.#changes > RING_CHANGES_MAX) {
        const oldest = this.#ring.shift()!;
        this.#changes -= oldest.changes.length;
        this.#ringFrom = oldest.version;
      }
    }
    for (const wake of this.#wakes) wake();
  }

  /** Made as they are taken, of what is here now: the ring and the catalog move on meanwhile. */
  #framesAfter(from: number): Iterable<Uint8Array> {
    if (from < this.#ringFrom) return snapshotFrames(this.#machine.catalog.image());
    const first = this.#ring.findIndex(({version}) => version > from);
    return updateFrames(this.#ring.slice(first));
  }

  async #nextWake(signal: AbortSignal): Promise<void> {
    const awake = new AbortController();
    const wake = () => awake.abort();
    this.#wakes.add(wake);
    signal.addEventListener('abort', wake);
    await pause(this.#clock, HEARTBEAT_MS, awake.signal);
    signal.removeEventListener('abort', wake);
    this.#wakes.delete(wake);
  }
}

function* snapshotFrames({version, changes}: CatalogImage): Generator<Uint8Array> {
  let last: CatalogChange[] = [];
  for (const part of inPieces(changes)) {
    if (last.length > 0)
      yield encodeJson({type: 'snapshot-part', changes: last} satisfies WatchFrame);
    last = part;
  }
  yield encodeJson({type: 'snapshot', update: {version, changes: last}} satisfies WatchFrame);
}

function* updateFrames(all: readonly CatalogUpdate[]): Generator<Uint8Array> {
  for (const updates of inPieces(all)) {
    yield encodeJson({type: 'updates', updates} satisfies WatchFrame);
  }
}

/** None is empty. */
function* inPieces<Item>(items: Iterable<Item>): Generator<Item[]> {
  let piece: Item[] = [];
  let chars = 0;
  for (const item of items) {
    if (chars >= FRAME_CHARS) {
      yield piece;
      piece = [];
      chars = 0;
    }
    piece.push(item);
    chars += JSON.stringify(item).length;
  }
  if (piece.length > 0) yield piece;
}
