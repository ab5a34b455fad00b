// An operator without patience: databases are made, replicas moved, added and removed, leads moved,
// nodes drained and taken back, operations cancelled, buckets dropped; all by commands to the meta
// group through any node, as the product's own administration sends them.

import {DbError, META_SET, type NodeId} from '@flotilla/base';
import {
  type Catalog,
  type Command,
  cancelledWork,
  isFinished,
  type Operation,
  type ReplicaSet,
} from '@flotilla/catalog';
import type {Coverage} from '../checks/coverage.ts';
import type {Chance} from '../kernel/chance.ts';
import type {Kernel} from '../kernel/kernel.ts';
import {repeat} from '../kernel/repeat.ts';
import type {SimNode} from '../world/node.ts';
import {engineOf} from './clients.ts';
import type {Engine} from './engine.ts';
import type {Ground} from './ground.ts';
import {databaseNamed, SLOT_MS} from './registers.ts';

export interface OperatorPorts {
  readonly kernel: Kernel;
  readonly chance: Chance;
  readonly nodes: readonly SimNode[];
  readonly ground: Ground;
  readonly coverage: Coverage;
  /** Average pause between two orders. */
  readonly changeMs: number;
  /** Average life of all open slots together. */
  readonly slotMs: number;
  /** Average pause between two nodes that stay away for as long as it takes to replace them. */
  readonly outageMs: number;
  readonly repairAfterMs: number;
  readonly start: (node: SimNode) => void;
}

type Wish = Extract<Command, {type: 'create-operation'}>;

const DEADLINE_MS = 8_000;
/** Whoever wrote to a slot has had an answer by then, or sends no more. */
const QUIET_MS = 60_000;
const REPLICAS_MAX = 5;

export class Operator {
  readonly #ports: OperatorPorts;
  isStopped = false;
  /** No orders before: a node lost what it held, and nobody knows yet. */
  heldUntilMs = 0;
  #away: SimNode | undefined;
  /** Orders without an answer. */
  #proposing = 0;

  constructor(ports: OperatorPorts) {
    this.#ports = ports;
  }

  /** Of a node that is away for long: nobody starts it. */
  isAway(node: SimNode): boolean {
    return this.#away === node;
  }

  /** No order is on its way, and no node away. */
  get isCalm(): boolean {
    return this.#away === undefined && this.#proposing === 0;
  }

  start(): void {
    this.#repeat(this.#ports.outageMs, () => this.#takeAway());
    this.#repeat(this.#ports.changeMs, () => this.#change());
    this.#repeat(this.#ports.slotMs, () => this.#closeSlot());
  }

  /** Nodes that were drained take replicas again, and what was cancelled is tried again; by and by, as long as any is left. */
  settle(): void {
    const engine = this.#engine();
    if (engine === undefined) return;
    for (const {id, state} of engine.catalog!.nodes())
      if (state === 'drained') this.#propose(engine, activated(id), 'undrain');
    for (const operation of engine.catalog!.operations())
      if (!isFinished(operation) && operation.kind === 'drain-node')
        this.#cancel(engine, operation);
    for (const {operation} of cancelledWork(engine.catalog!, this.#nowMs()))
      this.#propose(engine, this.#again(operation, engine.catalog!), 'retry');
  }

  #nowMs(): number {
    const {kernel} = this.#ports;
    return Math.floor(kernel.wallStartMs + kernel.nowMs);
  }

  /** What was to be made on a node that holds one by now is made anew where it is. */
  #again(operation: Operation, catalog: Catalog): Wish {
    const {id: retryOf, kind, replicaSet, source, sourceNode, cause} = operation;
    const {allowFewerVoters} = operation;
    const set = replicaSet === undefined ? undefined : catalog.replicaSet(replicaSet);
    const isHeld = set?.replicas.some(({node}) => node === operation.targetNode) === true;
    const targetNode = isHeld ? undefined : operation.targetNode;
    const subject = {kind, replicaSet, source, sourceNode, targetNode, allowFewerVoters, cause};
    const by = {retryOf, startedBy: 'operator', atMs: this.#nowMs()};
    return {type: 'create-operation', ...subject, ...by};
  }

  /** Through any node, where one is up. */
  order(command: Command, what: string): void {
    const engine = this.#engine();
    if (engine !== undefined) this.#propose(engine, command, what);
  }

  #repeat(meanMs: number, act: () => void): void {
    repeat(this.#ports, {meanMs, isOver: () => this.isStopped}, () => {
      if (this.#ports.kernel.nowMs >= this.heldUntilMs) act();
    });
  }

  /** A machine that burns; sometimes it is put out and comes back when all its replicas live elsewhere. */
  #takeAway(): void {
    const {chance, nodes, kernel, coverage, repairAfterMs} = this.#ports;
    const up = nodes.filter((node) => engineOf(node) !== undefined);
    if (this.#away !== undefined || up.length < 4) return;
    const node = chance.pick(up);
    this.#away = node;
    coverage.count('outages:begun');
    kernel.note(0, 0, () => `outage of node ${node.id}`);
    node.end('power');
    const awayMs = chance.pick([0.5, 2, 4]) * repairAfterMs;
    kernel.after(awayMs, () => this.endOutage());
  }

  endOutage(): void {
    const node = this.#away;
    this.#away = undefined;
    if (node !== undefined) this.#ports.start(node);
  }

  #engine(): Engine | undefined {
    const up = this.#ports.nodes.filter((node) => engineOf(node) !== undefined);
    return up.length === 0 ? undefined : engineOf(this.#ports.chance.pick(up));
  }

  #change(): void {
    const {chance} = this.#ports;
    const engine = this.#engine();
    if (engine === undefined) return;
    const catalog = engine.catalog!;
    const draw = chance.below(20);
    if (draw === 0) this.#drain(engine, catalog);
    else if (draw === 1) this.#undrain(engine, catalog);
    else if (draw < 4) {
      const running = [...catalog.operations()].filter((operation) => !isFinished(operation));
      if (running.length > 0) this.#cancel(engine, chance.pick(running));
    } else this.#changeSet(engine, catalog, draw);
  }

  #changeSet(engine: Engine, catalog: Catalog, draw: number): void {
    const {chance} = this.#ports;
    const sets = [...catalog.replicaSets()].filter(({state}) => state === 'open');
    const meta = catalog.metaSet();
    if (meta !== undefined && chance.odds(0.1)) sets.splice(0, sets.length, meta);
    if (sets.length === 0) return;
    const set = chance.pick(sets);
    const kind = draw < 11 ? 'move-replica' : draw < 14 ? 'transfer-leader' : grown(draw);
    if (set.id === META_SET && kind !== 'move-replica' && kind !== 'transfer-leader') return;
    const wish = this.#wish(kind, set, catalog);
    if (wish !== undefined) this.#propose(engine, wish, kind);
  }

  #wish(kind: Wish['kind'], set: ReplicaSet, catalog: Catalog): Wish | undefined {
    const {chance, kernel} = this.#ports;
    const others = [...catalog.nodes()].filter(
      ({id, state}) => state === 'active' && !set.replicas.some(({node}) => node === id),
    );
    const pin = chance.odds(0.3);
    const wish = {
      ...{type: 'create-operation' as const, kind, replicaSet: set.id, pin},
      ...{startedBy: 'operator', atMs: Math.floor(kernel.wallStartMs + kernel.nowMs)},
    };
    const source = chance.pick(set.replicas);
    const target = others.length === 0 ? undefined : chance.pick(others).id;
    switch (kind) {
      case 'move-replica':
        if (target === undefined) return undefined;
        return {...wish, source: source.replica, targetNode: target};
      case 'add-replica':
        if (target === undefined || set.replicas.length >= REPLICAS_MAX) return undefined;
        return {...wish, targetNode: target};
      case 'remove-replica':
        if (set.replicas.length < 2) return undefined;
        return {...wish, source: source.replica, allowFewerVoters: chance.odds(0.5)};
      default:
        return {...wish, target: source.replica};
    }
  }

  #drain(engine: Engine, catalog: Catalog): void {
    const {chance, kernel} = this.#ports;
    const active = [...catalog.nodes()].filter(({state}) => state === 'active');
    if (active.length < 4) return;
    const {id} = chance.pick(active);
    const atMs = Math.floor(kernel.wallStartMs + kernel.nowMs);
    const command = {
      ...{type: 'create-operation' as const, kind: 'drain-node' as const, sourceNode: id},
      ...{startedBy: 'operator', atMs},
    };
    this.#propose(engine, command, 'drain-node');
  }

  #undrain(engine: Engine, catalog: Catalog): void {
    const drained = [...catalog.nodes()].filter(({state}) => state === 'drained');
    if (drained.length > 0)
      this.#propose(engine, activated(this.#ports.chance.pick(drained).id), 'undrain');
  }

  #cancel(engine: Engine, {id, step}: ReturnType<Catalog['operation']> & object): void {
    // As a person cancels it, and what the cluster began rests; or as the cluster gives it up itself.
    const by = id % 2 === 0 ? 'operator' : undefined;
    const command = {
      ...{type: 'update-operation' as const, operation: id, expectedStep: step},
      ...{state: 'cancelling' as const, by, atMs: this.#nowMs()},
    };
    this.#propose(engine, command, 'cancel');
  }

  /** The slot is left alone first, so that nobody loses what was acknowledged to him. */
  #closeSlot(): void {
    const {chance, kernel, ground, coverage} = this.#ports;
    const slot = ground.close(chance);
    if (slot === undefined) return;
    coverage.count('slots:closed');
    const drop = (): void => {
      const engine = this.#engine();
      if (engine !== undefined) {
        const {database, slotMs} = slot;
        const found = databaseNamed(engine.catalog!, database);
        const buckets = found && engine.catalog!.buckets(found.id, slotMs, slotMs + SLOT_MS);
        for (const {id} of buckets ?? [])
          this.#propose(engine, {type: 'drop-bucket', bucket: id}, 'drop-bucket');
      }
    };
    kernel.after(QUIET_MS, drop);
  }

  #propose(engine: Engine, command: Command, what: string): void {
    const {coverage, kernel} = this.#ports;
    coverage.count(`orders:${what} asked`);
    const text = JSON.stringify(command);
    kernel.note(0, 'replicaSet' in command ? command.replicaSet! : 0, () => `order ${text}`);
    const {meta, copy} = engine.parts!;
    const deadlineMs = engine.nowMs + DEADLINE_MS;
    const answered = this.#beginOrder();
    const proposed = meta.propose(command, {deadlineMs}).then(async () => {
      coverage.count(`orders:${what} accepted`);
      await copy.refresh(engine.nowMs + DEADLINE_MS);
    });
    proposed.then(answered, (error: unknown) => {
      answered();
      if (!(error instanceof DbError)) throw error;
      coverage.count(`orders:${what} ${error.code}`);
    });
  }

  /** The result ends it; a process that ends answers nothing. */
  #beginOrder(): () => void {
    let isOpen = true;
    const answered = (): void => {
      if (isOpen) this.#proposing -= 1;
      isOpen = false;
    };
    this.#proposing += 1;
    this.#ports.kernel.after(2 * DEADLINE_MS, answered);
    return answered;
  }
}

function activated(node: NodeId): Command {
  return {type: 'set-node-state', node, state: 'active', expectedState: 'drained'};
}

function grown(draw: number): 'add-replica' | 'remove-replica' {
  return draw < 17 ? 'add-replica' : 'remove-replica';
}
