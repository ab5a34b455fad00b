// A router that is no node: it speaks what nodes speak, over the nodes' gRPC, and its writes are the
// cluster's own calls. What it does for a write is what a node's router does once rows are parsed and
// placed: the share of one replica set goes to the set's leader as `replica.write`, is proposed there,
// and the answer comes when it is durable on a majority (fdatasync on each) and applied by the leader.
//
// It greets every node with the join secret, as the node with id 0: ids begin at 1 and the smaller id
// dials, so it dials all of them and none looks for it. It is in no catalog, hosts nothing and votes
// nowhere. Its catalog comes by `meta.watch`, its calls are the product's SetCaller over RpcCore: leaders
// are learned from answers and hints, deadlines and retries are a node's.

import {setTimeout as sleep} from 'node:timers/promises';
import type {Log, NodeId} from '@flotilla/base';
import type {Catalog} from '@flotilla/catalog';
import type {FlotillaClient} from '@flotilla/client';
import {CatalogFollower} from '@flotilla/meta';
import {LeaderDirectory, NodeWatch, SetCaller} from '@flotilla/router';
import {createNodeRandom, NodeClock} from '@flotilla/server/adapters';
import {
  Dialer,
  type FramePort,
  JoinSecret,
  type NodeSession,
  RpcCore,
} from '@flotilla/server/connections';

const OUTSIDER = 0 as NodeId;
const CONNECT_MS_MAX = 10_000;
/** What a connection's end or a watch's restart says is seen in the figures. */
const SILENT: Log = {info: () => {}, warn: () => {}, error: () => {}};

export interface RouterOptions {
  readonly secret: string;
  /** Of one of the nodes: who the others are. */
  readonly client: FlotillaClient;
}

export class OutsideRouter {
  readonly clock = new NodeClock();
  readonly caller: SetCaller;
  /** Writes say it with a sequence, so that the replicas know a retry; below those of all nodes. */
  readonly incarnation: number;
  readonly #follower: CatalogFollower;
  readonly #rpc: RpcCore;
  readonly #dialers: Dialer[] = [];
  readonly #sessions = new Map<NodeId, NodeSession>();
  readonly #watch = new NodeWatch();
  #closed = false;

  private constructor(nodes: readonly NodeId[], bootEpoch: number) {
    const {clock} = this;
    const port: FramePort = {
      send: (to, channel, frame, lane) =>
        this.#sessions.get(to)?.channel(channel).send(frame, lane) ?? false,
    };
    const hosts = () => false;
    this.incarnation = bootEpoch;
    this.#rpc = new RpcCore({
      node: OUTSIDER,
      thread: 1,
      bootEpoch,
      port,
      clock,
      log: SILENT,
      hosts,
    });
    this.#follower = new CatalogFollower({
      rpc: this.#rpc,
      clock,
      log: SILENT,
      members: () => nodes,
      presence: this.#watch,
    });
    this.caller = new SetCaller({
      rpc: this.#rpc,
      catalog: () => this.catalog,
      leaders: new LeaderDirectory(this.#watch),
      nodes: this.#watch,
      clock,
      random: createNodeRandom(),
    });
  }

  /** Connects with every node and has the catalog when it returns. */
  static async start({secret, client}: RouterOptions): Promise<OutsideRouter> {
    const nodes = (await client.admin.nodes()).map((node) => ({
      id: Number(node['id']) as NodeId,
      address: String(node['address']),
    }));
    const cluster = String((await client.admin.status()).cluster?.['id']);
    // Seconds: a later one is another router, and greets as the later life of node 0.
    const bootEpoch = Math.floor(Date.now() / 1000);
    const router = new OutsideRouter(
      nodes.map(({id}) => id),
      bootEpoch,
    );
    for (const {id, address} of nodes) router.#dial({id, address, cluster, secret, bootEpoch});
    await router.#until(() => router.#sessions.size === nodes.length, 'is not connected');
    router.#follower.start();
    await router.#until(() => router.catalog.version > 0, 'has no catalog');
    return router;
  }

  get catalog(): Catalog {
    return this.#follower.catalog;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#follower.stop();
    this.#rpc.close();
    for (const dialer of this.#dialers) dialer.stop('the router is stopping');
  }

  #dial(node: {id: NodeId; address: string; cluster: string; secret: string; bootEpoch: number}) {
    const {id, address, cluster, secret, bootEpoch} = node;
    const dialer = new Dialer(id, address, {
      self: {cluster, node: OUTSIDER, bootEpoch},
      secret: new JoinSecret(secret),
      clock: this.clock,
      random: createNodeRandom(),
      events: {
        onSession: (session) => {
          this.#sessions.set(id, session);
          this.#watch.changed(id, true);
        },
        onEnd: () => {
          this.#sessions.delete(id);
          if (this.#closed) return;
          this.#watch.changed(id, false);
          this.#rpc.nodeLost(id);
        },
        onFrame: (_session, _channel, frame) => this.#rpc.receive(id, frame),
      },
    });
    this.#dialers.push(dialer);
  }

  async #until(isSo: () => boolean, what: string): Promise<void> {
    const deadlineMs = performance.now() + CONNECT_MS_MAX;
    while (!isSo()) {
      if (performance.now() > deadlineMs) throw new Error(`the benchmark's router ${what}`);
      await sleep(20);
    }
  }
}
