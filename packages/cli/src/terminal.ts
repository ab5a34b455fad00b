// What a command sees of the process: its streams, its environment and Ctrl-C. Tests pass their own.

import type {Readable, Writable} from 'node:stream';

export type OutputStream = Writable & {readonly isTTY?: boolean; readonly columns?: number};
export type InputStream = Readable & {readonly isTTY?: boolean};

export interface Terminal {
  readonly stdin: InputStream;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Calls `handler` on Ctrl-C until the returned function is called. */
  onInterrupt(handler: () => void): () => void;
}

/** Exit codes of every command; scripts rely on them. */
export const EXIT = {
  ok: 0,
  /** The cluster refused or the command failed. `status`: degraded. `check`: damaged. */
  failed: 1,
  /** No node answered. `status`: unavailable. */
  unavailable: 2,
  /** `check`: the directory, or a file in it, could not be read. */
  unreadable: 2,
  /** `write`, `import`: some lines were bad, the good ones are written. `export`: some values are left out. */
  linesRejected: 3,
  /** The command line itself is wrong (EX_USAGE of sysexits.h). */
  usage: 64,
  /** Ctrl-C: 128 + SIGINT. */
  interrupted: 130,
} as const;

/** The command line is wrong; the message says how to put it right. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export function processTerminal(): Terminal {
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    onInterrupt(handler) {
      process.on('SIGINT', handler);
      return () => process.off('SIGINT', handler);
    },
  };
}

/** Resolves once the stream has taken the text, so that a slow pipe slows the producer. */
export function writeOut(stream: OutputStream, text: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(text, (error) => (error ? reject(error) : resolve()));
  });
}

export function widthOf(stream: OutputStream): number | undefined {
  return stream.isTTY === true ? (stream.columns ?? 80) : undefined;
}
