// A write answered 204 survives: a leader's node killed, frozen, its replicas moved under load, itself taken
// away for good, all nodes killed at once. Real processes, real disks; each node's own replica is read in the end.

import {setTimeout as sleep} from 'node:timers/promises';
import {FlotillaClient, type Operation} from '@flotilla/client';
import {ProcessCluster, type ProcessNode} from '@flotilla/testkit';
import {afterAll, beforeAll, describe, expect, onTestFailed, test} from 'vitest';
import {Ledger} from './ledger.ts';
import {
  busiestLeader,
  leaderOf,
  metaLeader,
  openDatabase,
  processOf,
  untilApplied,
} from './nodes.ts';
import {until} from './waiting.ts';

/** 200,000 rows. */
const SHAPE = {hosts: 100, ticks: 2000, batch: 1000};
/** What is sent while every node is away need not be much. */
const SMALL_SHAPE = {hosts: 100, ticks: 500, batch: 1000};
/** Of two senders that leave the machine room: for as long as it takes. */
const PACED_SHAPE = {hosts: 100, ticks: 20_000, batch: 20};
const PACE_MS = 10;
const CONNECTIONS = 4;
const TEST_MS_MAX = 180_000;

/** Load over all nodes by several connections; `midway` runs once when half is sent. */
async function load(
  ledger: Ledger,
  client: FlotillaClient,
  midway: () => Promise<void>,
): Promise<void> {
  let disturbance: Promise<void> | undefined;
  const onBody = (): void => {
    if (disturbance === undefined && ledger.sentRows >= ledger.rowCount / 2) disturbance = midway();
  };
  await Promise.all(Array.from({length: CONNECTIONS}, () => ledger.send(client, onBody)));
  await disturbance;
}

/** Every node's own replicas, and a linearizable read, hold what was acknowledged. */
async function expectExact(
  ledger: Ledger,
  client: FlotillaClient,
  {cluster, database}: {cluster: Pick<ProcessCluster, 'nodes'>; database: string},
): Promise<void> {
  await untilApplied(client, database);
  for (const node of cluster.nodes) {
    const own = new FlotillaClient({urls: [node.url], database});
    const differences = await ledger.compare(own, {stale: true});
    expect(differences.slice(0, 10), `node ${node.number} of ${ledger.rowCount} rows`).toEqual([]);
    own.close();
  }
  expect((await ledger.compare(client, {stale: false})).slice(0, 10), 'linearizable').toEqual([]);
}

function tellLogs(cluster: ProcessCluster): void {
  for (const node of cluster.nodes) console.error(`node ${node.number}:\n${node.logTail()}`);
}

describe('three processes under load', () => {
  let cluster: ProcessCluster;

  beforeAll(async () => {
    cluster = await ProcessCluster.start({nodes: 3});
  });
  afterAll(() => cluster.destroy());

  async function withDatabase(
    database: string,
    run: (client: FlotillaClient) => Promise<void>,
  ): Promise<void> {
    onTestFailed(() => tellLogs(cluster));
    const client = new FlotillaClient({urls: cluster.urls, database});
    await openDatabase(client, database);
    await run(client);
    client.close();
  }

  test(
    'the busiest leader killed in the middle',
    () =>
      withDatabase('killed', async (client) => {
        const ledger = new Ledger(SHAPE);
        let victim: ProcessNode | undefined;
        await load(ledger, client, async () => {
          victim = await busiestLeader(cluster, client, 'killed');
          await victim.kill();
        });
        victim!.start();
        await victim!.ready();
        expect(ledger.failures).toEqual([]);
        await expectExact(ledger, client, {cluster, database: 'killed'});
      }),
    TEST_MS_MAX,
  );

  test(
    'the busiest leader frozen for five seconds',
    () =>
      withDatabase('frozen', async (client) => {
        const ledger = new Ledger(SHAPE);
        await load(ledger, client, async () => {
          const victim = await busiestLeader(cluster, client, 'frozen');
          victim.signal('SIGSTOP');
          await sleep(5_000);
          victim.signal('SIGCONT');
        });
        expect(ledger.failures).toEqual([]);
        await expectExact(ledger, client, {cluster, database: 'frozen'});
      }),
    TEST_MS_MAX,
  );

  test(
    'all killed at once, twice',
    () =>
      withDatabase('restarted', async (client) => {
        const ledger = new Ledger(SMALL_SHAPE);
        await load(ledger, client, async () => {
          for (let round = 0; round < 2; round++) {
            await Promise.all(cluster.nodes.map((node) => node.kill()));
            for (const node of cluster.nodes) node.start();
            await Promise.all(cluster.nodes.map((node) => node.ready()));
            // The load goes on for a moment between the two.
            const sentRows = ledger.sentRows;
            await until(
              'more is sent',
              () => ledger.sentRows > sentRows || sentRows === ledger.rowCount,
            );
          }
        });
        await expectExact(ledger, client, {cluster, database: 'restarted'});
      }),
    TEST_MS_MAX,
  );
});

describe('a replica moved under load, on four processes', () => {
  let cluster: ProcessCluster;

  beforeAll(async () => {
    cluster = await ProcessCluster.start({nodes: 4});
  });
  afterAll(() => cluster.destroy());

  /** Orders that a set's leading replica goes to the node that has none of the set. */
  async function moveLeader(client: FlotillaClient, database: string): Promise<Operation> {
    const sets = await client.admin.replicaSets({database});
    const set = sets.find((candidate) => leaderOf(candidate) !== undefined)!;
    const taken = new Set(set.replicas.map(({node}) => String(node)));
    const nodes = await client.admin.nodes();
    const to = nodes.map(({id}) => id as number).find((id) => !taken.has(String(id)))!;
    return client.admin.changeReplicaSet(set.id, {
      action: 'move-replica',
      from: leaderOf(set)!,
      to,
    });
  }

  async function expectMoved(client: FlotillaClient, {id}: Operation): Promise<void> {
    let now: Operation | undefined;
    await until(`operation ${id} is final`, async () => {
      now = await client.admin.operation(id);
      return ['done', 'failed', 'cancelled'].includes(now.state);
    }).catch((error: unknown) => {
      throw new Error(`it stands at ${JSON.stringify(now)}`, {cause: error});
    });
    expect(now).toMatchObject({state: 'done'});
    const votersNow = async () => {
      const {replicas} = await client.admin.replicaSet(now!.replicaSet!);
      return replicas.filter(({role}) => role === 'voter').map(({node}) => node);
    };
    await until('three vote', async () => (await votersNow()).length === 3);
    expect(await votersNow()).toContain(now!['targetNode']);
    expect(await votersNow()).not.toContain(now!['sourceNode']);
  }

  test.each([
    {what: 'and nobody dies', database: 'moved', killed: false},
    {what: 'and the meta leader is killed in the middle of it', database: 'orphaned', killed: true},
  ])(
    '$what',
    async ({database, killed}) => {
      onTestFailed(() => tellLogs(cluster));
      const client = new FlotillaClient({urls: cluster.urls, database});
      await openDatabase(client, database);
      const ledger = new Ledger(SHAPE);
      let move: Operation | undefined;
      let victim: ProcessNode | undefined;
      await load(ledger, client, async () => {
        victim = killed ? await metaLeader(cluster, client) : undefined;
        move = await moveLeader(client, database);
        if (victim === undefined) return;
        await until('the move is under way', async () => {
          const {step} = await client.admin.operation(move!.id);
          return step !== move!.step;
        });
        await victim.kill();
      });
      expect(ledger.failures).toEqual([]);
      victim?.start();
      await victim?.ready();
      await expectMoved(client, move!);
      await expectExact(ledger, client, {cluster, database});
      client.close();
    },
    TEST_MS_MAX,
  );

  test(
    'a replica that is being filled answers no stale read',
    async () => {
      onTestFailed(() => tellLogs(cluster));
      const client = new FlotillaClient({urls: cluster.urls, database: 'moved'});
      const own = cluster.urls.map((url) => new FlotillaClient({urls: [url], database: 'moved'}));
      const counts = new Set<unknown>();
      for (let moves = 0; moves < 3; moves++) {
        const {id} = await moveLeader(client, 'moved');
        await until('the move is done', async () => {
          for (const one of own) {
            const [row] = await one.query('SELECT count(tick) AS n FROM load', {stale: true});
            counts.add(row!['n']);
          }
          return (await client.admin.operation(id)).state === 'done';
        });
      }
      expect([...counts]).toEqual([SHAPE.hosts * SHAPE.ticks]);
      for (const one of [client, ...own]) one.close();
    },
    TEST_MS_MAX,
  );

  test(
    'a node drained under load gives away what it leads and holds, and takes replicas again',
    async () => {
      onTestFailed(() => tellLogs(cluster));
      const database = 'drained';
      const client = new FlotillaClient({urls: cluster.urls, database});
      await openDatabase(client, database);
      const [set] = await client.admin.replicaSets({database});
      const id = leaderOf(set!)!;
      const ledger = new Ledger(SHAPE);
      let drain: Operation | undefined;
      await load(ledger, client, async () => {
        drain = await client.admin.drainNode(id);
      });
      expect(ledger.failures).toEqual([]);
      await until('the drain is done', async () => {
        return (await client.admin.operation(drain!.id)).state === 'done';
      });
      const now = async () => (await client.admin.nodes()).find((node) => node['id'] === id);
      expect(await now()).toMatchObject({state: 'drained', replicas: 0, leaders: 0});
      // What is made meanwhile has no place on it either.
      const known = (await client.admin.replicaSets({database})).map((one) => one.id);
      await client.write('later v=1 1700000000000000000');
      const made = (await client.admin.replicaSets({database})).filter(
        (one) => !known.includes(one.id),
      );
      expect(made.length).toBeGreaterThan(0);
      for (const {replicas} of made) {
        expect(replicas).toHaveLength(3);
        expect(replicas.map(({node}) => node)).not.toContain(id);
      }
      await expect(
        client.admin.drainNode(leaderOf((await client.admin.replicaSets({database}))[0]!)!),
      ).rejects.toThrow(/ha(?:s|ve) no other node to go to; add 1 node/);
      expect(await client.admin.undrainNode(id)).toMatchObject({state: 'active'});
      await evenOut(client);
      expect((await now())?.['replicas'], 'it has its share again').toBeGreaterThan(0);
      await expectExact(ledger, client, {cluster, database});
      client.close();
    },
    TEST_MS_MAX,
  );

  test(
    'a node decommissioned under load is emptied and ends by itself, and no write fails',
    async () => {
      onTestFailed(() => tellLogs(cluster));
      const database = 'decommissioned';
      const client = new FlotillaClient({urls: cluster.urls, database});
      await openDatabase(client, database);
      const [set] = await client.admin.replicaSets({database});
      const id = leaderOf(set!)!;
      const gone = await processOf(cluster, client, id);
      gone.mayEnd();
      const ledger = new Ledger(PACED_SHAPE);
      const sending = [1, 2].map(() => ledger.send(client, () => sleep(PACE_MS)));
      await until('rows are sent', () => ledger.sentRows > 0);
      const {operation} = await client.admin.decommissionNode(id);
      await until('its process has ended', () => !gone.isRunning);
      expect(await gone.exited()).toBe(1);
      const sentRows = ledger.sentRows;
      await until('rows are sent without it', () => ledger.sentRows > sentRows);
      ledger.stop();
      await Promise.all(sending);
      expect(ledger.failures).toEqual([]);
      await until('the operation has ended', async () => {
        return (await client.admin.operation(operation!.id)).state === 'done';
      });
      expect((await client.admin.nodes()).map((node) => node['id'])).not.toContain(id);
      const left = {nodes: cluster.nodes.filter((node) => node !== gone)};
      await expectExact(ledger, client, {cluster: left, database});
      client.close();
    },
    TEST_MS_MAX,
  );
});

/** By hand, unless the cluster does so by itself at the moment. */
async function evenOut(client: FlotillaClient): Promise<void> {
  await until('the nodes are even', async () => {
    const {replicas} = await client.admin.rebalanceView();
    if (replicas.length === 0) return true;
    const operations = await client.admin.operations();
    if (operations.every(({kind, state}) => kind !== 'rebalance' || state !== 'running')) {
      await client.admin.rebalance();
    }
    return false;
  });
}
