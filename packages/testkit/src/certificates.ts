// Certificates for tests, made by the command that operators have.

import {spawnSync} from 'node:child_process';
import {existsSync} from 'node:fs';
import path from 'node:path';

const ROOT = path.resolve(import.meta.dirname, '../../..');
const NODE = path.join(ROOT, 'node_modules/.bin/node');
const MAIN = path.join(ROOT, 'packages/cli/src/main.ts');

/** An authority, unless the directory has one, and a certificate for each node, renewed if it is there. */
export function makeCertificates(
  directory: string,
  nodes: readonly string[],
  {days = 30}: {readonly days?: number} = {},
): void {
  if (!existsSync(path.join(directory, 'ca.crt'))) run(['ca', '--dir', directory]);
  for (const name of nodes)
    run(['node', '--dir', directory, '--name', name, '--host', '127.0.0.1', '--days', `${days}`]);
}

/** The flags of `start` for the node of that name. */
export function tlsFlags(directory: string, name: string): string[] {
  const at = (file: string): string => path.join(directory, file);
  return [
    ...['--tls-cert', at(`${name}.crt`), '--tls-key', at(`${name}.key`)],
    ...['--tls-ca', at('ca.crt')],
  ];
}

function run(args: readonly string[]): void {
  const {status, stderr} = spawnSync(NODE, [MAIN, 'cert', ...args], {encoding: 'utf8'});
  if (status !== 0) throw new Error(`cert ${args.join(' ')} ended with ${status}: ${stderr}`);
}
