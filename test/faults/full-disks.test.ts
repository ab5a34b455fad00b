// Disks that are full on all nodes at once: writes are refused and nothing else is; what frees the disks is a
// drop at once, or the purge of what was dropped a day ago; then writes come back by themselves.
// Each node has a small file system of its own in memory; where none may be mounted the tests are skipped,
// and say so.

import {randomBytes} from 'node:crypto';
import {mkdtempSync, rmSync, statfsSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {FlotillaClient, type FlotillaError, type Id} from '@flotilla/client';
import {ProcessCluster} from '@flotilla/testkit';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {until} from '../cluster/waiting.ts';
import {ClockSkews} from './nemesis/clock-skews.ts';
import {SmallDisks, whyNoMounts} from './nemesis/small-disks.ts';

const NODES = [1, 2, 3];
const MIB = 1024 * 1024;
const DISK_BYTES = 256 * MIB;
const DAY_MS = 86_400_000;
const BODIES = 8;
const LINES = 32;

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
    await client.write('m v=1', {database: 'kept'});
    await client.admin.createDatabase({name: 'single', shards: 1, replicas: 1});
    await client.write('m v=1', {database: 'single'});
    for (const database of ['first', 'second']) await fillDatabase(database);
    for (const url of cluster.urls) {
      const own = new FlotillaClient({urls: [url]});
      await own.admin.flushStorage();
      own.close();
    }
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

  /** Not by the client, which tries again what a full disk refuses. */
  async function statusOfWrite(): Promise<number> {
    const url = `${cluster.urls[0]}/api/v1/write?db=kept`;
    const answer = await fetch(url, {method: 'POST', body: 'm v=2'});
    await answer.text();
    return answer.status;
  }

  async function fill(): Promise<void> {
    for (const node of NODES) await disks.leave(node, 0.04);
    await until('writes are refused', async () => (await statusOfWrite()) === 507);
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
    await fill();
    expect(await client.query('SELECT v FROM m LIMIT 1', {database: 'kept'})).toHaveLength(1);
    await client.query('CREATE TENANT while_full');
    await client.query("ALTER DATABASE kept SET TTL '3650d'");
    expect((await messages()).match(/left: it takes no writes/g)).toHaveLength(3);
  });

  test('a drop at once frees them, and writes come back by themselves', async () => {
    await client.query("DROP DATABASE first AFTER '0s'");
    // Its sets are given a quarter of a minute to refuse writes that come late: it passes.
    for (const node of NODES) clocks.set(node, 60_000);
    await until('writes are taken', async () => (await statusOfWrite()) === 204);
    expect(freeShare()).toBeGreaterThan(0.05);
  });

  test('so does the purge of what was dropped a day ago', async () => {
    await client.query('DROP DATABASE second');
    await fill();
    for (const node of NODES) clocks.set(node, DAY_MS + 120_000);
    await until('writes are taken', async () => (await statusOfWrite()) === 204);
    expect(freeShare()).toBeGreaterThan(0.05);
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

  /** On the fullest disk. */
  function freeShare(): number {
    const shares = NODES.map((node) => statfsSync(disks.directory(node)));
    return Math.min(...shares.map(({bavail, blocks}) => bavail / blocks));
  }
});
