// Whole replica sets that are destroyed beside everything else. To a register in one it is an erasure with a place
// in its order, between the statement and the end of its operation: unlike a drop it leaves no time in which
// nothing is asked.

import {DbError, type OperationId, type ReplicaSetId} from '@flotilla/base';
import {type Catalog, isFinished, type ReplicaSet} from '@flotilla/catalog';
import type {Coverage} from '../checks/coverage.ts';
import type {Chance} from '../kernel/chance.ts';
import type {Kernel} from '../kernel/kernel.ts';
import type {SimNode} from '../world/node.ts';
import type {DropFences} from './drop-fences.ts';
import type {Engine} from './engine.ts';
import type {Destruction, Erasures} from './erasures.ts';
import type {Ground} from './ground.ts';
import {find, nameOf} from './registers.ts';
import {newestCatalog} from './rest.ts';

export interface SetDestructionPorts {
  readonly kernel: Kernel;
  readonly chance: Chance;
  readonly nodes: readonly SimNode[];
  readonly ground: Ground;
  readonly coverage: Coverage;
  readonly erasures: Erasures;
  readonly fences: DropFences;
}

const DESTROY_MS = 20_000;
const DEADLINE_MS = 10_000;
const LOOK_MS = 500;

interface Open {
  readonly set: ReplicaSetId;
  readonly operation: OperationId;
  /** Of a catalog that has the operation, or had it. */
  readonly version: number;
  readonly before: Where;
  readonly destruction: Destruction;
}

/** By register, the set that it is in and the id of its table; a table that is made again moves its registers. */
type Where = ReadonlyMap<string, {readonly set: ReplicaSetId; readonly table: number}>;

export class SetDestructions {
  readonly #ports: SetDestructionPorts;
  readonly #open = new Set<Open>();
  isStopped = false;

  constructor(ports: SetDestructionPorts) {
    this.#ports = ports;
  }

  start(): void {
    this.#repeat();
    this.#watch();
  }

  #repeat(): void {
    const {kernel, chance, coverage, fences} = this.#ports;
    kernel.after(chance.wait(DESTROY_MS), () => {
      if (this.isStopped) return;
      const engine = fences.engine();
      if (engine !== undefined)
        coverage.countEnd('statements:destroy', this.#destroy(engine), 'begun');
      this.#repeat();
    });
  }

  unrest(): string[] {
    this.#look();
    return [...this.#open].map(({set}) => `set ${set} is still being destroyed`);
  }

  async #destroy(engine: Engine): Promise<void> {
    const {kernel, chance, erasures} = this.#ports;
    const deadlineMs = engine.nowMs + DEADLINE_MS;
    const {meta, copy} = engine.parts!;
    await copy.refresh(deadlineMs);
    const {catalog} = copy;
    // Others hold what has to be there at the end.
    const names = new Set(this.#ports.ground.databases);
    const open = [...catalog.replicaSets()].filter((set) => isDestroyable(set, catalog, names));
    if (open.length === 0) return;
    const {id: set, database} = chance.pick(open);
    const before = this.#whereIn(catalog);
    const prefix = `${catalog.database(database)!.name}/`;
    const destruction = erasures.destroy(prefix);
    const order = {type: 'create-operation', kind: 'destroy-replica-set', replicaSet: set} as const;
    const atMs = Math.floor(kernel.wallStartMs + kernel.nowMs);
    const command = {...order, startedBy: 'operator', atMs};
    // Without an answer it may be destroyed at any time.
    const {operation} = await meta.propose(command, {deadlineMs}).catch((error: unknown) => {
      if (error instanceof DbError && error.code === 'CONFLICT') erasures.forget(destruction);
      throw error;
    });
    this.#open.add({set, operation, version: catalog.version, before, destruction});
  }

  #watch(): void {
    this.#ports.kernel.after(LOOK_MS, () => {
      this.#look();
      if (!this.isStopped) this.#watch();
    });
  }

  #look(): void {
    const {nodes, coverage, erasures, kernel} = this.#ports;
    const catalog = newestCatalog(nodes);
    if (catalog === undefined) return;
    for (const open of this.#open) {
      const operation = catalog.operation(open.operation);
      if (operation === undefined && catalog.version < open.version) continue;
      if (operation !== undefined && !isFinished(operation)) continue;
      this.#open.delete(open);
      coverage.count(`operations:destroy-replica-set ${operation?.state ?? 'forgotten'}`);
      if (operation?.state === 'cancelled') erasures.forget(open.destruction);
      if (operation?.state !== 'done') continue;
      open.destruction.endMs = kernel.nowMs;
      this.#judge(open, this.#whereIn(catalog), catalog);
    }
  }

  /** Those that were in it all the time are erased, those that were elsewhere are not, and of others nobody knows. */
  #judge({set, before, destruction}: Open, after: Where, catalog: Catalog): void {
    for (const [name, was] of before) {
      const is = after.get(name);
      if (is === undefined || is.table !== was.table) continue;
      const isIn = was.set === set && catalog.replicaSet(is.set)?.replaces === set;
      if (isIn) destruction.erased.add(name);
      else if (was.set === is.set) destruction.spared.add(name);
    }
  }

  #whereIn(catalog: Catalog): Where {
    const where = new Map<string, {set: ReplicaSetId; table: number}>();
    for (const register of this.#ports.ground.all()) {
      const found = find(catalog, register);
      if (found !== undefined)
        where.set(nameOf(register), {set: found.set, table: found.address.table});
    }
    return where;
  }
}

function isDestroyable(
  {id, state, database}: ReplicaSet,
  catalog: Catalog,
  names: ReadonlySet<string>,
): boolean {
  const of = catalog.database(database);
  if (of === undefined || of.dropped !== undefined || !names.has(of.name)) return false;
  return state === 'open' && catalog.operationOf(id) === undefined;
}
