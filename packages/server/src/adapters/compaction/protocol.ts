// What a compaction thread answers for a job.

import {PartDamage, type WrittenPart} from '@flotilla/storage';
import {decodeJobFailure, encodeJobFailure, type JobFailure} from '../jobs/job-failure.ts';

/** What a job took. */
export interface MergeCost {
  readonly cpuMs: number;
  readonly readBytes: number;
  /** That it stood still, or waited with some of its reads and writes, for its share of a core or of the disk. */
  readonly restMs: number;
}

export type MergeOutcome =
  | {readonly ok: true; readonly written: WrittenPart | undefined}
  | {readonly ok: false; readonly failure: MergeFailure};

export interface MergeAnswer {
  readonly outcome: MergeOutcome;
  readonly cost: MergeCost;
}

export type MergeFailure = JobFailure | {readonly kind: 'damage'; readonly message: string};

export function encodeMergeFailure(thrown: unknown): MergeFailure {
  if (thrown instanceof PartDamage) return {kind: 'damage', message: thrown.message};
  return encodeJobFailure(thrown);
}

export function decodeMergeFailure(failure: MergeFailure): Error {
  return failure.kind === 'damage' ? new PartDamage(failure.message) : decodeJobFailure(failure);
}
