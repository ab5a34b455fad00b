// Goal: what people order by the command line and by SQL happens on real nodes, is shown, and ends as it was
// said: pauses, maintenance, stops that are asked for first, failover by hand. Method: the commands as they
// are typed, on one cluster of three nodes. They run in this process: to start one for each takes longer than
// all that they do.

import {
  FlotillaClient,
  type FlotillaError,
  type Id,
  type ReplicaSet,
  type ReplicaSetChange,
  type Storage,
} from '@flotilla/client';
import {ProcessCluster} from '@flotilla/testkit';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {flotillaAt} from './command-line.ts';
import {
  flushEveryNode,
  leaderOf,
  metaLeader,
  openDatabase,
  processOf,
  untilApplied,
} from './nodes.ts';
import {until} from './waiting.ts';

const START_MS_MAX = 120_000;
const TEST_MS_MAX = 90_000;

let cluster: ProcessCluster;
let client: FlotillaClient;

beforeAll(async () => {
  cluster = await ProcessCluster.start({nodes: 3, engineThreads: 1});
  client = new FlotillaClient({urls: cluster.urls});
  await openDatabase(client, 'd');
}, START_MS_MAX);
afterAll(async () => {
  client.close();
  await cluster.destroy();
});

const flotilla = (...args: string[]) => flotillaAt(cluster.urls, args);

async function done(...args: string[]): Promise<string> {
  const {code, out, err} = await flotilla(...args);
  expect([args.join(' '), code, err]).toEqual([args.join(' '), 0, expect.any(String)]);
  return out;
}

const ONE_SILENT = '\nflotilla_nodes{state="silent"} 1\n';

async function metricsOf(url: string): Promise<string> {
  return (await fetch(`${url}/metrics`)).text();
}

const firstSet = async (): Promise<ReplicaSet> => {
  const [set] = await client.admin.replicaSets({database: 'd'});
  return set!;
};

/** From when on the leader of meta has heard of the set: until then it refuses nothing. */
async function expectRefused(
  id: Id,
  change: ReplicaSetChange,
  {code, message}: {readonly code: string; readonly message: RegExp},
): Promise<void> {
  const order = (dryRun: boolean) => client.admin.changeReplicaSet(id, change, {dryRun});
  await until(`a dry run is refused with ${code}`, () =>
    order(true).then(
      () => false,
      (error: FlotillaError) => error.code === code,
    ),
  );
  const refusal = {code, message: expect.stringMatching(message)};
  await expect(order(false)).rejects.toMatchObject(refusal);
}

describe('by the command line', () => {
  test(
    'pauses are shown, and taken back',
    async () => {
      expect(await done('automation', 'pause', 'repair', '--for', '1h')).toMatch(
        /repair +paused .*Z\nrebalance +running/,
      );
      expect((await flotilla('status')).out).toMatch(
        /- repair is paused until .*Z\n {4}next: \.\/flotilla automation resume repair/,
      );
      const tried = await done('automation', 'resume', '--dry-run');
      expect(tried).toMatch(/repair +running/);
      expect(await client.admin.automation()).toMatchObject({repair: {state: 'paused'}});
      await done('automation', 'resume');
      expect((await client.admin.status()).notices).toEqual([]);
    },
    TEST_MS_MAX,
  );

  test(
    'the cluster, a database and a set are told how to fail over',
    async () => {
      const {id} = await firstSet();
      expect(await done('cluster', 'show')).toMatch(/failover +automatic/);
      const {admin} = client;
      const targets = [
        {words: [], restore: () => admin.alterCluster({failover: 'automatic'})},
        {words: ['--db', 'd'], restore: () => admin.alterDatabase('d', {failover: 'automatic'})},
        {words: ['--replica-set', String(id)], restore: () => admin.setFailover(id, 'automatic')},
      ] as const;
      for (const {words, restore} of targets) {
        expect((await firstSet())['failover']).toBe('automatic');
        await done('failover', 'mode', 'manual', ...words);
        expect((await firstSet())['failover']).toBe('manual');
        if (words.length === 0) expect(await done('cluster', 'show')).toMatch(/failover +manual/);
        await restore();
      }
      expect(await done('failover', 'mode', '--db', 'd')).toMatch(/failover +automatic/);
    },
    TEST_MS_MAX,
  );

  test(
    'a node in maintenance leads nothing, and may be stopped if it is alone',
    async () => {
      const before = await firstSet();
      const node = String(leaderOf(before));
      await client.admin.pinReplicaSet(before.id, true);
      expect(await done('node', 'maintenance', node, '--for', '10m')).toContain(
        'leads nothing now',
      );
      const sets = await client.admin.replicaSets();
      expect(sets.filter((set) => String(leaderOf(set)) === node)).toEqual([]);
      expect(String((await client.admin.status()).metaLeader)).not.toBe(node);
      await done('node', 'ok-to-stop', node);
      const others = (await client.admin.nodes()).map(({id}) => String(id));
      const two = await flotilla('node', 'ok-to-stop', ...others.slice(0, 2));
      expect(two).toMatchObject({code: 1, out: expect.stringMatching(/^not ok: without nodes/)});
      expect((await flotilla('status')).out).toContain(`node ${node} is in maintenance until`);
      // Which the meta leader says: by its catalog alone a node would only hold a replica already.
      const add = ['replica-set', 'add-replica', String(before.id), '--node', node, '--dry-run'];
      expect(await flotilla(...add)).toMatchObject({
        code: 1,
        err: expect.stringContaining(`node ${node} is in maintenance until`),
      });
      await done('node', 'maintenance', node, '--end');
      await client.admin.pinReplicaSet(before.id, false);
      await until('it leads again', async () =>
        (await client.admin.replicaSets()).some((set) => String(leaderOf(set)) === node),
      );
      expect(await done('node', 'evacuate-leaders', node, '--for', '5m')).toContain(
        'leads nothing now',
      );
      await client.admin.maintainNode(node, {end: true});
    },
    TEST_MS_MAX,
  );

  test(
    'a dry run is refused as the order would be, and begins nothing',
    async () => {
      const {id, replicas} = await firstSet();
      const {node} = replicas[0]!;
      const add = ['replica-set', 'add-replica', String(id), '--node', String(node), '--dry-run'];
      expect(await flotilla(...add)).toMatchObject({
        code: 1,
        err: expect.stringContaining('holds a replica'),
      });
      const lead = [
        'replica-set',
        'transfer-leader',
        String(id),
        '--to',
        String(node),
        '--dry-run',
      ];
      expect(await done(...lead)).toMatch(/^would begin: transfer-leader, /);
      await client.admin.createDatabase({name: 'single', shards: 1, replicas: 1});
      await client.write('m v=1', {database: 'single'});
      const [sole] = await client.admin.replicaSets({database: 'single'});
      const removal = {action: 'remove-replica', node: sole!.replicas[0]!.node} as const;
      await expectRefused(
        sole!.id,
        {...removal, allowFewerVoters: true},
        {code: 'LAST_COPY', message: /^replica \d+ is the last of replica set \d+ that holds/},
      );
      await client.query("DROP DATABASE single AFTER '0s'");
      expect(await client.admin.operations()).toEqual([]);
    },
    TEST_MS_MAX,
  );
});

test(
  'storage show tells the parts of each replica and what compactions made of them',
  async () => {
    await client.admin.createDatabase({name: 'stored', shards: 1});
    // Behind each other: nothing merges them unasked.
    for (const hour of [0, 1]) {
      const lines = Array.from({length: 1_000}, (_, i) => {
        return `m,host=h${i % 4} v=${i} ${1_600_000_000 + hour * 3_600 + i}`;
      });
      await client.write(lines.join('\n'), {database: 'stored', precision: 's'});
      await untilApplied(client, 'stored');
      await flushEveryNode(cluster);
    }
    const [{id} = {id: ''}] = await client.admin.replicaSets({database: 'stored'});
    const of = async (words: string[]): Promise<Storage> =>
      JSON.parse(await done('storage', 'show', ...words, '--json')) as Storage;
    const before = await of([]);
    const replicasOf = async () => (await of([String(id)])).sets![0]!.replicas;
    const flushed = await replicasOf();
    expect(flushed.map(({partCount, rows}) => [partCount, rows])).toEqual(
      flushed.map(() => [2, 2_000]),
    );
    const files = flushed.flatMap((replica) => replica.parts!.map(({file}) => file));
    const shown = await done('storage', 'show', String(id));
    for (const file of files) expect(shown).toContain(file);

    await done('replica-set', 'compact', String(id));
    const merged = await replicasOf();
    expect(merged.map(({partCount, rows}) => [partCount, rows])).toEqual(
      merged.map(() => [1, 2_000]),
    );
    const after = await of([]);
    for (const [i, node] of after.nodes.entries()) {
      const size = merged.find((replica) => replica.node === node.node)!.partBytes;
      const was = before.nodes[i]!;
      expect(node.compactedBytes! - was.compactedBytes!).toBeGreaterThanOrEqual(size);
      const written = node.flushedBytes! + node.compactedBytes!;
      expect(node.writeAmplification).toBeCloseTo(written / node.flushedBytes!, 6);
    }
    await client.query("DROP DATABASE stored AFTER '0s'");
  },
  TEST_MS_MAX,
);

test(
  'statements begin operations, and show them and the replicas',
  async () => {
    const {id, replicas} = await firstSet();
    const rows = await client.query('SHOW REPLICAS');
    const mine = rows.filter((row) => row['replica_id'] === id);
    expect(mine.map((row) => row['vnode_id'])).toEqual(replicas.map(({replica}) => replica));
    expect(mine.filter(({role, health}) => role === 'leader' && health === 'ok')).toHaveLength(1);
    expect(mine[0]!['location']).toMatch(/^(\d\*?,){2}\d\*?$/);
    const next = replicas.find(({leader}) => !leader)!.node;
    const [begun] = await client.query(`REPLICA PROMOTE REPLICA_ID ${id} NODE_ID ${next}`);
    expect(begun).toMatchObject({kind: 'transfer-leader', state: 'running'});
    await until('it is done', async () => {
      const shown = await client.query('SHOW OPERATIONS');
      const same = shown.find((row) => row['operation_id'] === begun!['operation_id']);
      return same?.['state'] === 'done' && same['replica_id'] === id;
    });
    expect(leaderOf(await firstSet())).toBe(next);
    const works = [
      ...(await client.query(`COMPACT VNODE ${replicas.map(({replica}) => replica).join(' ')}`)),
    ];
    const ended = async (): Promise<boolean> => {
      const shown = await client.query('SHOW OPERATIONS');
      return works.every(({operation_id: work}) =>
        shown.some((row) => row['operation_id'] === work && row['state'] === 'done'),
      );
    };
    await until('it is compacted', ended);
    works.push(...(await client.query(`CHECKSUM GROUP ${id}`)));
    await until('its replicas are compared', ended);
    const percents = (await client.query('SHOW OPERATIONS'))
      .filter((row) => works.some(({operation_id: work}) => work === row['operation_id']))
      .map(({percent}) => percent);
    expect(percents).toEqual([100, 100]);
    expect(works.map(({kind}) => kind)).toEqual(['compact', 'checksum']);
    const move = client.query(`MOVE VNODE ${replicas[0]!.replica} TO NODE ${replicas[1]!.node}`);
    await expect(move).rejects.toMatchObject({code: 'CONFLICT'});
    await expect(client.query('DROP VNODE 999999')).rejects.toMatchObject({code: 'NOT_FOUND'});
  },
  TEST_MS_MAX,
);

test(
  'a bucket that does not open is an operation, which says what it waits for until it is there',
  async () => {
    await client.admin.createDatabase({name: 'slow', shards: 6, replicas: 1});
    const leader = await metaLeader(cluster, client);
    const down = cluster.nodes.find((node) => node !== leader)!;
    await down.kill();
    // The leader of meta does not miss it yet: some of the sets have their only replica there.
    const lines = Array.from({length: 60}, (_, i) => `m,host=h${i} v=1 1600000000000000000`);
    const write = () => client.write(lines.join('\n'), {database: 'slow', timeoutMs: 30_000});
    // Of no matter here: it may be answered in time, or not.
    const written = Promise.allSettled([write()]);
    let id = '';
    await until('it is listed with what it waits for', async () => {
      const found =
        /^(bucket-\d+) +create-bucket .* running, create +(\d+)% .* of 6 replica sets of database slow open, waiting for 1 more of the 1 voters of replica set \d+: node \d+ \(127\.0\.0\.1:(\d+)\) does not answer$/m;
      const [, named, percent, port] = found.exec(await done('operation', 'list')) ?? [];
      id = named ?? '';
      return Number(percent) > 0 && Number(percent) < 100 && port === `${down.port}`;
    });
    const shown = await done('operation', 'show', id);
    expect(shown).toMatch(/\nwaitingFor .* does not answer\n/);
    expect(shown).toMatch(/\ncreate +\d{4}-.*Z/);
    const verdict = new RegExp(
      `bucket ${id.slice('bucket-'.length)} of database slow is not open yet: . of 6 replica sets are; it waits for .*\n {4}next: ./flotilla operation show ${id}\n`,
    );
    const status = await flotilla('status');
    expect([status.code, status.out]).toEqual([2, expect.stringMatching(verdict)]);
    const rows = await client.query('SHOW OPERATIONS');
    expect(rows.filter(({kind}) => kind === 'create-bucket')).toMatchObject([
      {state: 'running', bucket_id: Number(id.slice('bucket-'.length))},
    ]);
    down.start();
    await down.ready();
    expect(await done('operation', 'watch', id)).toMatch(/: done: its 6 replica sets opened in/);
    await written;
    await write();
    await client.query("DROP DATABASE slow AFTER '0s'");
    await until('all is well again', async () => (await flotilla('status')).code === 0);
  },
  TEST_MS_MAX,
);

test(
  'a node that was started with another value of what counts for all is named, until it goes by theirs',
  async () => {
    const odd = cluster.node(2);
    await odd.stop();
    odd.start(['--repair-after', '5m']);
    await odd.ready();
    const nodes = await client.admin.nodes();
    const {id} = nodes.find(({address}) => address === `127.0.0.1:${odd.port}`)!;
    const named = new RegExp(
      `values of --repair-after: 10m \\(node .*\\), 5m \\(node ${id}\\).*: start node ${id} again with 10m\n {4}next: ./flotilla node ok-to-stop ${id}\n`,
    );
    await until('the verdict names it', async () => {
      const {code, out} = await flotilla('status');
      return code === 1 && named.test(out);
    });
    for (const {url} of cluster.nodes) {
      const seconds = url === odd.url ? 300 : 600;
      expect(await metricsOf(url)).toContain(
        `\nflotilla_cluster_flag{flag="--repair-after"} ${seconds}\n`,
      );
    }
    await odd.stop();
    odd.start();
    await odd.ready();
    await until('nothing is said any more', async () => (await flotilla('status')).code === 0);
  },
  TEST_MS_MAX,
);

test(
  'failover by hand: candidates are shown, the chosen one is elected, and without a majority it is said why not',
  async () => {
    // Leads that are evened out after a restart would leave the node that is killed below.
    await done('automation', 'pause', 'rebalance');
    await done('failover', 'mode', 'manual', '--db', 'd');
    let {id, replicas} = await firstSet();
    await until('each replica keeps it', async () => {
      ({id, replicas} = await client.admin.replicaSet(id));
      return replicas.every((one) => one['failover'] === 'manual');
    });
    const led = replicas.find(({leader}) => leader)!.node;
    const others = replicas.filter(({leader}) => !leader).map(({node}) => node);
    await (await processOf(cluster, client, led)).kill();
    await until('nobody leads it', async () => {
      const {code, out} = await flotilla('status');
      return code === 2 && out.includes(`./flotilla replica-set elect `);
    });
    const shown = await done('replica-set', 'candidates', String(id));
    expect(shown).toMatch(new RegExp(`node ${led} cannot lead: its node does not answer`));
    const elect = ['replica-set', 'elect', String(id), '--node'];
    const dead = await flotilla(...elect, String(led));
    expect(dead).toMatchObject({code: 1, err: expect.stringContaining('does not answer')});
    expect(await done(...elect, String(others[1]))).toContain(`node ${others[1]} leads`);
    // The row may be of another set, which the node that was killed may have led as well.
    for (const set of await client.admin.replicaSets({database: 'd'}))
      if (leaderOf(set) === undefined)
        await done('replica-set', 'elect', String(set.id), '--node', String(others[1]));
    await client.write('m v=1 1600000000000000000', {database: 'd', timeoutMs: 30_000});
    // A bucket that is made meanwhile has no fewer voters: the node that is down has its place.
    await until('the leader of meta misses it', async () => {
      const told = cluster.nodes.filter(({isRunning}) => isRunning).map(({url}) => metricsOf(url));
      return (await Promise.all(told)).some((text) => text.includes(ONE_SILENT));
    });
    const known = (await client.admin.replicaSets({database: 'd'})).map((set) => set.id);
    await client.write('m v=2 1700000000000000000', {database: 'd', timeoutMs: 30_000});
    const all = await client.admin.replicaSets({database: 'd'});
    const made = all.filter((set) => !known.includes(set.id));
    expect(made.length).toBeGreaterThan(0);
    for (const set of made) {
      const voters = set.replicas.filter(({role}) => role === 'voter').map(({node}) => node);
      expect(voters.sort()).toEqual([led, ...others].sort());
      expect(leaderOf(set)).not.toBe(led);
    }
    const less = {action: 'remove-replica', node: others[0]!, allowFewerVoters: true} as const;
    const message = /only 1 of 2 voters of replica set \d+ would answer/;
    await expectRefused(id, less, {code: 'MAJORITY_AT_RISK', message});
    const other = await flotilla(...elect, String(others[0]));
    expect(other).toMatchObject({code: 1, err: expect.stringContaining(`${others[1]} leads`)});
    // Now neither the set nor the meta group has a majority.
    await (await processOf(cluster, client, others[1]!)).kill();
    const candidates = await client.admin.candidates(id);
    expect(candidates.filter(({why}) => why?.includes('only 1 of 3 voters answer'))).toHaveLength(
      1,
    );
    const alone = await flotilla(...elect, String(others[0]));
    expect(alone).toMatchObject({code: 1, err: expect.stringContaining('only 1 of 3 voters')});
  },
  TEST_MS_MAX,
);
