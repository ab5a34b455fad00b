// What an order, a proposal or a stop may end with under faults.

import {DbError, FatalError} from '@flotilla/base';

/** Faults make refusals, unknown outcomes and broken disks; anything else is a bug. */
export function expected(error: unknown): void {
  if (!(error instanceof DbError || error instanceof FatalError)) throw error;
}
