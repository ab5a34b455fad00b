// The catalog while it is brought up to what stores tell: an own copy, the ids that were met, and in words
// what was taken from them and what nobody can know.

import {Catalog} from '../catalog.ts';
import type {MachineSnapshot} from '../machine/catalog-machine.ts';
import type {CatalogChange, Counters, Entities, EntityKind} from '../model.ts';
import {isPassedOver} from './passed-over.ts';

export class RebuildDraft {
  readonly catalog: Catalog;
  readonly found: string[] = [];
  readonly unknown: string[] = [];
  readonly #counters: Counters;
  readonly #seen = new Map<keyof Counters, number>();

  constructor({counters, catalog}: MachineSnapshot) {
    this.catalog = Catalog.fromSnapshot(catalog);
    this.#counters = counters;
  }

  /** The highest id of each kind that is in use somewhere. */
  get seen(): ReadonlyMap<keyof Counters, number> {
    return this.#seen;
  }

  see(kind: keyof Counters, id: number): void {
    this.#seen.set(kind, Math.max(id, this.#seen.get(kind) ?? 0));
  }

  /** Given out since: by nobody whose word this catalog holds. */
  isUnknown(kind: keyof Counters, id: number): boolean {
    return id >= this.#counters[kind] || isPassedOver(this.catalog, kind, id);
  }

  nextId(kind: keyof Counters): number {
    const id = Math.max(this.#counters[kind], (this.#seen.get(kind) ?? 0) + 1);
    this.see(kind, id);
    return id;
  }

  put<Kind extends EntityKind>(kind: Kind, id: number, value: Entities[Kind]): void {
    this.apply([{kind, id, value} as CatalogChange]);
  }

  apply(changes: readonly CatalogChange[]): void {
    this.catalog.applyUpdate({version: this.catalog.version + 1, changes});
  }
}
