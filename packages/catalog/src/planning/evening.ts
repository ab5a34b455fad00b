// The moves that even out the nodes, by what each carries (node-loads.ts). A move is made where it puts zones
// apart that another zone could relieve, or where it lowers the sum of the squares of what the nodes carry and
// brings no two replicas into one zone: both sums only fall, so that it ends. Each look at a set costs about
// the same, however many nodes and sets there are. The meta group's replicas weigh too little to be moved for
// what nodes carry; its zones are put apart like those of any set.

import {META_SET, type NodeId, type ReplicaId, type ReplicaSetId} from '@flotilla/base';
import type {Catalog} from '../catalog.ts';
import type {Node, ReplicaSet} from '../model.ts';
import {cancelledSets, cancelledWork, failedCopies} from './cancelled.ts';
import {isLed, setsWithMeta} from './evacuation.ts';
import {LightNodes} from './light-nodes.ts';
import {NodeLoads} from './node-loads.ts';
import {zoneOf} from './placement.ts';
import type {PlannedMove} from './planned-move.ts';
import type {Reports} from './reports.ts';

/** Of what a node carries on average: below it a move costs more than it gives. */
const GAIN_MIN = 0.01;

/** Where a set's replicas are once what is planned is done; those that move are not moved again. */
interface Holding {
  readonly node: NodeId;
  readonly replica: ReplicaId | undefined;
}

interface Choice {
  readonly holding: Holding;
  readonly target: Node;
}

export class Evening {
  readonly #catalog: Catalog;
  readonly #reports: Reports;
  readonly targets: readonly Node[];
  /** Somebody cancelled the move of a replica of theirs, or it failed for want of voters. */
  readonly #kept: ReadonlySet<ReplicaSetId>;
  /** By node. */
  readonly #zones: ReadonlyMap<NodeId, string>;
  /** As the sets were when they were looked at: a search may take long enough for them to change. */
  readonly #planned = new Map<
    ReplicaSetId,
    {readonly set: ReplicaSet; readonly holdings: readonly Holding[]}
  >();
  #weighed: {readonly loads: NodeLoads; readonly light: LightNodes} | undefined;

  constructor(catalog: Catalog, reports: Reports, targets: readonly Node[], nowMs: number) {
    const moved = {kinds: ['move-replica'], startedBy: 'rebalance'} as const;
    const cancelled = cancelledSets(cancelledWork(catalog, nowMs), moved, catalog);
    this.#kept = new Set([...cancelled.keys(), ...failedCopies(catalog, nowMs).sets]);
    this.#catalog = catalog;
    this.#reports = reports;
    this.targets = targets;
    this.#zones = new Map([...catalog.nodes()].map((node) => [node.id, zoneOf(node)]));
  }

  /** One look at a set after the other: a move, or nothing. It ends where all sets were looked at in vain. */
  *search(): Generator<PlannedMove | undefined> {
    for (const choose of [this.#unCrowding, this.#lightening]) {
      for (let isBetter = true; isBetter; ) {
        isBetter = false;
        for (const set of setsWithMeta(this.#catalog)) {
          const choice = this.#mayMove(set) ? choose.call(this, set) : undefined;
          if (choice === undefined) {
            yield undefined;
            continue;
          }
          isBetter = true;
          yield this.#plan(set, choice);
        }
      }
    }
  }

  /** Whether `search` would begin with the set, were it the first. */
  wouldMove(set: ReplicaSet): boolean {
    if (!this.#mayMove(set)) return false;
    return (this.#unCrowding(set) ?? this.#lightening(set)) !== undefined;
  }

  /** Whether it has two replicas in a zone of which another could take one. */
  isCrowded(set: ReplicaSet): boolean {
    if (!this.#mayMove(set)) return false;
    const {replicas} = set;
    const isRelieved = replicas.some(({node}) => {
      const crowd = this.#crowd(replicas, this.#zones.get(node));
      return crowd > 1 && this.targets.some((target) => this.#relieves(target, replicas, crowd));
    });
    return isRelieved && isLed(set, this.#reports);
  }

  /** What the nodes carry, by which is chosen: equal where nothing changed. */
  get scores(): ReadonlyMap<NodeId, number> {
    return this.#loads.scores;
  }

  /** Sets that are not moved now, whatever nodes carry. */
  get kept(): Iterable<ReplicaSetId> {
    return this.#kept;
  }

  #mayMove(set: ReplicaSet): boolean {
    if (this.#kept.has(set.id)) return false;
    return set.state === 'open' && set.pinned !== true && !this.#catalog.operationOf(set.id);
  }

  #relieves({id}: Node, holdings: readonly Holding[], crowd: number): boolean {
    if (this.#crowd(holdings, this.#zones.get(id)) + 1 >= crowd) return false;
    return !holdings.some(({node}) => node === id);
  }

  /** The move that takes a replica out of a crowded zone of the set. */
  #unCrowding(set: ReplicaSet): Choice | undefined {
    const holdings = this.#holdings(set);
    for (const holding of holdings) {
      const crowd = this.#crowd(holdings, this.#zones.get(holding.node));
      if (crowd < 2 || holding.replica === undefined) continue;
      const target = this.#lightest(holdings, (zone) => this.#crowd(holdings, zone) + 1 < crowd);
      if (target !== undefined && isLed(set, this.#reports)) return {holding, target};
    }
    return undefined;
  }

  /** The move that makes two nodes more even. */
  #lightening(set: ReplicaSet): Choice | undefined {
    if (set.id === META_SET) return undefined;
    const holdings = this.#holdings(set);
    // Mostly so: then nothing more is looked at.
    if (!holdings.some((holding) => this.#isHeavy(holding))) return undefined;
    for (const holding of this.#heaviestFirst(holdings)) {
      const {node, replica} = holding;
      if (!this.#isHeavy(holding) || replica === undefined) continue;
      const own = this.#zones.get(node);
      const crowd = this.#crowd(holdings, own);
      const target = this.#lightest(
        holdings,
        (zone) => zone === own || this.#crowd(holdings, zone) < crowd,
        // A heavier one gains nothing, whatever the replica weighs.
        this.#loads.scores.get(node)! - this.#loads.perReplica - GAIN_MIN,
      );
      if (target === undefined || !this.#isGain(node, target.id, replica)) continue;
      if (isLed(set, this.#reports)) return {holding, target};
    }
    return undefined;
  }

  /** Some node is so much lighter that a replica could move there. What is on a full or silent one stays. */
  #isHeavy({node, replica}: Holding): boolean {
    const score = this.#loads.scores.get(node);
    if (replica === undefined || score === undefined) return false;
    return score - this.#light.least - this.#loads.perReplica >= GAIN_MIN;
  }

  #isGain(from: NodeId, to: NodeId, replica: ReplicaId): boolean {
    const {scores} = this.#loads;
    const report = this.#reports.get(from)?.replicas.get(replica);
    const freed = this.#loads.weight(report, from);
    const taken = this.#loads.weight(report, to);
    const gap = scores.get(from)! - scores.get(to)!;
    // a² + b² falls where the gap is wider than what moves.
    return gap - Math.max(freed, taken) >= GAIN_MIN;
  }

  #plan(set: ReplicaSet, {holding: {node, replica}, target}: Choice): PlannedMove {
    const report = this.#reports.get(node)?.replicas.get(replica!);
    if (this.#loads.scores.has(node)) {
      this.#loads.change(node, -this.#loads.weight(report, node));
      this.#light.changed(node);
    }
    this.#loads.change(target.id, this.#loads.weight(report, target.id));
    this.#light.changed(target.id);
    const kept = this.#holdings(set).filter((holding) => holding.replica !== replica);
    const holdings = [...kept, {node: target.id, replica: undefined}];
    this.#planned.set(set.id, {set, holdings});
    return {set, source: set.replicas.find((placed) => placed.replica === replica)!, target};
  }

  #holdings(set: ReplicaSet): readonly Holding[] {
    const planned = this.#planned.get(set.id);
    return planned?.set === set ? planned.holdings : set.replicas;
  }

  #heaviestFirst(holdings: readonly Holding[]): Holding[] {
    const score = ({node}: Holding) => this.#loads.scores.get(node) ?? 0;
    return [...holdings].sort((a, b) => score(b) - score(a));
  }

  #lightest(
    holdings: readonly Holding[],
    isAllowed: (zone: string | undefined) => boolean,
    scoreMax = Infinity,
  ): Node | undefined {
    const {loads, light} = this.#weigh();
    for (const candidate of light.nodes) {
      if (loads.scores.get(candidate.id)! > scoreMax) return undefined;
      if (!isAllowed(this.#zones.get(candidate.id))) continue;
      if (!holdings.some(({node}) => node === candidate.id)) return candidate;
    }
    return undefined;
  }

  #crowd(holdings: readonly Holding[], zone: string | undefined): number {
    let count = 0;
    for (const {node} of holdings) if (this.#zones.get(node) === zone) count++;
    return count;
  }

  get #loads(): NodeLoads {
    return this.#weigh().loads;
  }

  get #light(): LightNodes {
    return this.#weigh().light;
  }

  /** Not before it is asked for: where zones alone matter nothing has to be weighed. */
  #weigh(): {readonly loads: NodeLoads; readonly light: LightNodes} {
    if (this.#weighed === undefined) {
      const loads = new NodeLoads(this.targets, this.#catalog, this.#reports);
      this.#weighed = {loads, light: new LightNodes(this.targets, loads.scores)};
    }
    return this.#weighed;
  }
}
