// What is on its way: lost, doubled, reordered, held up by cut links, and captured to come again much
// later, when nobody reckons with it any more.

import type {SeededRandom} from '@flotilla/base';
import type {LabSnapshot} from '../lab/index.ts';
import type {Message} from '../message.ts';

export interface Parcel {
  readonly message: Message;
  /** Of a snapshot. */
  readonly contents: LabSnapshot | undefined;
}

export interface NetworkOptions {
  readonly random: SeededRandom;
  /** Of a hundred deliveries. */
  readonly lost: number;
  readonly doubled: number;
  readonly reordered: number;
}

const IN_FLIGHT_MAX = 40;
const CAPTURED_MAX = 60;

export class Network {
  readonly #options: NetworkOptions;
  #inFlight: Parcel[] = [];
  readonly #captured: Parcel[] = [];
  /** Links cut in one direction, as "from>to". */
  readonly #cut = new Set<string>();

  constructor(options: NetworkOptions) {
    this.#options = options;
  }

  post(parcel: Parcel): void {
    const {random} = this.#options;
    const {from, to} = parcel.message;
    this.#capture(parcel);
    if (this.#cut.has(`${from}>${to}`)) return;
    this.#inFlight.push(parcel);
    // What waits for ever says nothing: a full network loses somebody.
    const {length} = this.#inFlight;
    if (length > IN_FLIGHT_MAX) this.#inFlight.splice(random.below(length), 1);
  }

  #capture(parcel: Parcel): void {
    const {random} = this.#options;
    if (this.#captured.length < CAPTURED_MAX) this.#captured.push(parcel);
    else if (random.below(3) === 0 || parcel.contents !== undefined)
      this.#captured[random.below(CAPTURED_MAX)] = parcel;
  }

  /** The next to arrive: mostly near the front, so that there is progress; undefined if it is lost. */
  take(): Parcel | undefined {
    const {random, lost, doubled, reordered} = this.#options;
    if (this.#inFlight.length === 0) return undefined;
    const far = random.below(100) < reordered;
    const span = far ? this.#inFlight.length : Math.min(3, this.#inFlight.length);
    const at = random.below(span);
    const parcel = this.#inFlight[at];
    const fate = random.below(100);
    if (fate >= doubled) this.#inFlight.splice(at, 1);
    return fate >= 100 - lost ? undefined : parcel;
  }

  /** Everything on its way. */
  takeAll(): Parcel[] {
    return this.#inFlight.splice(0);
  }

  lose(isLost: (parcel: Parcel) => boolean): void {
    this.#inFlight = this.#inFlight.filter((parcel) => !isLost(parcel));
  }

  /** Something for `to` of long ago, whether or not it arrived then; often a snapshot. */
  captured(to: number): Parcel | undefined {
    const {random} = this.#options;
    const fit = this.#captured.filter(({message}) => message.to === to);
    const snapshots = fit.filter(({contents}) => contents !== undefined);
    const some = snapshots.length > 0 && random.below(3) === 0 ? snapshots : fit;
    return some.length === 0 ? undefined : some[random.below(some.length)];
  }

  cut(from: number, to: number): void {
    this.#cut.add(`${from}>${to}`);
  }

  /** Cuts these off from the rest. */
  isolate(ids: readonly number[], all: Iterable<number>): void {
    for (const other of all) {
      if (ids.includes(other)) continue;
      for (const id of ids) {
        this.cut(id, other);
        this.cut(other, id);
      }
    }
  }

  heal(): void {
    this.#cut.clear();
  }
}
