// A disk that could not be asked apart from one that gave back what was not written: of the first nothing is
// lost, and the same call may succeed later.

import {isDiskFull} from './disk-full.ts';
import {FatalError} from './errors.ts';

/** Out of descriptors or memory, busy, interrupted, or refused until somebody mends the rights. */
const PASSING: ReadonlySet<unknown> = new Set([
  'EMFILE',
  'ENFILE',
  'ENOMEM',
  'EAGAIN',
  'EINTR',
  'EBUSY',
  'EACCES',
  'EPERM',
  'EROFS',
]);
/**
 * After an EIO of these the bytes are as durable as before. After one of a sync they may be taken for
 * clean, and a second sync would lie.
 */
const READING: ReadonlySet<unknown> = new Set([
  'open',
  'read',
  'stat',
  'fstat',
  'lstat',
  'scandir',
]);

interface Cause {
  readonly code?: unknown;
  readonly syscall?: unknown;
}

function causeOf(error: FatalError): Cause {
  if (error.cause instanceof FatalError) return causeOf(error.cause);
  return (error.cause ?? {}) as Cause;
}

/** The disk did not give bytes that it holds: it may later, or their place on it is lost. */
export function isUnreadable(error: unknown): boolean {
  if (!(error instanceof FatalError)) return false;
  const {code, syscall} = causeOf(error);
  return code === 'EIO' && syscall === 'read';
}

/** Why a disk's call failed says nothing of what the disk holds. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof FatalError)) return false;
  if (error.cause instanceof FatalError) return isPassing(error.cause);
  const {code, syscall} = causeOf(error);
  return isDiskFull(error) || PASSING.has(code) || (code === 'EIO' && READING.has(syscall));
}
