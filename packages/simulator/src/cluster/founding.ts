// How a cluster begins: the first node founds it, the others are registered and handed the catalog as a
// join does, and databases are made.

import type {Laws} from '../checks/laws.ts';
import type {Chance} from '../kernel/chance.ts';
import type {Kernel} from '../kernel/kernel.ts';
import type {SimNode} from '../world/node.ts';
import {engineOf} from './clients.ts';
import type {Drops} from './drops.ts';
import type {Ground} from './ground.ts';
import type {NodeState} from './node-state.ts';
import type {Waiting} from './waiting.ts';

export interface FoundingPorts {
  readonly kernel: Kernel;
  readonly nodes: readonly SimNode[];
  readonly states: readonly NodeState[];
  readonly chance: Chance;
  readonly waiting: Waiting;
  readonly drops: Drops;
  readonly ground: Ground;
  readonly groups: number;
  /** The least that a database has of each row. */
  readonly replicasMin: number;
  readonly laws: Laws;
}

export async function found(ports: FoundingPorts): Promise<void> {
  const {nodes, waiting, chance, drops, ground, groups, replicasMin} = ports;
  const [first, ...others] = nodes;
  await waiting.until('node 1 starts', first!.start());
  await waiting.until('the cluster is founded', engineOf(first!)!.found());
  for (const node of others) {
    if (waiting.isBroken) return;
    await waiting.until(`node ${node.id} joins`, join(ports, node));
    await waiting.until(`node ${node.id} starts`, node.start());
  }
  for (let i = 1; i <= Math.min(4, Math.max(1, Math.floor(groups / 5))); i++) {
    const drawn = chance.pick([3, 3, 3, 5, 2]);
    const replicas = Math.min(nodes.length, Math.max(replicasMin, drawn));
    const shards = 1 + chance.below(3);
    const engine = engineOf(chance.pick(nodes))!;
    const made = drops.databases.create(engine, `d${i}`, {replicas, shards});
    await waiting.until(`database ${i}`, made);
    ground.add(`d${i}`);
  }
}

async function join({nodes, states, kernel, laws}: FoundingPorts, {id}: SimNode): Promise<void> {
  const engine = engineOf(nodes[0]!)!;
  const {meta, copy} = engine.parts!;
  const described = {address: `n${id}`, engineThreads: 1, version: '1'};
  const command = {
    type: 'register-node' as const,
    node: {...described, incarnation: `incarnation-${id}`},
    atMs: kernel.wallStartMs,
  };
  const {node: given} = await meta.propose(command, {deadlineMs: engine.nowMs + 30_000});
  if (given !== id) laws.fail('catalog', 0, `node ${id} was given the id ${given}`);
  await copy.refresh(engine.nowMs + 30_000);
  const state = states[id - 1]!;
  state.catalog = copy.catalog.snapshot();
  state.isMember = true;
}
