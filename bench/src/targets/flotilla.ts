// Flotilla, one node or three on this machine, each a process of its own as `./flotilla start` runs
// it. Every acknowledged row is fsynced on a majority of its replicas. Writes go to all nodes in turn.

import {randomBytes} from 'node:crypto';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {FlotillaClient} from '@flotilla/client';
import {answers, freePorts, ServerProcess} from './server-process.ts';
import {DATABASE, type RunningTarget, type Target} from './target.ts';

const MAIN = path.resolve(import.meta.dirname, '../../../packages/cli/src/main.ts');
const JOIN_MS_MAX = 30_000;
/** A full compaction of all that was written. */
const STORAGE_MS_MAX = 600_000;
/** As the launcher sets it: fsyncs and reads must not queue behind one another. */
const THREAD_POOL = '16';

export function flotilla(nodes: number, engineThreads?: number): Target {
  return {
    name: 'flotilla',
    nodes,
    missing: () => undefined,
    start: (directory) => start(directory, {nodes, engineThreads}),
  };
}

async function start(
  directory: string,
  options: {nodes: number; engineThreads?: number | undefined},
): Promise<RunningTarget> {
  const addresses: string[] = [];
  // HTTP and gRPC of each node take two ports in a row; one run of ports keeps them apart.
  const first = await freePorts(options.nodes * 2);
  for (let i = 0; i < options.nodes; i++) addresses.push(`127.0.0.1:${first + i * 2}`);
  const urls = addresses.map((address) => `http://${address}`);
  const directories = addresses.map((_, i) => path.join(directory, `node${i + 1}`));
  const secret = randomBytes(32).toString('hex');
  const servers = addresses.map((_, i) =>
    startNode({directory, directories, addresses, secret, i, ...options}),
  );
  const clients = urls.map((url) => new FlotillaClient({urls: [url], database: DATABASE}));
  const stop = async () => {
    for (const client of clients) client.close();
    await Promise.all(servers.map((server) => server.stop()));
  };
  try {
    await Promise.all(
      servers.map((server, i) => server.waitUntil(() => answers(`${urls[i]}/ready`))),
    );
    await waitForNodes(clients[0]!, options.nodes);
    await clients[0]!.admin.createDatabase({name: DATABASE, replicas: options.nodes});
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    pids: servers.map((server) => server.pid),
    writeUrls: urls.map((url) => `${url}/api/v1/write?db=${DATABASE}&precision=ns`),
    directories,
    settle: () => settle(clients),
    countRows: () => countRows(clients[0]!, options.nodes),
    stop,
  };
}

function startNode(place: {
  directory: string;
  directories: readonly string[];
  addresses: readonly string[];
  secret: string;
  i: number;
  nodes: number;
  engineThreads?: number | undefined;
}): ServerProcess {
  const {directory, directories, addresses, secret, i, nodes, engineThreads} = place;
  const cluster = nodes === 1 ? [] : ['--join', addresses.join(',')];
  const founder = nodes > 1 && i === 0 ? ['--bootstrap'] : [];
  const threads = engineThreads === undefined ? [] : ['--engine-threads', String(engineThreads)];
  return new ServerProcess({
    name: `Flotilla node ${i + 1}`,
    command: process.execPath,
    args: [
      ...[MAIN, 'start', '--data', directories[i]!, '--listen', addresses[i]!],
      ...['--log', 'json', '--no-hints', ...cluster, ...founder, ...threads],
    ],
    env: {UV_THREADPOOL_SIZE: THREAD_POOL, FLOTILLA_JOIN_SECRET: secret},
    logFile: path.join(directory, `node${i + 1}.log`),
  });
}

/** Replicas are placed on the nodes that are there when a bucket is made. */
async function waitForNodes(client: FlotillaClient, nodes: number): Promise<void> {
  const deadlineMs = performance.now() + JOIN_MS_MAX;
  while ((await client.admin.nodes()).length < nodes) {
    if (performance.now() > deadlineMs) throw new Error(`not all ${nodes} nodes joined`);
    await sleep(100);
  }
}

async function settle(clients: readonly FlotillaClient[]): Promise<void> {
  const options = {timeoutMs: STORAGE_MS_MAX};
  await Promise.all(
    clients.map(async ({admin}) => {
      await admin.flushStorage(options);
      await admin.compactStorage(options);
    }),
  );
}

/** Counts, and makes sure that every row really was held as many times as asked for. */
async function countRows(client: FlotillaClient, nodes: number): Promise<number> {
  const sets = await client.admin.replicaSets({database: DATABASE});
  const short = sets.find(
    (set) => set.replicas.filter((replica) => replica.role === 'voter').length !== nodes,
  );
  if (short !== undefined) {
    throw new Error(`replica set ${short.id} has not ${nodes} voters: ${JSON.stringify(short)}`);
  }
  const [row] = await client.query('SELECT count(usage_user) AS n FROM cpu');
  return Number(row?.['n'] ?? 0);
}
