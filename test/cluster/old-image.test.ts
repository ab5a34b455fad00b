// A node whose disk is put back from a copy: it has acknowledged what it no longer holds, so it must
// not vote or answer in the name of its replicas, which are made anew.

import {cpSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {FlotillaClient, type Id, isFinal, type Operation, type ReplicaSet} from '@flotilla/client';
import {freePorts, ProcessCluster, ProcessNode} from '@flotilla/testkit';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {Ledger} from './ledger.ts';
import {openDatabase, processOf, untilApplied} from './nodes.ts';
import {tamperLog} from './tampered-log.ts';
import {until} from './waiting.ts';

const OLD_IMAGE = 76;
const RUNS_TWICE = 78;

let cluster: ProcessCluster;
let client: FlotillaClient;

beforeAll(async () => {
  cluster = await ProcessCluster.start({nodes: 3, engineThreads: 1});
  client = new FlotillaClient({urls: cluster.urls, database: 'old'});
  // Each bucket has as many sets, and each set is repaired by itself: more than threads that they are dealt to.
  await openDatabase(client, 'old', {shards: 2});
});
afterAll(async () => {
  client.close();
  await cluster.destroy();
});

/** In place, since no other node is free: one repair for each set, and one for the meta group. */
async function untilRepaired(expected: number): Promise<void> {
  await until('every replica of the node has a successor, and all vote', async () => {
    const operations = await client.admin.operations();
    const repairs = operations.filter(({kind, state}) => kind === 'repair' && state === 'done');
    const sets = await client.admin.replicaSets();
    const {metaVoters} = await client.admin.status();
    const votersOf = ({replicas}: ReplicaSet) => replicas.filter(({role}) => role === 'voter');
    return (
      repairs.length === expected &&
      sets.every((set) => votersOf(set).length === 3) &&
      (metaVoters as Id[]).length === 3
    );
  });
}

/** A copy of a node's directory, to be started on this machine beside its original. */
async function copyBeside(directory: string): Promise<ProcessNode> {
  const port = await freePorts(2);
  const join = cluster.nodes.map((node) => `127.0.0.1:${node.port}`).join(',');
  const args = ['--listen', `127.0.0.1:${port}`, '--data', directory, '--engine-threads', '1'];
  args.push('--join', join, '--join-secret-file', path.join(cluster.directory, 'join-secret'));
  return new ProcessNode(9, {port, directory, args});
}

test('an old image of a node never takes part again, and its replicas are made anew', async () => {
  const ledger = new Ledger({hosts: 50, ticks: 100, batch: 500});
  const node = await processOf(cluster, client, '3');
  const copy = `${node.directory}.copy`;
  expect(await node.stop()).toBe(0);
  cpSync(node.directory, copy, {recursive: true});
  node.start();
  await node.ready();
  const twin = await copyBeside(copy);
  const image = `${copy}.image`;
  cpSync(copy, image, {recursive: true});
  twin.start();
  twin.mayEnd();
  await ledger.send(client);
  expect(await twin.exited(), twin.logTail()).toBe(RUNS_TWICE);
  expect(twin.logTail()).toMatch(/another process lives as node 3, connected with the node at/);
  // Of a bucket that the copy knows nothing of.
  await client.write('late v=1i 1700000000000000000');
  await client.write('late v=1i 1690000000000000000');
  await client.write('late v=1i 1680000000000000000');
  await untilApplied(client, 'old');
  await node.kill();
  rmSync(node.directory, {recursive: true});
  cpSync(image, node.directory, {recursive: true});
  // Sets are dealt out to other threads, whose stores know of no loss.
  const threads = ['--engine-threads', '3'];
  node.start(threads);
  node.mayEnd();
  expect(await node.exited(), node.logTail()).toBe(OLD_IMAGE);
  expect(node.logTail()).toMatch(/another copy of it was started as this node/);

  node.start(threads);
  await node.ready();
  const expected = (await client.admin.replicaSets()).length + 1;
  await untilRepaired(expected);
  await untilApplied(client, 'old');
  const other = cluster.nodes.find((one) => one !== node)!;
  await other.kill();
  // It takes the successors to have a majority now, in the data's sets and in the meta group.
  await client.write('after v=1i 1600000000000000000');
  expect(ledger.failures).toEqual([]);
  expect((await ledger.compare(client, {stale: false})).slice(0, 10)).toEqual([]);
}, 180_000);

test('a node whose log was damaged in its middle starts, and its replicas are made anew', async () => {
  for (const one of cluster.nodes) if (!one.isRunning) one.start();
  await Promise.all(cluster.nodes.map((one) => one.ready()));
  await untilApplied(client, 'old');
  const node = await processOf(cluster, client, '2');
  const sets = (await client.admin.replicaSets()).length + 1;
  const before = (await client.admin.operations()).filter(({kind}) => kind === 'repair').length;
  await node.kill();
  const log = path.join(node.directory, 'stores/0/log');
  const segment = path.join(log, readdirSync(log).sort().at(-1)!);
  const bytes = readFileSync(segment);
  // Zeros stand behind the last record.
  const end = bytes.findLastIndex((byte) => byte !== 0);
  bytes[Math.floor(end / 2)]! ^= 1;
  writeFileSync(segment, bytes);
  node.start();
  await node.ready();
  await untilRepaired(before + sets);
  await untilApplied(client, 'old');
  expect(readdirSync(path.dirname(log))).toContain('log.damaged-1');
  const own = new FlotillaClient({urls: [node.url], database: 'old'});
  const [row] = await own.query('SELECT count(*) AS n FROM load', {stale: true});
  expect(Number(row?.['n'])).toBe(5_000);
  own.close();
}, 180_000);

async function ended(begun: Operation): Promise<Operation> {
  let operation = begun;
  await until(`operation ${begun.id} has ended`, async () => {
    operation = await client.admin.operation(begun.id);
    return isFinal(operation);
  });
  return operation;
}

test('a replica that applied another value is found by a checksum, and made anew', async () => {
  await client.admin.createDatabase({name: 'odd', shards: 1});
  await client.write('odd text="what-was-written" 1500000000000000000', {database: 'odd'});
  await until('the set has three voters', async () => {
    const [set] = await client.admin.replicaSets({database: 'odd'});
    return set?.replicas.filter(({role}) => role === 'voter').length === 3;
  });
  await untilApplied(client, 'odd');
  const [set] = await client.admin.replicaSets({database: 'odd'});
  const follower = set!.replicas.find(({leader}) => !leader)!;
  const node = await processOf(cluster, client, follower.node);
  await node.kill();
  expect(tamperLog(node.directory, 'what-was-written', 'what-nobody-sent')).toBe(1);
  node.start();
  await node.ready();
  const own = new FlotillaClient({urls: [node.url], database: 'odd'});
  const read = () => own.query('SELECT text FROM odd', {stale: true});
  // Until its replica is open and has applied its log, others answer in its place.
  await until('it answers with what its log has', async () => {
    const [row] = await read();
    return row?.['text'] === 'what-nobody-sent';
  });

  await client.admin.pauseAutomation({what: 'repair'});
  const found = await ended(await client.admin.checksumReplicaSet(set!.id));
  expect(found).toMatchObject({state: 'done', differing: [follower.replica]});
  const {reasons} = await client.admin.status();
  expect(reasons).toContainEqual({
    message: expect.stringMatching(new RegExp(`has other rows than the others.*: ${set!.id}$`)),
    next: `flotilla replica-set show ${set!.id}`,
  });
  await client.admin.resumeAutomation('repair');
  expect(found.result).toContain(`replica ${follower.replica} on node ${follower.node} differs`);
  await until('it has a successor that votes', async () => {
    const [now] = await client.admin.replicaSets({database: 'odd'});
    const voters = now!.replicas.filter(({role}) => role === 'voter');
    return voters.length === 3 && voters.every(({replica}) => replica !== follower.replica);
  });
  await untilApplied(client, 'odd');
  const repairs = (await client.admin.operations()).filter(({kind}) => kind === 'repair');
  const made = await ended(repairs.at(-1)!);
  expect(made).toMatchObject({state: 'done', cause: 'differs', targetNode: follower.node});
  expect(await read()).toEqual([{text: 'what-was-written'}]);
  own.close();
  const compacted = await ended(await client.admin.compactReplicaSet(set!.id));
  expect(compacted).toMatchObject({state: 'done', result: '3 of 3 replicas compacted'});
  const twice = await ended(await client.admin.compactReplicaSet(set!.id));
  expect(twice.result).toBe('nothing to do: 3 of 3 replicas are compact already');
  const again = await ended(await client.admin.checksumReplicaSet(set!.id));
  expect(again).toMatchObject({state: 'done', result: expect.stringContaining('3 replicas agree')});
  const shown = await client.query('SHOW OPERATIONS', {database: 'odd'});
  expect(shown.at(-1)).toMatchObject({operation_id: again.id, kind: 'checksum', state: 'done'});
}, 180_000);
