import type {Host} from '@flotilla/multiraft';
import {ReplicaMachine} from '@flotilla/replica';

/** All of this thread but the catalog's. */
export function machinesOf(host: Pick<Host, 'stateMachines'>): ReplicaMachine[] {
  const machines: ReplicaMachine[] = [];
  for (const [, machine] of host.stateMachines()) {
    if (machine instanceof ReplicaMachine) machines.push(machine);
  }
  return machines;
}
