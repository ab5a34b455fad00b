// What meta wants of a replica set's members. Each change is fenced by the epoch that its proposer
// saw and raises it; a new replica gets an id that no replica ever had.

import type {ReplicaId} from '@flotilla/base';
import type {Catalog} from '../catalog.ts';
import type {CommandResult, SetPlacement} from '../commands.ts';
import type {ReplicaPlacement, ReplicaSet} from '../model.ts';
import {type Handler, refuse, succeed} from './draft.ts';

export const setPlacement: Handler<SetPlacement> = (draft, command) => {
  const set = draft.catalog.replicaSet(command.set);
  if (set === undefined) return refuse('NOT_FOUND', `no replica set ${command.set}`);
  if (set.state === 'dropping') return refuse('CONFLICT', `replica set ${set.id} is dropped`);
  if (set.epoch !== command.expectedEpoch) {
    return refuse(
      'CONFLICT',
      `replica set ${set.id} is at epoch ${set.epoch}, not ${command.expectedEpoch}`,
      {epoch: set.epoch},
    );
  }
  const fault = nodesFault(draft.catalog, command) ?? membersFault(set, command);
  if (fault !== undefined) return fault;
  const removed = new Set(command.remove);
  const roles = new Map(command.roles.map(({replica, role}) => [replica, role]));
  const kept = set.replicas
    .filter(({replica}) => !removed.has(replica))
    .map((placed) => ({...placed, role: roles.get(placed.replica) ?? placed.role}));
  const added = command.add.map(
    ({node, role}): ReplicaPlacement => ({replica: draft.nextId<ReplicaId>('replica'), node, role}),
  );
  const replicas = [...kept, ...added];
  if (!replicas.some(({role}) => role === 'voter')) {
    return refuse('CONFLICT', `no voter of replica set ${set.id} would be left`);
  }
  const epoch = set.epoch + 1;
  const replicasWanted = command.replicasWanted ?? set.replicasWanted;
  draft.put('replica-set', set.id, {...set, epoch, replicas, replicasWanted});
  return succeed({epoch, added: added.map(({replica}) => replica)});
};

/** A node that is to be emptied gets no more. */
function nodesFault(catalog: Catalog, {add}: SetPlacement): CommandResult<never> | undefined {
  for (const {node} of add) {
    const state = catalog.node(node)?.state;
    if (state === undefined) return refuse('NOT_FOUND', `no node ${node}`);
    if (state !== 'active') return refuse('CONFLICT', `node ${node} is ${state}`);
  }
  return undefined;
}

function membersFault(set: ReplicaSet, command: SetPlacement): CommandResult<never> | undefined {
  const present = new Set(set.replicas.map(({replica}) => replica));
  for (const replica of [...command.remove, ...command.roles.map((change) => change.replica)]) {
    if (!present.has(replica)) {
      return refuse('NOT_FOUND', `no replica ${replica} in replica set ${set.id}`);
    }
  }
  const removed = new Set(command.remove);
  const nodes = new Set(
    set.replicas.filter(({replica}) => !removed.has(replica)).map(({node}) => node),
  );
  for (const {node} of command.add) {
    if (nodes.has(node)) {
      return refuse('CONFLICT', `node ${node} holds a replica of replica set ${set.id} already`);
    }
    nodes.add(node);
  }
  return undefined;
}
