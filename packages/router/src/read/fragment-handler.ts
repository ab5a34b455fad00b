// The replica's side of a query: brings the local replica up to a read index, pins its rows and runs
// the fragment on them.

import {DbError, type ReplicaSetId, type RpcContext} from '@flotilla/base';
import {executeFragment, type Fragment} from '@flotilla/query';
import {ReplicaMachine} from '@flotilla/replica';
import type {Consistency} from './fragment-reader.ts';

export const QUERY_METHOD = 'replica.query';

/** What crosses nodes. Plain JSON. */
export interface FragmentRequest {
  readonly fragment: Fragment;
  readonly consistency: Consistency;
  readonly timeoutMs: number;
}

export interface FragmentHost {
  /** Resolves when the local replica has applied an index that covers every acknowledged write. */
  readIndex(set: ReplicaSetId, options: {readonly deadlineMs: number}): Promise<number>;
  stateMachine(set: ReplicaSetId): unknown;
}

export interface FragmentHandlerPorts {
  readonly host: FragmentHost;
  readonly monotonicMs: () => number;
  /** Lets others of the thread run. */
  readonly pause: () => Promise<void>;
}

/**
 * The first chunk is always empty: it says that the replica answers, so that a caller may still turn
 * to another one until then.
 */
export function fragmentHandler(
  ports: FragmentHandlerPorts,
): (payload: Uint8Array, context: RpcContext) => AsyncIterable<Uint8Array> {
  return async function* (payload, {set, signal}) {
    const request = JSON.parse(new TextDecoder().decode(payload)) as FragmentRequest;
    if (request.consistency === 'linearizable') {
      await ports.host.readIndex(set, {deadlineMs: ports.monotonicMs() + request.timeoutMs});
    }
    const machine = ports.host.stateMachine(set);
    if (!(machine instanceof ReplicaMachine)) {
      throw new DbError('REPLICA_GONE', `no replica of set ${set} on this node`);
    }
    const scan = machine.scan(request.fragment.scan);
    try {
      yield new Uint8Array(0);
      yield* executeFragment(request.fragment, scan, {signal, pause: ports.pause});
    } finally {
      scan.close();
    }
  };
}
