// Manual failover of whole databases, or of all: an operator sets it and takes it back through meta, and
// has a replica stand where nobody leads, and sometimes where somebody does.

import {DbError} from '@flotilla/base';
import type {Catalog, Command, ReplicaSet} from '@flotilla/catalog';
import type {Coverage} from '../checks/coverage.ts';
import type {Chance} from '../kernel/chance.ts';
import type {Kernel} from '../kernel/kernel.ts';
import {repeat} from '../kernel/repeat.ts';
import type {SimNode} from '../world/node.ts';
import {someEngine} from './clients.ts';
import type {Engine} from './engine.ts';
import {leaderOf} from './rest.ts';

export interface ElectionPorts {
  readonly kernel: Kernel;
  readonly chance: Chance;
  readonly nodes: readonly SimNode[];
  readonly coverage: Coverage;
}

const CHANGE_MS = 10_000;
const ELECT_MS = 2_000;
const DEADLINE_MS = 8_000;

export class Elections {
  readonly #ports: ElectionPorts;
  isStopped = false;

  constructor(ports: ElectionPorts) {
    this.#ports = ports;
  }

  start(): void {
    this.#repeat(CHANGE_MS, (engine) => this.#change(engine));
    this.#repeat(ELECT_MS, (engine) => this.#elect(engine, 0.05));
  }

  /** One step towards rest. */
  settle(): void {
    const engine = someEngine(this.#ports);
    if (engine !== undefined) this.#elect(engine, 0);
  }

  #repeat(meanMs: number, act: (engine: Engine) => void): void {
    repeat(this.#ports, {meanMs, isOver: () => this.isStopped}, () => {
      const engine = someEngine(this.#ports);
      if (engine !== undefined) act(engine);
    });
  }

  #change(engine: Engine): void {
    const {chance, coverage} = this.#ports;
    const {meta} = engine.parts!;
    const command = commandOf(engine.catalog!, chance);
    coverage.count(`failover:${command.type} asked`);
    const change = meta.propose(command, {deadlineMs: engine.nowMs + DEADLINE_MS});
    change.then(
      () => coverage.count(`failover:${command.type} accepted`),
      (error: unknown) => this.#refused('change', error),
    );
  }

  /** @param odds for a set that has a leader. */
  #elect(engine: Engine, odds: number): void {
    const {chance, nodes, coverage} = this.#ports;
    for (const set of engine.catalog!.replicaSets()) {
      if (!this.#isManual(set)) continue;
      const isLed = leaderOf(nodes, set.id) !== undefined;
      if (isLed && !chance.odds(odds)) continue;
      coverage.count(isLed ? 'failover:ordered beside a leader' : 'failover:ordered');
      const {node} = chance.pick(set.replicas);
      engine.elect(set.id, node).catch((error: unknown) => this.#refused('order', error));
    }
  }

  /** As some node of the set has it. */
  #isManual({id, replicas}: ReplicaSet): boolean {
    const {nodes} = this.#ports;
    return replicas.some(({node}) => nodes[node - 1]?.host?.status(id)?.failover === 'manual');
  }

  #refused(what: string, error: unknown): void {
    if (!(error instanceof DbError)) throw error;
    this.#ports.coverage.count(`failover:${what} ${error.code}`);
  }
}

function commandOf(catalog: Catalog, chance: Chance): Command {
  const failover = chance.pick(['manual', 'automatic'] as const);
  const databases = [...catalog.databases()];
  if (databases.length === 0 || chance.odds(0.1)) return {type: 'set-cluster', failover};
  const {name} = chance.pick(databases);
  return {type: 'alter-database', tenant: 'default', name, options: {failover}};
}
