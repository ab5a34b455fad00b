// Long work over the whole catalog, on a thread that has groups to drive: one slice after the other. It
// counts as a flush, since the log is cut by what it writes.

import type {WorkJob, WorkSlices} from '@flotilla/base';

/** Where nobody else is served by the thread. */
export const ALL_AT_ONCE: WorkSlices = {due: () => undefined};

/** Of work of a snapshot; each is a job of its own. */
export function snapshotJob(): WorkJob {
  return {work: 'flush'};
}

/** Each item is made in a slice. */
export async function* inSlices<Item>(
  items: Iterable<Item>,
  slices: WorkSlices,
): AsyncGenerator<Awaited<Item>> {
  const job = snapshotJob();
  await slices.due(job);
  for (const item of items) {
    yield item;
    await slices.due(job);
  }
}

/** What the steps come to. */
export async function resultInSlices<Result>(
  steps: Generator<undefined, Result>,
  slices: WorkSlices,
): Promise<Result> {
  const job = snapshotJob();
  for (;;) {
    await slices.due(job);
    const {done, value} = steps.next();
    if (done === true) return value;
  }
}
