// What became of a write as an HTTP answer. What can be retried beats what cannot: an unknown outcome
// is 504; else any retryable refusal 429, 503 or 507; else bad lines 400.

import {DbError, ERRORS, type RetryClass} from '@flotilla/base';
import type {SetOutcome, WriteOutcome} from '@flotilla/router';
import {errorAnswer} from '../http/error-answer.ts';
import {counted} from './counted.ts';
import type {HttpAnswer} from './gateway.ts';

const REPLICA_SETS_LISTED = 100;

export function writeAnswer(outcome: WriteOutcome): HttpAnswer {
  const error = writeError(outcome);
  if (error === undefined) return {status: 204, headers: {}, body: undefined};
  return failedAnswer(error);
}

export function failedAnswer(error: DbError): HttpAnswer {
  const {status, headers, body} = errorAnswer(error);
  return {status, headers, body: Buffer.from(`${JSON.stringify(body)}\n`), code: error.code};
}

/** What a client is told of a write that was not taken whole; undefined of one that was. */
export function writeError(outcome: WriteOutcome): DbError | undefined {
  const failed = outcome.sets.filter(({outcome: what}) => what !== 'written');
  const worst =
    failed.find(({outcome: what}) => what === 'unknown') ??
    failed.find(({error}) => error !== undefined && ERRORS[error.code].retry !== 'never') ??
    failed[0];
  const details = {
    written: outcome.writtenRows,
    rejected: outcome.rejectedLines,
    lines: outcome.lines,
    replicaSets: failed.slice(0, REPLICA_SETS_LISTED).map(describeSet),
  };
  if (worst?.error !== undefined) {
    return new DbError(worst.error.code, messageOf(worst, failed.length, outcome), details);
  }
  if (outcome.rejectedLines === 0) return undefined;
  const first = outcome.lines[0];
  const where = first === undefined ? '' : `; line ${first.line}: ${first.reason}`;
  const {rejectedLines, writtenRows} = outcome;
  const head = `${counted(rejectedLines, 'line')} rejected, ${counted(writtenRows, 'row')} written`;
  return new DbError('LINES_REJECTED', `${head}${where}`, details);
}

function describeSet({set, outcome, error, rowCount}: SetOutcome): Record<string, unknown> {
  return {id: String(set), outcome, code: error?.code, lines: rowCount};
}

const ADVICE: Readonly<Record<RetryClass, string>> = {
  never: '',
  'other-replica': '; send it again',
  backoff: '; send it again',
  unknown: '; send it again with the same Idempotency-Key',
};

function messageOf({error}: SetOutcome, failedSets: number, outcome: WriteOutcome): string {
  const more = failedSets > 1 ? ` (and ${failedSets - 1} more replica sets)` : '';
  const advice = ADVICE[ERRORS[error!.code].retry];
  return `${error!.message}${more}; ${outcome.writtenRows} rows are written${advice}`;
}
