// What a run really did: a simulation tests only what its workload makes happen, so it is counted.

import {DbError} from '@flotilla/base';

export class Coverage {
  readonly #counts = new Map<string, number>();

  count(what: string, times = 1): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + times);
  }

  /** How the work ends: as said, or by the code of its refusal. Any other end is a bug. */
  countEnd(what: string, work: Promise<unknown>, done = 'ok'): void {
    work.then(
      () => this.count(`${what} ${done}`),
      (error: unknown) => {
        if (!(error instanceof DbError)) throw error;
        this.count(`${what} ${error.code}`);
      },
    );
  }

  of(what: string): number {
    return this.#counts.get(what) ?? 0;
  }

  add(other: Coverage): void {
    for (const [what, times] of other.#counts) this.count(what, times);
  }

  /** Grouped by the word before the first colon, sorted. */
  report(): Record<string, Record<string, number>> {
    const groups: Record<string, Record<string, number>> = {};
    const sorted = [...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [what, times] of sorted) {
      const at = what.indexOf(':');
      const group = what.slice(0, at);
      groups[group] ??= {};
      groups[group][what.slice(at + 1)] = times;
    }
    return groups;
  }
}
