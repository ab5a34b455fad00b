// A node whose clock is hours off for minutes, one at a time, and weeks that pass on all clocks at once. Such
// a node must not lead the meta group for long; what expires goes on by the clocks of the others.

import {META_SET} from '@flotilla/base';
import {repeat} from '../kernel/repeat.ts';
import type {SimNode} from '../world/node.ts';
import type {OrderPorts} from './order-ports.ts';
import {leaderOf} from './rest.ts';

const FAR_MS = 60_000;
const LASTS_MS = 60_000;
const WEEK_MS = 100_000;
const HOUR_MS = 3_600_000;

export class FarClocks {
  readonly #ports: OrderPorts;
  isStopped = false;
  #far: {readonly node: SimNode; readonly byMs: number} | undefined;

  constructor(ports: OrderPorts) {
    this.#ports = ports;
  }

  start(): void {
    this.#repeat(FAR_MS, () => this.#setOff());
    this.#repeat(WEEK_MS, () => this.#passWeek());
  }

  /** One step towards rest: it is set right once meta is led elsewhere; what keeps from it. */
  settle(): string[] {
    if (this.#far === undefined) return [];
    const {nodes, coverage} = this.#ports;
    const {node} = this.#far;
    const leader = leaderOf(nodes, META_SET);
    const isLeft = leader !== undefined && node.host?.status(META_SET)?.role !== 'leader';
    if (isLeft) {
      coverage.count('clocks:led nothing of meta in peace');
      this.#setRight();
    }
    return [`the clock of node ${node.id} is far off${isLeft ? '' : ', and meta is led there'}`];
  }

  #repeat(meanMs: number, act: () => void): void {
    repeat(this.#ports, {meanMs, isOver: () => this.isStopped}, act);
  }

  #setOff(): void {
    if (this.#far !== undefined) return;
    const {kernel, chance, nodes, coverage} = this.#ports;
    const node = chance.pick(nodes);
    const byMs = chance.pick([-1, 1]) * chance.pick([20_000, HOUR_MS, 20 * HOUR_MS]);
    node.wall.jump(byMs);
    this.#far = {node, byMs};
    coverage.count(`clocks:${byMs < 0 ? 'behind' : 'ahead'}`);
    kernel.note(0, 0, () => `the clock of node ${node.id} is ${byMs} ms off`);
    kernel.after(chance.wait(LASTS_MS), () => {
      if (!this.isStopped) this.#setRight();
    });
  }

  #setRight(): void {
    if (this.#far === undefined) return;
    const {node, byMs} = this.#far;
    this.#far = undefined;
    node.wall.jump(-byMs);
  }

  #passWeek(): void {
    const {kernel, coverage} = this.#ports;
    kernel.wallStartMs += 7 * 24 * HOUR_MS + HOUR_MS;
    coverage.count('clocks:weeks');
    kernel.note(0, 0, () => 'a week passes');
  }
}
