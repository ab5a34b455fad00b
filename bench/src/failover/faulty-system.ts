// What the scenario "failover" asks of a cluster, the same of both.

import {setTimeout as sleep} from 'node:timers/promises';
import {connect, EtcdCluster} from '../clusters/etcd-cluster.ts';
import {FlotillaCluster} from '../clusters/flotilla-cluster.ts';
import type {NetworkPlaces} from '../clusters/network-place.ts';
import {firstLines, lineOf, putOf} from '../consensus/one-row.ts';
import {keepAliveAgent} from '../keep-alive-agent.ts';
import {postLines} from '../post-lines.ts';
import type {ServerProcess} from '../targets/server-process.ts';

const NODES = 3;
const DATABASE = 'failover';
const HEALTHY_MS_MAX = 60_000;
const POLL_MS = 50;

export interface Writer {
  /** Resolves when row `n` is acknowledged. */
  write(n: number): Promise<void>;
  close(): void;
}

export interface FaultySystem {
  readonly network: NetworkPlaces;
  /** The process that leads what is written. */
  leader(): Promise<number>;
  server(node: number): ServerProcess;
  startNode(node: number): void;
  /** Waits until all nodes are up and take part again. */
  healthy(): Promise<void>;
  /** A client of this node alone. */
  writer(node: number): Writer;
  stop(): Promise<void>;
}

/** One shard: one replica set, and so one leader. */
export async function startFlotilla(
  directory: string,
  network?: NetworkPlaces,
): Promise<FaultySystem> {
  const cluster = await FlotillaCluster.start(directory, {nodes: NODES, network});
  const first = cluster.clients[0]!;
  await first.admin.createDatabase({name: DATABASE, replicas: NODES, shards: 1});
  await first.write(firstLines(), {database: DATABASE});
  return {
    network: cluster.network,
    leader: async () => {
      const [set] = await cluster.ledSets(DATABASE);
      const leader = set!.replicas.find((replica) => replica.leader)!;
      return cluster.processOf(leader.node);
    },
    server: (node) => cluster.server(node),
    startNode: (node) => cluster.startNode(node),
    healthy: async () => {
      for (let node = 0; node < NODES; node++) await cluster.ready(node, HEALTHY_MS_MAX);
      await until('Flotilla is healthy', async () => {
        const statuses = await Promise.all(cluster.clients.map((client) => client.admin.status()));
        return statuses.every(({verdict}) => verdict === 'healthy');
      });
    },
    writer: (node) => {
      const agent = keepAliveAgent();
      const url = `${cluster.urls[node]}/api/v1/write?db=${DATABASE}&precision=ns`;
      return {
        write: (n) => postLines(url, Buffer.from(lineOf(n)), agent),
        close: () => agent.destroy(),
      };
    },
    stop: () => cluster.stop(),
  };
}

/** As its makers tune it for one machine room: a beat each 50 ms, an election after 500 to 1000. */
const ETCD_TIMES = ['--heartbeat-interval', '50', '--election-timeout', '500'];

export async function startEtcd(directory: string, network?: NetworkPlaces): Promise<FaultySystem> {
  const cluster = await EtcdCluster.start(directory, {nodes: NODES, network, flags: ETCD_TIMES});
  return {
    network: cluster.network,
    leader: () => cluster.leader(),
    server: (node) => cluster.server(node),
    startNode: (node) => cluster.startNode(node),
    healthy: async () => {
      for (let node = 0; node < NODES; node++) await cluster.ready(node);
    },
    writer: (node) => {
      const client = connect(cluster.urls[node]!);
      const write = async (n: number) => {
        const {key, value} = putOf(n);
        await client.put(key).value(value);
      };
      return {write, close: () => client.close()};
    },
    stop: () => cluster.stop(),
  };
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + HEALTHY_MS_MAX;
  let last = 'no';
  while (performance.now() < deadlineMs) {
    try {
      if (await isSo()) return;
    } catch (error) {
      last = String(error); // A node that comes back refuses for a while.
    }
    await sleep(POLL_MS);
  }
  throw new Error(`waited ${HEALTHY_MS_MAX / 1000} s until ${what}: ${last}`);
}
