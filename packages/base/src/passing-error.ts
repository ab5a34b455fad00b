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

/** Why a disk's call failed says nothing of what the disk holds. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof FatalError)) return false;
  if (error.cause instanceof FatalError) return isPassing(error.cause);
  const {code, syscall} = (error.cause ?? {}) as {code?: unknown; syscall?: unknown};
  return isDiskFull(error) || PASSING.has(code) || (code === 'EIO' && READING.has(syscall));
}
