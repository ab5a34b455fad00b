// DROP TABLE beside everything else, as the engine's statement does it: through meta, then until no set
// takes writes to it any more. Its registers are erased by then.

import {DbError} from '@flotilla/base';
import {findDatabase} from '@flotilla/server/engine-parts';
import type {Coverage} from '../checks/coverage.ts';
import type {Chance} from '../kernel/chance.ts';
import type {Kernel} from '../kernel/kernel.ts';
import type {DropFences} from './drop-fences.ts';
import type {Engine} from './engine.ts';
import type {Erasures} from './erasures.ts';
import type {Ground} from './ground.ts';
import {TABLES, TENANT} from './registers.ts';

export interface TableDropPorts {
  readonly kernel: Kernel;
  readonly chance: Chance;
  readonly ground: Ground;
  readonly coverage: Coverage;
  readonly erasures: Erasures;
  readonly fences: DropFences;
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
    const {kernel, chance, ground} = this.#ports;
    kernel.after(chance.wait(DROP_MS), () => {
      if (this.isStopped) return;
      this.drop(chance.pick(ground.databases), chance.pick(TABLES));
      this.start();
    });
  }

  drop(database: string, name: string): void {
    const {coverage, fences} = this.#ports;
    const engine = fences.engine();
    if (engine === undefined) return;
    this.#drop(engine, database, name).then(
      (outcome) => coverage.count(`statements:drop table ${outcome}`),
      (error: unknown) => {
        if (!(error instanceof DbError)) throw error;
        coverage.count(`statements:drop table ${error.code}`);
      },
    );
  }

  async #drop(engine: Engine, owner: string, name: string): Promise<'committed' | 'of none'> {
    const {kernel, chance, erasures, fences} = this.#ports;
    const atMs = Math.floor(kernel.wallStartMs + kernel.nowMs);
    const purgeAtMs = atMs + chance.pick([0, 5_000, 1e9]);
    const deadlineMs = engine.nowMs + DEADLINE_MS;
    const {meta, copy} = engine.parts!;
    await copy.refresh(deadlineMs);
    const {id: database} = await findDatabase(copy, {...TENANT, database: owner}, deadlineMs);
    const confirmed = erasures.begin(`${owner}/${name}/`);
    const command = {type: 'drop-table' as const, database, name, ifExists: true, atMs, purgeAtMs};
    const {table} = await meta.propose(command, {deadlineMs});
    if (table === undefined) {
      confirmed();
      return 'of none';
    }
    await copy.refresh(deadlineMs);
    const sets = copy.catalog.buckets(database).flatMap(({replicaSets}) => replicaSets);
    fences.confirm({kind: 'table', fence: {table}, sets, confirmed}, engine);
    return 'committed';
  }
}
