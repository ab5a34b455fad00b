// A server as a child process: started with its log in a file, stopped by its own id, and never left
// behind when the harness ends.

import {type ChildProcess, spawn} from 'node:child_process';
import {accessSync, closeSync, constants, openSync, readFileSync} from 'node:fs';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';

/** Two shared cores start three processes at once. */
const START_MS_MAX = 90_000;
const STOP_MS_MAX = 15_000;
const POLL_MS = 50;
/** A server that is cut off or stopped never answers. */
const ANSWER_MS_MAX = 2_000;
const LOG_TAIL_LINES = 8;

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class ServerProcess {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #logFile: string;
  readonly #name: string;

  constructor(options: {
    name: string;
    command: string;
    args: readonly string[];
    env?: Readonly<Record<string, string>>;
    logFile: string;
  }) {
    const log = openSync(options.logFile, 'a');
    this.#name = options.name;
    this.#logFile = options.logFile;
    this.#child = spawn(options.command, options.args, {
      stdio: ['ignore', log, log],
      env: {...process.env, ...options.env},
    });
    closeSync(log);
    if (this.#child.pid === undefined) throw new Error(`cannot start ${options.command}`);
    this.pid = this.#child.pid;
    running.add(this.#child);
    this.#child.once('exit', () => running.delete(this.#child));
  }

  get #hasExited(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Waits until `isUp` says so; fails with the end of the log if the process ends first. */
  async waitUntil(isUp: () => Promise<boolean>, waitMsMax = START_MS_MAX): Promise<void> {
    const deadlineMs = performance.now() + waitMsMax;
    while (performance.now() < deadlineMs) {
      if (this.#hasExited) throw new Error(`${this.#name} has ended:\n${this.#logTail()}`);
      if (await isUp()) return;
      await sleep(POLL_MS);
    }
    throw new Error(`${this.#name} is not up after ${waitMsMax / 1000} s:\n${this.#logTail()}`);
  }

  /** Sends what does not wait: SIGSTOP, SIGCONT, SIGKILL. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** kill -9, and waits until the kernel has taken it away. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  async stop(): Promise<void> {
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS_MAX);
    await this.#end('SIGTERM');
    clearTimeout(timer);
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (this.#hasExited) return;
    const exited = new Promise<void>((resolve) => this.#child.once('exit', () => resolve()));
    this.#child.kill(signal);
    await exited;
  }

  #logTail(): string {
    return readFileSync(this.#logFile, 'utf8')
      .trimEnd()
      .split('\n')
      .slice(-LOG_TAIL_LINES)
      .join('\n');
  }
}

/** Whether a GET answers 200 or 204 now. */
export async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, {signal: AbortSignal.timeout(ANSWER_MS_MAX)});
    await response.arrayBuffer();
    return response.status === 200 || response.status === 204;
  } catch {
    return false; // Not listening yet is what is being waited for.
  }
}

/** The text of a 2xx answer; anything else throws. */
export async function request(url: string, init?: RequestInit): Promise<string> {
  const response = await fetch(url, init);
  const text = await response.text();
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${text.slice(0, 300)}`);
  return text;
}

/** The first of the names that is a program on PATH. */
export function findProgram(names: readonly string[]): string | undefined {
  const directories = (process.env['PATH'] ?? '').split(path.delimiter);
  return names
    .flatMap((name) => directories.map((directory) => path.join(directory, name)))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false; // Not there, or not a program: look on.
      }
    });
}
