// Goal: on real Raft groups over memory disks and links, a cluster that one node founded grows to
// three, meta and data alike; it loses nothing when the leader of meta dies, and replaces the lead.

import {
  META_SET,
  type NodeId,
  type ReplicaId,
  type ReplicaSetId,
  SeededRandom,
  type StoreId,
} from '@flotilla/base';
import {Host} from '@flotilla/multiraft';
import {MemoryDisk, MemoryNetwork, VirtualClock} from '@flotilla/testkit';
import {expect, test} from 'vitest';
import {CatalogFollower} from './catalog-follower.ts';
import {become, FakeNetwork, FakePresence, SILENT} from './fakes.fixture.ts';
import {ALL_AT_ONCE} from './in-slices.ts';
import {MetaClient} from './meta-client.ts';
import {MetaService} from './meta-service.ts';
import {MetaStateMachine} from './meta-state-machine.ts';
import {nodeHandlers, reportOf} from './node-handlers.ts';
import type {ReplicaHost} from './ports.ts';
import {Reconciler} from './reconciler.ts';
import {ReportBook} from './report-book.ts';

class Cluster {
  readonly clock = new VirtualClock();
  readonly random: SeededRandom;
  readonly links: MemoryNetwork;
  readonly calls = new FakeNetwork(this.clock);
  readonly hosts = new Map<NodeId, Host>();
  readonly reconcilers = new Map<NodeId, Reconciler>();
  readonly follower: CatalogFollower;
  readonly client: MetaClient;

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
    this.links = new MemoryNetwork({clock: this.clock, latencyMs: 1, random: this.random});
    const rpc = this.calls.rpc(9 as NodeId);
    const members = () => [...this.hosts.keys()];
    const presence = new FakePresence();
    this.follower = new CatalogFollower({rpc, clock: this.clock, log: SILENT, members, presence});
    const waitForVersion = this.follower.waitForVersion.bind(this.follower);
    this.client = new MetaClient({
      rpc,
      clock: this.clock,
      members,
      presence,
      waitForVersion,
      clusterVersion: () => undefined,
    });
    this.follower.start();
  }

  async start(node: NodeId): Promise<Host> {
    const disk = new MemoryDisk({clock: this.clock});
    const opening = Host.open({
      node,
      bootEpoch: 1,
      clock: this.clock,
      random: this.random,
      transport: this.links.join(node, (from, channel, frame) =>
        this.hosts.get(node)?.receive(from, channel, frame),
      ),
      stores: [{store: 0 as StoreId, disk, path: 'store-0'}],
      timing: 'local',
      // Data sets hold no rows here: any state machine does.
      openStateMachine: async ({set, replica, founding}) => {
        const machine = await MetaStateMachine.open({
          disk,
          directory: `replicas/${set}-${replica}`,
          slices: ALL_AT_ONCE,
          founding,
          onFatal: (error) => {
            throw error;
          },
        });
        if (set === META_SET) this.#serveMeta(node, machine);
        return machine;
      },
      locate: (set, replica) =>
        this.follower.catalog.replicaSet(set)?.replicas.find((placed) => placed.replica === replica)
          ?.node,
    });
    const host = await this.clock.resolve(opening);
    for (const [other, known] of this.hosts) {
      known.nodeChanged(node, {state: 'alive', bootEpoch: 1});
      host.nodeChanged(other, {state: 'alive', bootEpoch: 1});
    }
    this.hosts.set(node, host);
    this.calls.add(node, nodeHandlers(replicaHost(host), this.clock));
    return host;
  }

  crash(node: NodeId): void {
    this.links.leave(node);
    this.calls.nodes.delete(node);
    void this.reconcilers.get(node)?.stop();
    this.reconcilers.delete(node);
    this.hosts.delete(node);
    for (const host of this.hosts.values()) host.nodeChanged(node, {state: 'gone', bootEpoch: 1});
  }

  #serveMeta(node: NodeId, machine: MetaStateMachine): void {
    // The host exists once it is open, and nobody asks before.
    const group = {
      propose: (...args: Parameters<Host['propose']>) => this.hosts.get(node)!.propose(...args),
      readIndex: (...args: Parameters<Host['readIndex']>) =>
        this.hosts.get(node)!.readIndex(...args),
      status: (set: ReplicaSetId) => this.hosts.get(node)?.status(set),
    };
    const {clock, random} = this;
    const reports = () => this.reconcilers.get(node)?.reports() ?? new Map();
    const service = new MetaService({group, machine, clock, reports});
    const rpc = this.calls.rpc(node);
    const reconciler = new Reconciler({service, rpc, clock, random, log: SILENT});
    this.calls.add(node, service.handlers());
    this.reconcilers.set(node, reconciler);
    reconciler.start();
  }
}

function replicaHost(host: Host): ReplicaHost {
  const book = new ReportBook();
  return {
    reports: async () => {
      const now = [...host.statuses()].map((status) => reportOf(status, {written: false}));
      return become(book, now);
    },
    diskSpace: async () => ({freeBytes: 9, totalBytes: 10}),
    heard: () => host.heardNodes(),
    createReplica: (order) => host.createReplica(order),
    destroyReplica: (order) => host.destroyReplica(order),
    proposeConfig: (...args) => host.proposeConfig(...args),
    transferLeader: (...args) => host.transferLeader(...args),
    workOnReplica: async () => {},
  };
}

test.each([1, 2, 3])(
  'a cluster of one grows and survives its meta leader, SEED=%i',
  async (seed) => {
    const cluster = new Cluster(seed);
    const {clock, client} = cluster;
    const {catalog} = cluster.follower;
    const within = (ms: number) => ({deadlineMs: clock.monotonicMs() + ms});
    const describe = (i: number) => ({
      incarnation: `i${i}`,
      address: `n${i}`,
      engineThreads: 1,
      version: '1',
    });
    const first = await cluster.start(1 as NodeId);
    const founding = {voters: [1 as ReplicaId], learners: []};
    await clock.resolve(first.createReplica({set: META_SET, replica: 1 as ReplicaId, founding}));
    const found = {
      type: 'found-cluster',
      clusterId: 'c',
      clusterVersion: 2,
      node: describe(1),
      atMs: 1,
    } as const;
    await clock.resolve(client.propose(found, within(5_000)));
    const {bucket} = await clock.resolve(client.ensureBucket(1 as never, 5, within(5_000)));
    for (const i of [2, 3]) {
      const register = {type: 'register-node', node: describe(i), atMs: 1} as const;
      const {node} = await clock.resolve(client.propose(register, within(5_000)));
      await cluster.start(node);
    }
    const voters = () => {
      const sets = [catalog.metaSet(), ...catalog.replicaSets()];
      return sets.map((set) => set?.replicas.filter(({role}) => role === 'voter').length ?? 0);
    };
    expect(await clock.until(() => voters().every((count) => count === 3), 30_000)).toBe(true);

    const leader = [...cluster.hosts].find(
      ([, host]) => host.status(META_SET)?.role === 'leader',
    )![0];
    cluster.crash(leader);
    const tables = [{name: 'cpu', tags: ['host'], fields: []}];
    const ensure = {type: 'ensure-tables', database: 1 as never, tables} as const;
    const made = await clock.resolve(client.propose(ensure, within(10_000)));
    expect(made.tables[0]).toEqual({table: 1, tags: [{column: 1}], fields: []});
    const index = await clock.resolve(client.readIndex(within(5_000)));
    await clock.resolve(client.waitForVersion(index, within(10_000)));
    expect(catalog.tableByName(1 as never, 'cpu')).toBeDefined();
    expect(catalog.bucketAt(1 as never, 5)?.id).toBe(bucket);
    const next = await clock.resolve(client.ensureBucket(1 as never, 1e12, within(10_000)));
    const isOpen = () =>
      catalog
        .bucket(next.bucket)
        ?.replicaSets.every((id) => catalog.replicaSet(id)?.state === 'open');
    expect(await clock.until(() => isOpen() === true, 20_000)).toBe(true);
    await clock.resolve(cluster.follower.stop());
    for (const reconciler of cluster.reconcilers.values()) reconciler.stop();
  },
);
