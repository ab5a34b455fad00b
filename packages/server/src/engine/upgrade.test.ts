import {DbError, type NodeId} from '@flotilla/base';
import {CatalogMachine, CLUSTER_VERSION, type Command, ENTRIES_SINCE} from '@flotilla/catalog';
import {decodeCommand} from '@flotilla/replica';
import {beforeEach, expect, test} from 'vitest';
import type {ClusterFacts} from './cluster-view.ts';
import {joinFault, Upgrades, upgradeNotice} from './upgrade.ts';

let machine: CatalogMachine;
let upgrades: Upgrades;
/** By node: what it says that it can; 'silent'; or 'unsaid', as a build that knows no such question. */
let says: (number | 'silent' | 'unsaid')[];

function apply(command: Command): void {
  const {result} = machine.apply(command, machine.catalog.version + 1);
  if (!result.ok) throw new DbError(result.error.code, result.error.message);
}

function nodes(): ClusterFacts['nodes'] {
  return [...machine.catalog.nodes()].map((node, i) => {
    const said = says[i]!;
    const condition =
      typeof said === 'number'
        ? {clockOffsetMs: 0, diskFree: 1, clusterVersionMax: said, heard: []}
        : undefined;
    return {node, isReachable: said !== 'silent', condition};
  });
}

beforeEach(() => {
  machine = new CatalogMachine();
  const node = {incarnation: '1', address: 'n1', engineThreads: 1, version: '0.1.0'};
  apply({type: 'found-cluster', clusterId: 'c', node, atMs: 1});
  for (const i of ['2', '3']) {
    apply({type: 'register-node', node: {...node, incarnation: i, address: `n${i}`}, atMs: 1});
  }
  const facts = async () => ({
    sets: [],
    meta: {leader: 1 as NodeId, replicas: []},
    nodes: nodes(),
  });
  const propose = async (command: Command) => apply(command);
  upgrades = new Upgrades({
    access: {catalog: machine.catalog, refresh: async () => undefined},
    meta: {propose} as never,
    view: {facts},
  });
});

test('each node that cannot is named, and nothing is done', async () => {
  says = [CLUSTER_VERSION, 'unsaid', 'silent'];
  await expect(upgrades.finalize(0)).rejects.toThrow(
    `not every node supports cluster version ${CLUSTER_VERSION}: node 2 (n2) runs build 0.1.0, which supports 1 at most; node 3 (n3) does not answer.`,
  );
  expect(machine.catalog.clusterVersion).toBe(1);
  expect(upgradeNotice(machine.catalog, nodes())).toEqual({
    message: `the cluster uses version 1; what is new with ${CLUSTER_VERSION} waits until node 2, 3 can it too`,
    next: 'flotilla cluster show',
  });
  expect(await upgrades.show()).toMatchObject({
    version: 1,
    nodes: [
      {node: 1, clusterVersionMax: CLUSTER_VERSION},
      {node: 2, clusterVersionMax: 1},
      {node: 3},
    ],
  });
});

test('where every node can it is said what to type, and done when asked', async () => {
  says = [CLUSTER_VERSION, CLUSTER_VERSION, CLUSTER_VERSION];
  expect(await upgrades.show()).toMatchObject({next: 'flotilla cluster upgrade finalize'});
  expect(upgradeNotice(machine.catalog, nodes())?.message).toContain('any node may go back');
  expect(await upgrades.finalize(0)).toEqual({version: CLUSTER_VERSION, from: 1});
  expect(await upgrades.finalize(0)).toEqual({version: CLUSTER_VERSION, from: CLUSTER_VERSION});
  expect(upgradeNotice(machine.catalog, nodes())).toBeUndefined();
});

test('a node of an older build is not taken in once the upgrade is finalized', async () => {
  says = [CLUSTER_VERSION, CLUSTER_VERSION, CLUSTER_VERSION];
  expect(joinFault(machine.catalog, undefined)).toBeUndefined();
  await upgrades.finalize(0);
  expect(joinFault(machine.catalog, CLUSTER_VERSION)).toBeUndefined();
  expect(joinFault(machine.catalog, 3)).toMatch(
    new RegExp(`is at version ${CLUSTER_VERSION}, .* supports 3 at most`),
  );
  expect(joinFault(machine.catalog, undefined)).toMatch(
    new RegExp(`is at version ${CLUSTER_VERSION}, .* supports 1 at most`),
  );
});

test('every kind of entry says from which version on it may be proposed', () => {
  // What each kind wants, in one.
  const router = {incarnation: 1, sequence: 1};
  const deletion = {table: 1, startOffset: 0, endOffset: 1};
  const control = {type: 'drop-table', table: 1};
  const body = Buffer.from(JSON.stringify({...control, operation: 1, router, deletion}));
  const kinds = Array.from({length: 256}, (_, kind) => {
    try {
      return decodeCommand(Uint8Array.of(1, kind, ...body)).type;
    } catch {
      return undefined;
    }
  });
  const known = kinds.filter((kind) => kind !== undefined);
  expect(known.sort()).toEqual(Object.keys(ENTRIES_SINCE).sort());
  // Those of the build before the first upgrade.
  const old = ['write', 'control', 'delete'];
  for (const [kind, since] of Object.entries(ENTRIES_SINCE))
    expect(since > 1, kind).toBe(!old.includes(kind));
});
