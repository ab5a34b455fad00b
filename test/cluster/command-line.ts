// The command line as it is typed, in the process of the test: its exit code and what it printed.

import {Readable, Writable} from 'node:stream';
import {runCommandLine} from '../../packages/cli/src/index.ts';

class Sink extends Writable {
  text = '';
  override _write(piece: Buffer, _encoding: string, done: () => void): void {
    this.text += piece.toString();
    done();
  }
}

/** `./flotilla` with these words, asking the nodes at `urls`; with Ctrl-C as soon as it hears of one. */
export async function flotillaAt(
  urls: readonly string[],
  args: readonly string[],
  {isInterrupted = false}: {readonly isInterrupted?: boolean} = {},
) {
  const [stdout, stderr] = [new Sink(), new Sink()];
  const env = {FLOTILLA_URL: urls.join(',')};
  const onInterrupt = (stop: () => void) => {
    if (isInterrupted) stop();
    return () => {};
  };
  const terminal = {stdin: Readable.from([]), stdout, stderr, env, onInterrupt};
  return {code: await runCommandLine(args, terminal), out: stdout.text, err: stderr.text};
}
