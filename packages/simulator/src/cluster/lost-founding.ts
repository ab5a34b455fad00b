// The cluster that is to lose nodes: every node is a member of the meta group, and there is a database.

import {metaReplicasWanted} from '@flotilla/catalog';
import type {Kernel} from '../kernel/kernel.ts';
import type {SimNode} from '../world/node.ts';
import {engineOf} from './clients.ts';
import type {NodeState} from './node-state.ts';
import type {Patience} from './patience.ts';
import {SLOT_MS, TENANT} from './registers.ts';
import {newestCatalog} from './rest.ts';

const PROPOSE_MS_MAX = 30_000;

export interface FoundingPorts {
  readonly kernel: Kernel;
  readonly nodes: readonly SimNode[];
  readonly states: readonly NodeState[];
  readonly patience: Patience;
}

/** As many nodes as a meta group may have members. */
export async function foundWithMembers(ports: FoundingPorts): Promise<void> {
  const {nodes, patience} = ports;
  const [first, ...others] = nodes;
  await patience.ends('node 1 starts', first!.start());
  await patience.ends('the cluster is founded', engineOf(first!)!.found());
  for (const node of others) {
    await patience.ends(`node ${node.id} joins`, join(ports, node));
    await patience.ends(`node ${node.id} starts`, node.start());
  }
  const options = {replicas: 3, shards: 2, bucketDurationMs: SLOT_MS, precision: 'ms' as const};
  const command = {type: 'create-database', name: 'd1', ifNotExists: true, options} as const;
  const {parts, nowMs} = engineOf(first!)!;
  const deadlineMs = nowMs + PROPOSE_MS_MAX;
  await patience.ends('a database', parts!.meta.propose({...command, ...TENANT}, {deadlineMs}));
  await patience.until('every node is a voter of the meta group', async () => {
    const catalog = newestCatalog(nodes);
    const voters = catalog?.metaSet()?.replicas.filter(({role}) => role === 'voter') ?? [];
    return voters.length === nodes.length && metaReplicasWanted(catalog!) === nodes.length;
  });
}

async function join({kernel, nodes, states}: FoundingPorts, {id}: SimNode): Promise<void> {
  const engine = engineOf(nodes[0]!)!;
  const {meta, copy} = engine.parts!;
  const node = {address: `n${id}`, engineThreads: 1, version: '1', incarnation: `i${id}`};
  const {wallStartMs: atMs} = kernel;
  const deadlineMs = engine.nowMs + PROPOSE_MS_MAX;
  await meta.propose({type: 'register-node', node, atMs}, {deadlineMs});
  await copy.refresh(engine.nowMs + PROPOSE_MS_MAX);
  const state = states[id - 1]!;
  state.catalog = copy.catalog.snapshot();
  state.isMember = true;
}
