// A cluster of five keeps its catalog on five: any two may die and it goes on; a member that is decommissioned
// leaves three, and ends. Without a majority of them a replica set that has one is still led by hand; and without a
// majority of a set nothing is given up that is alive. Replicas go where statements and orders by hand say.

import {
  type Entity,
  FlotillaClient,
  type Id,
  type Operation,
  type RecoveryPlan,
  type ReplicaSet,
} from '@flotilla/client';
import {ProcessCluster, type ProcessNode} from '@flotilla/testkit';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {flotillaAt} from '../cluster/command-line.ts';
import {leaderOf, metaLeader, openDatabase, processOf, untilApplied} from '../cluster/nodes.ts';
import {until} from '../cluster/waiting.ts';

/** One set of three replicas, with a row of v in warmup. */
const DATABASE = 'kept';
const TEST_MS_MAX = 240_000;
const ZONES = ['a', 'b', 'c', 'a', 'b'];
/** From then on a node asks of itself whether it is a member still. */
const META_SILENT_MS = 10_000;

let cluster: ProcessCluster;
let client: FlotillaClient;

beforeAll(async () => {
  cluster = await ProcessCluster.start({
    nodes: ZONES.length,
    engineThreads: 1,
    flags: (node) => ['--zone', ZONES[node - 1]!],
  });
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

/**
 * Of five that hold the set two are left, one of which was away while a row was written. Nothing is recovered: the
 * others come back as they were.
 */
async function expectMostAdvanced(): Promise<void> {
  const set = await firstSet();
  const followers = nodesOf(set).filter((node) => node !== leaderOf(set));
  // Of equals the plan takes the one with the smaller id.
  const [behind, ahead] = [Math.min(...followers.map(Number)), Math.max(...followers.map(Number))];
  const away = await processOf(cluster, client, behind);
  const survivor = await processOf(cluster, client, ahead);
  await away.kill();
  await client.write('warmup v=4 1600000000000000003', {timeoutMs: 30_000});
  const own = new FlotillaClient({urls: [survivor.url], database: DATABASE});
  await until('the row is there', async () => {
    return (await own.query('SELECT v FROM warmup', {stale: true})).length === 4;
  });
  const lost = othersThan([away, survivor]);
  for (const node of lost) node.signal('SIGSTOP');
  try {
    away.start();
    // Some ten seconds, until it knows that the meta group is lost.
    await away.ready();
    const lastIndexes = async () => {
      const all = await own.admin.candidates(set.id);
      return [behind, ahead].map((id) => all.find(({node}) => node === id)?.lastIndex ?? 0);
    };
    await until('the one that was away tells what it has', async () => {
      const [less, more] = await lastIndexes();
      return less! > 0 && less! < more!;
    });
    let plan: RecoveryPlan | undefined;
    await until('the plan is made without the three', async () => {
      plan = await own.admin.recoveryPlan();
      return plan.lost.length === lost.length;
    });
    const [, lastIndex] = await lastIndexes();
    expect(plan!.sets.find((one) => one.set === set.id)).toMatchObject({
      action: 'take-over',
      node: ahead,
      lastIndex,
      loses: expect.stringMatching(
        new RegExp(`^writes behind entry ${lastIndex} that only nodes (\\d, ){2}\\d confirmed`),
      ),
    });
  } finally {
    for (const node of lost) node.signal('SIGCONT');
    own.close();
  }
}

test(
  'as many replicas as a database wants have the sets that it has already; of some that are left the plan takes the most advanced',
  async () => {
    for (const replicas of [5, 3]) {
      await client.admin.alterDatabase(DATABASE, {replicas}, {timeoutMs: 60_000});
      await until(`the set has ${replicas} voters and no other replica`, async () => {
        const set = await firstSet();
        return votersOf(set).length === replicas && nodesOf(set).length === replicas;
      });
      if (replicas === 5) await expectMostAdvanced();
    }
    const rows = await client.query('SELECT v FROM warmup ORDER BY time');
    expect(rows.map(({v}) => v)).toEqual([1, 2, 3, 4]);
  },
  TEST_MS_MAX,
);

/** The operation that a statement began, once it has ended. */
async function carriedOut(statement: string): Promise<Operation> {
  const [begun] = await client.query(statement);
  let now: Operation | undefined;
  await until(`${statement} has ended`, async () => {
    now = await client.admin.operation(begun!['operation_id'] as Id);
    return !['running', 'cancelling'].includes(now.state);
  });
  return now!;
}

test(
  'statements place replicas one by one, and what was asked for by hand ends where the set is unpinned',
  async () => {
    const {id, replicas} = await firstSet();
    const rowsOf = 'SELECT v FROM warmup ORDER BY time';
    const rows = await client.query(rowsOf);
    expect(rows.length).toBeGreaterThan(0);
    const free = (await client.admin.nodes())
      .map((node) => node['id'] as Id)
      .filter((node) => !replicas.some((one) => one.node === node));
    const [third, first, second] = replicas.sort((a, b) => Number(a.leader) - Number(b.leader));
    // Roles are what the group made of itself: a fourth replica learns, and takes the vote of one that goes.
    const steps = [
      {
        statement: `REPLICA ADD REPLICA_ID ${id} NODE_ID ${free[0]}`,
        operation: {kind: 'add-replica', targetNode: free[0]},
        voters: [first, second, third].map((one) => one!.node),
        learners: [free[0]],
      },
      {
        statement: `MOVE VNODE ${first!.replica} TO NODE ${free[1]}`,
        operation: {kind: 'move-replica', sourceNode: first!.node, targetNode: free[1]},
        voters: [free[1], second!.node, third!.node],
        learners: [free[0]],
      },
      {
        statement: `REPLICA REMOVE REPLICA_ID ${id} NODE_ID ${third!.node}`,
        operation: {kind: 'remove-replica', sourceNode: third!.node},
        voters: [free[1], second!.node, free[0]],
        learners: [],
      },
      {
        statement: `COPY VNODE ${second!.replica} TO NODE ${first!.node}`,
        operation: {kind: 'add-replica', targetNode: first!.node},
        voters: [free[1], second!.node, free[0]],
        learners: [first!.node],
      },
      {
        // It may lead.
        statement: `DROP VNODE ${second!.replica}`,
        operation: {kind: 'remove-replica', sourceNode: second!.node},
        voters: [free[1], first!.node, free[0]],
        learners: [],
      },
    ];
    for (const {statement, operation, voters, learners} of steps) {
      const ended = await carriedOut(statement);
      expect(ended, statement).toMatchObject({...operation, state: 'done', percent: 100});
      const set = await firstSet();
      expect(votersOf(set).sort(), statement).toEqual(voters.sort());
      expect(nodesOf(set).sort(), statement).toEqual([...voters, ...learners].sort());
    }
    const words = (...args: string[]) => flotillaAt(cluster.urls, ['replica-set', ...args]);
    const removal = ['remove-replica', String(id), '--node', String(first!.node)];
    expect(await words(...removal)).toMatchObject({
      code: 1,
      err: expect.stringContaining('fewer voters'),
    });
    expect(await words(...removal, '--yes')).toMatchObject({code: 0});
    const left = await firstSet();
    expect([votersOf(left).length, nodesOf(left).sort()]).toEqual([1, [...free].sort()]);
    expect(left['pinned']).toBe(true);
    expect(await words('unpin', String(id))).toMatchObject({code: 0});
    expect((await firstSet())['pinned']).not.toBe(true);
    await until('it has as many voters as its database wants', async () => {
      const set = await firstSet();
      return votersOf(set).length === 3 && nodesOf(set).length === 3;
    });
    await untilApplied(client, DATABASE);
    for (const node of nodesOf(await firstSet())) {
      const {url} = await processOf(cluster, client, node);
      const own = new FlotillaClient({urls: [url], database: DATABASE});
      expect(await own.query(rowsOf, {stale: true})).toEqual(rows);
      own.close();
    }
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
    const zones = new Map((await client.admin.nodes()).map(({id, zone}) => [id, zone]));
    const zoneOf = (node: Id) => zones.get(node);
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
    // Without it each zone still has a node, and three members one each.
    const leaving = (await members()).find((node) => zoneOf(node) !== 'c');
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
    await until('the members are in one zone each', async () => {
      if ((await members()).map(zoneOf).sort().join() === 'a,b,c') return true;
      // One that was away and is behind goes before one whose zone has another: the cluster evens that out in a while.
      await client.admin.rebalance();
      return false;
    });
    await client.admin.createDatabase({name: 'of-three'}, {timeoutMs: 60_000});
  },
  TEST_MS_MAX,
);
