// Nodes that are left behind: their watch of the catalog is held for a while, in which they go on
// taking writes by the catalog that they have and leading their sets. Mostly a table or a database is
// dropped meanwhile, and clients that do not wait for each other write to it through them and read it
// through the others: what is acknowledged to them after the drop was confirmed must be there.

import type {Coverage} from '../checks/coverage.ts';
import type {Chance} from '../kernel/chance.ts';
import type {Kernel} from '../kernel/kernel.ts';
import type {SimNode} from '../world/node.ts';
import {type Clients, engineOf} from './clients.ts';
import type {Databases} from './databases.ts';
import type {Ground} from './ground.ts';
import {TABLES} from './registers.ts';
import type {TableDrops} from './table-drops.ts';

export interface StaleCatalogPorts {
  readonly kernel: Kernel;
  readonly chance: Chance;
  readonly nodes: readonly SimNode[];
  readonly ground: Ground;
  readonly coverage: Coverage;
  readonly clients: Clients;
  readonly drops: TableDrops;
  readonly databases: Databases;
}

const HOLD_MS = 20_000;
const LASTS_MS = 6_000;
/** Between two requests to a table that was dropped. */
const ASK_MS = 200;
/** Of clients that ask once. */
const FIRST_PASSER = 100_000;

export class StaleCatalogs {
  readonly #ports: StaleCatalogPorts;
  isStopped = false;
  #passers = 0;

  constructor(ports: StaleCatalogPorts) {
    this.#ports = ports;
  }

  start(): void {
    const {kernel, chance} = this.#ports;
    kernel.after(chance.wait(HOLD_MS), () => {
      if (this.isStopped) return;
      this.#hold();
      this.start();
    });
  }

  /** All follow the catalog again. */
  release(): void {
    for (const node of this.#ports.nodes) engineOf(node)?.holdCatalog(false);
  }

  #hold(): void {
    const {kernel, chance, nodes, coverage, ground, drops, databases} = this.#ports;
    const up = nodes.filter((node) => engineOf(node)?.isCatalogHeld === false);
    if (up.length === 0) return;
    const node = chance.pick(up);
    const engine = engineOf(node)!;
    const untilMs = kernel.nowMs + chance.wait(LASTS_MS);
    engine.holdCatalog(true);
    coverage.count('catalogs:held');
    kernel.note(node.id, 0, () => `its catalog is held for ${untilMs - kernel.nowMs} ms`);
    kernel.after(untilMs - kernel.nowMs, () => engine.holdCatalog(false));
    if (chance.odds(0.2)) return;
    const database = chance.pick(ground.databases);
    const table = chance.pick(TABLES);
    if (chance.odds(0.3)) databases.drop(database);
    else drops.drop(database, table);
    this.#writeOn(node, `${database}/${table}`, untilMs);
  }

  #writeOn(node: SimNode, place: string, untilMs: number): void {
    const {kernel, chance, nodes, ground, clients, coverage} = this.#ports;
    kernel.after(chance.wait(ASK_MS), () => {
      const engine = engineOf(node);
      if (this.isStopped || kernel.nowMs >= untilMs || engine?.isCatalogHeld !== true) return;
      this.#writeOn(node, place, untilMs);
      const registers = ground
        .all()
        .filter(({database, table}) => `${database}/${table}` === place);
      if (registers.length === 0) return;
      const others = nodes.filter((other) => engineOf(other)?.isCatalogHeld === false);
      const isHere = others.length === 0 || chance.odds(0.6);
      const kind = isHere ? ('write' as const) : ('read' as const);
      const through = isHere ? [node] : others;
      this.#passers += 1;
      const asked = {client: FIRST_PASSER + this.#passers, kind, triesMax: 1, through};
      clients.request({...asked, registers: [chance.pick(registers)]}, (outcome) =>
        coverage.count(
          `catalogs:${kind} ${isHere ? 'by an old one' : 'by the present one'} ${outcome}`,
        ),
      );
    });
  }
}
