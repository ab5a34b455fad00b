// A read is planned by a catalog whose replica sets may go before they have begun to answer: dropped with their
// bucket, or replaced by empty ones. This thread's copy of the catalog has said so then, and the next plan is made
// by it.

import {DbError} from '@flotilla/base';

/** Plans of one read: each time some of its sets went within a round trip. */
const PLANS_MAX = 4;

/** @param read  makes a plan and reads by it, from the beginning each time */
export async function plannedAnew<Answer>(read: () => Promise<Answer>): Promise<Answer> {
  for (let plans = 1; ; plans++) {
    try {
      return await read();
    } catch (error) {
      const isGone = error instanceof DbError && error.code === 'STALE_EPOCH';
      if (!isGone || plans === PLANS_MAX) throw error;
    }
  }
}
