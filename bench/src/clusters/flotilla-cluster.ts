// Flotilla's nodes on this machine, each a process of its own as `./flotilla start` runs it; they can be
// killed, stopped and started again one by one.

import {randomBytes} from 'node:crypto';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {FlotillaClient, type Id, type ReplicaSet} from '@flotilla/client';
import {answers, ServerProcess} from '../targets/server-process.ts';
import {DATABASE} from '../targets/target.ts';
import {loopbackPlaces, type NetworkPlaces} from './network-place.ts';
import {startAll} from './start-all.ts';

/** The command line of this checkout. */
export const MAIN = path.resolve(import.meta.dirname, '../../../packages/cli/src/main.ts');
const JOIN_MS_MAX = 60_000;
/** As the launcher sets it: fsyncs and reads must not queue behind one another. */
const THREAD_POOL = '16';

export interface ClusterOptions {
  readonly nodes: number;
  readonly engineThreads?: number | undefined;
  /** Default: all on 127.0.0.1. HTTP and gRPC of each node take two ports in a row. */
  readonly network?: NetworkPlaces | undefined;
  /** Flags of Node.js before the program, by number of the node from 0. */
  readonly nodeFlags?: ((node: number) => readonly string[]) | undefined;
}

export class FlotillaCluster {
  readonly urls: readonly string[];
  readonly directories: readonly string[];
  readonly secret = randomBytes(32).toString('hex');
  readonly clients: readonly FlotillaClient[];
  readonly network: NetworkPlaces;
  readonly #directory: string;
  readonly #options: ClusterOptions;
  readonly #servers: ServerProcess[] = [];

  private constructor(directory: string, options: ClusterOptions, network: NetworkPlaces) {
    this.#directory = directory;
    this.#options = options;
    this.network = network;
    this.urls = network.places.map(({host, port}) => `http://${host}:${port}`);
    this.directories = this.urls.map((_, i) => path.join(directory, `node${i + 1}`));
    this.clients = this.urls.map((url) => new FlotillaClient({urls: [url], database: DATABASE}));
  }

  /** Starts the nodes on empty directories and waits until each takes traffic. */
  static async start(directory: string, options: ClusterOptions): Promise<FlotillaCluster> {
    const network = options.network ?? (await loopbackPlaces(options.nodes, 2));
    const cluster = new FlotillaCluster(directory, options, network);
    await startAll(cluster, () => cluster.#waitForNodes());
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
    const {nodes, engineThreads, nodeFlags} = this.#options;
    const {prefix} = this.network.places[i]!;
    const addresses = this.urls.map((url) => new URL(url).host);
    const cluster = nodes === 1 ? [] : ['--join', addresses.join(',')];
    const open = addresses[i]!.startsWith('127.') ? [] : ['--insecure'];
    const founder = nodes > 1 && i === 0 ? ['--bootstrap'] : [];
    const threads = engineThreads === undefined ? [] : ['--engine-threads', String(engineThreads)];
    const [command, ...args] = [
      ...[...prefix, process.execPath, ...(nodeFlags?.(i) ?? []), MAIN, 'start'],
      ...['--data', this.directories[i]!, '--listen', addresses[i]!],
      ...['--log', 'json', '--no-hints', ...cluster, ...open, ...founder, ...threads],
    ];
    this.#servers[i] = new ServerProcess({
      name: `Flotilla node ${i + 1}`,
      command: command!,
      args,
      env: {UV_THREADPOOL_SIZE: THREAD_POOL, FLOTILLA_JOIN_SECRET: this.secret},
      logFile: path.join(this.#directory, `node${i + 1}.log`),
    });
  }

  ready(node: number, waitMsMax?: number): Promise<void> {
    return this.server(node).waitUntil(() => answers(`${this.urls[node]}/ready`), waitMsMax);
  }

  /** The number (from 0) of the process that is the node with this id. */
  async processOf(id: Id): Promise<number> {
    const nodes = await this.#anyClient((client) => client.admin.nodes());
    const node = nodes.find((each) => String(each['id']) === String(id));
    const index = this.urls.findIndex((url) => new URL(url).host === node?.['address']);
    if (index < 0) throw new Error(`no process is node ${id}`);
    return index;
  }

  /** The replica sets of a database once each has all its replicas and a leader. */
  async ledSets(database: string): Promise<ReplicaSet[]> {
    const {nodes} = this.#options;
    const deadlineMs = performance.now() + JOIN_MS_MAX;
    for (;;) {
      const sets = await this.#anyClient((client) => client.admin.replicaSets({database}));
      const areAll = sets.every(
        ({replicas}) => replicas.length === nodes && replicas.some(({leader}) => leader),
      );
      if (sets.length > 0 && areAll) return sets;
      if (performance.now() > deadlineMs) throw new Error(`${database} has sets without leaders`);
      await sleep(50);
    }
  }

  async stop(): Promise<void> {
    for (const client of this.clients) client.close();
    await Promise.all(this.#servers.map((server) => server.stop()));
    this.network.close();
  }

  /** The first node may be the one that is dead. */
  async #anyClient<T>(ask: (client: FlotillaClient) => Promise<T>): Promise<T> {
    let last: unknown;
    for (const client of this.clients) {
      try {
        return await ask(client);
      } catch (error) {
        last = error;
      }
    }
    throw last;
  }

  /** Replicas are placed on the nodes that are there when a bucket is made. */
  async #waitForNodes(): Promise<void> {
    const {nodes} = this.#options;
    const deadlineMs = performance.now() + JOIN_MS_MAX;
    while ((await this.clients[0]!.admin.nodes()).length < nodes) {
      if (performance.now() > deadlineMs) throw new Error(`not all ${nodes} nodes joined`);
      await sleep(100);
    }
  }
}
