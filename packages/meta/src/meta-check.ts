// A look at a file of the catalog, of a replica of the meta group or of a snapshot of it: its checksum, and
// that it is a catalog that this build can open.

import {type Disk, FatalError, type FileCheck} from '@flotilla/base';
import {ALL_AT_ONCE} from './in-slices.ts';
import {MetaFiles} from './meta-files.ts';

/**
 * Tells what is wrong with the file. Resolves with the index of its state, undefined where it tells none.
 * Throws FatalError where it cannot be read.
 */
export async function checkCatalogFile(
  disk: Disk,
  path: string,
  check: FileCheck,
): Promise<number | undefined> {
  try {
    const {point} = await new MetaFiles(disk, '', ALL_AT_ONCE).read(path);
    return point.index;
  } catch (error) {
    // With a cause it is the disk's.
    if (error instanceof FatalError && error.cause !== undefined) throw error;
    check.fault({file: path, message: (error as Error).message});
    return undefined;
  }
}
