import {type Catalog, CatalogMachine, type Command} from '@flotilla/catalog';
import type {CatalogEvent} from '@flotilla/meta';

/** Of one node. What `apply` changes it gives as the news of it; a refusal is thrown. */
export function foundedCatalog(): {
  readonly catalog: Catalog;
  readonly apply: (command: Command) => CatalogEvent;
} {
  const machine = new CatalogMachine();
  let index = 5;
  const apply = (command: Command): CatalogEvent => {
    const {result, update} = machine.apply(command, ++index);
    if (!result.ok) throw new Error(result.error.message);
    return {type: 'update', update: update!};
  };
  const node = {incarnation: 'a', address: ':1', engineThreads: 1, version: '1'};
  apply({type: 'found-cluster', clusterId: 'c', node, atMs: 0});
  return {catalog: machine.catalog, apply};
}
