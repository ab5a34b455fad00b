// What a server's processes used, from /proc: CPU of all threads, of children that live and of those
// that have ended and been waited for; and the peak of resident memory. Of threads also how long they
// could have run and had no processor.
// @see proc_pid_stat(5), proc_pid_status(5), Documentation/scheduler/sched-stats.rst of Linux

import {execFileSync} from 'node:child_process';
import {readdirSync, readFileSync} from 'node:fs';

/** /proc counts CPU in these; 100 on every Linux in use, but it is the kernel's to say. */
export const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], {encoding: 'utf8'}));

/** Seconds of CPU in a line of /proc/<pid>/stat: own and of waited-for children, user and system. */
export function cpuSecondsOfStat(stat: string): number {
  // The second field is the program's name in parentheses and may hold blanks and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // utime, stime, cutime and cstime are fields 14 to 17; the first here is field 3.
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return ticks / TICKS_PER_SECOND;
}

/** Peak resident bytes in the text of /proc/<pid>/status; a process that is ending has none. */
export function peakRssBytesOfStatus(status: string): number {
  const match = /^VmHWM:\s+(\d+) kB$/m.exec(status);
  return match === null ? 0 : Number(match[1]) * 1024;
}

/** Of all threads of one name in a process, since they began. */
export interface ThreadTimes {
  readonly runSeconds: number;
  /** Able to run, and no processor free for it. */
  readonly waitSeconds: number;
}

/** By name as the kernel has it: at most 15 characters. */
export function threadTimes(pid: number): Map<string, ThreadTimes> {
  const times = new Map<string, ThreadTimes>();
  for (const thread of threadsOf(pid)) {
    const name = readProc(`/proc/${pid}/task/${thread}/comm`)?.trimEnd();
    const schedstat = readProc(`/proc/${pid}/task/${thread}/schedstat`);
    if (name === undefined || schedstat === undefined) continue;
    const [run = 0, wait = 0] = schedstat.split(' ').map((ns) => Number(ns) / 1e9);
    const {runSeconds, waitSeconds} = times.get(name) ?? {runSeconds: 0, waitSeconds: 0};
    times.set(name, {runSeconds: runSeconds + run, waitSeconds: waitSeconds + wait});
  }
  return times;
}

/** The processes of one target. Peaks are kept per process, so one that ends is still counted. */
export class ProcessUsage {
  readonly #roots: readonly number[];
  readonly #peakRssBytes = new Map<number, number>();

  constructor(roots: readonly number[]) {
    this.#roots = roots;
  }

  /** Takes note of memory; CPU needs no sampling. */
  sample(): void {
    for (const pid of this.#pids()) {
      const status = readProc(`/proc/${pid}/status`);
      const peak = status === undefined ? 0 : peakRssBytesOfStatus(status);
      this.#peakRssBytes.set(pid, Math.max(peak, this.#peakRssBytes.get(pid) ?? 0));
    }
  }

  cpuSeconds(): number {
    return this.#pids().reduce((sum, pid) => {
      const stat = readProc(`/proc/${pid}/stat`);
      return stat === undefined ? sum : sum + cpuSecondsOfStat(stat);
    }, 0);
  }

  /** Sum over the processes of each one's peak: at most the peak of the sum, never less. */
  peakRssBytes(): number {
    this.sample();
    return [...this.#peakRssBytes.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  #pids(): number[] {
    return this.#roots.flatMap((root) => [root, ...descendantsOf(root)]);
  }
}

function descendantsOf(pid: number): number[] {
  const children = threadsOf(pid).flatMap((thread) =>
    (readProc(`/proc/${pid}/task/${thread}/children`) ?? '')
      .split(' ')
      .filter((each) => each !== ''),
  );
  return children.map(Number).flatMap((child) => [child, ...descendantsOf(child)]);
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

/** A process may end between two looks: then there is nothing to read. */
function readProc(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

function isGone(error: unknown): boolean {
  const {code} = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ESRCH';
}
