// The replica of a set with what a write, a delete or a read needs of it in memory: most have it, and one
// that nobody used for long reads it first.

import {DbError, type ReplicaSetId} from '@flotilla/base';
import {ReplicaMachine} from './replica-machine.ts';

export interface MachineHost {
  stateMachine(set: ReplicaSetId): unknown;
}

export function machineOf(host: MachineHost, set: ReplicaSetId): ReplicaMachine {
  const machine = host.stateMachine(set);
  if (machine instanceof ReplicaMachine) return machine;
  throw new DbError('REPLICA_GONE', `no replica of set ${set} on this node`);
}

export async function loadedMachine(host: MachineHost, set: ReplicaSetId): Promise<ReplicaMachine> {
  for (;;) {
    const machine = machineOf(host, set);
    const loading = machine.load();
    if (loading === undefined) return machine;
    await loading;
  }
}
