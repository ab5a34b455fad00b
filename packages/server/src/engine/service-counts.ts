// What an engine thread did for HTTP, and how long its stages took.

import {DurationHistogram, type ErrorCode} from '@flotilla/base';

/** What became of a body, by its answer's status. */
export type BodyOutcome = 'written' | 'rejected' | 'refused' | 'unknown' | 'failed';

export class ServiceCounts {
  readonly bodies: Record<BodyOutcome, number> = {
    written: 0,
    rejected: 0,
    refused: 0,
    unknown: 0,
    failed: 0,
  };
  /** As they came. */
  wireBytes = 0;
  inflatedBytes = 0;
  /** For its turn in the thread. */
  readonly writeWait = new DurationHistogram();
  /** Inflating and parsing. */
  readonly parse = new DurationHistogram();
  readonly write = new DurationHistogram();
  /** Statements that came to their end, by its code. */
  readonly statements = new Map<ErrorCode | 'OK', number>([['OK', 0]]);
  readonly statement = new DurationHistogram();
  readonly firstByte = new DurationHistogram();
  /** Binding and planning of a SELECT. */
  readonly plan = new DurationHistogram();
  /** The meta group's word on the catalog's present version, beside the planning. */
  readonly catalogIndex = new DurationHistogram();
  /** Merging and formatting, once every set had begun to answer. */
  readonly merge = new DurationHistogram();

  statementEnded(code: ErrorCode | 'OK'): void {
    this.statements.set(code, (this.statements.get(code) ?? 0) + 1);
  }
}

export function outcomeOf(status: number): BodyOutcome {
  if (status < 300) return 'written';
  if (status === 504) return 'unknown';
  if (status === 429 || status === 503 || status === 507) return 'refused';
  return status < 500 ? 'rejected' : 'failed';
}
