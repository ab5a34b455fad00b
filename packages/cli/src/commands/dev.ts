// `dev`: three nodes of one cluster on this machine, their logs in one terminal. Each is a process of
// its own, so that one can be killed to see the others go on.

import {type ChildProcess, spawn} from 'node:child_process';
import path from 'node:path';
import readline from 'node:readline';
import {FlotillaClient} from '@flotilla/client';
import type {Command} from 'commander';
import {z} from 'zod';
import {type CommandContext, examples} from '../session.ts';
import {EXIT, type OutputStream, type Terminal} from '../terminal.ts';
import {renderHints} from './start.ts';

const PORTS = [8902, 8912, 8922] as const;
/** Cyan, yellow and magenta: legible on light and dark. */
const COLORS = [36, 33, 35] as const;
const READY_POLL_MS = 200;
const MAIN = path.resolve(import.meta.dirname, '../main.ts');

const Options = z.object({data: z.string().default('./dev-data')});

interface DevNode {
  readonly name: string;
  readonly url: string;
  readonly process: ChildProcess;
  readonly exited: Promise<number>;
}

export function addDevCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('dev')
    .description('start three nodes on this machine in one terminal; Ctrl-C stops all')
    .option('--data <directory>', 'where their files live (default ./dev-data)')
    .addHelpText('after', examples(['dev', 'dev --data /tmp/trial']));
  context.plain(command, Options, dev);
}

async function dev(terminal: Terminal, {data}: z.infer<typeof Options>): Promise<number> {
  const cluster = {isStopping: false, isReady: false};
  const nodes = PORTS.map((_, i) => spawnNode(terminal, {index: i, data}));
  const stopAll = () => {
    cluster.isStopping = true;
    for (const node of nodes) node.process.kill('SIGTERM');
  };
  const stopListening = terminal.onInterrupt(stopAll);
  process.on('SIGTERM', stopAll);
  const ends = nodes.map(async (node) => {
    const code = await node.exited;
    if (cluster.isStopping) return code;
    say(terminal.stderr, `${node.name} exited with ${code}`);
    // A cluster that cannot form would only wait; one that runs goes on with two nodes.
    if (!cluster.isReady) stopAll();
    return code;
  });
  const announced = announceWhenReady(terminal, {nodes, cluster});
  const codes = await Promise.all(ends);
  cluster.isStopping = true;
  await announced;
  stopListening();
  process.off('SIGTERM', stopAll);
  return codes.find((code) => code !== 0) === undefined ? EXIT.ok : EXIT.failed;
}

function spawnNode(terminal: Terminal, place: {index: number; data: string}): DevNode {
  const {index, data} = place;
  const name = `node${index + 1}`;
  const addresses = PORTS.map((port) => `127.0.0.1:${port}`);
  const args = [
    ...[MAIN, 'start', '--data', path.join(data, name), '--listen', addresses[index]!],
    ...['--join', addresses.join(','), '--log', 'pretty', '--no-hints'],
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
  const exited = new Promise<number>((resolve) => {
    child.once('error', (error) => {
      say(terminal.stderr, `${name} cannot start: ${error.message}`);
      resolve(EXIT.failed);
    });
    child.once('exit', (code) => resolve(code ?? EXIT.failed));
  });
  return {name, url: `http://${addresses[index]!}`, process: child, exited};
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
