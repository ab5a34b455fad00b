// Every entity of a catalog at one version, to be walked at any pace: entities are immutable, so whatever
// is applied meanwhile puts others in their place and leaves these as they are.

import type {CatalogChange, ClusterIdentity, Entities, EntityKind} from './model.ts';

/** A snapshot whose changes are made while they are walked; of a catalog's own, as often as is wished. */
export interface CatalogImage {
  readonly version: number;
  readonly changes: Iterable<CatalogChange>;
}

type ListedKind = Exclude<EntityKind, 'cluster'>;

/** In the order of their ids in the catalog, which is that of a snapshot. */
export type EntityLists = {readonly [Kind in ListedKind]: readonly Entities[Kind][]};

export class EntityImage implements CatalogImage {
  readonly version: number;
  readonly #cluster: ClusterIdentity | undefined;
  readonly #lists: EntityLists;

  constructor(version: number, cluster: ClusterIdentity | undefined, lists: EntityLists) {
    this.version = version;
    this.#cluster = cluster;
    this.#lists = lists;
  }

  get changes(): Iterable<CatalogChange> {
    return this.#walk();
  }

  *#walk(): Generator<CatalogChange> {
    if (this.#cluster !== undefined) yield {kind: 'cluster', id: 0, value: this.#cluster};
    for (const [kind, values] of Object.entries(this.#lists))
      for (const value of values) yield {kind, id: value.id, value} as CatalogChange;
  }
}
