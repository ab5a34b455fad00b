// What crosses between the threads of a node and its background worker, over one MessagePort per
// thread. Every call gets exactly one reply, `callId` pairs them. Errors are data, since a class does
// not survive structured clone.

import {FatalError, type ManifestEdit, type StoreId} from '@flotilla/base';
import {systemErrorCode} from '../node-disk.ts';

export type ManifestRows = readonly (readonly [key: string, value: Uint8Array])[];

export type BackgroundRequest =
  | {readonly type: 'manifest-open'; readonly store: StoreId}
  | {readonly type: 'manifest-load'; readonly store: StoreId}
  | {readonly type: 'manifest-commit'; readonly store: StoreId; readonly edit: ManifestEdit}
  | {readonly type: 'manifest-close'; readonly store: StoreId};

/** What the reply to each request carries. */
export interface BackgroundResults {
  readonly 'manifest-open': undefined;
  readonly 'manifest-load': ManifestRows;
  readonly 'manifest-commit': undefined;
  readonly 'manifest-close': undefined;
}

export type BackgroundResult = BackgroundResults[keyof BackgroundResults];

export interface BackgroundCall {
  readonly callId: number;
  readonly request: BackgroundRequest;
}

export type BackgroundReply =
  | {readonly callId: number; readonly ok: true; readonly result: BackgroundResult}
  | {readonly callId: number; readonly ok: false; readonly failure: BackgroundFailure};

export type BackgroundFailure =
  | {
      readonly kind: 'fatal';
      readonly message: string;
      readonly code: string | undefined;
      /** An EIO of a read may pass, one of a sync does not. */
      readonly syscall: string | undefined;
    }
  | {readonly kind: 'bug'; readonly message: string};

export function encodeFailure(thrown: unknown): BackgroundFailure {
  if (thrown instanceof FatalError) {
    const cause = innermostOf(thrown).cause as {readonly syscall?: unknown} | undefined;
    const syscall = typeof cause?.syscall === 'string' ? cause.syscall : undefined;
    const code = systemErrorCode(innermostOf(thrown));
    return {kind: 'fatal', message: thrown.message, code, syscall};
  }
  const message = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  return {kind: 'bug', message};
}

export function decodeFailure(failure: BackgroundFailure): Error {
  switch (failure.kind) {
    case 'fatal':
      return new FatalError(failure.message, systemError(failure));
    case 'bug':
      return new Error(failure.message);
  }
}

/** Others say where that was met: it alone has what the system said. */
function innermostOf(error: FatalError): FatalError {
  return error.cause instanceof FatalError ? innermostOf(error.cause) : error;
}

function systemError({
  message,
  code,
  syscall,
}: Pick<Extract<BackgroundFailure, {kind: 'fatal'}>, 'message' | 'code' | 'syscall'>) {
  return code === undefined ? undefined : Object.assign(new Error(message), {code, syscall});
}
