// What the scenarios share: a directory that is gone afterwards, how long its disk takes to make a page durable,
// and an end by signal that leaves no server behind.

import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {type FdatasyncMs, probeFdatasyncMs} from './disk.ts';

export interface Skipped {
  readonly target: string;
  readonly reason: string;
}

export interface DiskReport {
  /** Of the directory's disk, before anything else was measured. */
  readonly fdatasyncMs: FdatasyncMs;
}

export async function withBenchDirectory<Report extends DiskReport>(
  run: (directory: string) => Promise<Omit<Report, 'fdatasyncMs'>>,
): Promise<Report> {
  const directory = await mkdtemp(path.join(tmpdir(), 'flotilla-bench-'));
  const stopOnSignal = () => process.exit(130); // Servers are stopped by the exit handler.
  process.once('SIGINT', stopOnSignal);
  process.once('SIGTERM', stopOnSignal);
  try {
    const fdatasyncMs = await probeFdatasyncMs(directory);
    return {...(await run(directory)), fdatasyncMs} as Report;
  } finally {
    process.off('SIGINT', stopOnSignal);
    process.off('SIGTERM', stopOnSignal);
    if (process.env['FLOTILLA_KEEP_DATA'] === undefined)
      await rm(directory, {recursive: true, force: true});
  }
}
