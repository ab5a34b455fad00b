// The scenario "consensus": small durable writes, three processes unless told, one row or one put at a time. Both
// systems fsync on a majority before they acknowledge. Clients are spread over the nodes: etcd's
// over its members (`etcd`; all on the leader's as `etcd-leader`, which is what a client that knows the
// leader would get), those of HTTP over the nodes; a router sends to the leader of each set.

import type {Etcd3} from 'etcd3';
import {connect, EtcdCluster, whyNoEtcd} from '../clusters/etcd-cluster.ts';
import {FlotillaCluster} from '../clusters/flotilla-cluster.ts';
import {roundMs} from '../latencies.ts';
import {ProcessUsage} from '../process-usage.ts';
import {type DiskReport, type Skipped, withBenchDirectory} from '../scenario.ts';
import {runClosedLoop} from './closed-loop.ts';
import {HttpConnection} from './http-connection.ts';
import {firstLines, lineOf, OneRowWriter, putOf} from './one-row.ts';
import {OutsideRouter} from './outside-router.ts';

const SHARDED = 'consensus';
const ONE_GROUP = 'consensus_one_group';

export const CONSENSUS_TARGETS = ['flotilla', 'flotilla-one-group', 'flotilla-http'] as const;
export type ConsensusTarget = (typeof CONSENSUS_TARGETS)[number];
export const CONSENSUS_PEERS = ['etcd', 'etcd-leader'] as const;
export type ConsensusPeer = (typeof CONSENSUS_PEERS)[number];

export interface ConsensusOptions {
  readonly nodes: number;
  readonly clients: readonly number[];
  readonly seconds: number;
  readonly warmupSeconds: number;
  readonly targets: readonly ConsensusTarget[];
  readonly peers: readonly ConsensusPeer[];
  readonly engineThreads?: number | undefined;
  readonly nodeFlags?: ((node: number) => readonly string[]) | undefined;
  say(text: string): void;
}

export interface ConsensusResult {
  readonly target: string;
  readonly nodes: number;
  readonly clients: number;
  readonly writesPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU of all these processes, and of this one as their client, for each write since the warm-up. */
  readonly serverCpuUs: number;
  readonly clientCpuUs: number;
}

export interface ConsensusReport extends DiskReport {
  readonly scenario: 'consensus';
  readonly results: readonly ConsensusResult[];
  readonly skipped: readonly Skipped[];
}

type Write = (client: number, n: number) => Promise<void>;

interface Load {
  readonly target: ConsensusTarget | ConsensusPeer;
  /** Of the servers. */
  readonly pids: readonly number[];
  readonly write: Write;
}

export function runConsensus(options: ConsensusOptions): Promise<ConsensusReport> {
  return withBenchDirectory(async (directory) => {
    const missing = options.peers.length > 0 ? whyNoEtcd() : undefined;
    const skipped = missing === undefined ? [] : [{target: 'etcd', reason: missing}];
    // One system after the other: each has the machine for itself.
    const ours = options.targets.length > 0 ? await runFlotilla(directory, options) : [];
    const theirs = options.peers.length > 0 && missing === undefined;
    const results = [...ours, ...(theirs ? await runEtcd(directory, options) : [])];
    return {scenario: 'consensus', results, skipped};
  });
}

async function runFlotilla(
  directory: string,
  options: ConsensusOptions,
): Promise<ConsensusResult[]> {
  const {nodes, engineThreads, nodeFlags} = options;
  const cluster = await FlotillaCluster.start(directory, {nodes, engineThreads, nodeFlags});
  try {
    const client = cluster.clients[0]!;
    await client.admin.createDatabase({name: SHARDED, replicas: nodes});
    await client.admin.createDatabase({name: ONE_GROUP, replicas: nodes, shards: 1});
    for (const database of [SHARDED, ONE_GROUP]) {
      await client.write(firstLines(), {database});
      await cluster.ledSets(database);
    }
    const router = await OutsideRouter.start({secret: cluster.secret, client});
    const connections = Array.from({length: Math.max(...options.clients)}, (_, client) => {
      const url = cluster.urls[client % cluster.urls.length]!;
      return new HttpConnection(`${url}/api/v1/write?db=${SHARDED}&precision=ns`);
    });
    try {
      const results: ConsensusResult[] = [];
      const sharded = new OneRowWriter(router, SHARDED);
      const oneGroup = new OneRowWriter(router, ONE_GROUP);
      const {pids} = cluster;
      const loads: Load[] = [
        {target: 'flotilla', pids, write: (_, n) => sharded.write(n)},
        {target: 'flotilla-one-group', pids, write: (_, n) => oneGroup.write(n)},
        {
          ...{target: 'flotilla-http', pids},
          write: (client, n) => connections[client]!.post(lineOf(n)),
        },
      ];
      for (const load of loads)
        if (options.targets.includes(load.target as ConsensusTarget))
          results.push(...(await measure(options, load)));
      return results;
    } finally {
      for (const connection of connections) connection.close();
      await router.close();
    }
  } finally {
    await cluster.stop();
  }
}

async function runEtcd(directory: string, options: ConsensusOptions): Promise<ConsensusResult[]> {
  const cluster = await EtcdCluster.start(directory, {nodes: options.nodes});
  const clients: Etcd3[] = [];
  try {
    const results: ConsensusResult[] = [];
    for (const target of options.peers) {
      const leader = await cluster.leader();
      const urls = target === 'etcd' ? cluster.urls : [cluster.urls[leader]!];
      const connected = urls.map(connect);
      clients.push(...connected);
      const write: Write = async (client, n) => {
        const {key, value} = putOf(n);
        await connected[client % connected.length]!.put(key).value(value);
      };
      results.push(...(await measure(options, {target, pids: cluster.pids, write})));
    }
    return results;
  } finally {
    for (const client of clients) client.close();
    await cluster.stop();
  }
}

async function measure(options: ConsensusOptions, load: Load): Promise<ConsensusResult[]> {
  const results: ConsensusResult[] = [];
  for (const clients of options.clients) {
    const result = await measureOne(options, clients, load);
    const {target, writesPerSecond, p50Ms, p99Ms, serverCpuUs} = result;
    const times = `p50 ${p50Ms} ms, p99 ${p99Ms} ms, ${serverCpuUs} us of CPU a write`;
    options.say(`${target}, ${clients} clients: ${writesPerSecond} writes/s, ${times}`);
    results.push(result);
  }
  return results;
}

async function measureOne(
  {nodes, seconds, warmupSeconds}: ConsensusOptions,
  clients: number,
  {target, pids, write}: Load,
): Promise<ConsensusResult> {
  const usage = new ProcessUsage(pids);
  let serversBefore = 0;
  let clientBefore = process.cpuUsage();
  let writes = 0;
  // Not before: what compilers take in the first seconds would be a third of it.
  const onWarm = (): void => {
    serversBefore = usage.cpuSeconds();
    clientBefore = process.cpuUsage();
    writes = 0;
  };
  const counted: Write = async (client, n) => {
    await write(client, n);
    writes += 1;
  };
  const run = await runClosedLoop({clients, seconds, warmupSeconds, onWarm, write: counted});
  const client = process.cpuUsage(clientBefore);
  return {
    target,
    nodes,
    clients,
    writesPerSecond: run.writesPerSecond,
    p50Ms: roundMs(run.latencies.quantile(0.5)),
    p99Ms: roundMs(run.latencies.quantile(0.99)),
    serverCpuUs: Math.round(((usage.cpuSeconds() - serversBefore) * 1e6) / writes),
    clientCpuUs: Math.round((client.user + client.system) / writes),
  };
}
