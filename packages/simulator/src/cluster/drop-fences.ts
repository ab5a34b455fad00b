// Drops that meta has, until no set takes writes to what was dropped any more, as the engine's statements
// wait for it. Sets that do not say so in a statement's time (no majority, a leader whose catalog is behind)
// are asked again until they do, which they must in peace, or are gone.

import {DbError, type ReplicaSetId} from '@flotilla/base';
import type {Coverage} from '../checks/coverage.ts';
import type {Chance} from '../kernel/chance.ts';
import type {Kernel} from '../kernel/kernel.ts';
import type {SimNode} from '../world/node.ts';
import {engineOf} from './clients.ts';
import type {Engine} from './engine.ts';
import {newestCatalog} from './rest.ts';

export interface DropFencePorts {
  readonly kernel: Kernel;
  readonly chance: Chance;
  readonly nodes: readonly SimNode[];
  readonly coverage: Coverage;
}

type Fence = Parameters<NonNullable<Engine['parts']>['router']['awaitFences']>[1]['fence'];

export interface Drop {
  readonly kind: 'table' | 'database';
  readonly fence: Fence;
  readonly sets: readonly ReplicaSetId[];
  readonly confirmed: () => void;
}

interface Open extends Omit<Drop, 'sets'> {
  sets: readonly ReplicaSetId[];
}

const DEADLINE_MS = 10_000;
const AGAIN_MS = 12_000;

export class DropFences {
  readonly #ports: DropFencePorts;
  readonly #open = new Set<Open>();

  constructor(ports: DropFencePorts) {
    this.#ports = ports;
  }

  /** One that follows the catalog, if there is any. */
  engine(): Engine | undefined {
    const {nodes, chance} = this.#ports;
    const up = nodes.map(engineOf).filter((engine) => engine !== undefined);
    const following = up.filter(({isCatalogHeld}) => !isCatalogHeld);
    if (up.length === 0) return undefined;
    return chance.pick(following.length > 0 ? following : up);
  }

  unrest(): string[] {
    return [...this.#open].map(
      ({kind, sets}) => `sets ${sets.join(', ')} take writes to a ${kind} that was dropped`,
    );
  }

  /** Requires that the engine's catalog has the drop. */
  confirm(drop: Drop, engine: Engine): void {
    const open = {...drop};
    this.#open.add(open);
    this.#ask(open, engine);
  }

  /** Each try ends by the next one's time, whatever became of its process. */
  #ask(open: Open, engine: Engine | undefined): void {
    const {kernel, coverage} = this.#ports;
    const {kind, sets, fence} = open;
    kernel.after(AGAIN_MS, () => {
      if (this.#isGone(open)) coverage.count(`statements:drop ${kind} outlived by no set`);
      if (!this.#open.has(open)) return;
      coverage.count('statements:asked again for fences');
      this.#ask(open, this.engine());
    });
    if (engine === undefined) return;
    const deadlineMs = engine.nowMs + DEADLINE_MS;
    engine.parts!.router.awaitFences(sets, {fence, deadlineMs}).then(
      (left) => {
        open.sets = open.sets.filter((set) => left.includes(set));
        if (open.sets.length > 0 || !this.#open.delete(open)) return;
        open.confirmed();
        coverage.count(`statements:drop ${kind} confirmed`);
      },
      (error: unknown) => {
        if (!(error instanceof DbError)) throw error;
        coverage.count(`statements:fences ${error.code}`);
      },
    );
  }

  /** A set went, or the dead table was forgotten, before that was said: nobody will, nor is more known. */
  #isGone(open: Open): boolean {
    const catalog = newestCatalog(this.#ports.nodes);
    if (catalog === undefined) return false;
    const isForgotten = 'table' in open.fence && catalog.table(open.fence.table) === undefined;
    const isGone = isForgotten || open.sets.some((set) => catalog.replicaSet(set) === undefined);
    return isGone && this.#open.delete(open);
  }
}
