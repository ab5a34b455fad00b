// `dev`: three nodes of one cluster on this machine, their logs in one terminal. Each is a process of
// its own, so that one can be killed to see the others go on.

import {type ChildProcess, spawn} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import {mkdirSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import {FlotillaClient} from '@flotilla/client';
import type {Command} from 'commander';
import {z} from 'zod';
import {type CommandContext, examples} from '../session.ts';
import {EXIT, type OutputStream, type Terminal} from '../terminal.ts';
import {renderHints} from './start.ts';

const PORT_DEFAULT = 8902;
/** From one node's ports to the next one's. */
const PORT_STEP = 10;
const NODES = 3;
/** Cyan, yellow and magenta: legible on light and dark. */
const COLORS = [36, 33, 35] as const;
const READY_POLL_MS = 200;
const MAIN = path.resolve(import.meta.dirname, '../main.ts');

const Options = z.object({
  data: z.string().default('./dev-data'),
  port: z.coerce.number().int().min(1).max(65_500).default(PORT_DEFAULT),
});
type Options = z.infer<typeof Options>;

interface DevNode {
  readonly name: string;
  readonly url: string;
  readonly process: ChildProcess;
  readonly exited: Promise<Exit>;
}

interface Exit {
  readonly isClean: boolean;
  /** `exited with 1`, `was killed by SIGKILL`. */
  readonly words: string;
}

export function addDevCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('dev')
    .description('start three nodes on this machine in one terminal; Ctrl-C stops all')
    .option('--data <directory>', 'directory for their files (default ./dev-data)')
    .option(
      '--port <n>',
      'HTTP port of the first node; the others use the ports 10 and 20 above it (default 8902)',
    )
    .addHelpText('after', examples(['dev', 'dev --port 9002 --data /tmp/trial']));
  context.plain(command, Options, dev);
}

async function dev(terminal: Terminal, options: Options): Promise<number> {
  const cluster = {isStopping: false, isReady: false};
  const secretFile = makeJoinSecret(options.data);
  const nodes = Array.from({length: NODES}, (_, index) =>
    spawnNode(terminal, {index, secretFile, ...options}),
  );
  const stopAll = () => {
    cluster.isStopping = true;
    for (const node of nodes) node.process.kill('SIGTERM');
  };
  const stopListening = terminal.onInterrupt(stopAll);
  process.on('SIGTERM', stopAll);
  const ends = nodes.map(async (node) => {
    const exit = await node.exited;
    if (cluster.isStopping) return exit.isClean;
    say(terminal.stderr, `${node.name} ${exit.words}`);
    // A cluster that cannot form would only wait; one that runs goes on with two nodes, and a person
    // who kills one to see that is told of no failure at the end.
    if (cluster.isReady) return true;
    stopAll();
    return false;
  });
  const announced = announceWhenReady(terminal, {nodes, cluster});
  const ended = await Promise.all(ends);
  cluster.isStopping = true;
  await announced;
  stopListening();
  process.off('SIGTERM', stopAll);
  return ended.every(Boolean) ? EXIT.ok : EXIT.failed;
}

function spawnNode(
  terminal: Terminal,
  place: Options & {index: number; secretFile: string},
): DevNode {
  const {index, secretFile, data, port} = place;
  const name = `node${index + 1}`;
  const addresses = Array.from({length: NODES}, (_, i) => `127.0.0.1:${port + i * PORT_STEP}`);
  const args = [
    ...[MAIN, 'start', '--data', path.join(data, name), '--listen', addresses[index]!],
    ...['--join', addresses.join(','), '--join-secret-file', secretFile],
    ...['--log', 'pretty', '--no-hints'],
    ...(index === 0 ? ['--bootstrap'] : []),
  ];
  // A group of its own: Ctrl-C reaches this process alone, which then stops all three. The channel
  // tells the node if this process dies without stopping it.
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    detached: true,
    env: {UV_THREADPOOL_SIZE: '16', ...process.env},
  });
  const prefix = prefixOf(terminal.stdout, index);
  for (const source of [child.stdout!, child.stderr!]) {
    readline.createInterface({input: source}).on('line', (line) => {
      terminal.stdout.write(`${prefix}${line}\n`);
    });
  }
  const exited = new Promise<Exit>((resolve) => {
    child.once('error', (error) => {
      resolve({isClean: false, words: `cannot start: ${error.message}`});
    });
    child.once('exit', (code, signal) => {
      const words = signal === null ? `exited with ${code}` : `was killed by ${signal}`;
      resolve({isClean: code === 0, words});
    });
  });
  return {name, url: `http://${addresses[index]!}`, process: child, exited};
}

/** Made once, beside the nodes' directories. */
function makeJoinSecret(directory: string): string {
  mkdirSync(directory, {recursive: true});
  const file = path.join(directory, 'join-secret');
  try {
    writeFileSync(file, `${randomBytes(32).toString('hex')}\n`, {mode: 0o600, flag: 'wx'});
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return file;
}

function prefixOf(stream: OutputStream, index: number): string {
  const name = `node${index + 1} | `;
  return stream.isTTY === true ? `\x1b[${COLORS[index]}m${name}\x1b[0m` : name;
}

async function announceWhenReady(
  terminal: Terminal,
  dev: {nodes: readonly DevNode[]; cluster: {isStopping: boolean; isReady: boolean}},
): Promise<void> {
  const urls = dev.nodes.map((node) => node.url);
  const client = new FlotillaClient({urls});
  try {
    while (!dev.cluster.isStopping) {
      const ready = await Promise.all(urls.map((url) => client.isReady(url)));
      if (ready.every(Boolean)) {
        dev.cluster.isReady = true;
        const pids = dev.nodes.map((node) => `${node.name} ${node.process.pid}`).join(', ');
        terminal.stdout.write(renderHints(urls[0]!));
        terminal.stdout.write(`Three nodes: ${urls.join(', ')}\nProcesses: ${pids}\n`);
        terminal.stdout.write('Ctrl-C stops all; kill -9 one of them to see the others go on.\n\n');
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS));
    }
  } finally {
    client.close();
  }
}

function say(stream: OutputStream, text: string): void {
  stream.write(`dev   | ${text}\n`);
}
