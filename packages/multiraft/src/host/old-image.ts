// A store that came back as an older image of itself: a disk put back from a copy, or one that lied
// about a sync; and one of two copies that both ran, whose records may have the same numbers. Nodes remember the highest durable record that each store told them. One that opened
// below it has lost acknowledged entries and votes, so all replicas in it stop at once and, durably,
// are never opened again under their ids (design section 7, "Identity"; raft-notes T66).

import type {Driver} from './driver.ts';
import type {Store} from './store.ts';

/** Why such a replica stands still. */
export const OLD_IMAGE =
  'the store came back damaged, or older than other nodes know it: what this replica acknowledged since is lost';

export interface RememberedRecord {
  readonly store: number;
  /** The highest durable record that the store told. */
  readonly record: number;
}

/** Undefined where nothing is old; else resolves when that is durable, and the process must end. */
export function disownOldImages(
  stores: readonly Store[],
  driver: Driver,
  records: readonly RememberedRecord[],
): Promise<unknown> | undefined {
  const disowned: Promise<void>[] = [];
  for (const {store, record} of records) {
    const own = stores.find((one) => one.store === store);
    if (own === undefined || own.isDisowned || !own.log.isLost(record)) continue;
    disowned.push(disownStore(own, driver, record));
  }
  return disowned.length === 0 ? undefined : Promise.all(disowned);
}

/**
 * Whatever the records say: others know a life of this node that another copy of the directory led.
 * Resolves when that is durable, and the process must end.
 */
export async function disownAll(
  stores: readonly Store[],
  driver: Driver,
  records: readonly RememberedRecord[],
): Promise<void> {
  const disowned = stores.map((own) => {
    // Its loss was told in this life, and may not be durable yet: what is appended now is so after it.
    if (own.isDisowned) return own.log.append([]);
    const known = records.find(({store}) => store === own.store)?.record ?? 0;
    return disownStore(own, driver, Math.max(known, own.log.durableRecord));
  });
  await Promise.all(disowned);
}

function disownStore(own: Store, driver: Driver, record: number): Promise<void> {
  own.isDisowned = true;
  // First, and in this turn: nothing that is still to come may be answered.
  for (const group of driver.groups.values())
    if (group.store === own) driver.stopGroup(group, OLD_IMAGE);
  return own.log.disown(record);
}
