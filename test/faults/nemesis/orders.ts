// What an operator orders by the way: one order each, of a set or node that chance picks, from what the
// cluster was a moment ago. Each answers with the operation that it began, or whether there was anything to
// order; it rejects where the cluster refuses.

import type {SeededRandom} from '@flotilla/base';
import {
  type Entity,
  type FlotillaClient,
  FlotillaError,
  type Id,
  type Operation,
  type Replica,
  type ReplicaSet,
} from '@flotilla/client';

const REPLICAS_MAX = 4;
/** Of all databases. */
const TENANT = 'default';
/** Not tried again: what empties a node lasts until it is taken back, and repairs are the cluster's own. */
const KEPT: ReadonlySet<string> = new Set(['drain-node', 'decommission-node', 'repair']);
/** For that long nobody leads there. */
const EVACUATED_FOR = '5s';

export interface Situation {
  readonly client: FlotillaClient;
  readonly random: SeededRandom;
  readonly sets: readonly ReplicaSet[];
  readonly nodes: readonly Entity[];
  readonly operations: readonly Operation[];
}

export type Given = Operation | boolean;
type Give = (situation: Situation) => Promise<Given>;

export const ORDERS = {
  move: onSet(async (set, {client, random, nodes}) => {
    const [from, to] = [pick(random, set.replicas), pick(random, strangers(set, nodes))];
    if (from === undefined || to === undefined) return false;
    const change = {action: 'move-replica', from: from.node, to} as const;
    return client.admin.changeReplicaSet(set.id, change);
  }),
  add: onSet(async (set, {client, random, nodes}) => {
    const node = pick(random, strangers(set, nodes));
    if (node === undefined || set.replicas.length >= REPLICAS_MAX) return false;
    return client.admin.changeReplicaSet(set.id, {action: 'add-replica', node});
  }),
  /** Of a learner: a voter is taken by moves and drains, which put another in its place. */
  remove: onSet(async (set, {client, random}) => {
    const learner = pick(random, set.replicas.filter(isLearner));
    if (learner === undefined) return false;
    const {replica} = learner;
    return client.admin.changeReplicaSet(set.id, {action: 'remove-replica', replica});
  }),
  transfer: onSet(async (set, {client, random}) => {
    const to = pick(random, set.replicas)?.node;
    if (to === undefined) return false;
    return client.admin.changeReplicaSet(set.id, {action: 'transfer-leader', to});
  }),
  checksum: onSet((set, {client}) => client.admin.checksumReplicaSet(set.id)),
  compact: onSet((set, {client}) => client.admin.compactReplicaSet(set.id)),
  /** What is moved by hand stays, and leaves a rebalance nothing to do. */
  unpin: onSet(async (set, {client}) => {
    await client.admin.pinReplicaSet(set.id, false);
    return true;
  }),
  rebalance: ({client}) => client.admin.rebalance(),
  retry: async ({client, random, operations}) => {
    const ended = operations.filter(({state}) => state === 'failed' || state === 'cancelled');
    const operation = pick(
      random,
      ended.filter(({kind}) => !KEPT.has(kind)),
    );
    return operation === undefined ? false : client.admin.retryOperation(operation.id);
  },
  evacuate: async ({client, random, nodes}) => {
    const node = pick(random, activeNodes(nodes));
    if (node === undefined) return false;
    await client.admin.evacuateLeaders(node, {for: EVACUATED_FOR});
    return true;
  },
} satisfies Readonly<Record<string, Give>>;

/** What is kept is ordered to be dropped with its tenant. What came of it; undefined where it was refused, as it must be. */
export async function misuse({client}: Situation): Promise<string | undefined> {
  try {
    await client.admin.dropTenant(TENANT);
    return `tenant ${TENANT} was dropped while it held databases`;
  } catch (error) {
    if (error instanceof FlotillaError) return undefined;
    throw error;
  }
}

export function pick<T>(random: SeededRandom, all: readonly T[]): T | undefined {
  return all.length === 0 ? undefined : all[random.below(all.length)];
}

export function activeNodes(nodes: readonly Entity[]): Id[] {
  return nodes.filter(({state}) => state === 'active').map(({id}) => id as Id);
}

function onSet(give: (set: ReplicaSet, situation: Situation) => Promise<Given>): Give {
  return async (situation) => {
    const set = pick(situation.random, situation.sets);
    return set === undefined ? false : give(set, situation);
  };
}

/** Nodes that have none of the set. */
function strangers({replicas}: ReplicaSet, nodes: readonly Entity[]): Id[] {
  const members = replicas.map(({node}) => node);
  return activeNodes(nodes).filter((node) => !members.includes(node));
}

function isLearner({role}: Replica): boolean {
  return role === 'learner';
}
