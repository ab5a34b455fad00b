// `recover plan` and `recover apply` by the product's code, as a person uses them: the same plan again until all of
// it is done, though survivors die meanwhile; a new one where a lost node answers by then, or sets are not led
// in time.

import {DbError, type NodeId} from '@flotilla/base';
import type {Recovery} from '@flotilla/server/engine-parts';

const REFRESH_MS_MAX = 4_000;

type Plan = Awaited<ReturnType<Recovery['plan']>>;
export type PlannedSets = Plan['sets'];

export interface RecoveringNode {
  readonly nowMs: number;
  readonly parts: {readonly copy: {refresh(deadlineMs: number): Promise<void>}} | undefined;
  recovery(): Recovery;
}

export class SetsRecovery {
  readonly #lost: ReadonlySet<NodeId>;
  #plan: Plan | undefined;
  #isApplied = false;
  /** Of all plans. */
  readonly planned: PlannedSets[number][] = [];
  /** Sets that had lost their majority. */
  recovered = 0;

  constructor(lost: readonly NodeId[]) {
    this.#lost = new Set(lost);
  }

  /** False where the node is not connected yet: it would call those lost that are not. */
  async plan(on: RecoveringNode): Promise<boolean> {
    await on.parts!.copy.refresh(on.nowMs + REFRESH_MS_MAX);
    const plan = await on.recovery().plan();
    if (plan.metaLeader === undefined || !plan.lost.every(({node}) => this.#lost.has(node)))
      return false;
    this.#plan = plan;
    this.planned.push(...plan.sets);
    this.recovered += plan.sets.filter(({action}) => action !== 'none').length;
    return true;
  }

  /** It was applied once, and the last plan finds nothing more to do. */
  get isOver(): boolean {
    return this.#isApplied && this.#plan?.sets.length === 0;
  }

  /** Nothing is done where a lost node answers: the plan is worth nothing any more. */
  async apply(on: RecoveringNode): Promise<void> {
    const {cluster, lost, sets} = this.#plan!;
    const ordered = sets.flatMap(({set, epoch, action, node, replica, lastIndex}) =>
      action === 'none' ? [] : [{set, epoch, node, replica, lastIndex}],
    );
    await on.parts!.copy.refresh(on.nowMs + REFRESH_MS_MAX);
    try {
      await on.recovery().apply({cluster, lost: lost.map(({node}) => node), sets: ordered});
      this.#isApplied = true;
    } catch (error) {
      if (!(error instanceof DbError) || error.code !== 'CONFLICT') throw error;
    }
  }
}
