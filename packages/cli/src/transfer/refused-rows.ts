// What a cluster refuses of the bodies of a restore, and a body that is refused for now alone: one request makes
// a few buckets, and rows of a backup's bucket may need more of them where they are shorter.

import {FlotillaError, type WriteDetails, writeDetailsOf} from '@flotilla/client';
import {printable} from './refused-lines.ts';

/** Reasons shown; the count says how many more rows there are. */
const REASONS_MAX = 20;

export class RefusedRows {
  /** Older than the ttl of the database that they come into. */
  expired = 0;
  /** For any other reason. */
  others = 0;
  readonly reasons: string[] = [];

  add({lines, rejected}: WriteDetails): void {
    // Of each code one is told: where all that are told had expired, all had.
    const others = lines.filter(({code}) => code !== 'TIME_EXPIRED');
    if (others.length === 0) this.expired += rejected;
    else this.others += rejected;
    for (const {reason, text} of others.slice(0, REASONS_MAX - this.reasons.length))
      this.reasons.push(`${reason}: ${printable(text)}`);
  }
}

/** Writes a body until all its rows are taken, or no more of them: what is written twice is there once. */
export async function writeRows(
  write: () => Promise<unknown>,
  refused: Pick<RefusedRows, 'add'>,
): Promise<void> {
  let before = Number.POSITIVE_INFINITY;
  for (;;) {
    const details = await refusalOf(write);
    if (details === undefined) return;
    const {lines, rejected} = details;
    // Behind those that are told some may want buckets, too.
    const mayBeTaken = rejected > lines.length || lines.some(({code}) => code === 'BUCKET_LIMIT');
    if (!mayBeTaken || rejected >= before) return refused.add(details);
    before = rejected;
  }
}

/** Undefined: none was refused. */
async function refusalOf(write: () => Promise<unknown>): Promise<WriteDetails | undefined> {
  try {
    await write();
    return undefined;
  } catch (error) {
    const isOfRows = error instanceof FlotillaError && error.code === 'LINES_REJECTED';
    const details = isOfRows ? writeDetailsOf(error) : undefined;
    if (details === undefined) throw error;
    return details;
  }
}
