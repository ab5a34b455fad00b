// A segment's file as one run of bytes, also where the disk has lost some of its sectors: they are told, and
// zeros stand in their place. Whoever recovers a log takes them for damage, wherever they are: at the end zeros
// look like what a crash has torn.

import {type DiskFile, isUnreadable} from '@flotilla/base';

export interface SegmentBytes {
  readonly bytes: Uint8Array;
  /** Where the first byte is that the disk does not give; undefined: it gives all of them. */
  readonly lostAt: number | undefined;
}

/** So that few of the sectors are asked for by themselves: each that is lost may take the disk seconds. */
const PIECE_BYTES = 1024 * 1024;
/** What disks lose at a time, or a multiple of it. */
const SECTOR_BYTES = 4096;

/** Rejects where not one sector can be read: that is no damage of the file, and may pass. */
export async function readSegment(file: DiskFile): Promise<SegmentBytes> {
  const size = await file.size();
  try {
    return {bytes: await file.readAt(0, size), lostAt: undefined};
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    const found = await readSectors(file, size);
    if (!found.hasAny) throw error;
    return found;
  }
}

async function readSectors(
  file: DiskFile,
  size: number,
): Promise<SegmentBytes & {readonly hasAny: boolean}> {
  const bytes = new Uint8Array(size);
  let lostAt: number | undefined;
  let hasAny = false;
  const read = async (at: number, length: number): Promise<void> => {
    const end = Math.min(size, at + length);
    const piece = await readPiece(file, at, end - at);
    if (piece !== undefined) {
      bytes.set(piece, at);
      hasAny = true;
    } else if (length === SECTOR_BYTES) lostAt ??= at;
    else
      for (let sector = at; sector < end; sector += SECTOR_BYTES) await read(sector, SECTOR_BYTES);
  };
  for (let at = 0; at < size; at += PIECE_BYTES) await read(at, PIECE_BYTES);
  return {bytes, lostAt, hasAny};
}

/** Undefined where the disk does not give it. */
async function readPiece(
  file: DiskFile,
  at: number,
  length: number,
): Promise<Uint8Array | undefined> {
  try {
    return await file.readAt(at, length);
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    return undefined;
  }
}
