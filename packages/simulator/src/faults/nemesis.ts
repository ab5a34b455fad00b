// Brings faults upon the cluster, each kind from a stream of chance of its own: which kinds a seed has,
// how often and how long. A seed without some kind is otherwise the same run until that kind would
// have struck, so that a failing seed can be tried with fewer kinds.

import type {Coverage} from '../checks/coverage.ts';
import {type Chance, chanceOf} from '../kernel/chance.ts';
import type {Kernel} from '../kernel/kernel.ts';
import {FAULTS, type FaultName, type World} from './faults.ts';

export interface NemesisOptions {
  readonly seed: number;
  /** Kinds that never strike, whatever the seed says. */
  readonly without: readonly FaultName[];
  /** Only these, if given. */
  readonly only?: readonly FaultName[] | undefined;
  /** Multiplies how often faults come. */
  readonly intensity: number;
}

interface Active {
  readonly name: FaultName;
  readonly end: () => void;
}

export class Nemesis {
  readonly #kernel: Kernel;
  readonly #world: World;
  readonly #coverage: Coverage;
  readonly #options: NemesisOptions;
  readonly #active = new Set<Active>();
  readonly kinds: readonly FaultName[];
  #isOver = false;

  constructor(kernel: Kernel, world: World, coverage: Coverage, options: NemesisOptions) {
    this.#kernel = kernel;
    this.#world = world;
    this.#coverage = coverage;
    this.#options = options;
    this.kinds = kindsOf(options);
  }

  start(): void {
    for (const name of this.kinds) {
      const chance = chanceOf(this.#options.seed, `fault ${name}`);
      const pace = chance.between(0.4, 2);
      this.#next(name, chance, pace);
    }
  }

  /** Faults stop and what they left behind is mended. */
  stop(): void {
    this.#isOver = true;
    for (const active of [...this.#active]) active.end();
  }

  #next(name: FaultName, chance: Chance, pace: number): void {
    const {meanMs} = FAULTS[name];
    this.#kernel.after(chance.wait((meanMs * pace) / this.#options.intensity), () => {
      if (this.#isOver) return;
      this.#strike(name, chance);
      this.#next(name, chance, pace);
    });
  }

  #strike(name: FaultName, chance: Chance): void {
    const fault = FAULTS[name];
    const undo = fault.begin(this.#world, chance);
    if (undo === undefined) return;
    this.#coverage.count(`faults:${name}`);
    for (const other of this.#active) {
      const pair = name < other.name ? `${name} + ${other.name}` : `${other.name} + ${name}`;
      this.#coverage.count(`pairs:${pair}`);
    }
    const {trace} = this.#kernel;
    trace.mix(name.length);
    const note = (text: string): void => {
      if (trace.isFull) trace.add({ms: this.#kernel.nowMs, node: 0, set: 0, text});
    };
    note(`fault ${name}${undo.what === undefined ? '' : ` ${undo.what}`}`);
    const active: Active = {
      name,
      end: () => {
        if (!this.#active.delete(active)) return;
        note(`end of ${name}${undo.what === undefined ? '' : ` ${undo.what}`}`);
        undo.end();
      },
    };
    this.#active.add(active);
    this.#kernel.after(chance.wait(fault.lastsMs), active.end);
  }
}

/** The kinds that a seed has. */
export function kindsOf({seed, without, only}: Omit<NemesisOptions, 'intensity'>): FaultName[] {
  const swarm = chanceOf(seed, 'swarm');
  const drawn = (Object.keys(FAULTS) as FaultName[]).filter(() => swarm.odds(0.6));
  const kinds = only ?? drawn;
  return kinds.filter((name) => !without.includes(name));
}
