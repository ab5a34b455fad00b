import {type DatabaseId, DbError, META_SET, type NodeId} from '@flotilla/base';
import type {NodeReport, Reports} from '@flotilla/catalog';
import {MemoryDisk, VirtualClock} from '@flotilla/testkit';
import {beforeEach, describe, expect, test} from 'vitest';
import {CatalogFollower} from './catalog-follower.ts';
import {FakeMetaLog, FakeNetwork, FakePresence, openMachine, SILENT} from './fakes.fixture.ts';
import {MetaClient} from './meta-client.ts';
import {MetaService} from './meta-service.ts';

const [ONE, TWO, THREE] = [1, 2, 3] as NodeId[] as [NodeId, NodeId, NodeId];
const PUBLIC = 1 as DatabaseId;

let clock: VirtualClock;
let network: FakeNetwork;
let log: FakeMetaLog;
let presence: FakePresence;
let follower: CatalogFollower;
let client: MetaClient;
/** What the nodes have told the leader. */
let reports: Reports;

/** Members 1 to 3, of which 1 leads; client and follower on node 9. */
beforeEach(async () => {
  clock = new VirtualClock();
  network = new FakeNetwork(clock);
  log = new FakeMetaLog();
  presence = new FakePresence();
  log.leader = ONE;
  reports = new Map();
  for (const node of [ONE, TWO, THREE]) {
    const machine = await openMachine(new MemoryDisk());
    log.members.set(node, machine);
    const service = new MetaService({
      group: log.group(node),
      machine,
      clock,
      reports: () => reports,
    });
    network.add(node, service.handlers());
  }
  const rpc = network.rpc(9 as NodeId);
  const members = () => [TWO, ONE, THREE];
  follower = new CatalogFollower({rpc, clock, log: SILENT, members, presence});
  const waitForVersion = follower.waitForVersion.bind(follower);
  client = new MetaClient({
    rpc,
    clock,
    members,
    presence,
    waitForVersion,
    clusterVersion: () => undefined,
  });
  const node = {incarnation: 'i', address: 'a', engineThreads: 1, version: '1'};
  await client.propose(
    {type: 'found-cluster', clusterId: 'c', clusterVersion: 2, node, atMs: 1},
    within(1000),
  );
  network.calls.length = 0;
});

function within(ms: number) {
  return {deadlineMs: clock.monotonicMs() + ms};
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await clock.resolve(promise);
    return 'ok';
  } catch (error) {
    return error instanceof DbError ? error.code : String(error);
  }
}

describe('client', () => {
  test('goes where a follower points to, and there at once the next time', async () => {
    const other = new MetaClient({
      rpc: network.rpc(9 as NodeId),
      clock,
      members: () => [TWO, THREE],
      presence,
      waitForVersion: () => Promise.resolve(),
      clusterVersion: () => undefined,
    });
    await other.propose({type: 'create-tenant', name: 'a'}, within(1000));
    await other.propose({type: 'create-tenant', name: 'b'}, within(1000));
    expect(network.calls.map(({node}) => node)).toEqual([TWO, ONE, ONE]);
  });

  test("gives the catalog's own refusal", async () => {
    const again = client.propose({type: 'create-tenant', name: 'default'}, within(1000));
    expect(await codeOf(again)).toBe('ALREADY_EXISTS');
  });

  test('waits for an election and passes over dead members', async () => {
    log.leader = undefined;
    network.nodes.delete(ONE);
    const asking = client.propose({type: 'create-tenant', name: 'a'}, within(5000));
    await clock.advance(400);
    log.leader = THREE;
    expect(await codeOf(asking)).toBe('ok');
  });

  test('says that nothing was done when nobody could be asked', async () => {
    log.leader = undefined;
    const asking = client.propose({type: 'create-tenant', name: 'a'}, within(500));
    expect(await codeOf(asking)).toBe('META_UNAVAILABLE');
  });

  test('asks again after an unknown outcome only where that does no harm', async () => {
    log.unknownOutcomes = 1;
    const tables = [{name: 'cpu', tags: [], fields: []}];
    const ensure = client.propose({type: 'ensure-tables', database: PUBLIC, tables}, within(1000));
    expect(await codeOf(ensure)).toBe('ok');
    log.unknownOutcomes = 1;
    const create = client.propose({type: 'create-tenant', name: 'x'}, within(1000));
    expect(await codeOf(create)).toBe('OUTCOME_UNKNOWN');
    // By the second time the name may be another's.
    log.unknownOutcomes = 1;
    const gone = {tenant: 'default', name: 'd', ifExists: true, atMs: 1, purgeAtMs: 1};
    const drop = client.propose({type: 'drop-database', ...gone}, within(1000));
    expect(await codeOf(drop)).toBe('OUTCOME_UNKNOWN');
    log.unknownOutcomes = 1;
    const made = {tenant: 'default', name: 'd', ifNotExists: true, options: {}};
    const again = client.propose({type: 'create-database', ...made}, within(1000));
    expect(await codeOf(again)).toBe('ok');
  });

  test('an order pins nothing: what it places is pinned when it is done', async () => {
    const order = {kind: 'transfer-leader', replicaSet: META_SET, target: 1 as never} as const;
    const by = {startedBy: 'ann', atMs: 1, pin: true};
    await client.propose({type: 'create-operation', ...order, ...by}, within(1000));
    const {catalog} = log.members.get(ONE)!;
    expect(catalog.operationOf(META_SET)).toMatchObject({...order, state: 'running'});
    expect(catalog.metaSet()!.pinned).toBeUndefined();
  });

  test('what an operator set is not set again over what another set since', async () => {
    const database = {type: 'alter-database', tenant: 'default', name: 'public'} as const;
    const sets = [
      {type: 'set-cluster', failover: 'manual'},
      {type: 'set-automation', kinds: ['repair'], paused: true, atMs: 1},
      {type: 'set-maintenance', node: ONE, maintenance: {untilMs: 1, scope: 'all'}},
      {...database, options: {failover: 'manual'}},
      {type: 'set-replica-set-failover', set: META_SET, failover: 'manual'},
      {type: 'pin-replica-set', set: META_SET, pinned: true},
    ] as const;
    for (const command of sets) {
      log.unknownOutcomes = 1;
      expect(await codeOf(client.propose(command, within(1000)))).toBe('OUTCOME_UNKNOWN');
    }
    // Where nothing was done it is asked anew: an election is no reason to refuse an order.
    log.leader = undefined;
    const asking = client.propose({...database, options: {failover: 'manual'}}, within(5000));
    await clock.advance(400);
    log.leader = THREE;
    expect(await codeOf(asking)).toBe('ok');
  });

  test('a leader that hangs is passed over for repeatable questions', async () => {
    network.hanging.add(ONE);
    const reading = client.readIndex(within(4000));
    await clock.advance(1000);
    log.leader = TWO;
    expect(await codeOf(reading)).toBe('ok');
  });

  test('a leader whose node stopped answering is given up at once, and not asked again', async () => {
    network.hanging.add(ONE);
    const startMs = clock.monotonicMs();
    const reading = client.readIndex(within(4000));
    const asking = client.propose({type: 'create-tenant', name: 'x'}, within(4000));
    await clock.advance(600);
    presence.goesAway(ONE);
    // It may have come to that: who asked decides.
    expect(await codeOf(asking)).toBe('OUTCOME_UNKNOWN');
    // The followers still name it.
    await clock.advance(200);
    log.leader = TWO;
    expect(await codeOf(reading)).toBe('ok');
    expect(await codeOf(client.propose({type: 'create-tenant', name: 'y'}, within(1000)))).toBe(
      'ok',
    );
    expect(clock.monotonicMs() - startMs).toBeLessThan(950);
    expect(network.calls.filter(({node}) => node === ONE)).toHaveLength(2);
  });

  test('a leader that only another member reaches is asked through that one', async () => {
    await codeOf(client.readIndex(within(4000)));
    network.calls.length = 0;
    presence.goesAway(ONE);
    const startMs = clock.monotonicMs();
    expect(await codeOf(client.readIndex(within(4000)))).toBe('ok');
    expect(clock.monotonicMs() - startMs).toBeLessThan(100);
    expect(network.calls.map(({node}) => node)).toEqual([TWO, TWO, ONE]);
    // What may not be repeated is not given to a leader that may be frozen.
    const make = client.propose({type: 'create-tenant', name: 'x'}, within(4000));
    await clock.advance(1_000);
    expect(network.calls.filter(({node}) => node === ONE)).toHaveLength(1);
    expect(await codeOf(make)).toBe('ok');
  });

  test('where all members are away, they are asked all the same', async () => {
    for (const node of [ONE, TWO, THREE]) presence.goesAway(node);
    expect(await codeOf(client.readIndex(within(1000)))).toBe('ok');
  });

  test('a read that is late says whether the meta group is lost or only slow', async () => {
    network.hanging.add(ONE);
    expect(await codeOf(client.readIndex(within(500)))).toBe('DEADLINE_EXCEEDED');
    // One after the other: the leader's silence is its followers' too, once they hear of none.
    await clock.advance(5_000);
    log.leader = undefined;
    expect(await codeOf(client.readIndex(within(5_000)))).toBe('META_UNAVAILABLE');
    // Known by now: a short question is told at once what a long one would be.
    expect(await codeOf(client.readIndex(within(100)))).toBe('META_UNAVAILABLE');
    network.hanging.clear();
    log.leader = TWO;
    expect(await codeOf(client.readIndex(within(5_000)))).toBe('ok');
    network.hanging.add(TWO);
    expect(await codeOf(client.readIndex(within(100)))).toBe('DEADLINE_EXCEEDED');
  });

  test('a member that is away counts as lost without being asked', async () => {
    log.leader = undefined;
    for (const node of [ONE, THREE]) presence.goesAway(node);
    expect(await codeOf(client.readIndex(within(1_000)))).toBe('META_UNAVAILABLE');
    expect(new Set(network.calls.map(({node}) => node))).toEqual(new Set([TWO]));
  });

  test('equal questions are asked once; different ones each', async () => {
    const before = log.proposals;
    const ensure = (name: string) =>
      client.propose(
        {type: 'ensure-tables', database: PUBLIC, tables: [{name, tags: [], fields: []}]},
        within(1000),
      );
    const results = await clock.resolve(Promise.all([ensure('a'), ensure('a'), ensure('b')]));
    expect(results[0]).toEqual(results[1]);
    expect(log.proposals - before).toBe(2);
  });

  test('makes a bucket once, however many ask', async () => {
    const make = () => client.ensureBucket(PUBLIC, 5, within(1000));
    const [first, second] = await clock.resolve(Promise.all([make(), make()]));
    expect(first).toEqual(second);
    expect(await clock.resolve(make())).toEqual({...first, created: false});
    expect(await codeOf(client.ensureBucket(99 as DatabaseId, 5, within(1000)))).toBe(
      'DATABASE_NOT_FOUND',
    );
  });

  test('one read index at a time; those that ask meanwhile share the next', async () => {
    const reads = Array.from({length: 10}, () => client.readIndex(within(1000)));
    const indexes = await clock.resolve(Promise.all(reads));
    expect(new Set(indexes)).toEqual(new Set([6]));
    expect(log.reads).toBe(2);
  });

  test('asks the leader whether an operation may begin, which begins none', async () => {
    const order = {
      type: 'create-operation',
      kind: 'add-replica',
      startedBy: 'ann',
      atMs: 1,
    } as const;
    const operation = {...order, replicaSet: META_SET, targetNode: ONE};
    const before = log.proposals;
    const ask = () => codeOf(client.mayBegin(operation, within(1000)));
    expect(await ask()).toBe('ok');
    reports = new Map([[ONE, {live: true, diskFree: 0.1} as NodeReport]]);
    expect(await ask()).toBe('NO_PLACE');
    log.leader = THREE;
    expect(await ask(), 'as its leader sees it').toBe('NO_PLACE');
    expect(network.calls.map(({node}) => node)).toEqual([ONE, ONE, ONE, THREE]);
    expect(log.proposals).toBe(before);
  });

  test('asks no member of an older build whether an operation may begin, and says so where it leads', async () => {
    const order = {type: 'create-operation', kind: 'add-replica', startedBy: 'a', atMs: 1} as const;
    const operation = {...order, replicaSet: META_SET, targetNode: ONE};
    const isOlder = (node: NodeId): void => {
      const known = network.nodes.get(node)!.map(({call, stream}) => {
        const older = [...call].filter(([method]) => method !== 'meta.may-begin');
        return {call: new Map(older), stream};
      });
      network.nodes.set(node, known);
    };
    isOlder(ONE);
    const asking = clock.resolve(client.mayBegin(operation, within(1000)));
    await expect(asking).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringContaining('upgrade node 1 first'),
    });
    log.leader = THREE;
    reports = new Map([[ONE, {live: true, diskFree: 0.1} as NodeReport]]);
    expect(await codeOf(client.mayBegin(operation, within(1000)))).toBe('NO_PLACE');
    expect(await codeOf(client.mayBegin(operation, within(1000)))).toBe('NO_PLACE');
    expect(network.calls.at(-1)).toEqual({node: THREE, method: 'meta.may-begin'});
  });

  test('refuses what is no command', async () => {
    const payload = Buffer.from(JSON.stringify({command: {type: 'nonsense'}, timeoutMs: 1}));
    const rpc = network.rpc(9 as NodeId);
    const target = {node: ONE, set: META_SET};
    const asking = rpc.call(target, 'meta.propose', payload, within(1000));
    expect(await codeOf(asking)).toBe('INVALID_ARGUMENT');
  });
});

describe('follower', () => {
  const makeTenant = (name: string) => client.propose({type: 'create-tenant', name}, within(1000));

  test('follows, announces each change, and ends waits', async () => {
    const seen: number[] = [];
    follower.onUpdate(() => seen.push(follower.catalog.version));
    follower.start();
    await clock.advance(10);
    await makeTenant('a');
    await clock.resolve(client.waitForVersion(7, within(1000)));
    expect(follower.catalog.tenantByName('a')).toBeDefined();
    expect(seen).toEqual([6, 7]);
    expect(await codeOf(client.waitForVersion(99, within(200)))).toBe('DEADLINE_EXCEEDED');
    await follower.stop();
  });

  test('goes to another member when its own is lost or silent, and misses nothing', async () => {
    follower.start();
    await clock.advance(10);
    network.nodes.delete(TWO);
    await makeTenant('a');
    await clock.resolve(client.waitForVersion(7, within(4000)));
    network.hanging.add(ONE);
    log.leader = THREE;
    const tables = [{name: 'cpu', tags: [], fields: []}];
    const ensure = {type: 'ensure-tables', database: PUBLIC, tables} as const;
    await clock.resolve(client.propose(ensure, within(5000)));
    await clock.resolve(client.waitForVersion(8, within(9000)));
    expect(follower.catalog.snapshot()).toEqual(log.members.get(THREE)!.catalog.snapshot());
    await follower.stop();
  });

  test('leaves a member whose node stopped answering at once', async () => {
    follower.start();
    await clock.advance(10);
    network.hanging.add(TWO);
    await makeTenant('a');
    presence.goesAway(TWO);
    await clock.resolve(client.waitForVersion(7, within(200)));
    await follower.stop();
  });

  test('leaves a member that hears of no leader, for one that does', async () => {
    follower.start();
    await clock.advance(10);
    log.cutOff.add(TWO);
    await makeTenant('a');
    await clock.resolve(client.waitForVersion(7, within(6000)));
    expect(follower.catalog.tenantByName('a')).toBeDefined();
    await follower.stop();
  });

  test('takes a snapshot when it was away for too long', async () => {
    follower.start();
    await clock.advance(10);
    await follower.stop();
    // More updates than the ring keeps.
    for (let i = 0; i < 4200; i++) log.members.get(TWO)!.applyNothing(7 + i, 5);
    const events: string[] = [];
    const next = new CatalogFollower({
      rpc: network.rpc(9 as NodeId),
      clock,
      log: SILENT,
      members: () => [TWO],
      presence,
      catalog: follower.catalog,
    });
    next.onUpdate(({type}) => events.push(type));
    next.start();
    await clock.advance(10);
    expect(events).toEqual(['snapshot']);
    expect(next.catalog.version).toBe(4206);
    expect(next.catalog.tenantByName('default')).toBeDefined();
    await next.stop();
  });

  test.each(['hanging', 'stopped'] as const)(
    'who waits for what a %s member does not get to hears it from another',
    async (how) => {
      follower.start();
      await clock.advance(100);
      log.hanging.add(TWO);
      if (how === 'stopped') log.stopped.add(TWO);
      await clock.resolve(client.propose({type: 'create-tenant', name: 'acme'}, within(1000)));
      const {version} = log.members.get(ONE)!.catalog;
      const beganMs = clock.monotonicMs();
      await clock.resolve(follower.waitForVersion(version, beganMs + 30_000));
      expect(clock.monotonicMs() - beganMs).toBeLessThan(6_000);
      expect(follower.catalog.tenantByName('acme')).toBeDefined();
      await follower.stop();
    },
  );

  test('a member that hangs is followed for as long as nobody wants to know more', async () => {
    follower.start();
    await clock.advance(100);
    log.hanging.add(TWO);
    await clock.resolve(client.propose({type: 'create-tenant', name: 'acme'}, within(1000)));
    await clock.advance(20_000);
    expect(network.calls.filter(({method}) => method === 'meta.watch')).toHaveLength(1);
    await follower.stop();
  });

  test('knows how long it has heard nothing', async () => {
    expect(follower.silentMs()).toBe(Infinity);
    follower.start();
    await clock.advance(5000);
    expect(follower.silentMs()).toBeLessThanOrEqual(1000);
    network.nodes.clear();
    await clock.advance(5000);
    expect(follower.silentMs()).toBeGreaterThan(3000);
    await follower.stop();
  });
});
