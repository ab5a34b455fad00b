// A cluster of five keeps its catalog on five: any two may die and it goes on; a member that is decommissioned
// leaves three, and ends. Without a majority of them a replica set that has one is still led by hand; and without a
// majority of a set nothing is given up that is alive.

import {
  type Entity,
  FlotillaClient,
  type Id,
  type RecoveryPlan,
  type ReplicaSet,
} from '@flotilla/client';
import {ProcessCluster, type ProcessNode} from '@flotilla/testkit';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {leaderOf, metaLeader, openDatabase, processOf, untilApplied} from '../cluster/nodes.ts';
import {until} from '../cluster/waiting.ts';

/** One set of three replicas, with a row of v in warmup. */
const DATABASE = 'kept';
const TEST_MS_MAX = 240_000;
/** From then on a node asks of itself whether it is a member still. */
const META_SILENT_MS = 10_000;

let cluster: ProcessCluster;
let client: FlotillaClient;

beforeAll(async () => {
  cluster = await ProcessCluster.start({nodes: 5, engineThreads: 1});
  client = new FlotillaClient({urls: cluster.urls, database: DATABASE});
  await openDatabase(client, DATABASE, {shards: 1});
}, TEST_MS_MAX);
afterAll(async () => {
  client.close();
  await cluster.destroy();
});

const members = async (): Promise<Id[]> => (await client.admin.status()).metaVoters as Id[];

async function untilMembers(count: number): Promise<void> {
  await until(`the meta group has ${count} voters`, async () => {
    return (await members()).length === count;
  });
}

const nodesOf = ({replicas}: ReplicaSet): Id[] => replicas.map(({node}) => node);
const votersOf = ({replicas}: ReplicaSet): Id[] =>
  replicas.filter(({role}) => role === 'voter').map(({node}) => node);

/** The oldest one of the database. */
async function firstSet(): Promise<ReplicaSet> {
  const sets = await client.admin.replicaSets({database: DATABASE});
  return sets.sort((a, b) => Number(a.id) - Number(b.id))[0]!;
}

function othersThan(nodes: readonly ProcessNode[]): ProcessNode[] {
  return cluster.nodes.filter((node) => !nodes.includes(node));
}

async function restart(nodes: readonly ProcessNode[]): Promise<void> {
  for (const node of nodes) node.start();
  await Promise.all(nodes.map((node) => node.ready()));
}

test(
  'a set is led by hand though the meta group has no leader',
  async () => {
    await untilMembers(5);
    await client.admin.alterDatabase(DATABASE, {failover: 'manual'});
    await until('each replica elects only when told', async () => {
      const {id} = await firstSet();
      const {replicas} = await client.admin.replicaSet(id);
      return replicas.every((replica) => replica['failover'] === 'manual');
    });
    await untilApplied(client, DATABASE);
    const set = await firstSet();
    const followers = nodesOf(set).filter((node) => node !== leaderOf(set));
    const left = await Promise.all(followers.map((node) => processOf(cluster, client, node)));
    const own = new FlotillaClient({urls: left.map(({url}) => url), database: DATABASE});
    await Promise.all(othersThan(left).map((node) => node.kill()));
    const hasMeta = async () => (await own.admin.status()).metaLeader !== undefined;
    await until('two of five lead no meta group', async () => !(await hasMeta()));
    await until('the one that is chosen leads', async () => {
      const now = await own.admin.electReplica(set.id, followers[0]!);
      return leaderOf(now) === followers[0];
    });
    await own.write('warmup v=2 1600000000000000001', {timeoutMs: 30_000});
    await until('what is written is there', async () => {
      const rows = await own.query('SELECT v FROM warmup ORDER BY time', {stale: true});
      return rows.map(({v}) => v).join() === '1,2';
    });
    expect(await hasMeta()).toBe(false);
    own.close();
    await restart(othersThan(left));
    await client.admin.alterDatabase(DATABASE, {failover: 'automatic'}, {timeoutMs: 60_000});
  },
  TEST_MS_MAX,
);

test(
  'nodes that answer again are not given up by a plan that was made without them',
  async () => {
    const set = await firstSet();
    const [first, second, third] = await Promise.all(
      nodesOf(set).map((node) => processOf(cluster, client, node)),
    );
    const gone = [first!, second!];
    const urls = [third!, ...othersThan([...gone, third!])].map(({url}) => url);
    const own = new FlotillaClient({urls, database: DATABASE});
    await Promise.all(gone.map((node) => node.kill()));
    let plan: RecoveryPlan | undefined;
    await until('the plan gives up what they hold', async () => {
      plan = await own.admin.recoveryPlan();
      return plan.sets.some((one) => one.set === set.id && one.action === 'take-over');
    });
    const {cluster: name, lost, sets} = plan!;
    expect(lost.map(({node}) => node).sort()).toEqual(nodesOf(set).slice(0, 2).sort());
    await restart(gone);
    const ordered = sets.map(({set: id, epoch, node, replica, lastIndex}) => {
      return {set: id, epoch, node: node!, replica, lastIndex};
    });
    const order = {cluster: name, lost: lost.map(({node}) => node), sets: ordered};
    await until('they answer', async () =>
      (await own.admin.nodes()).every((node) => node['isReachable'] === true),
    );
    await expect(own.admin.applyRecovery(order)).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringMatching(/^node \d answers: it is not lost/),
    });
    own.close();
    await client.write('warmup v=3 1600000000000000002', {timeoutMs: 60_000});
    expect(nodesOf(await firstSet())).toEqual(nodesOf(set));
    expect((await client.admin.nodes()).map(({state}) => state)).toEqual(Array(5).fill('active'));
  },
  TEST_MS_MAX,
);

test(
  'as many replicas as a database wants have the sets that it has already',
  async () => {
    for (const replicas of [5, 3]) {
      await client.admin.alterDatabase(DATABASE, {replicas});
      await until(`the set has ${replicas} voters and no other replica`, async () => {
        const set = await firstSet();
        return votersOf(set).length === replicas && nodesOf(set).length === replicas;
      });
    }
    const rows = await client.query('SELECT v FROM warmup ORDER BY time');
    expect(rows.map(({v}) => v)).toEqual([1, 2, 3]);
  },
  TEST_MS_MAX,
);

test(
  'the meta group has five members, stands the loss of two, and shrinks to three with a node that goes',
  async () => {
    await untilMembers(5);
    const leader = await metaLeader(cluster, client);
    const other = cluster.nodes.find((node) => node !== leader)!;
    const idOf = async ({port}: ProcessNode): Promise<Id> => {
      const nodes = await client.admin.nodes();
      return nodes.find(({address}) => address === `127.0.0.1:${port}`)!['id'] as Id;
    };
    const dead = [await idOf(leader), await idOf(other)];
    await Promise.all([leader.kill(), other.kill()]);
    await client.admin.createDatabase({name: 'without-two'}, {timeoutMs: 60_000});
    await until('they are missed', async () => {
      const nodes = await client.admin.nodes();
      return nodes.filter((node) => node['isReachable'] === false).length === 2;
    });
    // Two of five are more than a third: nothing is made anew for them, however long they stay away.
    await until('status says that they are waited for', async () => {
      const {reasons} = await client.admin.status();
      const halt =
        /^2 of 5 nodes do not answer: with more than a third away their replicas are not/;
      return reasons.some(({message}) => halt.test(message));
    });
    await client.write('m v=1', {database: 'without-two', timeoutMs: 60_000});
    for (const set of await client.admin.replicaSets({database: 'without-two'})) {
      expect(votersOf(set)).toHaveLength(3);
      for (const node of dead) expect(nodesOf(set)).not.toContain(node);
    }
    await restart([leader, other]);
    const [leaving] = await members();
    const gone = await processOf(cluster, client, leaving!);
    gone.mayEnd();
    const {operation} = await client.admin.decommissionNode(leaving!, {timeoutMs: 60_000});
    expect(operation).toMatchObject({kind: 'decommission-node', sourceNode: leaving});
    // Each node tells it by its own copy of the catalog; the one that leaves may have heard of it last.
    await until('three others are the members', async () => {
      const now = await members();
      return now.length === 3 && !now.includes(leaving!);
    });
    const isListed = ({id}: Entity) => id === leaving;
    await until('the node is off the list', async () => {
      return !(await client.admin.nodes()).some(isListed);
    });
    // Sooner than it would ask what became of it for the silence of the meta group alone.
    await until('its process has ended', () => !gone.isRunning, META_SILENT_MS);
    expect(await gone.exited()).toBe(1);
    expect(gone.logTail()).toContain(`node ${leaving} is a member of its cluster no more`);
    await until('the operation has ended', async () => {
      const {state, percent} = await client.admin.operation(operation!.id);
      return state === 'done' && percent === 100;
    });
    for (const set of await client.admin.replicaSets())
      expect(nodesOf(set), JSON.stringify(set)).not.toContain(leaving);
    await client.admin.createDatabase({name: 'of-three'}, {timeoutMs: 60_000});
  },
  TEST_MS_MAX,
);
