// The build that was landed before this one and this one in one cluster, under load, at the cluster version that
// both know, so that each does all that it can: what one has written the other opens, is sent, answers with, and
// writes beside. The rows are those that each encoding is for. While both run, and again once the upgrade is
// finalized, buckets are made, bodies under a key come twice, and nodes are evened out. Without a history (a
// tarball) this is skipped.

import {rmSync} from 'node:fs';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {FlotillaClient, type Id, isFinal, type Operation, type ReplicaSet} from '@flotilla/client';
import {ProcessCluster, type ProcessNode} from '@flotilla/testkit';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {Ledger} from '../cluster/ledger.ts';
import {leaderOf, openDatabase, processOf, untilApplied} from '../cluster/nodes.ts';
import {until} from '../cluster/waiting.ts';
import {
  addMeasurements,
  createMeasured,
  MEASURED,
  measurementFaults,
} from '../upgrade/kept-rows.ts';
import {partVersions} from '../upgrade/part-versions.ts';
import {catalogOf} from './kept-catalog.ts';
import {
  isInHistory,
  makeBuildOf,
  PREVIOUS_LANDED,
  programOf,
  ROOT,
  restartWith,
} from './second-build.ts';

const DATABASE = 'upgraded';
/** Of one shard and one replica: each week of it is on one node. */
const SPREAD = 'spread';
const SPREAD_S = 1_600_000_000;
const WEEK_S = 604_800;
/** More than two senders, which rest after each body, send in the time of the test. */
const SHAPE = {hosts: 20, ticks: 10_000, batch: 20};
const PACE_MS = 50;
const TEST_MS_MAX = 300_000;

const isThere = isInHistory(PREVIOUS_LANDED);
let checkout: string;
let cluster: ProcessCluster;
let client: FlotillaClient;
/** Weeks of `SPREAD`, and bodies that were sent to it under a key. */
let weeks = 0;
let keyed = 0;

beforeAll(async () => {
  if (!isThere) return;
  checkout = makeBuildOf(PREVIOUS_LANDED);
  const program = programOf(checkout);
  cluster = await ProcessCluster.start({nodes: 3, engineThreads: 0, program});
  client = new FlotillaClient({urls: cluster.urls, database: DATABASE});
}, TEST_MS_MAX);
afterAll(async () => {
  if (!isThere) return;
  client.close();
  await cluster.destroy();
  rmSync(checkout, {recursive: true, force: true});
});

async function measuredSet(): Promise<ReplicaSet> {
  const [set] = await client.admin.replicaSets({database: MEASURED});
  return set!;
}

async function idOf({port}: ProcessNode): Promise<Id> {
  const nodes = await client.admin.nodes();
  return nodes.find(({address}) => address === `127.0.0.1:${port}`)!['id'] as Id;
}

/** Whoever is asked, and so over a link between the builds too. */
async function expectMeasured(when: string): Promise<void> {
  for (const {url} of cluster.nodes) {
    const alone = new FlotillaClient({urls: [url]});
    expect((await measurementFaults(alone)).slice(0, 5), `${when}, by ${url}`).toEqual([]);
    alone.close();
  }
}

async function flush(node: ProcessNode, {merges}: {merges: boolean}): Promise<void> {
  const own = new FlotillaClient({urls: [node.url]});
  await own.admin.flushStorage();
  if (merges) await own.admin.compactStorage();
  own.close();
}

async function done(begun: Operation): Promise<Operation> {
  let operation = begun;
  await until(`operation ${begun.id} has ended`, async () => {
    operation = await client.admin.operation(begun.id);
    return isFinal(operation);
  });
  expect(operation).toMatchObject({state: 'done'});
  return operation;
}

/** Of the set's one replica. What its node has in files then, and has not written, came as a snapshot. */
async function move(to: ProcessNode): Promise<Set<number>> {
  const set = await measuredSet();
  const places = {from: leaderOf(set)!, to: await idOf(to)};
  await done(await client.admin.changeReplicaSet(set.id, {action: 'move-replica', ...places}));
  const {id, replicas} = await measuredSet();
  expect(replicas).toMatchObject([{node: places.to}]);
  const own = `${id}-${String(replicas[0]!.replica)}`;
  return partVersions(path.join(to.directory, 'stores/0/replicas', own));
}

function clientOf({url}: ProcessNode): FlotillaClient {
  return new FlotillaClient({urls: [url], database: SPREAD});
}

/** By each node one, whose router asks the meta leader for it. */
async function expectBuckets(): Promise<void> {
  const clients = cluster.nodes.map(clientOf);
  for (const each of clients) {
    await each.write(`week,host=h n=${weeks}i ${SPREAD_S + weeks * WEEK_S}000000000`);
    weeks += 1;
  }
  const wanted = Array.from({length: weeks}, (_, n) => n);
  for (const each of clients) {
    const rows = await each.query('SELECT n FROM week ORDER BY time');
    expect(rows.map(({n}) => n)).toEqual(wanted);
    each.close();
  }
  expect(await client.admin.replicaSets({database: SPREAD})).toHaveLength(weeks);
}

function keyedLine(table: string, n: number, v: number): string {
  return `${table},host=h v=${v}i ${SPREAD_S + n}000000000`;
}

/**
 * Of several tables, by one node; it and those before it once more by another one. What was written over one of
 * its rows between stays.
 */
async function expectOnce(by: ProcessNode, again: ProcessNode): Promise<void> {
  const [first, second] = [clientOf(by), clientOf(again)];
  const send = (to: FlotillaClient, n: number) => {
    const lines = ['a', 'b', 'c'].map((table) => keyedLine(table, n, 1));
    return to.write(lines.join('\n'), {idempotencyKey: `body-${n}`});
  };
  await send(first, keyed);
  await second.write(keyedLine('b', keyed, 2));
  keyed += 1;
  for (let n = 0; n < keyed; n++) await send(second, n);
  const tables = {a: 1, b: 2, c: 1};
  for (const [table, v] of Object.entries(tables)) {
    const rows = await first.query(`SELECT v FROM ${table}`);
    expect(rows.map((row) => row['v'])).toEqual(Array.from({length: keyed}, () => v));
  }
  first.close();
  second.close();
}

/** The sets of one replica, by the node that holds them. */
async function setsByNode(): Promise<Map<Id, ReplicaSet[]>> {
  const nodes = await client.admin.nodes();
  const held = new Map<Id, ReplicaSet[]>(nodes.map(({id}) => [id as Id, []]));
  for (const set of [...(await client.admin.replicaSets({database: SPREAD})), await measuredSet()])
    held.get(set.replicas[0]!.node)!.push(set);
  return held;
}

/** One too many by hand, which a rebalance makes good. */
async function expectEvenedOut(): Promise<void> {
  await client.admin.pinReplicaSet((await measuredSet()).id, true);
  const bySize = [...(await setsByNode())].sort(([, a], [, b]) => b.length - a.length);
  const [[fullest], ...others] = bySize as [[Id, ReplicaSet[]], ...[Id, ReplicaSet[]][]];
  const [moved] = others.flatMap(([, sets]) => sets).filter(({database}) => database === SPREAD);
  const places = {from: moved!.replicas[0]!.node, to: fullest};
  await done(await client.admin.changeReplicaSet(moved!.id, {action: 'move-replica', ...places}));
  // What was placed by hand stays where it is.
  expect(await client.admin.replicaSet(moved!.id)).toMatchObject({pinned: true});
  await client.admin.pinReplicaSet(moved!.id, false);
  expect((await done(await client.admin.rebalance()))['movesPlanned']).toBeGreaterThan(0);
  const counts = [...(await setsByNode()).values()].map(({length}) => length);
  expect(Math.max(...counts) - Math.min(...counts)).toBeLessThan(2);
}

test.skipIf(!isThere)(
  'there, back, there again, and sent both ways',
  async () => {
    const older = cluster.node(1).program;
    const newer = programOf(ROOT);
    const {version} = await client.admin.cluster();
    // Nothing moves by itself meanwhile.
    await client.admin.pauseAutomation({for: '1h'});
    await openDatabase(client, DATABASE);
    const ledger = new Ledger(SHAPE);
    const senders = [1, 2].map(() => ledger.send(client, () => sleep(PACE_MS)));
    await createMeasured(client, {replicas: 1});
    await client.admin.createDatabase({name: SPREAD, shards: 1, replicas: 1, ttl: null});
    await client.write('warmup v=1 1600000000000000000', {database: MEASURED});
    await until('its set is led', async () => leaderOf(await measuredSet()) !== undefined);
    const first = await processOf(cluster, client, leaderOf(await measuredSet())!);
    const [home, last] = cluster.nodes.filter((node) => node !== first) as [
      ProcessNode,
      ProcessNode,
    ];
    await flush(first, {merges: false});

    await restartWith(newer, first, client);
    const own = new FlotillaClient({urls: [first.url]});
    await addMeasurements(own);
    expect(partVersions(first.directory)).toContain(2);
    expect(partVersions(first.directory)).not.toContain(4);
    await expectMeasured('written by the newer');
    await flush(home, {merges: true});
    const [loaded] = await client.admin.replicaSets({database: DATABASE});
    const {result} = await done(await client.admin.checksumReplicaSet(loaded!.id));
    expect(result).toMatch(/^3 replicas agree on /);
    await expectBuckets();
    await expectOnce(first, home);
    await expectOnce(home, first);
    await expectEvenedOut();

    await restartWith(older, first, client);
    await expectMeasured('opened by the older');
    await client.write('older v=1 1600000000000000000', {database: MEASURED});
    await flush(first, {merges: false});
    await restartWith(newer, first, client);
    await expectMeasured('opened by the newer, after the older wrote beside it');

    // Once more: the older may have merged them all.
    await addMeasurements(own);
    own.close();
    expect((await move(home)).size).toBeGreaterThan(0);
    await flush(home, {merges: true});
    await expectMeasured('sent to the older, and merged there');
    expect((await move(first)).size).toBeGreaterThan(0);
    await flush(first, {merges: true});
    await expectMeasured('sent to the newer, and merged there');

    await restartWith(newer, last, client);
    await restartWith(newer, home, client);
    await expectMeasured('of one build');
    expect(await client.admin.finalizeUpgrade()).toMatchObject({from: version});
    await client.write('finalized v=1 1600000000000000000', {database: MEASURED});
    expect(await move(home)).toContain(4);
    await expectMeasured('with parts that the older did not know');
    await expectBuckets();
    await expectOnce(last, first);
    await expectEvenedOut();
    expect(ledger.sentRows, 'there was a load all the time').toBeLessThan(ledger.rowCount);
    ledger.stop();
    await Promise.all(senders);
    expect(ledger.failures).toEqual([]);
    await untilApplied(client, DATABASE);
    for (const {url} of cluster.nodes) {
      const alone = new FlotillaClient({urls: [url], database: DATABASE});
      expect((await ledger.compare(alone, {stale: true})).slice(0, 5), url).toEqual([]);
      alone.close();
    }
    expect((await client.admin.status()).verdict).toBe('healthy');
    for (const node of cluster.nodes) node.signal('SIGTERM');
    await Promise.all(cluster.nodes.map((node) => node.exited()));
    const [one, ...others] = cluster.nodes.map(catalogOf);
    for (const other of others) expect(other).toEqual(one);
  },
  TEST_MS_MAX,
);
