// Why a job failed, as data, since a class does not survive structured clone.

import {DbError, type ErrorCode} from '@flotilla/base';
import {type BackgroundFailure, decodeFailure, encodeFailure} from '../background/protocol.ts';

export type JobFailure =
  | BackgroundFailure
  | {readonly kind: 'refused'; readonly code: ErrorCode; readonly message: string};

export function encodeJobFailure(thrown: unknown): JobFailure {
  if (thrown instanceof DbError)
    return {kind: 'refused', code: thrown.code, message: thrown.message};
  return encodeFailure(thrown);
}

export function decodeJobFailure(failure: JobFailure): Error {
  if (failure.kind === 'refused') return new DbError(failure.code, failure.message);
  return decodeFailure(failure);
}
