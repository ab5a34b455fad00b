// Disks that are full on all nodes at once: writes are refused and nothing else is; what frees the disks is a
// drop at once, or the purge of what was dropped a day ago; then writes come back by themselves. One that is full
// alone can be drained.
// Each node has a small file system of its own in memory; where none may be mounted the tests are skipped,
// and say so.

import {randomBytes} from 'node:crypto';
import {mkdtempSync, readdirSync, rmSync, statfsSync, statSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {
  FlotillaClient,
  type FlotillaError,
  type Id,
  type Operation,
  type ReplicaSet,
} from '@flotilla/client';
import {ProcessCluster} from '@flotilla/testkit';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {flushEveryNode} from '../cluster/nodes.ts';
import {until} from '../cluster/waiting.ts';
import {ClockSkews} from './nemesis/clock-skews.ts';
import {SmallDisks, whyNoMounts} from './nemesis/small-disks.ts';

const NODES = [1, 2, 3];
const MIB = 1024 * 1024;
const DISK_BYTES = 256 * MIB;
const DAY_MS = 86_400_000;
const BODIES = 8;
const LINES = 32;
const HOUR_MS = 3_600_000;
/** Of one value that no encoding makes less. */
const COLUMN_BYTES = 60_000;
/** Of the database whose sets have one replica each, one on each node. */
const HOSTS = 20;

const whyNot = whyNoMounts();
if (whyNot !== undefined) console.warn(`full disks are not tested: ${whyNot}`);

describe.skipIf(whyNot !== undefined)('disks that are full on all nodes at once', () => {
  let directory: string;
  let disks: SmallDisks;
  let clocks: ClockSkews;
  let cluster: ProcessCluster;
  let client: FlotillaClient;

  beforeAll(async () => {
    directory = mkdtempSync(path.join(tmpdir(), 'flotilla-disks-'));
    clocks = new ClockSkews(directory);
    disks = new SmallDisks(NODES, DISK_BYTES);
    cluster = await ProcessCluster.start({
      nodes: NODES.length,
      engineThreads: 1,
      prepare: disks.prepare,
      env: (node) => clocks.env(node),
    });
    client = new FlotillaClient({urls: cluster.urls});
    for (const database of ['kept', 'first', 'second'])
      await client.query(`CREATE DATABASE ${database} WITH SHARD 1`);
    const wide = `wide s="${randomBytes((COLUMN_BYTES * 3) / 4).toString('base64')}",v=1`;
    await client.write(`m v=1\n${wide}`, {database: 'kept'});
    await client.admin.createDatabase({name: 'single', shards: NODES.length, replicas: 1});
    await client.write(hosts(1), {database: 'single'});
    await client.query("CREATE DATABASE brief WITH SHARD 1 REPLICA 1 BUCKET_DURATION '1h'");
    const hoursAgo = {database: 'brief', precision: 'ms'} as const;
    await client.write(`m v=1 ${Date.now() - 3 * HOUR_MS}`, hoursAgo);
    for (const database of ['first', 'second']) await fillDatabase(database);
    await flushEveryNode(cluster);
  }, 180_000);
  afterAll(async () => {
    client.close();
    for (const node of cluster.nodes) await node.kill();
    disks.unmount();
    await cluster.destroy();
    rmSync(directory, {recursive: true});
  });

  /** Some 10 MiB that no encoding makes less: what a percent of a disk is, several times. */
  async function fillDatabase(database: string): Promise<void> {
    const line = (i: number) => `t,i=${i} s="${randomBytes(30_000).toString('base64')}"`;
    for (let body = 0; body < BODIES; body++) {
      const lines = Array.from({length: LINES}, (_, i) => line(body * LINES + i));
      await client.write(lines.join('\n'), {database});
    }
  }

  function hosts(v: number): string {
    return Array.from({length: HOSTS}, (_, i) => `m,host=h${i} v=${v} ${v}`).join('\n');
  }

  async function keptSet(): Promise<ReplicaSet> {
    const [set] = await client.admin.replicaSets({database: 'kept'});
    return set!;
  }

  async function leaderOfKept(): Promise<Id | undefined> {
    return (await keptSet()).replicas.find(({leader}) => leader)?.node;
  }

  /** Of all parts of the set on all nodes. */
  function partBytes({id}: ReplicaSet): number {
    const parts = NODES.flatMap((node) => {
      const directory = disks.directory(node);
      return readdirSync(directory, {recursive: true, encoding: 'utf8'})
        .filter((name) => name.endsWith('.part') && name.includes(`/replicas/${id}-`))
        .map((name) => statSync(path.join(directory, name), {throwIfNoEntry: false})?.size ?? 0);
    });
    return parts.reduce((sum, bytes) => sum + bytes, 0);
  }

  async function untilDone(what: string, {id}: Pick<Operation, 'id'>): Promise<void> {
    await until(what, async () => (await client.admin.operation(id)).state === 'done');
  }

  /** Not by the client, which tries again what a full disk refuses. */
  async function statusOfWrite(database = 'kept', body = 'm v=2'): Promise<number> {
    const url = `${cluster.urls[0]}/api/v1/write?db=${database}`;
    const answer = await fetch(url, {method: 'POST', body});
    await answer.text();
    return answer.status;
  }

  /** Again where a node has made room meanwhile: of its log, or of parts that it merged. */
  async function fill(nodes: readonly number[]): Promise<void> {
    await until('writes are refused', async () => {
      await keepFull(nodes);
      return (await statusOfWrite()) === 507;
    });
  }

  async function keepFull(nodes: readonly number[]): Promise<void> {
    for (const node of nodes) if (freeShare(node) > 0.045) await disks.leave(node, 0.04);
  }

  async function messages(): Promise<string> {
    return (await client.admin.status()).reasons.map(({message}) => message).join('\n');
  }

  test('below 15 % the log gets its reserve, writes go on, and status says what the nodes do not get', async () => {
    for (const node of NODES) await disks.leave(node, 0.14);
    await until('each node keeps a ballast', () =>
      NODES.every((node) => disks.has(node, 'ballast')),
    );
    expect(await statusOfWrite()).toBe(204);
    expect((await messages()).match(/left: it gets no new replicas/g)).toHaveLength(3);
    const [set] = await client.admin.replicaSets({database: 'single'});
    const from = set!.replicas[0]!.node;
    const to = (await client.admin.nodes()).find(({id}) => id !== from)!['id'] as Id;
    const move = {action: 'move-replica', from, to} as const;
    await until('none can be moved to them', () =>
      client.admin.changeReplicaSet(set!.id, move, {dryRun: true}).then(
        () => false,
        ({code, message}: FlotillaError) =>
          code === 'NO_PLACE' && message.startsWith(`node ${to} has no room: `),
      ),
    );
  });

  test('below 5 % writes are refused, while reads and what meta does go on', async () => {
    await fill(NODES);
    expect(await client.query('SELECT v FROM m LIMIT 1', {database: 'kept'})).toHaveLength(1);
    await client.query('CREATE TENANT while_full');
    await client.query("ALTER DATABASE kept SET TTL '3650d'");
    expect((await messages()).match(/left: it takes no writes/g)).toHaveLength(3);
  });

  test('so do the drop of a column, the compaction that frees its bytes, and expiry', async () => {
    const set = await keptSet();
    const before = partBytes(set);
    expect(before).toBeGreaterThan(NODES.length * COLUMN_BYTES * 0.6);
    await client.query('ALTER TABLE wide DROP COLUMN s', {database: 'kept'});
    const [begun] = await client.query(`COMPACT VNODE ${set.replicas[0]!.replica}`);
    await untilDone('it is compacted', {id: begun!['operation_id'] as Id});
    await until('its bytes are free', () => partBytes(set) < before / 10);
    const rows = () => client.query('SELECT v FROM m', {database: 'brief'});
    expect(await rows()).toHaveLength(1);
    await client.query("ALTER DATABASE brief SET TTL '1h'");
    await until('its rows have expired', async () => (await rows()).length === 0);
    expect(await statusOfWrite()).toBe(507);
  });

  test('a drop at once frees them, and writes come back by themselves', async () => {
    await client.query("DROP DATABASE first AFTER '0s'");
    // Its sets are given a quarter of a minute to refuse writes that come late: it passes.
    for (const node of NODES) clocks.set(node, 60_000);
    await until('writes are taken', async () => (await statusOfWrite()) === 204);
    await until('each disk has room', () => NODES.every((node) => freeShare(node) > 0.05));
  });

  test('so does the purge of what was dropped, or has expired, a day ago', async () => {
    const [expired] = await client.admin.replicaSets({database: 'brief'});
    await client.query('DROP DATABASE second');
    await fill(NODES);
    for (const node of NODES) clocks.set(node, DAY_MS + 120_000);
    await until('writes are taken', async () => (await statusOfWrite()) === 204);
    await until('each disk has room', () => NODES.every((node) => freeShare(node) > 0.05));
    await until('the expired bucket is gone', async () => {
      const sets = await client.admin.replicaSets({database: 'brief'});
      return sets.every(({id}) => id !== expired!.id);
    });
  });

  test('a node that is started on a disk without a byte left comes back', async () => {
    await cluster.node(1).kill();
    await disks.leave(1, 0);
    cluster.node(1).start();
    await cluster.node(1).ready();
    const own = new FlotillaClient({urls: [cluster.urls[0]!], database: 'kept'});
    expect(await own.query('SELECT v FROM m LIMIT 1')).toHaveLength(1);
    own.close();
  });

  test('under manual failover a full leader stays until it is told otherwise, as status says', async () => {
    for (const node of NODES) disks.free(node);
    await until('writes are taken', async () => (await statusOfWrite()) === 204);
    const {id} = await keptSet();
    const node = (await leaderOfKept())!;
    const {address} = (await client.admin.nodes()).find((one) => one.id === node)!;
    const full = cluster.nodes.find(({port}) => address === `127.0.0.1:${port}`)!;
    await client.admin.setFailover(id, 'manual');
    await until('all replicas keep to it', async () =>
      (await keptSet()).replicas.every((replica) => replica['failover'] === 'manual'),
    );
    await fill([full.number]);
    await until('status says what to do', async () => {
      await keepFull([full.number]);
      const {reasons} = await client.admin.status();
      const told = reasons.find(({message}) => message.includes('(manual failover)'));
      return told?.next === `flotilla node evacuate-leaders ${node}`;
    });
    expect(await leaderOfKept()).toBe(node);
    await client.admin.evacuateLeaders(node, {for: '1m'});
    await until('another leads', async () => ![node, undefined].includes(await leaderOfKept()));
    await until('writes are taken', async () => (await statusOfWrite()) === 204);
    disks.free(full.number);
    await client.admin.setFailover(id, 'automatic');
  });

  test('a full node is drained, and what it alone held is on the others', async () => {
    for (const node of NODES) disks.free(node);
    await client.admin.alterDatabase('kept', {replicas: 2});
    // In memory when its replica goes.
    await client.write(hosts(2), {database: 'single', timeoutMs: 30_000});
    const {port} = cluster.node(1);
    const one = async () =>
      (await client.admin.nodes()).find(({address}) => address === `127.0.0.1:${port}`)!;
    const node = (await one())['id'] as Id;
    await until('two replicas are left', async () => (await keptSet()).replicas.length === 2);
    const isThere = (sets: readonly ReplicaSet[]) =>
      sets.some(({replicas}) => replicas.some((replica) => replica.node === node));
    expect(isThere(await client.admin.replicaSets({database: 'single'}))).toBe(true);
    await until('what it alone holds takes no writes', async () => {
      if (freeShare(1) > 0.045) await disks.leave(1, 0.04);
      return (await statusOfWrite('single', hosts(1))) === 507;
    });
    let drain: Operation | undefined;
    await until('the others have room', async () => {
      drain = await client.admin.drainNode(node);
      return true;
    });
    await untilDone('it is drained', drain!);
    expect(await one()).toMatchObject({state: 'drained', replicas: 0, leaders: 0});
    const rows = await client.query('SELECT count(v) AS n FROM m', {database: 'single'});
    expect(rows).toEqual([{n: 2 * HOSTS}]);
    expect(await statusOfWrite('single', hosts(1))).toBe(204);
  });

  function freeShare(node: number): number {
    const {bavail, blocks} = statfsSync(disks.directory(node));
    return bavail / blocks;
  }
});
