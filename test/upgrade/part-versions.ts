// Which versions the parts in a data directory are of, by the byte behind their magic (packages/storage/FORMAT.md).

import {readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';

const VERSION_AT = 7;

/** Of all that lie in it now; files come and go while its node runs. */
export function partVersions(directory: string): Set<number> {
  const files = readdirSync(directory, {recursive: true, encoding: 'utf8'});
  const parts = files.filter((file) => file.endsWith('.part'));
  return new Set(parts.flatMap((file) => versionOf(path.join(directory, file))));
}

function versionOf(file: string): number[] {
  try {
    return [readFileSync(file)[VERSION_AT]!];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
