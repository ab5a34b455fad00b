// What may happen in a simulated run, and how often.

import type {SeededRandom} from '@flotilla/base';

/** How often each event comes, before a seed makes some rare and some frequent. */
export const WEIGHTS = {
  deliver: 400,
  turn: 400,
  process: 100,
  persist: 80,
  apply: 60,
  tick: 250,
  propose: 40,
  read: 30,
  crash: 5,
  members: 14,
  compact: 6,
  transfer: 4,
  cut: 2,
  isolate: 4,
  heal: 8,
  campaign: 6,
  forget: 4,
  reach: 2,
  unreachable: 2,
  endTransfers: 3,
  evict: 3,
  replay: 8,
  pause: 3,
  wake: 10,
  coup: 3,
  lostAnswers: 1,
  failedRead: 1,
  rejoin: 1,
  deadTransfer: 1,
};

export type EventName = keyof typeof WEIGHTS;

/** Without these nothing goes on: no seed makes them rare. */
const MOVING: ReadonlySet<EventName> = new Set([
  'deliver',
  'turn',
  'tick',
  'apply',
  'propose',
  'heal',
  'wake',
]);

/** These happen mostly to a leader, of whatever term. */
export const LEADER_EVENTS: ReadonlySet<EventName> = new Set([
  'propose',
  'read',
  'members',
  'transfer',
  'deadTransfer',
  'coup',
  'lostAnswers',
  'failedRead',
  'rejoin',
  'isolate',
  'pause',
  'crash',
  'reach',
]);

export class Lottery {
  readonly #random: SeededRandom;
  readonly #weights: readonly (readonly [EventName, number])[];
  readonly #sum: number;

  constructor(random: SeededRandom) {
    this.#random = random;
    this.#weights = (Object.keys(WEIGHTS) as EventName[]).map((name) => {
      const factors = MOVING.has(name) ? [0.5, 1, 2] : [0.1, 0.3, 1, 3, 8];
      return [name, WEIGHTS[name] * factors[random.below(factors.length)]!];
    });
    this.#sum = this.#weights.reduce((sum, [, weight]) => sum + weight, 0);
  }

  draw(): EventName {
    let draw = this.#random.next() * this.#sum;
    for (const [name, weight] of this.#weights) {
      draw -= weight;
      if (draw < 0) return name;
    }
    return 'deliver';
  }
}
