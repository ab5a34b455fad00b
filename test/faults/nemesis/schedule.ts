// What the nemesis does and when: rounds of faults that overlap, drawn from one seed and nothing else.
// Kinds are dealt like cards, so that a short run too meets most of them and none is forgotten.
//
// Invariant: in a round of scope 'minority' or 'damage' all that takes a node out of work strikes one
// node, so every replica set of three keeps its majority and the product promises to go on. Rounds of
// scope 'majority' take out more, and only safety is asked of them.

import {SeededRandom} from '@flotilla/base';

export const FAULT_KINDS = [
  'kill',
  'restart',
  'pause',
  'isolate',
  'deaf',
  'mute',
  'cutPair',
  'split',
  'resetPair',
  'slowLinks',
  'slowDisk',
  'fillDisk',
  'skewClock',
  'wipe',
  'oldImage',
  'decommission',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export type Scope = 'minority' | 'majority' | 'damage';

export interface PlannedFault {
  readonly kind: FaultKind;
  /** From 1. */
  readonly node: number;
  /** The other end of a link, for what strikes a pair; the other of those that are split off. */
  readonly other: number;
  /** Since the round began. */
  readonly beginMs: number;
  readonly endMs: number;
  /** Uniform in [0, 1): how hard it strikes, as its kind has it. */
  readonly strength: number;
}

export interface Round {
  readonly number: number;
  readonly scope: Scope;
  readonly faults: readonly PlannedFault[];
  readonly lengthMs: number;
}

export interface ScheduleShape {
  readonly seed: number;
  readonly nodes: number;
  /** Those whose disks can be filled. */
  readonly fillable: readonly number[];
}

/** A disk forgets what it acknowledged, or a node goes for good: one at a time, in a cluster that is whole. */
const DAMAGES: ReadonlySet<FaultKind> = new Set(['wipe', 'oldImage', 'decommission']);
/** More than a minority by itself. */
const BEYOND: ReadonlySet<FaultKind> = new Set(['split']);
const NOT_FIRST: Readonly<Record<'minority' | 'majority', ReadonlySet<FaultKind>>> = {
  minority: new Set([...DAMAGES, ...BEYOND]),
  majority: DAMAGES,
};
/** A node goes on working under these. */
const HARMLESS: ReadonlySet<FaultKind> = new Set(['skewClock', 'slowLinks']);
/** What is done to the process itself: one of them at a time to a node. */
const OF_PROCESS: ReadonlySet<FaultKind> = new Set(['kill', 'restart', 'pause']);
/** A round lasts so long at least. */
export const ROUND_MS_MIN = 6_000;
const ROUND_MS_MAX = 14_000;
/** One round in so many takes out more than the product promises to stand. */
const MAJORITY_EVERY = 4;

export function* planRounds(shape: ScheduleShape): Generator<Round, never> {
  const random = new SeededRandom(shape.seed);
  const kinds = FAULT_KINDS.filter((kind) => kind !== 'fillDisk' || shape.fillable.length > 0);
  const deck = new Deck(random, kinds);
  for (let number = 1; ; number++) {
    const first = deck.draw();
    const lengthMs = between(random, ROUND_MS_MIN, ROUND_MS_MAX);
    if (DAMAGES.has(first)) {
      const faults = [planFault(random, shape, {kind: first, lengthMs})];
      yield {number, scope: 'damage', faults, lengthMs};
      continue;
    }
    const isBeyond = BEYOND.has(first) || number % MAJORITY_EVERY === 0;
    const scope = isBeyond ? 'majority' : 'minority';
    const more = random.below(3) + (isBeyond ? 1 : 0);
    const all = [first, ...Array.from({length: more}, () => deck.draw(NOT_FIRST[scope]))];
    yield {
      number,
      scope,
      faults: planTogether(random, shape, {scope, kinds: all, lengthMs}),
      lengthMs,
    };
  }
}

function planTogether(
  random: SeededRandom,
  shape: ScheduleShape,
  {scope, kinds, lengthMs}: {scope: Scope; kinds: readonly FaultKind[]; lengthMs: number},
): PlannedFault[] {
  const faults: PlannedFault[] = [];
  for (const kind of kinds) {
    // The victim of the whole round, where only one is allowed.
    const victim = faults.find((fault) => !HARMLESS.has(fault.kind))?.node;
    const isBound = scope === 'minority' && !HARMLESS.has(kind);
    const node = isBound ? victim : undefined;
    if (kind === 'fillDisk' && node !== undefined && !shape.fillable.includes(node)) continue;
    const fault = planFault(random, shape, {kind, lengthMs, node});
    if (!faults.some((earlier) => excludes(earlier, fault))) faults.push(fault);
  }
  return faults;
}

/** One node's process cannot be killed while it is killed, nor the same thing happen to it twice. */
function excludes(a: PlannedFault, b: PlannedFault): boolean {
  if (a.node !== b.node) return false;
  return a.kind === b.kind || (OF_PROCESS.has(a.kind) && OF_PROCESS.has(b.kind));
}

function planFault(
  random: SeededRandom,
  {nodes, fillable}: ScheduleShape,
  {kind, lengthMs, node: given}: {kind: FaultKind; lengthMs: number; node?: number | undefined},
): PlannedFault {
  const among = kind === 'fillDisk' ? fillable : Array.from({length: nodes}, (_, i) => i + 1);
  const drawn = among[random.below(among.length)]!;
  const node = given ?? drawn;
  const other = ((node - 1 + 1 + random.below(nodes - 1)) % nodes) + 1;
  const beginMs = random.below(Math.floor(lengthMs / 3));
  const endMs = between(random, beginMs + 1_000, lengthMs);
  return {kind, node, other, beginMs, endMs, strength: random.next()};
}

function between(random: SeededRandom, low: number, high: number): number {
  return low + random.below(Math.max(1, high - low));
}

/** All kinds in an order of chance, again and again. */
class Deck {
  readonly #random: SeededRandom;
  readonly #kinds: readonly FaultKind[];
  #cards: FaultKind[] = [];

  constructor(random: SeededRandom, kinds: readonly FaultKind[]) {
    this.#random = random;
    this.#kinds = kinds;
  }

  /** The next card that is none of `without`; those stay where they are. */
  draw(without: ReadonlySet<FaultKind> = new Set()): FaultKind {
    const at = this.#cards.findIndex((kind) => !without.has(kind));
    if (at >= 0) return this.#cards.splice(at, 1)[0]!;
    this.#cards.push(...this.#shuffled());
    return this.draw(without);
  }

  #shuffled(): FaultKind[] {
    const cards = [...this.#kinds];
    for (let i = cards.length - 1; i > 0; i--) {
      const j = this.#random.below(i + 1);
      [cards[i], cards[j]] = [cards[j]!, cards[i]!];
    }
    return cards;
  }
}

/** Whether a node in a fault of this kind cannot be counted on. */
export function takesOut(kind: FaultKind): boolean {
  return !HARMLESS.has(kind);
}
