// What the scenarios share: a directory that is gone afterwards, and an end by signal that leaves no
// server behind.

import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';

export interface Skipped {
  readonly target: string;
  readonly reason: string;
}

export async function withBenchDirectory<T>(run: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(path.join(tmpdir(), 'flotilla-bench-'));
  const stopOnSignal = () => process.exit(130); // Servers are stopped by the exit handler.
  process.once('SIGINT', stopOnSignal);
  process.once('SIGTERM', stopOnSignal);
  try {
    return await run(directory);
  } finally {
    process.off('SIGINT', stopOnSignal);
    process.off('SIGTERM', stopOnSignal);
    if (process.env['FLOTILLA_KEEP_DATA'] === undefined)
      await rm(directory, {recursive: true, force: true});
  }
}
