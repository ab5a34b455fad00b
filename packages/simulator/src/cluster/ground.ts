// What clients write on: databases, the slots of time that are open in each, and the registers in them.
// A slot that closes is left alone for a while, then its buckets are dropped; it never opens again.

import type {Chance} from '../kernel/chance.ts';
import {type Register, SLOT_MS, TABLES} from './registers.ts';

interface Slot {
  readonly database: string;
  readonly slotMs: number;
}

export interface GroundOptions {
  readonly slotsPerDatabase: number;
  /** By table and slot. */
  readonly series: number;
  /** The newest slot. */
  readonly fromMs: number;
}

export class Ground {
  readonly databases: string[] = [];
  readonly open: Slot[] = [];
  readonly #options: GroundOptions;
  #slots = 0;

  constructor(options: GroundOptions) {
    this.#options = options;
  }

  add(database: string): void {
    this.databases.push(database);
    for (let i = 0; i < this.#options.slotsPerDatabase; i++) this.#openSlot(database);
  }

  /** Another one takes its place at once. Undefined without one to close. */
  close(chance: Chance): Slot | undefined {
    if (this.open.length < 2) return undefined;
    const [slot] = this.open.splice(chance.below(this.open.length), 1);
    this.#openSlot(slot!.database);
    return slot;
  }

  /** Registers of one database, no two the same. */
  pick(chance: Chance, count: number): Register[] {
    if (this.open.length === 0) return [];
    const {database} = chance.pick(this.open);
    const slots = this.open.filter((slot) => slot.database === database);
    const registers = new Map<string, Register>();
    for (let i = 0; i < count; i++) {
      const {slotMs} = chance.pick(slots);
      const series = chance.below(this.#options.series);
      const table = chance.pick(TABLES);
      registers.set(`${table}/${slotMs}/${series}`, {database, table, slotMs, series});
    }
    return [...registers.values()];
  }

  all(): Register[] {
    const {series} = this.#options;
    return this.open.flatMap((slot) =>
      TABLES.flatMap((table) =>
        Array.from({length: series}, (_, i): Register => ({...slot, table, series: i})),
      ),
    );
  }

  isOpen({database, slotMs}: Register): boolean {
    return this.open.some((slot) => slot.database === database && slot.slotMs === slotMs);
  }

  #openSlot(database: string): void {
    const slotMs = this.#options.fromMs - this.#slots * SLOT_MS;
    this.#slots += 1;
    this.open.push({database, slotMs});
  }
}
