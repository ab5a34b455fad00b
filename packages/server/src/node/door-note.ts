// Where this node's HTTP is, left in its data directory for whoever stands beside the node and knows no
// more than that directory: `flotilla health` asks there, with the node's own certificate where it has
// one. It names files and holds no secret.

import path from 'node:path';
import type {Log} from '@flotilla/base';
import {replaceFile} from '../adapters/index.ts';
import {type NodeOptions, splitAddress} from './node-options.ts';

export const DOOR_FILE = 'door.json';
/** Of a node that listens on all addresses, the one that is surely its own. */
const OWN_ADDRESS: Readonly<Record<string, string>> = {'0.0.0.0': '127.0.0.1', '::': '::1'};

/** Without room for it the node starts all the same. */
export async function noteDoor(
  directory: string,
  options: Pick<NodeOptions, 'listen' | 'tls'>,
  log: Log,
): Promise<void> {
  try {
    await replaceFile(path.join(directory, DOOR_FILE), `${JSON.stringify(doorOf(options))}\n`);
  } catch (error) {
    log.warn({err: error}, 'cannot note where this node listens: flotilla health will not find it');
  }
}

export function doorOf({listen, tls}: Pick<NodeOptions, 'listen' | 'tls'>): {
  readonly url: string;
  readonly tls?: Readonly<Record<'ca' | 'cert' | 'key', string>> | undefined;
} {
  const {host, port} = splitAddress(listen);
  const own = OWN_ADDRESS[host] ?? host;
  const shown = own.includes(':') ? `[${own}]` : own;
  if (tls === undefined) return {url: `http://${shown}:${port}`};
  const files = {
    ca: path.resolve(tls.ca),
    cert: path.resolve(tls.cert),
    key: path.resolve(tls.key),
  };
  return {url: `https://${shown}:${port}`, tls: files};
}
