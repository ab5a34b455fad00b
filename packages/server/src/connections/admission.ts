// What strangers may cost the accepting side before they have proven that they belong here: a bounded
// number of greetings under way, each for a bounded time, of wrong proofs, and of lines in the log.
//
// Invariant: a visit ends exactly once, by `proven` or by `ended`.

import type {Clock, Log, Timer} from '@flotilla/base';
import {Greeting} from './greeting.ts';
import {HOW_TO_MAKE_A_SECRET, type JoinSecret} from './join-secret.ts';

/** Several round trips of the slowest network, and a stalled node's turn. */
const GREETING_MS_MAX = 3_000;
/** 256 nodes may dial at once after a power cut; the oldest goes first when there are more. */
const GREETINGS_MAX = 512;
/** A node with a wrong secret dials two streams a second and asks three times. */
const WRONG_PROOFS_MAX = 10;
const WRONG_PROOFS_WINDOW_MS = 1_000;
const LINES_MAX = 5;
const LINES_WINDOW_MS = 10_000;

const NO_SECRET = `this node was started without a join secret and takes no other nodes: ${HOW_TO_MAKE_A_SECRET}`;
const TOO_MANY_WRONG = 'too many wrong join secrets from this address: wait a second';

/** One stream that has not proven yet. */
export interface Visit {
  readonly greeting: Greeting;
  proven(): void;
  /** Without a proof, or with a wrong one. */
  ended(reason: string, isWrongProof: boolean): void;
}

export interface AdmissionOptions {
  /** Undefined: nobody is let in. */
  readonly secret: JoinSecret | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

interface Guest {
  readonly timer: Timer;
  readonly close: (reason: string) => void;
}

export class Admission {
  readonly #options: AdmissionOptions;
  /** In the order in which they came. */
  readonly #guests = new Set<Guest>();
  readonly #wrong: Window;
  readonly #wrongOf = new Map<string, number>();
  readonly #lines: Window;
  #linesLeftOut = 0;

  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.#wrong = new Window(options.clock, WRONG_PROOFS_WINDOW_MS);
    this.#lines = new Window(options.clock, LINES_WINDOW_MS);
  }

  /**
   * A stream has come. `close` is called if it takes too long or has to make room. A string is the
   * reason why it is refused at once.
   * @param from the other end, `address:port`.
   */
  admit(from: string, purpose: string, close: (reason: string) => void): Visit | string {
    const {secret, clock} = this.#options;
    const address = from.slice(0, Math.max(0, from.lastIndexOf(':')));
    if (this.#wrong.turn()) this.#wrongOf.clear();
    const refusal =
      secret === undefined
        ? NO_SECRET
        : (this.#wrongOf.get(address) ?? 0) >= WRONG_PROOFS_MAX
          ? TOO_MANY_WRONG
          : undefined;
    if (secret === undefined || refusal !== undefined) {
      this.#tell(from, refusal!);
      return refusal!;
    }
    if (this.#guests.size >= GREETINGS_MAX) {
      const [oldest] = this.#guests;
      oldest!.close('too many greetings are under way');
    }
    const timer = clock.setTimer(GREETING_MS_MAX, () => close('no proof of the join secret'));
    const guest: Guest = {timer, close};
    this.#guests.add(guest);
    const leave = (): boolean => {
      timer.cancel();
      return this.#guests.delete(guest);
    };
    return {
      greeting: new Greeting({secret, side: 'acceptor', purpose}),
      proven: () => void leave(),
      ended: (reason, isWrongProof) => {
        if (!leave()) return;
        if (isWrongProof) this.#wrongOf.set(address, (this.#wrongOf.get(address) ?? 0) + 1);
        this.#tell(from, reason);
      },
    };
  }

  #tell(from: string, reason: string): void {
    if (this.#lines.count(LINES_MAX)) {
      const leftOut = this.#linesLeftOut === 0 ? {} : {moreSince: this.#linesLeftOut};
      this.#linesLeftOut = 0;
      this.#options.log.warn({from, reason, ...leftOut}, 'refused a connection');
    } else this.#linesLeftOut++;
  }
}

/** Counts within a fixed time; a burst over its edge may be twice as large. */
class Window {
  readonly #clock: Clock;
  readonly #lengthMs: number;
  #startMs = -Infinity;
  #count = 0;

  constructor(clock: Clock, lengthMs: number) {
    this.#clock = clock;
    this.#lengthMs = lengthMs;
  }

  /** Whether a new time has begun since it was asked last. */
  turn(): boolean {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#startMs < this.#lengthMs) return false;
    this.#startMs = nowMs;
    this.#count = 0;
    return true;
  }

  /** One more; false if there are more than `max`. */
  count(max: number): boolean {
    this.turn();
    return ++this.#count <= max;
  }
}
