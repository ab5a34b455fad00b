// `cert ca|node|client`: the certificates of a cluster, made from nothing but this program. They are
// files; no node is asked.

import fs from 'node:fs';
import {isIP} from 'node:net';
import path from 'node:path';
import type {Command} from 'commander';
import {z} from 'zod';
import {type Authority, issueCertificate, readAuthority} from '../certificates/certificate.ts';
import {type CommandContext, examples} from '../session.ts';
import {EXIT, type Terminal, UsageError, writeOut} from '../terminal.ts';

const CA_DAYS = 3_650;
const DAYS = 365;
const AUTHORITY = 'ca';
/** Whoever talks to a node on its own machine. */
const LOOPBACK = ['localhost', '127.0.0.1', '::1'];
/** The last part of a name has a letter: else a mistyped address would pass for one. */
const HOST_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/;
const LETTER_AT_END = /[A-Za-z][A-Za-z0-9-]*$/;
const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

const Days = z.coerce.number().int().min(1).max(36_500);
const CaOptions = z.object({
  dir: z.string().default('certs'),
  days: Days.default(CA_DAYS),
  json: z.boolean().default(false),
});
const ClientOptions = z.object({
  dir: z.string().default('certs'),
  name: z.string(),
  days: Days.default(DAYS),
  json: z.boolean().default(false),
});
const NodeOptions = ClientOptions.extend({host: z.string()});

export function addCertCommands(program: Command, context: CommandContext): void {
  const group = program
    .command('cert')
    .description('make the certificates of a cluster: for its authority, nodes and clients');
  addCa(group, context);
  addNode(group, context);
  addClient(group, context);
}

function addCa(group: Command, context: CommandContext): void {
  const command = withDirectory(group.command('ca'))
    .option('--days <n>', `days until it expires (default ${CA_DAYS})`)
    .description(
      'make the authority (CA), once per cluster; copy ca.crt to all nodes and clients, keep ca.key where it is',
    )
    .addHelpText('after', examples(['cert ca', 'cert ca --dir /etc/flotilla/certs']));
  context.plain(command, CaOptions, async (terminal, {dir, days, json}) => {
    const files = filesOf(dir, AUTHORITY);
    if (fs.existsSync(files.certificate) || fs.existsSync(files.key))
      throw new UsageError(
        `--dir: ${dir} has an authority already; nodes trust only what it signs: choose another directory`,
      );
    fs.mkdirSync(dir, {recursive: true});
    const request = {role: 'authority', name: 'Flotilla', hosts: [], days} as const;
    keep(files, issueCertificate({...request, nowMs: Date.now()}));
    return tell(terminal, json, files);
  });
}

function addNode(group: Command, context: CommandContext): void {
  const command = withDirectory(group.command('node'))
    .requiredOption('--name <name>', 'name of the files, e.g. node1')
    .requiredOption(
      '--host <a,b,c>',
      'names and IP addresses by which others reach it: those of --listen and --advertise; ' +
        'loopback is added',
    )
    .option('--days <n>', `how long it holds (default ${DAYS})`)
    .description('make or renew the certificate of a node; a running node picks it up by itself')
    .addHelpText(
      'after',
      examples([
        'cert node --name node1 --host 10.0.0.1',
        'cert node --name node1 --host 10.0.0.1,db1.example --days 90',
      ]),
    );
  context.plain(command, NodeOptions, async (terminal, options) => {
    const hosts = options.host.split(',').map((host) => host.trim().replace(/^\[(.*)\]$/, '$1'));
    for (const host of hosts)
      if (!isHost(host))
        throw new UsageError(`--host: not a name or an IP address (without a port): ${host}`);
    const all = [...new Set([...hosts, ...LOOPBACK])];
    return issue(terminal, options, {role: 'node', hosts: all});
  });
}

function isHost(host: string): boolean {
  return isIP(host) !== 0 || (HOST_NAME.test(host) && LETTER_AT_END.test(host));
}

function addClient(group: Command, context: CommandContext): void {
  const command = withDirectory(group.command('client'))
    .requiredOption('--name <name>', 'name of the files, e.g. telegraf')
    .option('--days <n>', `how long it holds (default ${DAYS})`)
    .description('make or renew the certificate of a client, for --tls-cert and --tls-key')
    .addHelpText('after', examples(['cert client --name telegraf']));
  context.plain(command, ClientOptions, async (terminal, options) =>
    issue(terminal, options, {role: 'client', hosts: []}),
  );
}

function withDirectory(command: Command): Command {
  return command
    .option('--dir <directory>', 'directory of the files (default ./certs)')
    .option('--json', 'print JSON');
}

function issue(
  terminal: Terminal,
  {dir, name, days, json}: z.infer<typeof ClientOptions>,
  {role, hosts}: {readonly role: 'node' | 'client'; readonly hosts: readonly string[]},
): Promise<number> {
  if (!FILE_NAME.test(name) || name === AUTHORITY)
    throw new UsageError(`--name: want a name for the files, e.g. node1; have ${name}`);
  const authority = openAuthority(dir);
  const files = filesOf(dir, name);
  keep(files, issueCertificate({role, name, hosts, days, nowMs: Date.now()}, authority));
  return tell(terminal, json, files);
}

function openAuthority(dir: string): Authority {
  const files = filesOf(dir, AUTHORITY);
  try {
    return readAuthority(
      fs.readFileSync(files.certificate, 'utf8'),
      fs.readFileSync(files.key, 'utf8'),
    );
  } catch (error) {
    const {message} = error as Error;
    throw new UsageError(
      `--dir: no authority in ${dir}: ${message} (make one: ./flotilla cert ca --dir ${dir})`,
    );
  }
}

interface Files {
  readonly certificate: string;
  readonly key: string;
}

function filesOf(dir: string, name: string): Files {
  return {certificate: path.join(dir, `${name}.crt`), key: path.join(dir, `${name}.key`)};
}

/** Each is replaced whole; a node that looks between the two waits until they match. */
function keep(files: Files, {certificate, key}: {certificate: string; key: string}): void {
  replace(files.key, key, 0o600);
  replace(files.certificate, certificate, 0o644);
}

function replace(file: string, text: string, mode: number): void {
  const aside = `${file}.new`;
  fs.rmSync(aside, {force: true});
  fs.writeFileSync(aside, text, {mode, flag: 'wx'});
  fs.renameSync(aside, file);
}

async function tell(terminal: Terminal, json: boolean, files: Files): Promise<number> {
  const {certificate, key} = files;
  const text = json
    ? `${JSON.stringify({certificate, key}, null, 2)}\n`
    : `wrote ${certificate} and ${key}\n`;
  await writeOut(terminal.stdout, text);
  return EXIT.ok;
}
