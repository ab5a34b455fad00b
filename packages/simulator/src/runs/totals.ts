// Sums over many runs, and the gaps: what no run of them did.

import {FAULTS} from '../faults/faults.ts';
import type {SimulationResult} from '../result.ts';

const MESSAGES = [
  'append',
  'appendReply',
  'heartbeat',
  'heartbeatReply',
  'preVote',
  'preVoteReply',
  'readIndex',
  'readIndexReply',
  'snapshot',
  'timeoutNow',
  'vote',
  'voteReply',
];
const STEPS = [
  'add-learner',
  'demote',
  'destroyed',
  'joint',
  'joint-explicit',
  'leave',
  'promote',
  'remove-learner',
  'remove-voter',
  'replace',
  'transfer',
];

/** Of `cluster`. */
const ORDERS = [
  'orders:pause accepted',
  'orders:pause for a time accepted',
  'orders:resume accepted',
  'orders:maintenance accepted',
  'orders:evacuate leaders accepted',
  'orders:checksum accepted',
  'orders:compact accepted',
  'orders:rebalance accepted',
  'orders:alter-database accepted',
  'orders:cancel accepted',
  'rests:nodes in maintenance that led nothing in peace',
  'rests:checksum begun by itself',
  'checksums:done',
  'checksums:found a difference',
  'changed values:made anew',
  'recovery:database recovered',
  'recovery:table recovered',
  'recovery:purge ok',
  'recovery:rows back',
  'clocks:weeks',
  'clocks:led nothing of meta in peace',
];

/** Of `cluster`, where a database takes few series. */
const SERIES = [
  'series:row taken',
  'series:row refused',
  'series:known beside refused',
  'series:taken in peace',
  'orders:max series accepted',
];

/** Of those that never overlapped: more are told by their number alone. */
const PAIRS_SHOWN = 60;

export class Totals {
  readonly failed: number[] = [];
  #runs = 0;
  #steps = 0;
  #simulatedSeconds = 0;
  #wallSeconds = 0;
  #elections = 0;
  #committed = 0;
  #first = Infinity;
  #last = 0;
  readonly #faults = new Map<string, number>();
  readonly #coverage = new Map<string, Map<string, number>>();

  add(result: SimulationResult): void {
    this.#runs += 1;
    this.#steps += result.steps;
    this.#simulatedSeconds += result.simulatedSeconds;
    this.#wallSeconds += result.wallSeconds;
    this.#elections += result.elections;
    this.#committed += result.committed;
    this.#first = Math.min(this.#first, result.seed);
    this.#last = Math.max(this.#last, result.seed);
    if (result.violations.length > 0) this.failed.push(result.seed);
    sum(this.#faults, result.faults);
    for (const [group, counts] of Object.entries(result.coverage)) {
      const known = this.#coverage.get(group) ?? new Map<string, number>();
      this.#coverage.set(group, known);
      sum(known, counts);
    }
  }

  /** What `--json` prints of many runs. */
  toJSON(): object {
    return {
      runs: this.#runs,
      seeds: this.#runs === 0 ? undefined : {first: this.#first, last: this.#last},
      steps: this.#steps,
      simulatedSeconds: Number(this.#simulatedSeconds.toFixed(3)),
      wallSeconds: Number(this.#wallSeconds.toFixed(3)),
      elections: this.#elections,
      committed: this.#committed,
      faults: Object.fromEntries(this.#faults),
      coverage: Object.fromEntries(
        [...this.#coverage].map(([group, counts]) => [group, Object.fromEntries(counts)]),
      ),
      missing: this.#missing(),
      violated: this.failed,
    };
  }

  line(): string {
    const speed = this.#simulatedSeconds / this.#wallSeconds;
    const hours = this.#simulatedSeconds / 3600;
    const seeds =
      this.#first === this.#last ? `seed ${this.#first}` : `seeds ${this.#first} to ${this.#last}`;
    return `${this.#runs} runs (${seeds}), ${this.#steps} steps, ${hours.toFixed(2)} h simulated at ${speed.toFixed(0)} times real time, ${this.#elections} elections, ${this.#committed} committed, ${this.failed.length} violated${this.failed.length > 0 ? `: ${this.failed.join(' ')}` : ''}`;
  }

  report(): string {
    const lines = [this.line(), section('faults', this.#faults)];
    for (const [group, counts] of this.#coverage)
      if (group !== 'pairs') lines.push(section(group, counts));
    const pairs = this.#coverage.get('pairs') ?? new Map<string, number>();
    const all = pairsOf(Object.keys(FAULTS));
    const met = all.filter((pair) => pairs.has(pair));
    lines.push(`pairs of faults that overlapped: ${met.length} of ${all.length}`);
    const apart = all.filter((pair) => !pairs.has(pair));
    if (apart.length > 0 && apart.length <= PAIRS_SHOWN)
      lines.push(`pairs that never did: ${apart.join(', ')}`);
    const missing = this.#missing();
    lines.push(
      `never happened: ${missing.length === 0 ? 'nothing of the list' : missing.join(', ')}`,
    );
    return `${lines.join('\n')}\n`;
  }

  #missing(): string[] {
    return [
      ...Object.keys(FAULTS).filter((name) => !this.#faults.has(name)),
      ...MESSAGES.filter((name) => this.#coverage.get('messages')?.has(name) !== true),
      ...STEPS.filter((name) => this.#coverage.get('members')?.has(name) !== true),
      ...(this.#coverage.has('orders') ? ORDERS.filter((name) => !this.#has(name)) : []),
      ...(this.#coverage.has('series') ? SERIES.filter((name) => !this.#has(name)) : []),
    ];
  }

  #has(name: string): boolean {
    const [group, what] = name.split(':') as [string, string];
    return this.#coverage.get(group)?.has(what) === true;
  }
}

function sum(into: Map<string, number>, counts: Record<string, number>): void {
  for (const [name, count] of Object.entries(counts)) into.set(name, (into.get(name) ?? 0) + count);
}

function section(name: string, counts: ReadonlyMap<string, number>): string {
  const sorted = [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
  return `${name}: ${sorted.map(([what, count]) => `${what} ${count}`).join(', ')}`;
}

/** A kind may overlap itself. */
function pairsOf(names: readonly string[]): string[] {
  const sorted = [...names].sort();
  return sorted.flatMap((a, i) => sorted.slice(i).map((b) => `${a} + ${b}`));
}
