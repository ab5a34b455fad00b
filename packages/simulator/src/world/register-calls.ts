// What a node of hosts alone answers to calls: its registers, written and read in the thread of their set.

import {DbError, type ReplicaSetId} from '@flotilla/base';
import type {Host} from '@flotilla/multiraft';
import {decodeNumber, encodeNumber} from '../workload/command.ts';
import {type Applied, RegisterMachine} from '../workload/register-machine.ts';
import type {Running} from './node-ports.ts';
import type {CallHandler} from './rpc.ts';

export const WRITE_METHOD = 'sim.write';
export const READ_METHOD = 'sim.read';
/** As the product's write handler: a proposal is answered by then. */
const PROPOSAL_MS_MAX = 4_000;

export function registerHandlers(running: () => Running): Map<string, CallHandler> {
  return new Map<string, CallHandler>([
    [WRITE_METHOD, (payload, {set}) => write(running(), set, payload)],
    [READ_METHOD, (payload, {set}) => read(running(), set, decodeNumber(payload))],
  ]);
}

async function write(
  {process, host}: Running,
  set: ReplicaSetId,
  payload: Uint8Array,
): Promise<Uint8Array> {
  const deadlineMs = process.monotonicMs() + PROPOSAL_MS_MAX;
  const propose = (own: Host): Promise<unknown> => own.propose(set, payload, {deadlineMs});
  const applied = (await host!.at(set, propose)) as Applied;
  if (applied.status === 'forgotten')
    throw new DbError('OUTCOME_UNKNOWN', `set ${set} does not remember so old a write`);
  return encodeNumber(applied.status === 'duplicate' ? 1 : 0);
}

function read({process, host}: Running, set: ReplicaSetId, register: number): Promise<Uint8Array> {
  const deadlineMs = process.monotonicMs() + PROPOSAL_MS_MAX;
  return host!.at(set, async (own) => {
    await own.readIndex(set, {deadlineMs});
    const machine = own.stateMachine(set);
    if (!(machine instanceof RegisterMachine))
      throw new DbError('REPLICA_GONE', `no replica of set ${set} here`);
    return encodeNumber(machine.read(register));
  });
}
