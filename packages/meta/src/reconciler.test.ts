// Goal: with real services, calls and handlers and a model of groups, the cluster that founds on one
// node spreads itself over those that join, and whoever leads meta goes on where the other stopped.

import {
  type Clock,
  type DatabaseId,
  DbError,
  type NodeId,
  type ReplicaId,
  type ReplicaSetId,
  SeededRandom,
} from '@flotilla/base';
import {
  type MemberChange,
  Planner,
  type PlanSettings,
  type ReplicaReport,
  type ReplicaSet,
} from '@flotilla/catalog';
import {MemoryDisk, VirtualClock} from '@flotilla/testkit';
import {expect, test, vi} from 'vitest';
import {become, FakeMetaLog, FakeNetwork, openMachine, SILENT} from './fakes.fixture.ts';
import {MetaService} from './meta-service.ts';
import {nodeHandlers} from './node-handlers.ts';
import type {CreateOrder, ReplicaHost} from './ports.ts';
import {Reconciler} from './reconciler.ts';
import {ReportBook} from './report-book.ts';

interface Group {
  voters: number[];
  learners: number[];
  configIndex: number;
  leader: number;
}

/** Groups whose changes take effect at once; a leader is the first founder. */
class Groups {
  readonly groups = new Map<ReplicaSetId, Group>();
  readonly onNode = new Map<NodeId, Map<ReplicaId, ReplicaSetId>>();
  /** Whom no other node hears. */
  readonly unheard = new Set<NodeId>();
  /** Who says that it hears them all the same. */
  readonly deluded = new Set<NodeId>();
  /** What happens while a node makes its report. */
  onReport: (node: NodeId) => void = () => {};
  /** What passes while a node makes a replica. */
  onCreate: (node: NodeId) => Promise<void> = async () => {};
  /** At these nodes nothing is created before `unhung`. */
  readonly hanging = new Set<NodeId>();
  readonly unhung = Promise.withResolvers<void>();
  /** Their leads go nowhere. */
  stuck: ReadonlySet<ReplicaSetId> = new Set();
  orders = 0;
  /** By replica: the version of the catalog that its maker needs. */
  readonly neededVersions = new Map<ReplicaId, number>();
  /** What is ordered of replicas goes on for ever. */
  isReadingLong = false;
  readonly works = new Map<ReplicaId, NonNullable<ReplicaReport['work']>>();

  host(node: NodeId): ReplicaHost {
    const here = new Map<ReplicaId, ReplicaSetId>();
    this.onNode.set(node, here);
    const book = new ReportBook();
    return {
      reports: async () => {
        this.onReport(node);
        const now = [...here].map(([replica, set]) => this.#report(set, replica));
        return become(book, now);
      },
      diskSpace: async () => ({freeBytes: 9, totalBytes: 10}),
      heard: () =>
        [...this.onNode.keys()].filter(
          (other) => this.deluded.has(node) || !this.unheard.has(other),
        ),
      createReplica: async (order) => {
        if (this.hanging.has(node)) await this.unhung.promise;
        await this.onCreate(node);
        this.#create(here, order);
      },
      destroyReplica: async ({replica}) => {
        this.orders++;
        here.delete(replica);
      },
      proposeConfig: async (set, changes, _mode, {expectedConfigIndex}) => {
        this.orders++;
        const group = this.groups.get(set)!;
        if (group.configIndex !== expectedConfigIndex) throw new DbError('CONFLICT', 'moved on');
        change(group, changes);
      },
      transferLeader: async (set, to) => {
        this.orders++;
        if (this.stuck.has(set)) throw new DbError('CONFLICT', 'it takes no lead');
        this.groups.get(set)!.leader = to;
      },
      workOnReplica: async ({set, replica, operation, work}) => {
        this.orders++;
        const state = this.isReadingLong ? 'running' : 'done';
        for (const member of work === 'compact' ? [replica] : this.groups.get(set)!.voters)
          this.works.set(member as ReplicaId, {operation, work, state, ...DIGEST});
      },
    };
  }

  #create(here: Map<ReplicaId, ReplicaSetId>, order: CreateOrder): void {
    const {set, replica, founding} = order;
    this.orders++;
    this.neededVersions.set(replica, order.createdAtVersion);
    here.set(replica, set);
    if (founding === undefined || this.groups.has(set)) return;
    const {voters, learners} = founding;
    this.groups.set(set, {
      voters: [...voters],
      learners: [...learners],
      configIndex: 5,
      leader: voters[0]!,
    });
  }

  #report(set: ReplicaSetId, replica: ReplicaId): ReplicaReport {
    const group = this.groups.get(set)!;
    const members = [...group.voters, ...group.learners] as ReplicaId[];
    return {
      set,
      replica,
      role: group.leader === replica ? 'leader' : 'follower',
      term: 6,
      appliedIndex: 10,
      lastIndex: 10,
      configIndex: group.configIndex,
      configuration: {
        voters: group.voters,
        votersOutgoing: [],
        learners: group.learners,
        learnersNext: [],
        autoLeave: false,
      },
      durable: true,
      written: false,
      work: this.works.get(replica),
      progress: members.map((member) => ({
        replica: member,
        matchIndex: 10,
        state: 'replicate',
        active: true,
      })),
    };
  }
}

function change(group: Group, changes: readonly MemberChange[]): void {
  for (const {type, id} of changes) {
    group.voters = group.voters.filter((voter) => voter !== id);
    group.learners = group.learners.filter((learner) => learner !== id);
    if (type === 'voter') group.voters.push(id);
    if (type === 'learner') group.learners.push(id);
  }
  group.configIndex++;
}

/** What every replica finds. */
const DIGEST = {index: 9, hash: 'aa', values: 5};

function bound(service: MetaService, names: readonly (keyof MetaService)[]): PropertyDescriptorMap {
  const of = (name: keyof MetaService) => (service[name] as () => unknown).bind(service);
  return Object.fromEntries(names.map((name) => [name, {value: of(name)}]));
}

/** @param wall the clock of those who plan, and how long each look at the catalog takes. */
async function startCluster(settings: PlanSettings = {}, wall = {skewMs: 0, lookMs: 0}) {
  const clock = new VirtualClock();
  let spentMs = 0;
  const own: Clock = {
    wallMs: () => clock.wallMs() + wall.skewMs,
    monotonicMs: () => clock.monotonicMs() + spentMs,
    setTimer: (delayMs, run) => clock.setTimer(delayMs, run),
    defer: (run) => clock.defer(run),
  };
  const network = new FakeNetwork(clock);
  const log = new FakeMetaLog();
  const groups = new Groups();
  const meta = new Map<NodeId, {service: MetaService; reconciler: Reconciler}>();
  for (const node of [1, 2] as NodeId[]) {
    const machine = await openMachine(new MemoryDisk());
    log.members.set(node, machine);
    const random = new SeededRandom(node);
    const rpc = network.rpc(node);
    const service: MetaService = new MetaService({group: log.group(node), machine, clock});
    const looked: MetaService = Object.create(service, {
      catalog: {
        get: () => {
          spentMs += wall.lookMs;
          return service.catalog;
        },
      },
      ...bound(service, ['isLeader', 'onUpdate', 'readIndex', 'propose']),
    });
    const options = {service: looked, rpc, clock: own, random, log: SILENT, settings};
    const reconciler = new Reconciler(options);
    reconciler.start();
    meta.set(node, {service, reconciler});
  }
  log.leader = 1 as NodeId;
  const {service} = meta.get(1 as NodeId)!;
  const join = async (i: number) => {
    const node = {incarnation: `i${i}`, address: `n${i}`, engineThreads: 2, version: '1'};
    await service.propose(
      i === 1
        ? {type: 'found-cluster', clusterId: 'c', clusterVersion: 2, node, atMs: 1}
        : {type: 'register-node', node, atMs: 1},
      Infinity,
    );
    network.add(i as NodeId, nodeHandlers(groups.host(i as NodeId), clock));
  };
  await join(1);
  groups.onNode.get(1 as NodeId)!.set(1 as ReplicaId, 0 as ReplicaSetId);
  groups.groups.set(0 as ReplicaSetId, {voters: [1], learners: [], configIndex: 5, leader: 1});
  const stop = () => {
    for (const {reconciler} of meta.values()) reconciler.stop();
  };
  return {clock, network, log, groups, meta, service, join, stop};
}

test('a bucket opens, and a cluster of one spreads to three in one joint change each', async () => {
  const {clock, groups, service, join, stop} = await startCluster();
  await service.ensureBucket(1 as never, 0, Infinity);
  const {catalog} = service;
  const isOpen = () => [...catalog.replicaSets()].every(({state}) => state === 'open');
  expect(await clock.until(isOpen, 5_000)).toBe(true);
  await join(2);
  const voters = (count: number) => () =>
    [...groups.groups.values()].every((group) => group.voters.length === count);
  await clock.advance(5_000);
  expect(voters(1)()).toBe(true); // Two nodes: a voter and a learner.
  await join(3);
  expect(await clock.until(voters(3), 10_000)).toBe(true);
  await clock.advance(3_000);
  for (const set of catalog.replicaSets()) {
    expect(set.replicas.map(({role}) => role)).toEqual(['voter', 'voter', 'voter']);
  }
  const leaders = [...catalog.replicaSets()].map(
    ({id, replicas}) =>
      replicas.find(({replica}) => replica === groups.groups.get(id)!.leader)!.node,
  );
  expect(new Set(leaders).size).toBeGreaterThan(1);
  const {orders} = groups;
  await clock.advance(5_000);
  expect(groups.orders, 'a settled cluster gets no orders').toBe(orders);
  stop();
});

test('by a clock that jumps while its leader is confirmed nothing expires', async () => {
  const wall = {skewMs: 0, lookMs: 0};
  const {clock, log, service, join, stop} = await startCluster({}, wall);
  for (const i of [2, 3]) await join(i);
  const ttlMs = 24 * 3_600_000;
  const database = {tenant: 'default', name: 'public'};
  await service.propose({type: 'alter-database', ...database, options: {ttlMs}}, Infinity);
  const expiredBeforeMs = () => service.catalog.database(1 as DatabaseId)!.expiredBeforeMs;
  expect(await clock.until(() => expiredBeforeMs() !== undefined, 10_000)).toBe(true);
  log.onRead = () => {
    wall.skewMs = 5 * ttlMs;
  };
  await join(4);
  await clock.advance(10_000);
  expect(wall.skewMs).toBe(5 * ttlMs);
  expect(expiredBeforeMs()).toBeLessThanOrEqual(clock.wallMs() - ttlMs);
  stop();
});

test('a replica is made by a node that knows which entries its set skips, or is about to', async () => {
  const {clock, groups, service, join, stop} = await startCluster();
  for (const i of [2, 3, 4, 5]) await join(i);
  const nodes = [1, 2, 3, 4, 5] as NodeId[];
  await service.propose({type: 'finalize-upgrade', version: 3, nodes}, Infinity);
  await service.ensureBucket(1 as never, 0, Infinity);
  const {catalog} = service;
  expect(
    await clock.until(() => [...catalog.replicaSets()].every(({state}) => state === 'open'), 9_000),
  ).toBe(true);
  const {id: set, replicas, createdAtVersion} = [...catalog.replicaSets()][0]!;
  const versions = (of: readonly {readonly replica: ReplicaId}[]) =>
    of.map(({replica}) => groups.neededVersions.get(replica));
  expect(versions(replicas)).toEqual(replicas.map(() => createdAtVersion));
  const add = async (): Promise<number | undefined> => {
    const before = catalog.replicaSet(set)!.replicas;
    const targetNode = nodes.find((id) => before.every(({node}) => node !== id))!;
    const terms = {startedBy: 'test', atMs: 1} as const;
    const kind = 'add-replica' as const;
    await service.propose(
      {type: 'create-operation', kind, replicaSet: set, targetNode, ...terms},
      Infinity,
    );
    const added = () => catalog.replicaSet(set)!.replicas.filter(({node}) => node === targetNode);
    expect(await clock.until(() => versions(added())[0] !== undefined, 9_000)).toBe(true);
    expect(await clock.until(() => catalog.operationOf(set) === undefined, 9_000)).toBe(true);
    return versions(added())[0];
  };
  const skip = {set, index: 7, by: 'ann', atMs: 1};
  const {order} = await service.propose({type: 'begin-skip', ...skip}, Infinity);
  expect(await add()).toBe(order);
  const promised = catalog.replicaSet(set)!.replicas.map(({replica}) => replica);
  await service.propose({type: 'end-skip', set, order, promised}, Infinity);
  expect(await add()).toBe(order);
  stop();
});

test('a move goes on under the next leader of meta, and the source is destroyed', async () => {
  const {clock, log, groups, meta, service, join, stop} = await startCluster();
  for (const i of [2, 3, 4]) await join(i);
  await service.ensureBucket(1 as never, 0, Infinity);
  await clock.advance(5_000);
  const set = [...service.catalog.replicaSets()][0]!;
  const source = set.replicas[0]!;
  const free = ([1, 2, 3, 4] as NodeId[]).find(
    (node) => !set.replicas.some((placed) => placed.node === node),
  )!;
  const {operation} = await service.propose(
    {
      type: 'create-operation',
      kind: 'move-replica',
      replicaSet: set.id,
      source: source.replica,
      targetNode: free,
      startedBy: 'test',
      atMs: 1,
    },
    Infinity,
  );
  service.onUpdate(() => {
    if (service.catalog.operation(operation)?.step === 'swap') log.leader = 2 as NodeId;
  });
  const isDone = () => service.catalog.operation(operation)?.state === 'done';
  expect(await clock.until(isDone, 20_000)).toBe(true);
  expect(log.leader).toBe(2);
  expect(meta.get(1 as NodeId)!.reconciler.isRunning()).toBe(false);
  expect(groups.onNode.get(source.node)!.has(source.replica)).toBe(false);
  expect(service.catalog.replicaSet(set.id)!.replicas.map(({node}) => node)).toContain(free);
  stop();
});

test('where nothing is to be done the meta group is left to sleep; before the next order it is asked', async () => {
  const {clock, log, groups, service, join, stop} = await startCluster();
  for (const i of [2, 3]) await join(i);
  await service.ensureBucket(1 as never, 0, Infinity);
  await clock.advance(10_000);
  const {reads} = log;
  const {orders} = groups;
  await clock.advance(10_000);
  expect({reads: log.reads, orders: groups.orders}).toEqual({reads, orders});
  // No change of the catalog tells of it: only the nodes' reports do.
  const [first] = [...groups.onNode.get(2 as NodeId)!.keys()];
  groups.onNode.get(2 as NodeId)!.delete(first!);
  expect(await clock.until(() => groups.orders > orders, 5_000)).toBe(true);
  expect(log.reads).toBeGreaterThan(reads);
  stop();
});

test('nothing is destroyed for a report that came before leadership was proven for the last time', async () => {
  const {clock, network, log, groups, join, stop} = await startCluster();
  await join(2);
  const second = 2 as NodeId;
  // Another member leads, and has made a replica there, before the report is answered.
  groups.onReport = (node) => {
    if (node !== second) return;
    log.leader = undefined;
    groups.onNode.get(second)!.set(99 as ReplicaId, 0 as ReplicaSetId);
  };
  await clock.advance(3_000);
  expect(groups.onNode.get(second)!.has(99 as ReplicaId)).toBe(true);
  expect(network.calls.map(({method}) => method)).not.toContain('replica.destroy');
  stop();
});

test('where much has changed the thread is given back between turns, and nothing is ordered before the last', async () => {
  const {clock, groups, service, join, stop} = await startCluster();
  for (const i of [2, 3]) await join(i);
  await clock.advance(10_000);
  let turns = 2_000;
  const {look} = Planner.prototype;
  const spied = vi.spyOn(Planner.prototype, 'look');
  spied.mockImplementation(function (this: Planner, reports, looksMax) {
    if (looksMax === undefined || turns === 0) return look.call(this, reports, looksMax);
    turns -= 1;
    return false;
  });
  const {orders} = groups;
  await service.ensureBucket(1 as never, 0, Infinity);
  await clock.advance(1_500);
  expect(groups.orders).toBe(orders);
  const isOpen = () => [...service.catalog.replicaSets()].every(({state}) => state === 'open');
  expect(await clock.until(isOpen, 5_000)).toBe(true);
  expect(turns).toBe(0);
  spied.mockRestore();
  stop();
});

test('leads that never leave a node keep the others there no longer than a try takes', async () => {
  const {clock, groups, service, join, stop} = await startCluster();
  for (const i of [2, 3]) await join(i);
  const named = {tenant: 'default', name: 'public'};
  await service.propose({type: 'alter-database', ...named, options: {shards: 64}}, Infinity);
  await service.ensureBucket(1 as never, 0, Infinity);
  const {catalog} = service;
  await clock.advance(20_000);
  const node = 3 as NodeId;
  const led = () =>
    [...catalog.replicaSets()]
      .filter(({id, replicas}) => {
        const {leader} = groups.groups.get(id)!;
        return replicas.some((placed) => placed.node === node && placed.replica === leader);
      })
      .map(({id}) => id);
  const before = led();
  expect(before.length).toBeGreaterThan(17);
  // As many as a round tells, and as a node is told at once.
  groups.stuck = new Set(before.slice(0, 16));
  const maintenance = {untilMs: clock.wallMs() + 3_600_000, scope: 'leaders'} as const;
  await service.propose({type: 'set-maintenance', node, maintenance}, Infinity);
  expect(await clock.until(() => led().length === 16, 3_000)).toBe(true);
  expect(new Set(led())).toEqual(groups.stuck);
  groups.stuck = new Set();
  expect(await clock.until(() => led().length === 0, 3_000)).toBe(true);
  stop();
});

test('a node whose disk hangs keeps no set from opening elsewhere', async () => {
  const {clock, groups, service, join, stop} = await startCluster();
  for (const i of [2, 3]) await join(i);
  const named = {tenant: 'default', name: 'public'};
  await service.propose({type: 'alter-database', ...named, options: {shards: 64}}, Infinity);
  groups.hanging.add(3 as NodeId);
  for (const timeMs of [0, 100 * 86_400_000]) {
    await service.ensureBucket(1 as never, timeMs, Infinity);
  }
  const isOpen = () => [...service.catalog.replicaSets()].every(({state}) => state === 'open');
  expect(await clock.until(isOpen, 20_000)).toBe(true);
  expect(groups.onNode.get(3 as NodeId)!.size).toBe(0);
  groups.unhung.resolve();
  stop();
});

test('a large bucket is founded in waves, between which the other groups have most of the time', async () => {
  const {clock, groups, service, join, stop} = await startCluster();
  for (const i of [2, 3]) await join(i);
  const named = {tenant: 'default', name: 'public'};
  await service.propose({type: 'alter-database', ...named, options: {shards: 64}}, Infinity);
  // The meta group's own members.
  await clock.advance(5_000);
  const madeAtMs: number[] = [];
  groups.onCreate = async (node) => {
    if (node === 2) madeAtMs.push(clock.monotonicMs());
    await new Promise<void>((resolve) => clock.setTimer(20, resolve));
  };
  await service.ensureBucket(1 as never, 0, Infinity);
  const isOpen = () => [...service.catalog.replicaSets()].every(({state}) => state === 'open');
  expect(await clock.until(isOpen, 3_000)).toBe(true);
  const waves = [...Map.groupBy(madeAtMs, (atMs) => atMs)];
  expect(waves.map(([, made]) => made.length)).toEqual(Array.from({length: 8}, () => 8));
  const begun = waves.map(([atMs]) => atMs);
  const restsMs = begun.slice(1).map((atMs, i) => atMs - begun[i]! - 20);
  expect(Math.min(...restsMs)).toBeGreaterThanOrEqual(6 * 20);
  stop();
});

test('one that is stopped orders nothing more and says nothing, whatever is under way at silent nodes', async () => {
  const {clock, network, groups, meta, service, join} = await startCluster();
  for (const i of [2, 3]) await join(i);
  await service.ensureBucket(1 as never, 0, Infinity);
  network.hanging.add(2 as NodeId).add(3 as NodeId);
  await clock.advance(500);
  for (const {reconciler} of meta.values()) reconciler.stop();
  const {orders} = groups;
  const {calls} = network;
  const before = calls.length;
  await clock.advance(30_000);
  expect({orders: groups.orders, calls: calls.length}).toEqual({orders, calls: before});
});

test('a silent node delays no round, and is seen as silent', async () => {
  const {clock, network, meta, service, join, stop} = await startCluster();
  for (const i of [2, 3]) await join(i);
  await clock.advance(1_000);
  network.hanging.add(3 as NodeId);
  await clock.advance(6_000);
  const reports = meta.get(1 as NodeId)!.reconciler.reports();
  expect(reports.get(3 as NodeId)).toMatchObject({live: false});
  expect(reports.get(2 as NodeId)).toMatchObject({live: true});
  await service.ensureBucket(1 as never, 0, Infinity);
  const isOpen = () => [...service.catalog.replicaSets()].every(({state}) => state === 'open');
  expect(await clock.until(isOpen, 5_000)).toBe(true);
  stop();
});

test("replicas stay on a node that only meta's leader cannot reach, until too few hear it", async () => {
  const {clock, network, groups, service, join, stop} = await startCluster({repairAfterMs: 20_000});
  for (const i of [2, 3, 4]) await join(i);
  groups.deluded.add(4 as NodeId);
  await service.ensureBucket(1 as never, 0, Infinity);
  await clock.advance(10_000);
  const repaired = () =>
    [...service.catalog.operations()]
      .filter(({kind}) => kind === 'repair')
      .map(({sourceNode}) => sourceNode);
  expect(service.catalog.replicaCount(3 as NodeId)).toBeGreaterThan(0);
  network.hanging.add(3 as NodeId);
  await clock.advance(60_000);
  expect(repaired()).toEqual([]);
  groups.unheard.add(3 as NodeId);
  await clock.advance(15_000);
  expect(repaired(), 'the time begins when too few hear it').toEqual([]);
  expect(await clock.until(() => repaired().length > 0, 15_000)).toBe(true);
  expect(new Set(repaired())).toEqual(new Set([3]));
  stop();
});

test.each([5, -5])(
  'a pause lasts as long by a leader whose own clock is %i days off',
  async (days) => {
    const wall = {skewMs: 0, lookMs: 0};
    const {clock, network, groups, service, join, stop} = await startCluster(
      {repairAfterMs: 20_000},
      wall,
    );
    for (const i of [2, 3, 4]) await join(i);
    await service.ensureBucket(1 as never, 0, Infinity);
    await clock.advance(10_000);
    const atMs = clock.wallMs();
    const pause = {paused: true, atMs, untilMs: atMs + 120_000};
    await service.propose({type: 'set-automation', kinds: ['repair'], ...pause}, Infinity);
    wall.skewMs = days * 24 * 3_600_000;
    network.hanging.add(3 as NodeId);
    groups.unheard.add(3 as NodeId);
    const repairs = () => [...service.catalog.operations()].filter(({kind}) => kind === 'repair');
    await clock.advance(100_000);
    expect(repairs()).toEqual([]);
    expect(await clock.until(() => repairs().length > 0, 40_000)).toBe(true);
    stop();
  },
);

test.each(['checksum', 'compact'] as const)('a %s is ordered, reported and ended', async (kind) => {
  const {clock, service, join, stop} = await startCluster();
  await service.ensureBucket(1 as never, 0, Infinity);
  await join(2);
  await join(3);
  await clock.advance(15_000);
  const {catalog} = service;
  const [{id: replicaSet}] = [...catalog.replicaSets()] as [ReplicaSet];
  const atMs = clock.wallMs();
  const begin = {type: 'create-operation', kind, replicaSet, startedBy: 'test', atMs} as const;
  const {operation} = await service.propose(begin, Infinity);
  const ended = () => catalog.operation(operation)?.state === 'done';
  expect(await clock.until(ended, 10_000)).toBe(true);
  const result = kind === 'compact' ? /^3 of 3 replicas/ : /^3 replicas agree on 5 values/;
  expect(catalog.operation(operation)?.result).toMatch(result);
  stop();
});

test.each([
  [0, 40, 60],
  [100, 8, 15],
])(
  'where planning takes %i ms and all is waiting, a wait of ten seconds is %i to %i rounds',
  async (lookMs, least, most) => {
    const wall = {skewMs: 0, lookMs: 0};
    const {clock, log, groups, service, stop} = await startCluster({}, wall);
    await service.ensureBucket(1 as never, 0, Infinity);
    await clock.advance(15_000);
    const [{id: replicaSet}] = [...service.catalog.replicaSets()] as [ReplicaSet];
    groups.isReadingLong = true;
    const begin = {type: 'create-operation', kind: 'checksum', replicaSet} as const;
    await service.propose({...begin, startedBy: 'test', atMs: clock.wallMs()}, Infinity);
    await clock.advance(5_000);
    wall.lookMs = lookMs;
    const {reads} = log;
    await clock.advance(10_000);
    expect(log.reads - reads).toBeGreaterThanOrEqual(least);
    expect(log.reads - reads).toBeLessThanOrEqual(most);
    await stop();
  },
);
