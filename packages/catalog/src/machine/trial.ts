// What a command would do, without anybody knowing: a machine of its own on a copy of the state.

import type {Catalog} from '../catalog.ts';
import type {Counters} from '../model.ts';
import {CatalogMachine} from './catalog-machine.ts';

/** Costs the catalog's size. The ids that it gives out are free in that copy, and maybe nowhere else. */
export function trialMachine(catalog: Catalog): CatalogMachine {
  const snapshot = catalog.snapshot();
  const highest = new Map<string, number>();
  const see = (kind: string, id: number): void => {
    highest.set(kind, Math.max(highest.get(kind) ?? 0, id));
  };
  for (const change of snapshot.changes) {
    see(change.kind, change.id);
    if (change.kind !== 'replica-set') continue;
    const {founders = [], replicas = []} = change.value ?? {};
    for (const replica of founders) see('replica', replica);
    for (const {replica} of replicas) see('replica', replica);
  }
  const next = (kind: string): number => (highest.get(kind) ?? 0) + 1;
  const counters: Counters = {
    node: next('node'),
    tenant: next('tenant'),
    database: next('database'),
    table: next('table'),
    bucket: next('bucket'),
    replicaSet: next('replica-set'),
    replica: next('replica'),
    operation: next('operation'),
    token: next('token'),
  };
  return new CatalogMachine({counters, catalog: snapshot});
}
