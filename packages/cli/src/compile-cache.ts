// What Node.js makes of the program's modules, types stripped and code compiled, kept from a clean stop to
// the next start: 0.6 of the 1.7 s of CPU that an empty node takes to start (Node 24.21). With the data,
// since nobody but who may change that should be able to leave code there.
//
//   compile-cache/<version>-<place of the program>/<what Node.js calls itself>/<a file for each module>
//
// Bounded: Node.js replaces a file whose module changed and removes none. So each program has a directory
// of its own, and once a node has started all but its own go.

import {mkdirSync} from 'node:fs';
import {readdir, rm} from 'node:fs/promises';
import {enableCompileCache, getCompileCacheDir} from 'node:module';
import path from 'node:path';
import {crc32} from 'node:zlib';
import manifest from '../package.json' with {type: 'json'};

const NAME = 'compile-cache';

/** Without room for it, it is not kept. Called before the modules that are worth it are loaded. */
export function keepCompiled(dataDirectory: string): void {
  if (process.env['NODE_COMPILE_CACHE'] !== undefined) return;
  const directory = compiledOf(dataDirectory, manifest.version, import.meta.dirname);
  // By hand: Node's own way never ends where a directory takes no entries, as in /proc.
  if (![dataDirectory, path.dirname(directory), directory].every(isMade)) return;
  enableCompileCache(directory);
  // Threads look for it there.
  process.env['NODE_COMPILE_CACHE'] = directory;
}

/** A module's file is found by its path: elsewhere the same program has others. */
export function compiledOf(dataDirectory: string, version: string, program: string): string {
  return path.join(dataDirectory, NAME, `${version}-${crc32(program).toString(16)}`);
}

/** Requires that nobody else uses the data directory. */
export async function removeOldCompiled(
  dataDirectory: string,
  inUse: string | undefined = getCompileCacheDir(),
): Promise<void> {
  const top = path.join(dataDirectory, NAME);
  if (inUse === undefined || path.dirname(path.dirname(inUse)) !== top) return;
  for (const kept of [path.dirname(inUse), inUse]) await removeBeside(kept);
}

async function removeBeside(kept: string): Promise<void> {
  const parent = path.dirname(kept);
  for (const name of await readdir(parent))
    if (name !== path.basename(kept)) await rm(path.join(parent, name), {recursive: true});
}

/** Not with those above it. Who needs the directory says what is wrong with it. */
function isMade(directory: string): boolean {
  try {
    mkdirSync(directory);
    return true;
  } catch (error) {
    const {code} = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    return code === 'EEXIST';
  }
}
