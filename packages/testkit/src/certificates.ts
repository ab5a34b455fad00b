// Certificates for tests, made by the command that operators have.

import {existsSync} from 'node:fs';
import path from 'node:path';
import {Readable, Writable} from 'node:stream';
import {pathToFileURL} from 'node:url';

const ROOT = path.resolve(import.meta.dirname, '../../..');
/** Loaded by path: the command may import this package, and is not imported by it. */
const COMMAND = pathToFileURL(path.join(ROOT, 'packages/cli/src/index.ts')).href;

interface CommandModule {
  runCommandLine(args: readonly string[], terminal: object): Promise<number>;
}

/** An authority, unless the directory has one, and a certificate for each node, renewed if it is there. */
export async function makeCertificates(
  directory: string,
  nodes: readonly string[],
  {days = 30}: {readonly days?: number} = {},
): Promise<void> {
  if (!existsSync(path.join(directory, 'ca.crt'))) await run(['ca', '--dir', directory]);
  for (const name of nodes)
    await run([
      'node',
      '--dir',
      directory,
      '--name',
      name,
      '--host',
      '127.0.0.1',
      '--days',
      `${days}`,
    ]);
}

/** The flags of `start` for the node of that name. */
export function tlsFlags(directory: string, name: string): string[] {
  const at = (file: string): string => path.join(directory, file);
  return [
    ...['--tls-cert', at(`${name}.crt`), '--tls-key', at(`${name}.key`)],
    ...['--tls-ca', at('ca.crt')],
  ];
}

/** In this process: to start one for each takes longer than all that they do. */
async function run(args: readonly string[]): Promise<void> {
  const {runCommandLine} = (await import(COMMAND)) as CommandModule;
  let said = '';
  const stderr = new Writable({
    write: (piece, _encoding, done) => {
      said += String(piece);
      done();
    },
  });
  const stdout = new Writable({write: (_piece, _encoding, done) => done()});
  const terminal = {stdin: Readable.from([]), stdout, stderr, env: {}, onInterrupt: () => () => {}};
  const code = await runCommandLine(['cert', ...args], terminal);
  if (code !== 0) throw new Error(`cert ${args.join(' ')} ended with ${code}: ${said}`);
}
