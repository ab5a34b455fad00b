// A full disk apart from a broken one: what it refused was not done, and can be done once there is room.

import {FatalError} from './errors.ts';

/** Whether a disk refused for want of space, and for nothing else. */
export function isDiskFull(error: unknown): boolean {
  if (!(error instanceof FatalError)) return false;
  const cause = error.cause as {readonly code?: unknown} | undefined;
  return cause?.code === 'ENOSPC' || cause?.code === 'EDQUOT' || error.message.includes('ENOSPC');
}
