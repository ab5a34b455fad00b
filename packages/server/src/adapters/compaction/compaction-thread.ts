// The compaction thread's entry: it steps behind all threads that serve before it loads anything, which takes
// longer than most merges.

import fs from 'node:fs';
import os from 'node:os';

/** Behind the others where cores are scarce, and not so far that it never comes to run. */
const NICENESS = 10;

// Linux has a niceness for each thread; elsewhere the share of a core is all there is.
if (process.platform === 'linux' && fs.existsSync('/proc/thread-self')) {
  const thread = fs.readlinkSync('/proc/thread-self').split('/').at(-1);
  os.setPriority(Number(thread), NICENESS);
}
await import('./merging.ts');
