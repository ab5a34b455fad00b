// `health`: whether the node of a data directory may get traffic, asked by whoever stands beside it, as a
// container's health check does. The directory says where the node listens and which certificate is its
// own; that one is shown, since a node with TLS lets nobody in without.

import {readFileSync} from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import path from 'node:path';
import {text} from 'node:stream/consumers';
import type {Command} from 'commander';
import {z} from 'zod';
import {type CommandContext, examples} from '../session.ts';
import {EXIT, type Terminal, UsageError, writeOut} from '../terminal.ts';

/** Shorter than the patience of whoever checks again and again. */
const SILENCE_MS_MAX = 3_000;

const Options = z.object({
  data: z.string().default('./data'),
  json: z.boolean().default(false),
});

/** As the node left it in its directory (server/src/node/door-note.ts). */
const Door = z.object({
  url: z.string(),
  tls: z.object({ca: z.string(), cert: z.string(), key: z.string()}).optional(),
});
type Door = z.infer<typeof Door>;

const Ready = z.object({message: z.string().optional()});
const Health = z.object({
  subsystems: z.record(z.string(), z.object({status: z.string(), message: z.string()})).default({}),
});

interface Report {
  readonly ready: boolean;
  /** What it waits for. */
  readonly message?: string | undefined;
  /** Parts of the node that fail, with the reason. */
  readonly failing: Readonly<Record<string, string>>;
}

export function addHealthCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('health')
    .description(
      'check whether the node of a data directory is ready for traffic: exit code 0 (yes) or 1 (no)',
    )
    .option('--data <directory>', "the node's data directory, on this machine (default ./data)")
    .option('--json', 'print JSON')
    .addHelpText('after', examples(['health', 'health --data /var/lib/flotilla --json']));
  context.plain(command, Options, async (terminal, {data, json}) => {
    const door = readDoor(data);
    const report = await reportOf(door);
    if (report === undefined) {
      await writeOut(terminal.stderr, `flotilla: no node answers at ${door.url}\n`);
      return EXIT.unavailable;
    }
    await tell(terminal, report, json);
    return report.ready ? EXIT.ok : EXIT.failed;
  });
}

function tell({stdout}: Terminal, report: Report, json: boolean): Promise<void> {
  if (json) return writeOut(stdout, `${JSON.stringify(report, null, 2)}\n`);
  const {ready, message, failing} = report;
  const head = ready ? 'ready' : `not ready: ${message ?? 'the node does not say why'}`;
  const parts = Object.entries(failing).map(([name, reason]) => `- ${name}: ${reason}\n`);
  return writeOut(stdout, `${head}\n${parts.join('')}`);
}

/** Undefined: nobody answers. */
async function reportOf(door: Door): Promise<Report | undefined> {
  const [ready, health] = await Promise.all([ask(door, '/ready'), ask(door, '/health')]);
  if (ready === undefined || health === undefined) return undefined;
  const {subsystems} = Health.parse(health.body);
  const failing = Object.entries(subsystems).filter(([, {status}]) => status === 'fail');
  return {
    ready: ready.status === 200,
    message: Ready.parse(ready.body).message,
    failing: Object.fromEntries(failing.map(([name, {message}]) => [name, message])),
  };
}

function readDoor(data: string): Door {
  const file = path.join(data, 'door.json');
  try {
    return Door.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    throw new UsageError(
      `--data: no node has run with this directory yet: cannot read ${file}: ${(error as Error).message}`,
    );
  }
}

async function ask(
  {url, tls}: Door,
  route: string,
): Promise<{readonly status: number; readonly body: unknown} | undefined> {
  const files = tls && {
    ca: readFileSync(tls.ca),
    cert: readFileSync(tls.cert),
    key: readFileSync(tls.key),
    // It is this machine's own node, by its address and not by the name that others know it by.
    checkServerIdentity: () => undefined,
  };
  const options = {timeout: SILENCE_MS_MAX, agent: false as const, ...files};
  return new Promise((resolve, reject) => {
    const request = (tls === undefined ? http : https).get(url + route, options, (answer) => {
      text(answer).then(
        (body) => resolve({status: answer.statusCode ?? 0, body: JSON.parse(body)}),
        reject,
      );
    });
    request.once('timeout', () => request.destroy());
    request.once('error', () => resolve(undefined));
  });
}
