// What crosses between an engine thread and its compaction thread: one job at a time, each with one answer.
// Errors are data, since a class does not survive structured clone.

import {DbError, type ErrorCode} from '@flotilla/base';
import {type MergeJob, PartDamage, type WrittenPart} from '@flotilla/storage';
import {type BackgroundFailure, decodeFailure, encodeFailure} from '../background/protocol.ts';

export type ToCompaction =
  | {readonly type: 'begin'; readonly job: MergeJob}
  /** The job under way is to end. It may have ended by then. */
  | {readonly type: 'stop'};

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

export type MergeFailure =
  | BackgroundFailure
  | {readonly kind: 'damage'; readonly message: string}
  | {readonly kind: 'refused'; readonly code: ErrorCode; readonly message: string};

export function encodeMergeFailure(thrown: unknown): MergeFailure {
  if (thrown instanceof PartDamage) return {kind: 'damage', message: thrown.message};
  if (thrown instanceof DbError)
    return {kind: 'refused', code: thrown.code, message: thrown.message};
  return encodeFailure(thrown);
}

export function decodeMergeFailure(failure: MergeFailure): Error {
  switch (failure.kind) {
    case 'damage':
      return new PartDamage(failure.message);
    case 'refused':
      return new DbError(failure.code, failure.message);
    default:
      return decodeFailure(failure);
  }
}
