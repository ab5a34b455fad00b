// A node of four that dies, in a cluster of three zones: what was begun to replace it is given up when it
// comes back in time, and else all its replicas are made anew elsewhere, as fast as the nodes may send and no
// faster, which the record of each operation says. Zones hold one replica of a set each, before and after.
// They may send little, so that a move can be looked at, and taken back, while it is copied.

import {randomBytes} from 'node:crypto';
import {existsSync, readdirSync} from 'node:fs';
import path from 'node:path';
import {FlotillaClient, type Id, type Operation, type ReplicaSet} from '@flotilla/client';
import {ProcessCluster, type ProcessNode} from '@flotilla/testkit';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {flushEveryNode, leaderOf, openDatabase, processOf, untilApplied} from '../cluster/nodes.ts';
import {until} from '../cluster/waiting.ts';

const START_MS_MAX = 180_000;
const TEST_MS_MAX = 240_000;
const REPAIR_MS_MAX = 120_000;
const MIB = 2 ** 20;
const HOUR_MS = 3_600_000;
const ZONES = ['a', 'b', 'c', 'c'];
/** Of one set, which no encoding makes smaller: at a MiB a second it takes some seconds to send. */
const LARGE = 'large';
const LARGE_ROWS = 8_192;
const ROW_BYTES = 1_024;
const BODY_ROWS = 512;
/** Others, so that there are leads to even out. */
const SMALL = 'small';
const SMALL_SHARDS = 6;
/** Less than the sets of which a replica is lost with a node, and than what nodes move at once untold. */
const MOVES_MAX = 2;

let cluster: ProcessCluster;
let client: FlotillaClient;
/** By node's id. */
let zones: ReadonlyMap<Id, string>;

beforeAll(async () => {
  cluster = await ProcessCluster.start({
    nodes: ZONES.length,
    engineThreads: 1,
    flags: (node) => [
      ...['--zone', ZONES[node - 1]!],
      ...['--repair-after', '5s', '--snapshot-rate', '1MiB', '--trash-retention', '2h'],
      ...['--moves-per-cluster', String(MOVES_MAX), '--moves-per-node', String(MOVES_MAX)],
    ],
  });
  client = new FlotillaClient({urls: cluster.urls});
  await until('all nodes have joined', async () => {
    const nodes = await client.admin.nodes();
    zones = new Map(nodes.map(({id, zone}) => [id as Id, String(zone)]));
    return nodes.length === ZONES.length;
  });
  await openDatabase(client, LARGE, {shards: 1});
  await openDatabase(client, SMALL, {shards: SMALL_SHARDS});
  for (let first = 0; first < LARGE_ROWS; first += BODY_ROWS)
    await client.write(largeRows(first), {database: LARGE, timeoutMs: 30_000});
  await untilApplied(client, LARGE);
  await flushEveryNode(cluster);
}, START_MS_MAX);
afterAll(async () => {
  client.close();
  await cluster.destroy();
});

function largeRows(first: number): string {
  const line = (row: number) => {
    const text = randomBytes((ROW_BYTES * 3) / 4).toString('base64');
    return `filler,host=h${row % 10} text="${text}" ${1_600_000_000_000 + row}000000`;
  };
  return Array.from({length: BODY_ROWS}, (_, i) => line(first + i)).join('\n');
}

const zonesOf = ({replicas}: ReplicaSet): string[] =>
  replicas.map(({node}) => zones.get(node) ?? '').sort();
const nodesOf = ({replicas}: ReplicaSet): Id[] => replicas.map(({node}) => node).sort();

async function large(): Promise<ReplicaSet> {
  const [set] = await client.admin.replicaSets({database: LARGE});
  return set!;
}

async function repairs(of = client): Promise<Operation[]> {
  return (await of.admin.operations()).filter(({kind}) => kind === 'repair');
}

/** That of the set which began last. */
async function lastRepair(set: Id, of = client): Promise<Operation | undefined> {
  return (await repairs(of)).filter(({replicaSet}) => replicaSet === set).at(-1);
}

/** By node, how many sets it leads. */
async function leads(): Promise<number[]> {
  const sets = await client.admin.replicaSets();
  const counts = new Map([...zones.keys()].map((node) => [node, 0]));
  for (const set of sets) {
    const leader = leaderOf(set);
    if (leader !== undefined) counts.set(leader, (counts.get(leader) ?? 0) + 1);
  }
  return [...counts.values()];
}

/** As `<set>-<replica>`. */
function directoriesOf(node: ProcessNode): string[] {
  const stores = path.join(node.directory, 'stores');
  return readdirSync(stores).flatMap((store) => {
    const replicas = path.join(stores, store, 'replicas');
    return existsSync(replicas) ? readdirSync(replicas) : [];
  });
}

test(
  'each zone holds one replica of a set, meta too, and no node leads more than its share',
  async () => {
    for (const set of await client.admin.replicaSets())
      expect(zonesOf(set)).toEqual(['a', 'b', 'c']);
    await until('the meta group has a voter in each zone', async () => {
      const {metaVoters} = await client.admin.status();
      const voters = (metaVoters as Id[]).map((node) => zones.get(node));
      if (voters.sort().join() === 'a,b,c') return true;
      // Three may have joined before the last zone's node came: the cluster sees to it in a while, or when told.
      await client.admin.rebalance();
      return false;
    });
    await until('each node leads as many sets as the others, or one more', async () => {
      const counts = await leads();
      return Math.max(...counts) - Math.min(...counts) <= 1;
    });
  },
  TEST_MS_MAX,
);

/** Of the two nodes of one zone that which holds a replica of the large set: the other can take it. */
async function victim(): Promise<Id> {
  return (await large()).replicas.find(({node}) => zones.get(node) === 'c')!.node;
}

test(
  'what is dropped is kept for as long as the nodes were told',
  async () => {
    await client.admin.createDatabase({name: 'old'});
    const beganMs = Date.now();
    const {recoverableUntil} = await client.admin.dropDatabase('old');
    const keptMs = Date.parse(String(recoverableUntil)) - beganMs;
    expect(keptMs).toBeGreaterThanOrEqual(2 * HOUR_MS);
    expect(keptMs).toBeLessThan(2.1 * HOUR_MS);
  },
  TEST_MS_MAX,
);

test(
  'a move tells how far it is, and taken back while it is copied it leaves nothing behind',
  async () => {
    const before = await large();
    const from = await victim();
    const to = [...zones.keys()].find((node) => zones.get(node) === 'c' && node !== from)!;
    const change = {action: 'move-replica', from, to} as const;
    const {id} = await client.admin.changeReplicaSet(before.id, change);
    let seen: Operation | undefined;
    await until('some of it is copied', async () => {
      seen = await client.admin.operation(id);
      return seen.step === 'catch-up' && (seen.bytes ?? 0) > MIB;
    });
    expect(seen).toMatchObject({
      ...{kind: 'move-replica', state: 'running', replicaSet: before.id, startedBy: 'operator'},
      ...{sourceNode: from, targetNode: to, estimatedEnd: expect.stringMatching(/Z$/)},
    });
    const {bytes, bytesTotal, bytesPerSecond, percent, history} = seen!;
    expect(bytes).toBeLessThan(bytesTotal!);
    expect(bytesPerSecond).toBeGreaterThan(0);
    expect(percent).toBeGreaterThan(5);
    expect(percent).toBeLessThan(90);
    expect(history.map((one) => one['step'])).toEqual(['create', 'learner', 'catch-up']);
    await client.admin.cancelOperation(id);
    await until('it is taken back', async () => {
      return (await client.admin.operation(id)).state === 'cancelled';
    });
    expect(nodesOf(await large())).toEqual(nodesOf(before));
    const target = await processOf(cluster, client, to);
    await until('nothing of it is left there', () =>
      directoriesOf(target).every((name) => !name.startsWith(`${before.id}-`)),
    );
    // What is placed by hand stays there.
    await client.admin.pinReplicaSet(before.id, false);
  },
  TEST_MS_MAX,
);

test(
  'a node that comes back in time keeps its replicas: what was begun is given up',
  async () => {
    const before = await large();
    const dead = await victim();
    const process = await processOf(cluster, client, dead);
    // A node that is frozen takes requests, and answers none.
    const urls = cluster.urls.filter((url) => url !== process.url);
    const others = new FlotillaClient({urls});
    process.signal('SIGSTOP');
    try {
      await until(
        'its replica of the large set is being made anew',
        async () => {
          const repair = await lastRepair(before.id, others);
          return (
            repair?.state === 'running' && repair.step === 'catch-up' && (repair.bytes ?? 0) > 0
          );
        },
        REPAIR_MS_MAX,
      );
    } finally {
      process.signal('SIGCONT');
      others.close();
    }
    await until('that is given up', async () => {
      const repair = await lastRepair(before.id);
      return repair?.state === 'cancelled';
    });
    expect(await lastRepair(before.id)).toMatchObject({error: `node ${dead} came back`});
    expect(nodesOf(await large())).toEqual(nodesOf(before));
  },
  TEST_MS_MAX,
);

test(
  'all replicas of one that stays away are made anew elsewhere, as fast as is allowed',
  async () => {
    const {id} = await large();
    const dead = await victim();
    await until('nothing is made anew', async () =>
      (await repairs()).every(({state}) => state !== 'running' && state !== 'cancelling'),
    );
    const held = (await client.admin.replicaSets()).filter((set) => nodesOf(set).includes(dead));
    expect(held.map((set) => set.id)).toContain(id);
    const isDone = new Set((await repairs()).map((repair) => repair.id));
    const process = await processOf(cluster, client, dead);
    await process.kill();
    let atOnce = 0;
    await until(
      'no set has a replica on it, and each has three voters',
      async () => {
        // One that stands at its first step waits for its turn.
        const copying = (await repairs()).filter(
          ({state, step}) => state === 'running' && step !== 'create',
        );
        atOnce = Math.max(atOnce, copying.length);
        const {metaVoters} = await client.admin.status();
        const sets = await client.admin.replicaSets();
        const votersOf = ({replicas}: ReplicaSet) => replicas.filter(({role}) => role === 'voter');
        return (
          !(metaVoters as Id[]).includes(dead) &&
          (metaVoters as Id[]).length === 3 &&
          sets.every((set) => votersOf(set).length === 3 && !nodesOf(set).includes(dead))
        );
      },
      REPAIR_MS_MAX,
    );
    for (const set of await client.admin.replicaSets())
      expect(zonesOf(set)).toEqual(['a', 'b', 'c']);
    expect(held.length).toBeGreaterThan(MOVES_MAX);
    expect(atOnce).toBeGreaterThan(0);
    expect(atOnce).toBeLessThanOrEqual(MOVES_MAX);

    await until('each repair has ended', async () =>
      (await repairs()).every(({state}) => state !== 'running'),
    );
    const made = (await repairs()).filter((repair) => !isDone.has(repair.id));
    for (const {id: set} of held)
      expect(made).toContainEqual(
        expect.objectContaining({
          ...{replicaSet: set, sourceNode: dead, state: 'done', percent: 100},
          ...{cause: 'silent', startedBy: 'reconciler', bytes: expect.any(Number)},
        }),
      );
    const record = (await lastRepair(id))!;
    expect(record.bytes).toBeGreaterThan(LARGE_ROWS * ROW_BYTES * 0.6);
    expect(record.bytes).toBe(record.bytesTotal);
    // A little is sent at once when a transfer begins.
    expect(record.bytesPerSecond).toBeLessThan(1.2 * MIB);
    expect(record.bytesPerSecond).toBeGreaterThan(0.05 * MIB);
    const [row] = await client.query('SELECT count(*) AS n FROM filler', {database: LARGE});
    expect(Number(row?.['n'])).toBe(LARGE_ROWS);

    // What it still holds is nobody's any more.
    const old = held.flatMap(({id: set, replicas}) =>
      replicas.filter(({node}) => node === dead).map(({replica}) => `${set}-${replica}`),
    );
    const left = () => directoriesOf(process).filter((name) => old.includes(name));
    expect(left()).not.toEqual([]);
    process.start();
    await process.ready();
    await until('its old replicas are gone', () => left().length === 0);
  },
  TEST_MS_MAX,
);
