import {type DatabaseId, META_SET, type ReplicaSetId} from '@flotilla/base';
import {expect, test} from 'vitest';
import type {Command} from './commands.ts';
import {CatalogMachine} from './machine/catalog-machine.ts';
import {planBucket} from './planning/placement.ts';

test('a set fails over by hand where itself, its database or the cluster wants it; the meta group by itself', () => {
  const machine = new CatalogMachine();
  const {catalog} = machine;
  const propose = (command: Command): void => {
    const {result} = machine.apply(command, catalog.version + 1);
    if (!result.ok) throw new Error(result.error.message);
  };
  const node = {incarnation: 'i', address: 'a', engineThreads: 1, version: '1'};
  propose({type: 'found-cluster', clusterId: 'c', node, atMs: 1});
  propose(planBucket(catalog, 1 as DatabaseId, 0)!);
  const [set] = catalog.replicaSets();
  const alter = (failover: 'automatic' | 'manual'): void =>
    propose({type: 'alter-database', tenant: 'default', name: 'public', options: {failover}});
  expect(catalog.failoverOf(set!.id)).toBe('automatic');
  alter('manual');
  expect(catalog.failoverOf(set!.id)).toBe('manual');
  alter('automatic');
  propose({type: 'set-cluster', failover: 'manual'});
  expect(catalog.failoverOf(set!.id)).toBe('manual');
  expect(catalog.failoverOf(META_SET)).toBe('automatic');
  propose({type: 'set-cluster', failover: 'automatic'});
  expect(catalog.failoverOf(set!.id)).toBe('automatic');
  propose({type: 'set-replica-set-failover', set: set!.id, failover: 'manual'});
  expect(catalog.failoverOf(set!.id)).toBe('manual');
  propose({type: 'set-replica-set-failover', set: set!.id, failover: 'automatic'});
  expect(catalog.failoverOf(set!.id)).toBe('automatic');
  const meta = {type: 'set-replica-set-failover', set: META_SET, failover: 'manual'} as const;
  expect(() => propose(meta)).toThrow('the meta group always fails over by itself');
  expect(catalog.failoverOf(999 as ReplicaSetId)).toBeUndefined();
});
