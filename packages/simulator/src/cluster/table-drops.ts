// DROP TABLE beside everything else, as the engine's statement does it: through meta, then until no set
// takes writes to it any more. Its registers are erased by then; where the statement could not say so much
// (a set without majority, an unknown outcome) nothing is asked of them.

import {DbError} from '@flotilla/base';
import type {Coverage} from '../checks/coverage.ts';
import type {Chance} from '../kernel/chance.ts';
import type {Kernel} from '../kernel/kernel.ts';
import type {SimNode} from '../world/node.ts';
import {type Clients, engineOf} from './clients.ts';
import type {Engine} from './engine.ts';
import type {Ground} from './ground.ts';
import {TABLES} from './registers.ts';

export interface TableDropPorts {
  readonly kernel: Kernel;
  readonly chance: Chance;
  readonly nodes: readonly SimNode[];
  readonly ground: Ground;
  readonly coverage: Coverage;
  readonly clients: Clients;
}

const DROP_MS = 25_000;
const DEADLINE_MS = 10_000;

export class TableDrops {
  readonly #ports: TableDropPorts;
  isStopped = false;

  constructor(ports: TableDropPorts) {
    this.#ports = ports;
  }

  start(): void {
    const {kernel, chance, nodes, coverage} = this.#ports;
    kernel.after(chance.wait(DROP_MS), () => {
      if (this.isStopped) return;
      const up = nodes.filter((node) => engineOf(node) !== undefined);
      if (up.length > 0) {
        this.#drop(engineOf(chance.pick(up))!).then(
          (outcome) => coverage.count(`statements:drop table ${outcome}`),
          (error: unknown) => {
            if (!(error instanceof DbError)) throw error;
            coverage.count(`statements:drop table ${error.code}`);
          },
        );
      }
      this.start();
    });
  }

  async #drop(engine: Engine): Promise<'done' | 'not confirmed' | 'of none'> {
    const {kernel, chance, ground, clients} = this.#ports;
    const database = chance.pick(ground.databases);
    const name = chance.pick(TABLES);
    const atMs = Math.floor(kernel.wallStartMs + kernel.nowMs);
    const purgeAtMs = atMs + chance.pick([0, 5_000, 1e9]);
    const deadlineMs = engine.nowMs + DEADLINE_MS;
    const {meta, copy, router} = engine.parts!;
    const erased = clients.erasing(`${database}/${name}/`);
    const command = {type: 'drop-table' as const, database, name, ifExists: true, atMs, purgeAtMs};
    const {table} = await meta.propose(command, {deadlineMs});
    if (table === undefined) {
      erased();
      return 'of none';
    }
    await copy.refresh(deadlineMs);
    const sets = copy.catalog.buckets(database).flatMap(({replicaSets}) => replicaSets);
    const open = await router.awaitFences(sets, {fence: {table}, deadlineMs});
    if (open.length > 0) return 'not confirmed';
    erased();
    return 'done';
  }
}
