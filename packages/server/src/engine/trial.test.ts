import {CatalogMachine, type Command} from '@flotilla/catalog';
import {expect, test} from 'vitest';
import {trialOf} from './trial.ts';

test('a dry run is refused what the version of the cluster does not allow, as the order would be', async () => {
  const machine = new CatalogMachine();
  const node = {incarnation: 'i', address: 'a', engineThreads: 1, version: '1'};
  machine.apply({type: 'found-cluster', clusterId: 'c', node, atMs: 1}, 1);
  const effects: Parameters<typeof trialOf>[0] = {
    access: {catalog: machine.catalog, refresh: async () => undefined},
    meta: {propose: () => Promise.reject(new Error('it was proposed'))},
    plans: {mayBegin: async () => undefined},
    router: {awaitFences: async () => []},
  };
  const {meta} = trialOf(effects);
  const propose = (command: Command) => meta.propose(command, {deadlineMs: 0});
  const pause = {type: 'set-automation', kinds: ['repair'], paused: true, atMs: 1} as const;
  await expect(propose(pause)).rejects.toThrow(/needs cluster version 2, and the cluster is at 1/);
  await expect(propose({type: 'create-tenant', name: 't'})).resolves.toMatchObject({created: true});
  expect(machine.catalog.tenantByName('t')).toBeUndefined();
});
