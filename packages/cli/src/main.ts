// Entry of the `flotilla` command.

import {runCommandLine} from './program.ts';
import {EXIT, processTerminal} from './terminal.ts';

// `flotilla sql … | head` closes the pipe: that is an end, not a failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(EXIT.ok);
});

process.exitCode = await runCommandLine(process.argv.slice(2), processTerminal());
