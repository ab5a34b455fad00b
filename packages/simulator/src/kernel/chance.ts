// One seed, many streams: each part of the world draws from its own, so that leaving one kind of
// fault out changes nothing of what the others decide.

import {SeededRandom} from '@flotilla/base';

export class Chance extends SeededRandom {
  /** True with probability `p`. */
  odds(p: number): boolean {
    return this.next() < p;
  }

  /** Uniform in [from, to). */
  between(from: number, to: number): number {
    return from + this.next() * (to - from);
  }

  /** Exponential: the wait for something that comes every `mean` on average. */
  wait(mean: number): number {
    return -Math.log(1 - this.next()) * mean;
  }

  pick<Value>(values: readonly Value[]): Value {
    return values[this.below(values.length)]!;
  }
}

export function chanceOf(seed: number, name: string): Chance {
  let hash = 0x811c9dc5 ^ seed;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return new Chance(hash);
}
