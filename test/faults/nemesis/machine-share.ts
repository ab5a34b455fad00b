// How much of this machine the run could have: what other work takes is nobody's fault here. Linux tells
// the time of all processors together and of each process; what was busy and not ours was others'. What
// runs at a lower priority than this is no other work: it has what the run leaves.

import {existsSync, readFileSync} from 'node:fs';
import {getPriority} from 'node:os';
import {setTimeout as sleep} from 'node:timers/promises';

const LOOK_MS = 500;
/** However busy the machine is, some of it is left. */
const SHARE_MIN = 0.1;

/** Of all processors, in ticks since some beginning. */
export interface Look {
  readonly atMs: number;
  readonly total: number;
  readonly busy: number;
  /** By this process and the nodes'. */
  readonly own: number;
}

export class MachineShare {
  readonly #looks: Look[] = [];
  readonly #lastTicks = new Map<number, number>();
  #own = 0;

  /** Looks until told to stop. @param pids of the nodes that run. */
  async watch(pids: () => readonly number[], signal: AbortSignal): Promise<void> {
    if (!existsSync('/proc/stat')) return;
    while (!signal.aborted) {
      for (const pid of [process.pid, ...pids()]) this.#own += this.#ticksSince(pid);
      const atMs = performance.now();
      this.add({atMs, ...ticksOfAll(readFileSync('/proc/stat', 'utf8')), own: this.#own});
      await sleep(LOOK_MS);
    }
  }

  add(look: Look): void {
    this.#looks.push(look);
  }

  /** Of the machine's time in that span, what others left: 1 where it was all the run's, or nobody looked. */
  between(startMs: number, endMs: number): number {
    const first = this.#looks.findLast(({atMs}) => atMs <= startMs) ?? this.#looks[0];
    const last = this.#looks.find(({atMs}) => atMs >= endMs) ?? this.#looks.at(-1);
    if (first === undefined || last === undefined || last.total <= first.total) return 1;
    const others = last.busy - first.busy - (last.own - first.own);
    const left = 1 - others / (last.total - first.total);
    return Math.min(1, Math.max(SHARE_MIN, left));
  }

  #ticksSince(pid: number): number {
    const ticks = ticksOfProcess(pid);
    const since = ticks - (this.#lastTicks.get(pid) ?? 0);
    this.#lastTicks.set(pid, ticks);
    return Math.max(0, since);
  }
}

/**
 * Of the first line of /proc/stat: user nice system idle iowait irq softirq steal. What yields to an ordinary
 * process is told apart there; to one that yields itself it is as others are.
 */
export function ticksOfAll(text: string, priority = getPriority()): Pick<Look, 'total' | 'busy'> {
  const ticks = text.slice(0, text.indexOf('\n')).trim().split(/\s+/).slice(1, 9).map(Number);
  const total = ticks.reduce((sum, each) => sum + each, 0);
  const yielding = priority > 0 ? 0 : ticks[1]!;
  return {total, busy: total - yielding - ticks[3]! - ticks[4]!};
}

/** All its threads; 0 of one that has ended. */
function ticksOfProcess(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Behind the name, which may hold spaces: utime and stime are the 14th and 15th of all.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return Number(fields[11]) + Number(fields[12]);
  } catch {
    return 0; // It ended since it was named.
  }
}
