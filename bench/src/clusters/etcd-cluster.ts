// etcd 3.4 on this machine, three members with their defaults but for what a scenario asks: each put is
// fsynced on a majority before it is acknowledged (etcd's only mode).

import path from 'node:path';
import {noop} from 'cockatiel';
import {Etcd3} from 'etcd3';
import {answers, findProgram, ServerProcess} from '../targets/server-process.ts';
import {loopbackPlaces, type NetworkPlaces} from './network-place.ts';
import {startAll} from './start-all.ts';

const CALL_MS_MAX = 10_000;

export interface EtcdOptions {
  readonly nodes: number;
  readonly network?: NetworkPlaces | undefined;
  /** More flags of each member. */
  readonly flags?: readonly string[] | undefined;
}

export function whyNoEtcd(): string | undefined {
  return findProgram(['etcd']) === undefined ? 'no etcd on PATH' : undefined;
}

export class EtcdCluster {
  readonly urls: readonly string[];
  readonly network: NetworkPlaces;
  readonly #directory: string;
  readonly #flags: readonly string[];
  readonly #servers: ServerProcess[] = [];
  readonly #clients: Etcd3[];

  private constructor(directory: string, options: EtcdOptions, network: NetworkPlaces) {
    this.#directory = directory;
    this.#flags = options.flags ?? [];
    this.network = network;
    this.urls = network.places.map(({host, port}) => `http://${host}:${port}`);
    this.#clients = this.urls.map((url) => connect(url));
  }

  static async start(directory: string, options: EtcdOptions): Promise<EtcdCluster> {
    const network = options.network ?? (await loopbackPlaces(options.nodes, 2));
    const cluster = new EtcdCluster(directory, options, network);
    await startAll(cluster);
    return cluster;
  }

  get pids(): number[] {
    return this.#servers.map(({pid}) => pid);
  }

  server(node: number): ServerProcess {
    return this.#servers[node]!;
  }

  /** Requires that it does not run. */
  startNode(i: number): void {
    const {places} = this.network;
    const own = places[i]!;
    const other = ({host, port}: (typeof places)[number]) => `http://${host}:${port + 1}`;
    const [command, ...args] = [
      ...[...own.prefix, findProgram(['etcd'])!, '--name', `m${i}`],
      ...['--data-dir', path.join(this.#directory, `etcd${i + 1}`), '--log-level', 'warn'],
      ...['--listen-client-urls', this.urls[i]!, '--advertise-client-urls', this.urls[i]!],
      ...['--listen-peer-urls', other(own), '--initial-advertise-peer-urls', other(own)],
      '--initial-cluster',
      places.map((place, number) => `m${number}=${other(place)}`).join(','),
      ...this.#flags,
    ];
    this.#servers[i] = new ServerProcess({
      name: `etcd member ${i + 1}`,
      command: command!,
      args,
      logFile: path.join(this.#directory, `etcd${i + 1}.log`),
    });
  }

  ready(node: number): Promise<void> {
    // Healthy only where there is a leader, too.
    return this.server(node).waitUntil(() => answers(`${this.urls[node]}/health`));
  }

  /** The number (from 0) of the member that leads. */
  async leader(): Promise<number> {
    for (let tries = 0; ; tries++) {
      const statuses = await Promise.all(
        this.#clients.map(({maintenance}) => maintenance.status()),
      );
      const index = statuses.findIndex(({header, leader}) => header.member_id === leader);
      if (index >= 0) return index;
      if (tries > 100) throw new Error('no etcd member leads');
    }
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.close();
    await Promise.all(this.#servers.map((server) => server.stop()));
    this.network.close();
  }
}

/** One connection to one member, without the client's own retries and breakers. */
export function connect(url: string): Etcd3 {
  return new Etcd3({
    hosts: [url],
    faultHandling: {host: () => noop, global: noop},
    defaultCallOptions: () => ({deadline: Date.now() + CALL_MS_MAX}),
  });
}
