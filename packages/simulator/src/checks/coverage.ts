// What a run really did: a simulation tests only what its workload makes happen, so it is counted.

export class Coverage {
  readonly #counts = new Map<string, number>();

  count(what: string, times = 1): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + times);
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
