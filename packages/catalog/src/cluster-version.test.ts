import type {NodeId} from '@flotilla/base';
import {beforeEach, describe, expect, test} from 'vitest';
import {
  CLUSTER_VERSION,
  OPERATIONS_SINCE,
  versionFault,
  versionNeeded,
  withoutNewerFields,
} from './cluster-version.ts';
import type {Command} from './commands.ts';
import {CatalogMachine} from './machine/catalog-machine.ts';
import {trialMachine} from './machine/trial.ts';

const NODE = {incarnation: 'i', address: 'a', engineThreads: 1, version: '1'};
const ONE = 1 as NodeId;
const TWO = 2 as NodeId;

let machine: CatalogMachine;

beforeEach(() => {
  machine = new CatalogMachine();
});

function apply(command: Command) {
  return machine.apply(command, machine.catalog.version + 1).result;
}

function found(clusterVersion?: number): void {
  apply({type: 'found-cluster', clusterId: 'c', node: NODE, clusterVersion, atMs: 1});
}

const finalize = (version: number, nodes = [ONE]): Command => ({
  type: 'finalize-upgrade',
  version,
  nodes,
});

describe('the record', () => {
  test('a cluster is founded at the version of its founder; without a record it is at 1', () => {
    expect(machine.catalog.clusterVersion).toBe(1);
    found();
    expect(machine.catalog.clusterVersion).toBe(1);
    machine = new CatalogMachine();
    found(CLUSTER_VERSION);
    expect(machine.catalog.clusterVersion).toBe(CLUSTER_VERSION);
    expect(new CatalogMachine(machine.snapshot()).catalog.clusterVersion).toBe(CLUSTER_VERSION);
    expect(trialMachine(machine.catalog).catalog.clusterVersion).toBe(CLUSTER_VERSION);
  });

  test('is raised once and never lowered', () => {
    expect(apply(finalize(2))).toMatchObject({ok: false});
    found();
    expect(apply(finalize(2))).toEqual({ok: true, value: {}});
    expect(apply(finalize(2))).toEqual({ok: true, value: {}});
    expect(apply(finalize(1))).toMatchObject({ok: false, error: {code: 'CONFLICT'}});
    apply({type: 'set-cluster', failover: 'manual'});
    expect(machine.catalog.clusterVersion).toBe(2);
  });

  test('a node that came since the others were asked forbids it', () => {
    found();
    apply({type: 'register-node', node: {...NODE, incarnation: 'j', address: 'b'}, atMs: 1});
    const early = apply(finalize(2));
    expect(early).toMatchObject({ok: false, error: {message: /node 2 has joined meanwhile/}});
    apply({type: 'set-node-state', node: TWO, state: 'decommissioned'});
    expect(apply(finalize(2))).toMatchObject({ok: true});
  });
});

describe('what a version allows', () => {
  test('newer commands and operations need theirs, and it is said what to do', () => {
    const pause = {type: 'set-automation', kinds: [], paused: true, atMs: 1} as const;
    expect(versionFault(pause, 1)).toBe(
      'set-automation needs cluster version 2, and the cluster is at 1: run flotilla cluster upgrade finalize, once every node runs a build that can',
    );
    expect(versionFault(pause, 2)).toBeUndefined();
    const begun = Object.keys(OPERATIONS_SINCE).filter((kind) => {
      const command = {type: 'create-operation', kind, startedBy: 'test', atMs: 1} as Command;
      return versionNeeded(command) === 2;
    });
    expect(begun).toEqual(['compact', 'checksum']);
    const kind = 'destroy-replica-set';
    const destroy = {type: 'create-operation', kind, startedBy: 'test', atMs: 1} as const;
    expect(versionFault(destroy, 3)).toMatch('destroy-replica-set needs cluster version 4, and');
    expect(versionFault(destroy, 4)).toBeUndefined();
  });

  test('max_series is refused by name until it is kept, not left out', () => {
    const names = {tenant: 'default', name: 'd'};
    for (const type of ['create-database', 'alter-database'] as const)
      for (const maxSeries of [5, null]) {
        const order: Command = {type, ...names, options: {replicas: 1, maxSeries}};
        expect(versionNeeded(order)).toBe(7);
        expect(versionFault(order, 6)).toMatch(
          /^max_series needs cluster version 7, and .* at 6: run/,
        );
        expect(versionFault(order, 7)).toBeUndefined();
        const older: Command = {type, ...names, options: {replicas: 1}};
        expect(versionFault(older, 1)).toBeUndefined();
        expect(withoutNewerFields(order, 6)).toEqual(older);
      }
  });

  test('fields that are newer are left out, and nothing else', () => {
    const drop = {type: 'drop-tenant', name: 't', ifExists: true} as const;
    const dated: Command = {...drop, atMs: 1, purgeAtMs: 2, orTrash: true};
    expect(withoutNewerFields(dated, 1)).toEqual(drop);
    expect(withoutNewerFields(dated, 2)).toBe(dated);
    expect(withoutNewerFields({...drop, atMs: undefined}, 1)).toHaveProperty('atMs', undefined);
    const pause: Command = {type: 'set-automation', kinds: [], paused: true, atMs: 1};
    expect(withoutNewerFields(pause, 1)).toBe(pause);
  });

  test('without them a tenant is dropped as ever, for good', () => {
    found();
    apply({type: 'create-tenant', name: 't'});
    const drop: Command = {type: 'drop-tenant', name: 't', atMs: 1, purgeAtMs: 99};
    expect(apply(withoutNewerFields(drop, 1))).toEqual({ok: true, value: {dropped: true}});
    expect([...machine.catalog.tenants()].map(({name}) => name)).toEqual(['default']);
  });
});
