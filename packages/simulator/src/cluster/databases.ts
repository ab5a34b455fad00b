// Databases that are made, dropped with writes in flight and made again under the same name, as the
// engine's statements do it. Clients know names alone: each router writes to the database that has the
// name in its catalog. In peace all names are there, and of what was dropped and is due nothing is left.

import type {Catalog} from '@flotilla/catalog';
import type {Coverage} from '../checks/coverage.ts';
import type {Chance} from '../kernel/chance.ts';
import type {Kernel} from '../kernel/kernel.ts';
import type {DropFences} from './drop-fences.ts';
import type {Engine} from './engine.ts';
import type {Erasures} from './erasures.ts';
import {databaseNamed, SLOT_MS, TENANT} from './registers.ts';

export interface DatabasePorts {
  readonly kernel: Kernel;
  readonly chance: Chance;
  readonly coverage: Coverage;
  readonly erasures: Erasures;
  readonly fences: DropFences;
}

interface Shape {
  readonly replicas: number;
  readonly shards: number;
}

const DROP_MS = 60_000;
const DEADLINE_MS = 10_000;

export class Databases {
  readonly #ports: DatabasePorts;
  readonly #shapes = new Map<string, Shape>();
  isStopped = false;

  constructor(ports: DatabasePorts) {
    this.#ports = ports;
  }

  start(): void {
    const {kernel, chance} = this.#ports;
    kernel.after(chance.wait(DROP_MS), () => {
      if (this.isStopped) return;
      this.drop(chance.pick([...this.#shapes.keys()]));
      this.start();
    });
  }

  /** Made again as it was. */
  async create(engine: Engine, name: string, shape = this.#shapes.get(name)!): Promise<void> {
    this.#shapes.set(name, shape);
    const deadlineMs = engine.nowMs + 3 * DEADLINE_MS;
    const {meta, copy} = engine.parts!;
    const options = {...shape, bucketDurationMs: SLOT_MS, precision: 'ms' as const};
    const command = {type: 'create-database' as const, name, ifNotExists: true, options};
    await meta.propose({...command, ...TENANT}, {deadlineMs});
    await copy.refresh(deadlineMs);
  }

  /** One step towards rest; what keeps from it. */
  settle(catalog: Catalog | undefined): string[] {
    if (catalog === undefined) return [];
    const all: string[] = [];
    for (const name of this.#shapes.keys()) {
      if (databaseNamed(catalog, name) !== undefined) continue;
      all.push(`database ${name} is not there`);
      this.#createAgain(name);
    }
    const {kernel} = this.#ports;
    const nowMs = kernel.wallStartMs + kernel.nowMs;
    for (const {id, dropped} of catalog.databases())
      if (dropped !== undefined && dropped.purgeAtMs <= nowMs)
        all.push(`database ${id} was dropped, and is there`);
    return all;
  }

  drop(name: string): void {
    const engine = this.#ports.fences.engine();
    if (engine !== undefined) this.#counted('drop database', this.#drop(engine, name));
  }

  #createAgain(name: string): void {
    const engine = this.#ports.fences.engine();
    if (engine !== undefined) this.#counted('create database', this.create(engine, name));
  }

  #counted(what: string, statement: Promise<void>): void {
    this.#ports.coverage.countEnd(`statements:${what}`, statement, 'committed');
  }

  async #drop(engine: Engine, name: string): Promise<void> {
    const {kernel, chance, erasures, fences} = this.#ports;
    const atMs = Math.floor(kernel.wallStartMs + kernel.nowMs);
    const purgeAtMs = atMs + chance.pick([0, 0, 30_000, 1e9]);
    const deadlineMs = engine.nowMs + DEADLINE_MS;
    const {meta, copy} = engine.parts!;
    const confirmed = erasures.begin(`${name}/`);
    kernel.after(chance.pick([0, 1_000, 1_000, 10_000]), () => this.#createAgain(name));
    const command = {type: 'drop-database' as const, name, ifExists: true, atMs, purgeAtMs};
    const {database} = await meta.propose({...command, ...TENANT}, {deadlineMs});
    if (database === undefined) {
      confirmed();
      return;
    }
    await copy.refresh(deadlineMs);
    const {catalog} = copy;
    // Purged by now: its sets cannot be named any more.
    if (catalog.database(database) === undefined) return;
    const sets = catalog.buckets(database).flatMap(({replicaSets}) => replicaSets);
    const tables = catalog.tables(database).map(({id}) => id);
    fences.confirm({kind: 'database', fence: {tables}, sets, confirmed}, engine);
  }
}
