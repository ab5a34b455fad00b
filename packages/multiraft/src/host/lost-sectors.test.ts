// Goal: a sector of the log that the disk does not give any more costs what was in it, as changed bits do, and
// not the node: while it runs no member waits for it, and at its start what lived in the store is replaced.

import type {ReplicaSetId} from '@flotilla/base';
import {expect, test} from 'vitest';
import {TestCluster, type TestClusterOptions} from './cluster.fixture.ts';

const SET = 1 as ReplicaSetId;
const SEGMENT = 'store-0/log/segment-0000000000000001';
const VALUES = 30;

/** One node was away for more than its leader has in memory; then what the leader's disk does. */
async function withOneBehind(lose: (cluster: TestCluster, leader: number) => void) {
  const cluster = new TestCluster({limits: {cacheBytesMax: 0}});
  await cluster.startAll();
  await cluster.found(1);
  await cluster.write(1, 'a');
  const leader = cluster.leader(1);
  const behind = leader === 3 ? 2 : 3;
  cluster.crash(behind);
  for (let i = 1; i < VALUES; i++) await cluster.write(1, `value ${i}`.repeat(50));
  await cluster.clock.advance(3_000);
  lose(cluster, leader);
  await cluster.start(behind);
  const isThere = (): Promise<boolean> => cluster.agree(1, [leader, behind], VALUES, 20_000);
  return {cluster, leader, behind, isThere};
}

test('entries that cannot be read now are read with the next answer of the member that lacks them', async () => {
  const {cluster, leader, behind, isThere} = await withOneBehind((cluster, leader) =>
    cluster.node(leader).disk.fail({operation: 'read', path: 'segment', code: 'ENOMEM', times: 3}),
  );
  expect(await isThere()).toBe(true);
  expect(cluster.host(behind).metrics().snapshotsReceived).toBe(0);
  expect(cluster.status(leader, 1)).toMatchObject({role: 'leader', stopped: undefined});
});

test('a member that lacks entries which are lost is sent a snapshot, once the state holds them durably', async () => {
  const {cluster, leader, behind, isThere} = await withOneBehind((cluster, leader) =>
    cluster.node(leader).disk.fail({operation: 'read', path: 'segment', times: Infinity}),
  );
  await cluster.clock.advance(5_000);
  expect(cluster.values(behind, 1).length).toBeLessThan(VALUES);
  expect(cluster.status(leader, 1)!.stopped).toBeUndefined();
  await cluster.machine(leader, 1).flush();
  expect(await isThere()).toBe(true);
  expect(cluster.host(behind).metrics().snapshotsReceived).toBe(1);
  await cluster.write(1, 'more');
  expect(await cluster.agree(1, [1, 2, 3], VALUES + 1)).toBe(true);
});

async function withLostSector(damagedLog: TestClusterOptions['damagedLog']) {
  const cluster = new TestCluster({damagedLog});
  await cluster.startAll();
  const voters = await cluster.found(1);
  for (let i = 0; i < VALUES; i++) await cluster.write(1, `value ${i}`.repeat(50));
  await cluster.agree(1, [1, 2, 3], VALUES);
  cluster.crash(3);
  const {disk} = cluster.node(3);
  const at = disk.bytesOf(SEGMENT).length - 1;
  disk.fail({operation: 'read', path: 'segment-0000000000000001', at, times: Infinity});
  return {cluster, voters};
}

test('what lived in a store whose log lost a sector never votes again, and is replaced', async () => {
  const {cluster, voters} = await withLostSector('replace');
  const host = await cluster.start(3);
  expect(host.broken().get(SET)).toMatchObject({replica: voters[2], isLost: true});
  expect(host.hasLoss).toBe(true);
});

test('and is not touched where nobody can replace it', async () => {
  const {cluster} = await withLostSector('refuse');
  const before = cluster.node(3).disk.files();
  await expect(cluster.start(3)).rejects.toThrow(/a sector is lost.*offset=/);
  expect(cluster.node(3).disk.files()).toEqual(before);
});
