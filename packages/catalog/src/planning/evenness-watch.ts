// Whether evening out would change something, and what it would move: asked of every set, in turns of a
// thousand looks. A set is looked at again when it has changed; all are when what the nodes carry has, which is
// then seen some rounds later. Where all fit into one turn the answers are those of rebalance.ts at once.

import type {OperationId, ReplicaSetId} from '@flotilla/base';
import type {Catalog} from '../catalog.ts';
import type {ReplicaSet} from '../model.ts';
import {setsWithMeta} from './evacuation.ts';
import {zoneOf} from './placement.ts';
import type {PlannedMove} from './planned-move.ts';
import {type Doubt, doubtOf, LOOKS_PER_MOVE, searchMoves} from './rebalance.ts';
import type {Reports} from './reports.ts';

/** In one plan: mostly a microsecond each, and some more where a move is weighed. */
const LOOKS_PER_PLAN = 1_000;

interface Search {
  readonly operation: OperationId;
  readonly looks: Generator<PlannedMove | undefined>;
  readonly found: PlannedMove[];
}

export class EvennessWatch {
  readonly #catalog: Catalog;
  readonly #looksMax: number;
  /** To be looked at whatever else stays as it is. */
  readonly #changed = new Set<ReplicaSetId>();
  #facts = '';
  #sweep: Iterator<ReplicaSet> | undefined;
  /** The facts changed during the sweep: what it had passed by then is looked at once more. */
  #isSweepOld = false;
  #search: Search | undefined;

  constructor(catalog: Catalog, looksMax = LOOKS_PER_PLAN) {
    this.#catalog = catalog;
    this.#looksMax = looksMax;
  }

  changed(set: ReplicaSetId): void {
    this.#changed.add(set);
  }

  /** An operation waits for what is still looked for. */
  get isSearching(): boolean {
    return this.#search !== undefined;
  }

  /** @param told changes with anything that nodes tell of their loads. */
  isUneven(reports: Reports, nowMs: number, told: number): boolean {
    const doubt = doubtOf(this.#catalog, reports, nowMs);
    if (doubt === undefined) return false;
    const facts = this.#factsOf(doubt, told);
    if (facts !== this.#facts) {
      this.#facts = facts;
      this.#isSweepOld = this.#sweep !== undefined;
      if (this.#sweep === undefined) this.#beginSweep();
    }
    let looks = 0;
    for (const id of this.#changed) {
      if (looks >= this.#looksMax) return false;
      looks += 1;
      const set = this.#catalog.replicaSet(id);
      // It stays among the changed ones: until something is done about it the answer is the same.
      if (set !== undefined && wouldChange(set, doubt)) return true;
      this.#changed.delete(id);
    }
    for (; looks < this.#looksMax; looks++) {
      const set = this.#nextOfSweep();
      if (set === undefined) return false;
      if (!wouldChange(set, doubt)) continue;
      this.#changed.add(set.id);
      return true;
    }
    return false;
  }

  /** As `planMoves`, where `movesMax` may be Infinity. What was found some rounds ago and has changed since is left out. */
  movesOf(
    operation: OperationId,
    reports: Reports,
    {nowMs, movesMax}: {readonly nowMs: number; readonly movesMax: number},
  ): readonly PlannedMove[] | undefined {
    if (this.#search?.operation !== operation) {
      const looks = searchMoves(this.#catalog, reports, nowMs);
      this.#search = {operation, looks, found: []};
    }
    const {looks, found} = this.#search;
    for (let looked = 0; looked < this.#looksMax && found.length < movesMax; ) {
      const {done, value} = looks.next();
      if (done === true) return this.#endSearch(found);
      if (value !== undefined) found.push(value);
      looked += value === undefined ? 1 : LOOKS_PER_MOVE;
    }
    return found.length < movesMax ? undefined : this.#endSearch(found);
  }

  forgetMoves(): void {
    this.#search = undefined;
  }

  #endSearch(found: readonly PlannedMove[]): readonly PlannedMove[] | undefined {
    this.#search = undefined;
    const lasting = found.filter(
      ({set: {id}, set}) =>
        this.#catalog.replicaSet(id) === set && this.#catalog.operationOf(id) === undefined,
    );
    // There was something to move, so there may be: the next round begins again.
    return lasting.length === 0 && found.length > 0 ? undefined : lasting;
  }

  #beginSweep(): void {
    this.#sweep = setsWithMeta(this.#catalog);
    this.#changed.clear();
  }

  #nextOfSweep(): ReplicaSet | undefined {
    const next = this.#sweep?.next();
    if (next === undefined) return undefined;
    if (next.done !== true) return next.value;
    this.#sweep = this.#isSweepOld ? setsWithMeta(this.#catalog) : undefined;
    this.#isSweepOld = false;
    return this.#nextOfSweep();
  }

  /** What an answer hangs on beside the set itself. */
  #factsOf({evening, isCountUneven}: Doubt, told: number): string {
    const zones = [...this.#catalog.nodes()].map((node) => `${node.id} ${zoneOf(node)}`);
    const targets = evening.targets.map(({id}) => id);
    const kept = [...evening.kept];
    if (!isCountUneven) return JSON.stringify([zones, targets, kept]);
    const counts = targets.map((id) => this.#catalog.replicaCount(id));
    return JSON.stringify([zones, targets, kept, told, counts, ...evening.scores.values()]);
  }
}

function wouldChange(set: ReplicaSet, {evening, isCountUneven}: Doubt): boolean {
  return isCountUneven ? evening.wouldMove(set) : evening.isCrowded(set);
}
