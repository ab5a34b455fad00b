// What apply made of a write or a delete: what its proposer is told. The same on every replica.

import type {WriteResult} from '@flotilla/storage';

/** What apply made of a delete. */
export type DeleteApplied =
  | {readonly status: 'deleted'}
  | {readonly status: 'duplicate' | 'forgotten'}
  | {readonly status: 'dropped-table'; readonly table: number};

/** What apply made of a write. */
export type WriteApplied =
  | {readonly status: 'applied'; readonly rowCount: number}
  /** Seen before: applied then, nothing now. */
  | {readonly status: 'duplicate'}
  /** Older than the retry window: whether it was applied is not known any more. */
  | {readonly status: 'forgotten'}
  /** It names a dead table; the router is behind. */
  | {readonly status: 'dropped-table'; readonly table: number}
  /** Likewise, a dead column. */
  | {readonly status: 'dropped-column'; readonly table: number; readonly column: number};

export function refused(result: Extract<WriteResult, {status: 'rejected'}>): WriteApplied {
  const {table} = result;
  if (result.code === 'TABLE_DROPPED') return {status: 'dropped-table', table};
  return {status: 'dropped-column', table, column: result.column};
}
