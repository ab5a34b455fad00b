// A tool whose output goes into a pipe ends when its reader does, as `head` does after some lines: that is an
// end, not a failure. (`packages/cli` does likewise, and may import nothing of this package.)

/** Ends the process, quietly, once nobody reads one of its streams any more. */
export function endWithReader(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      process.exit();
    });
}
