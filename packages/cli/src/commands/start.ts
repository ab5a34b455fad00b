// `start`: one node in this process, until a signal or a fault stops it.

import {readFileSync} from 'node:fs';
import path from 'node:path';
import {FlotillaClient} from '@flotilla/client';
import type {StartedNode, StartNodeOptions} from '@flotilla/server';
import type {Command} from 'commander';
import {z} from 'zod';
import {ByteCount} from '../byte-count.ts';
import {keepCompiled, removeOldCompiled} from '../compile-cache.ts';
import {type CommandContext, examples, readFlagFile} from '../session.ts';
import {EXIT, type Terminal, UsageError, writeOut} from '../terminal.ts';
import {setV8Flags} from '../v8-flags.ts';

/** Between looks whether the node is ready. */
const READY_POLL_MS = 200;

const Options = z.object({
  data: z.string().default('./data'),
  listen: z.string().default('127.0.0.1:8902'),
  advertise: z.string().optional(),
  join: z.string().optional(),
  bootstrap: z.boolean().default(false),
  joinSecretFile: z.string().optional(),
  tlsCert: z.string().optional(),
  tlsKey: z.string().optional(),
  tlsCa: z.string().optional(),
  adminTokenFile: z.string().optional(),
  tlsAnyClient: z.boolean().default(false),
  insecure: z.boolean().default(false),
  engineThreads: z.coerce.number().int().min(0).max(256).optional(),
  memory: ByteCount.optional(),
  zone: z.string().optional(),
  timing: z.enum(['local', 'zone', 'wan']).default('local'),
  repairAfter: z.string().optional(),
  snapshotRate: ByteCount.optional(),
  movesPerCluster: z.coerce.number().optional(),
  movesPerNode: z.coerce.number().optional(),
  trashRetention: z.string().optional(),
  autoCreateDatabase: z.boolean().default(false),
  log: z.enum(['pretty', 'json']).default('pretty'),
  hints: z.boolean().default(true),
});
type Options = z.infer<typeof Options>;

export function addStartCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('start')
    .description('start a node; on loopback and without --join it founds a cluster of one')
    .option('--data <directory>', 'data directory (default ./data)')
    .option(
      '--listen <host:port>',
      'address for HTTP; gRPC uses the next port (default 127.0.0.1:8902)',
    )
    .option(
      '--advertise <host:port>',
      'address at which other nodes reach this one (default: --listen)',
    )
    .option('--join <a,b,c>', 'addresses of nodes of the cluster; may include its own')
    .option('--bootstrap', 'found the cluster; give it to one of the --join nodes only')
    .option(
      '--join-secret-file <path>',
      'file with the secret that all nodes of the cluster share (or FLOTILLA_JOIN_SECRET); ' +
        'required by --join and --bootstrap; make one with: openssl rand -hex 32',
    )
    .option(
      '--tls-cert <path>',
      "the node's certificate (see ./flotilla cert node); turns on TLS on both ports",
    )
    .option('--tls-key <path>', 'private key of --tls-cert')
    .option(
      '--tls-ca <path>',
      'certificate of the authority (CA) whose nodes and clients are let in (see ./flotilla cert ca)',
    )
    .option('--tls-any-client', 'also let in HTTP clients that show no certificate')
    .option(
      '--admin-token-file <path>',
      "file with the cluster's first admin token; make one with: openssl rand -hex 32; more with ./flotilla token",
    )
    .option('--insecure', 'allow listening beyond loopback without TLS or tokens')
    .option('--engine-threads <n>', 'number of engine threads (default: cores - 1)')
    .option(
      '--memory <size>',
      'memory the node may use, e.g. 4GiB; its byte limits shrink to fit half of it ' +
        "(default: 60 % of the machine's or container's memory)",
    )
    .option(
      '--zone <name>',
      "the node's room, rack or the like; replicas of a set are spread over zones",
    )
    .option(
      '--timing <distance>',
      'distance between the nodes, the same on all of them: local (round trips below 5 ms, ' +
        'the default), zone (below 20 ms) or wan (below 200 ms)',
    )
    .option(
      '--auto-create-database',
      'let a write create its database if there is none of that name',
    )
    .option('--log <form>', 'log format: pretty (the default) or json')
    .option('--no-hints', 'do not print the curl examples')
    .addHelpText(
      'after',
      examples([
        'start',
        'start --listen 10.0.0.1:8902 --join 10.0.0.1:8902,10.0.0.2:8902,10.0.0.3:8902 \\\n' +
          '      --join-secret-file secret --tls-cert certs/node1.crt --tls-key certs/node1.key \\\n' +
          '      --tls-ca certs/ca.crt --admin-token-file token --bootstrap',
        'start --listen 10.0.0.2:8902 --join 10.0.0.1:8902,10.0.0.2:8902,10.0.0.3:8902 \\\n' +
          '      --join-secret-file secret --tls-cert certs/node2.crt --tls-key certs/node2.key \\\n' +
          '      --tls-ca certs/ca.crt',
      ]),
    );
  addLimitOptions(command);
  context.plain(command, Options, start);
}

/** What it does at once, and for how long it waits and keeps: docs/limits.md has their bounds. */
function addLimitOptions(command: Command): void {
  command
    .option(
      '--repair-after <duration>',
      'how long a node must be silent before its replicas are rebuilt elsewhere; the same on all nodes (default 10m)',
    )
    .option(
      '--snapshot-rate <size>',
      'bytes per second the node sends to new replicas; at least 1MiB per engine thread (default 64MiB)',
    )
    .option(
      '--moves-per-cluster <n>',
      'replicas moved or added at once in the cluster; the same on all nodes (default 8)',
    )
    .option(
      '--moves-per-node <n>',
      'replicas moved or added at once to one node; the same on all nodes (default 4)',
    )
    .option(
      '--trash-retention <duration>',
      'how long dropped or expired data can be brought back; at least 1h, the same on all nodes (default 1d)',
    );
}

async function start(terminal: Terminal, options: Options): Promise<number> {
  checkAddress(options.listen, '--listen');
  if (options.advertise !== undefined) checkAddress(options.advertise, '--advertise');
  const node = await startServer(options, terminal.env);
  const stopping = stopOnSignal(terminal, node);
  // The directory is this node's now, and nothing that starts waits for it.
  removeOldCompiled(path.resolve(options.data)).catch((error: unknown) => {
    terminal.stderr.write(`flotilla: cannot remove what was compiled before: ${String(error)}\n`);
  });
  if (options.hints && options.log === 'pretty') {
    hintWhenReady(terminal, node, options).catch((error: unknown) => {
      terminal.stderr.write(`flotilla: cannot look whether the node is ready: ${String(error)}\n`);
    });
  }
  const code = await Promise.race([node.stopped, stopping]);
  // Whatever still keeps the event loop alive has had its time.
  process.exit(code);
}

async function startServer(options: Options, env: Terminal['env']): Promise<StartedNode> {
  const nodeOptions: StartNodeOptions = {
    dataDirectory: path.resolve(options.data),
    listen: options.listen,
    advertise: options.advertise,
    join: options.join === undefined ? undefined : splitAddresses(options.join),
    bootstrap: options.bootstrap,
    joinSecret: readJoinSecret(options.joinSecretFile, env),
    tls: tlsPaths(options),
    adminToken:
      options.adminTokenFile && readFlagFile('--admin-token-file', options.adminTokenFile),
    tlsAnyClient: options.tlsAnyClient,
    insecure: options.insecure,
    engineThreads: options.engineThreads,
    memoryBytes: options.memory,
    zone: options.zone,
    timing: options.timing,
    repairAfter: options.repairAfter,
    snapshotBytesPerSecond: options.snapshotRate,
    movesPerCluster: options.movesPerCluster,
    movesPerNode: options.movesPerNode,
    trashRetention: options.trashRetention,
    autoCreateDatabase: options.autoCreateDatabase,
    log: options.log,
  };
  keepCompiled(nodeOptions.dataDirectory);
  setV8Flags();
  const {startNode} = await import('@flotilla/server');
  try {
    return await startNode(nodeOptions);
  } catch (error) {
    const taken = explainTakenPort(error, options.listen, wayOfStarting(env));
    const strange = explainStrangeAddress(taken, options.listen);
    throw explainDirectory(strange, nodeOptions.dataDirectory);
  }
}

/** The flag goes before the environment; an empty variable is none. */
export function readJoinSecret(file: string | undefined, env: Terminal['env']): string | undefined {
  if (file === undefined) return env['FLOTILLA_JOIN_SECRET'] || undefined;
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const {message} = error as Error;
    throw new UsageError(
      `--join-secret-file: cannot read the secret: ${message} (make one: openssl rand -hex 32 > ${file})`,
    );
  }
}

type WayOfStarting = 'start' | 'npm' | 'dev';

/** How the person began this process, so that the advice is something to type there. */
function wayOfStarting(env: Terminal['env']): WayOfStarting {
  if (process.connected === true) return 'dev'; // The only one who starts a node with a channel.
  return env['npm_lifecycle_event'] === 'start' ? 'npm' : 'start';
}

/** Names the port and the flag; any other failure is passed on. */
export function explainTakenPort(error: unknown, listen: string, way: WayOfStarting): unknown {
  const cause = (error as {cause?: unknown}).cause;
  const taken = [error, cause].find(
    (each) => (each as NodeJS.ErrnoException | undefined)?.code === 'EADDRINUSE',
  ) as {port?: number} | undefined;
  if (taken === undefined) return error;
  const {host, port} = splitAddress(listen);
  const takenPort = taken.port ?? port;
  const use = takenPort === port ? 'HTTP' : `gRPC, the port after that of HTTP, ${port}`;
  const other = `--listen ${host}:${port + 10}`;
  const flag = {
    start: other,
    npm: `npm start -- ${other}`,
    dev: 'the --port of ./flotilla dev',
  }[way];
  return new Error(
    `port ${takenPort} (${use}) is taken: stop what uses it, or choose another with ${flag}`,
  );
}

/** Names the flags where the machine has no such address; any other failure is passed on. */
export function explainStrangeAddress(error: unknown, listen: string): unknown {
  if (!/EADDRNOTAVAIL|ENOTFOUND|EAI_AGAIN/.test(String((error as Error).message))) return error;
  return new Error(
    `cannot listen on ${listen}: this machine has no such address; choose one with --listen ` +
      '(0.0.0.0 for all that it has), and say with --advertise how other nodes reach it',
    {cause: error},
  );
}

/** Names the data directory and the flag where the system refuses it; any other failure is passed on. */
export function explainDirectory(error: unknown, directory: string): unknown {
  const {code, path: refused} = error as NodeJS.ErrnoException;
  const isBelow = refused !== undefined && `${refused}/`.startsWith(`${directory}/`);
  if (!isBelow || code === undefined) return error;
  return new Error(
    `cannot use the data directory ${directory}: ${(error as Error).message}; ` +
      'it must be a directory that this user may write to; choose another with --data',
    {cause: error},
  );
}

/** Resolves with the exit code if the node cannot stop, or is not to; its own `stopped` comes first else. */
function stopOnSignal(terminal: Terminal, node: StartedNode): Promise<number> {
  return new Promise((resolve) => {
    let isStopping = false;
    const stop = () => {
      // Again means at once: a person who presses Ctrl-C twice means it.
      if (isStopping) return resolve(EXIT.interrupted);
      isStopping = true;
      node.stop().catch((error: unknown) => {
        terminal.stderr.write(`flotilla: cannot stop cleanly: ${String(error)}\n`);
        resolve(EXIT.failed);
      });
    };
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
    // Started by `dev`, which went away without a word.
    process.once('disconnect', stop);
  });
}

async function hintWhenReady(
  terminal: Terminal,
  node: StartedNode,
  options: Options,
): Promise<void> {
  const paths = tlsPaths(options);
  const url = reachableUrl(node.address, paths === undefined ? 'http' : 'https');
  const client = new FlotillaClient({urls: [url], tls: paths && readTls(paths)});
  let isStopped = false;
  void node.stopped.finally(() => {
    isStopped = true;
  });
  try {
    while (!isStopped) {
      if (await isReady(client, url))
        return await writeOut(terminal.stdout, renderHints(url, paths));
      await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS));
    }
  } finally {
    client.close();
  }
}

/** Throws where it would be asked for ever: its own certificate is none for whoever comes as it does. */
async function isReady(client: FlotillaClient, url: string): Promise<boolean> {
  try {
    return await client.isReady(url);
  } catch (error) {
    throw new Error(
      `${(error as Error).message}. The node runs, but it may refuse other clients too: the certificate of --tls-cert must name the host that clients dial, and be signed by an authority in --tls-ca (./flotilla cert node --help)`,
      {cause: error},
    );
  }
}

export function renderHints(url: string, tls?: TlsPaths): string {
  const curl =
    tls === undefined ? 'curl' : `curl --cacert ${tls.ca} --cert ${tls.cert} --key ${tls.key}`;
  return `
Flotilla listens on ${url}
  write a point:  ${curl} '${url}/api/v1/write?db=public' --data-binary 'cpu,host=a usage=0.5'
  read it back:   ${curl} '${url}/api/v1/sql?db=public' -H 'Accept: text/plain' -d 'SELECT * FROM cpu'

`;
}

type TlsPaths = NonNullable<StartNodeOptions['tls']>;

/** All three or none: half of it would be a node that believes itself safe. */
function tlsPaths({tlsCert, tlsKey, tlsCa, tlsAnyClient}: Options): TlsPaths | undefined {
  const given = [tlsCert, tlsKey, tlsCa].filter((file) => file !== undefined);
  if (given.length === 0 && !tlsAnyClient) return undefined;
  if (tlsCert === undefined || tlsKey === undefined || tlsCa === undefined)
    throw new UsageError('--tls-cert, --tls-key and --tls-ca go together: give all three');
  return {cert: tlsCert, key: tlsKey, ca: tlsCa};
}

function readTls({cert, key, ca}: TlsPaths): {cert: Buffer; key: Buffer; ca: Buffer} {
  return {cert: readFileSync(cert), key: readFileSync(key), ca: readFileSync(ca)};
}

/** A wildcard address is for listening; from here the node is reached by loopback. */
function reachableUrl(address: string, scheme: 'http' | 'https'): string {
  const url = address.includes('://') ? address : `${scheme}://${address}`;
  return url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');
}

function splitAddresses(text: string): string[] {
  const addresses = text
    .split(',')
    .map((address) => address.trim())
    .filter((address) => address !== '');
  for (const address of addresses) checkAddress(address, '--join');
  return addresses;
}

function checkAddress(address: string, option: string): void {
  const {host, port} = splitAddress(address);
  if (host === '' || !(port >= 1 && port <= 65_534)) {
    throw new UsageError(`${option}: not host:port: ${address} (as 127.0.0.1:8902)`);
  }
}

function splitAddress(address: string): {host: string; port: number} {
  const colon = address.lastIndexOf(':');
  return {host: address.slice(0, Math.max(0, colon)), port: Number(address.slice(colon + 1))};
}
