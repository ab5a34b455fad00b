// What the nodes of a run are: their disks, how many stores lie on each, and how many engine threads share
// those. Both kinds of disks are the product's: `durable` ones write and sync a record in one call, and the log lays
// zeros before small records on them; `plain` ones cannot.

import {chanceOf} from '../kernel/chance.ts';

export type Disks = 'plain' | 'durable';

/** Drawn from the seed where nobody named it, by a stream of its own: `plain` runs are as they were without the other kind. */
export function disksOf({
  seed,
  disks,
}: {
  readonly seed: number;
  readonly disks?: Disks | undefined;
}): Disks {
  return disks ?? (chanceOf(seed, 'disks').odds(2 / 3) ? 'durable' : 'plain');
}

/** All on one disk, as in one data directory; plain disks with one store are the runs of before there were more. */
export function storesOf({
  seed,
  stores,
}: {
  readonly seed: number;
  readonly stores?: number | undefined;
}): number {
  return stores ?? chanceOf(seed, 'stores').pick([1, 1, 2, 3]);
}

/** At most; each start of a process draws anew. One is one thread for all, as runs had before there were more. */
export function threadsOf({
  seed,
  threads,
}: {
  readonly seed: number;
  readonly threads?: number | undefined;
}): number {
  return threads ?? chanceOf(seed, 'threads').pick([1, 1, 2, 3]);
}
