// Rows that are too old for their database are hidden, not deleted: their files go with their bucket, and until
// then a longer ttl shows them again. Replica and planner each go by a copy of the catalog, and neither copy is
// always the newer one.

import type {ScanSpec} from '@flotilla/column';

/** Rows before it are hidden, as a catalog of that version says. */
export interface Expired {
  readonly beforeOffset: number;
  readonly catalogVersion: number;
}

export const NOTHING_EXPIRED: Expired = {beforeOffset: 0, catalogVersion: 0};

/** What was planned by a newer catalog has left out already what that hides, and may want rows that are back. */
export function shownFrom(
  {startOffset, plannedAt = 0}: Pick<ScanSpec, 'startOffset' | 'plannedAt'>,
  {beforeOffset, catalogVersion}: Expired,
): number {
  return plannedAt > catalogVersion ? startOffset : Math.max(startOffset, beforeOffset);
}
