// A thread behind all that serve: before it loads anything, which takes longer than most of its jobs.

import fs from 'node:fs';
import os from 'node:os';

/** Behind the others where cores are scarce, and not so far that it never comes to run. */
const STEP = 10;

/** Of the thread of the call. Linux has a niceness for each; elsewhere its budget is all there is. */
export function stepBehind(): void {
  if (process.platform !== 'linux' || !fs.existsSync('/proc/thread-self')) return;
  const thread = fs.readlinkSync('/proc/thread-self').split('/').at(-1);
  // From where the process is: a user may not step forward again, and where he can it is not to be before the others.
  os.setPriority(
    Number(thread),
    Math.min(os.constants.priority.PRIORITY_LOW, os.getPriority() + STEP),
  );
}
