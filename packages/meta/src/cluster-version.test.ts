// Goal: what a cluster's version does not allow is proposed by nobody, and what this build does not know is
// never applied. Method: one member that leads, asked directly, by a client, and by its log.

import {DbError, type NodeId} from '@flotilla/base';
import {CLUSTER_VERSION, type Command} from '@flotilla/catalog';
import {MemoryDisk, VirtualClock} from '@flotilla/testkit';
import {beforeEach, expect, test} from 'vitest';
import {encodeCommand} from './command-codec.ts';
import {FakeMetaLog, FakeNetwork, FakePresence, openMachine} from './fakes.fixture.ts';
import {ALL_AT_ONCE} from './in-slices.ts';
import {MetaClient} from './meta-client.ts';
import {MetaService} from './meta-service.ts';
import {decodeMetaState, encodeBody, HeldFile} from './meta-snapshot.ts';
import type {MetaStateMachine} from './meta-state-machine.ts';

const ONE = 1 as NodeId;
const PAUSE: Command = {type: 'set-automation', kinds: ['repair'], paused: true, atMs: 1};
const FINALIZE: Command = {type: 'finalize-upgrade', version: 2, nodes: [ONE]};
const NEWER: Command = {type: 'finalize-upgrade', version: CLUSTER_VERSION + 1, nodes: [ONE]};

let log: FakeMetaLog;
let machine: MetaStateMachine;
let service: MetaService;
let clock: VirtualClock;

beforeEach(async () => {
  clock = new VirtualClock();
  log = new FakeMetaLog();
  log.leader = ONE;
  machine = await openMachine(new MemoryDisk());
  log.members.set(ONE, machine);
  service = new MetaService({group: log.group(ONE), machine, clock});
  const node = {incarnation: 'i', address: 'a', engineThreads: 1, version: '1'};
  await propose({type: 'found-cluster', clusterId: 'c', node, atMs: 1});
});

const propose = (command: Command) => service.propose(command, 1_000);

test('what is newer than the cluster is refused until the upgrade is finalized', async () => {
  await expect(propose(PAUSE)).rejects.toThrow(/needs cluster version 2, and the cluster is at 1/);
  await propose(FINALIZE);
  await propose(PAUSE);
  expect(service.catalog.cluster).toMatchObject({version: 2, pauses: [{kind: 'repair'}]});
});

test('newer fields are left out until then, and go into the log afterwards', async () => {
  const drop = {type: 'drop-tenant', atMs: 1, purgeAtMs: 9} as const;
  for (const name of ['a', 'b']) await propose({type: 'create-tenant', name});
  await propose({...drop, name: 'a'});
  await propose(FINALIZE);
  await propose({...drop, name: 'b'});
  const kept = [...service.catalog.tenants()].map(({name, dropped}) => [name, dropped]);
  expect(kept).toEqual([
    ['default', undefined],
    ['b', {atMs: expect.any(Number), purgeAtMs: expect.any(Number)}],
  ]);
});

test('a leader whose copy is behind judges nothing by it', async () => {
  // As after a restart: what is committed is not applied yet.
  log.cutOff.add(ONE);
  await log.group(ONE).propose(0 as never, encodeCommand(FINALIZE), {deadlineMs: 1_000});
  for (const command of [PAUSE, {type: 'drop-tenant', name: 'a', atMs: 1} as const]) {
    await expect(propose(command)).rejects.toMatchObject({code: 'UNAVAILABLE'});
  }
  machine.apply(7, 5, encodeCommand(FINALIZE));
  log.cutOff.delete(ONE);
  await propose(PAUSE);
});

test('who asks is told before an older leader would misunderstand it', async () => {
  const network = new FakeNetwork(clock);
  network.add(ONE, service.handlers());
  let version: number | undefined = 1;
  const client = new MetaClient({
    rpc: network.rpc(9 as NodeId),
    clock,
    members: () => [ONE],
    presence: new FakePresence(),
    waitForVersion: () => Promise.resolve(),
    clusterVersion: () => version,
  });
  const asked = (): Promise<unknown> => client.propose(PAUSE, {deadlineMs: 1_000});
  await expect(asked()).rejects.toMatchObject({code: 'CONFLICT'});
  expect(network.calls).toEqual([]);
  // A copy that knows no cluster yet knows no version: the leader judges.
  version = undefined;
  await expect(asked()).rejects.toMatchObject({code: 'CONFLICT'});
  expect(network.calls).toHaveLength(1);
});

test('a version that this build cannot is not proposed, not applied and not opened', async () => {
  await expect(propose(NEWER)).rejects.toThrow(DbError);
  expect(() => machine.apply(7, 5, encodeCommand(NEWER))).toThrow(
    `cluster version ${CLUSTER_VERSION + 1} is newer`,
  );
  expect(service.catalog.clusterVersion).toBe(1);
  const point = machine.durablePoint();
  const value = {...service.catalog.cluster!, version: CLUSTER_VERSION + 1};
  const catalog = {version: 6, changes: [{kind: 'cluster', id: 0, value} as const]};
  const held = new HeldFile();
  for (const piece of encodeBody({point, machine: {counters: {} as never, catalog}}))
    held.add(piece);
  await expect(decodeMetaState(held.file('f'), ALL_AT_ONCE)).rejects.toThrow(
    `f is of cluster version ${CLUSTER_VERSION + 1}`,
  );
});

test('a command of a kind that this build does not know stops the member, and is named', () => {
  const newer = Buffer.from(JSON.stringify({v: 1, command: {type: 'split-replica-set'}}));
  expect(() => machine.apply(7, 5, newer)).toThrow(/split-replica-set is of a newer build/);
  expect(machine.catalog.version).toBe(6);
});
