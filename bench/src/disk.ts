// Space on disk, and how long this disk takes to make a small write durable.

import {open, readdir, rm, stat} from 'node:fs/promises';
import path from 'node:path';
import {Latencies, roundMs} from './latencies.ts';

const PROBE_ROUNDS = 200;
const PROBE_BYTES = 4_096;

/** Bytes that the files of a directory occupy, in whole blocks as `du` counts them. */
export async function diskBytesOf(directory: string): Promise<number> {
  const names = await readdir(directory, {recursive: true});
  const sizes = await Promise.all(names.map((name) => occupiedBytes(path.join(directory, name))));
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
}

async function occupiedBytes(file: string): Promise<number> {
  try {
    const {blocks} = await stat(file);
    return blocks * 512; // The unit of st_blocks, whatever the file system's.
  } catch (error) {
    // A server that compacts removes files while they are counted.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}

/** Milliseconds of appending a page and fdatasync. */
export interface FdatasyncMs {
  readonly p50: number;
  readonly p99: number;
}

/** Absolute figures mean little without it. */
export async function probeFdatasyncMs(directory: string): Promise<FdatasyncMs> {
  const file = path.join(directory, 'fdatasync-probe');
  const handle = await open(file, 'w');
  const page = Buffer.alloc(PROBE_BYTES, 1);
  const times = new Latencies();
  try {
    for (let round = 0; round < PROBE_ROUNDS; round++) {
      const startMs = performance.now();
      await handle.write(page, 0, PROBE_BYTES, round * PROBE_BYTES);
      await handle.datasync();
      times.add(performance.now() - startMs);
    }
  } finally {
    await handle.close();
    await rm(file);
  }
  return {p50: roundMs(times.quantile(0.5)), p99: roundMs(times.quantile(0.99))};
}

export function describeProbe({p50, p99}: FdatasyncMs): string {
  const rounds = `${PROBE_ROUNDS} rounds`;
  return `fdatasync of 4 KiB on this disk: ${p50.toFixed(3)} ms, p99 ${p99.toFixed(3)} ms (${rounds})`;
}
