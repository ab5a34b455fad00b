// The replica's side of a query: brings the local replica up to a read index, or makes sure that it is
// as fresh as a stale read asks, pins its rows and runs the fragment on them.

import {
  DbError,
  type DurationHistogram,
  type ReplicaId,
  type ReplicaSetId,
  type RpcContext,
  type WorkSlices,
} from '@flotilla/base';
import {
  type CountFragment,
  executeFragment,
  type QueriesMemory,
  type SetFragment,
} from '@flotilla/query';
import {loadedMachine, ReplicaMachine} from '@flotilla/replica';
import {ReadCounts} from './read-counts.ts';

export type Consistency = 'linearizable' | 'stale';

export const QUERY_METHOD = 'replica.query';
/** A majority that is there confirms a read in a round trip, or after an election. */
const CONFIRM_MS_MAX = 1_000;
const QUERY = {work: 'query'} as const;
/** A count is some hundred kilobytes: nothing else waits long behind a piece of it. */
const COUNT_PIECE_BYTES = 64 * 1024;

/** What crosses nodes. Plain JSON. */
export interface FragmentRequest {
  readonly fragment: SetFragment;
  readonly consistency: Consistency;
  /** Of a stale read: every write acknowledged so long before the replica was asked is wanted. */
  readonly maxStalenessMs?: number | undefined;
  readonly timeoutMs: number;
}

/** Which rows are read: the first chunk of an answer, as JSON. */
export interface FragmentOrigin {
  readonly replica: ReplicaId;
  readonly appliedIndex: number;
  /** The rows hold every write acknowledged so long ago; absent where the replica does not know. */
  readonly ageMs?: number | undefined;
}

export interface FragmentHost {
  /** Resolves when the local replica has applied an index that covers every acknowledged write. */
  readIndex(set: ReplicaSetId, options: {readonly deadlineMs: number}): Promise<number>;
  /** How long ago the local replica last knew that it held every acknowledged write. */
  ageMs(set: ReplicaSetId): number | undefined;
  status(set: ReplicaSetId):
    | {
        readonly replica: ReplicaId;
        readonly appliedIndex: number;
        readonly configuration: {readonly voters: readonly number[]};
      }
    | undefined;
  stateMachine(set: ReplicaSetId): unknown;
}

export interface FragmentHandlerPorts {
  readonly host: FragmentHost;
  readonly monotonicMs: () => number;
  /** Of the thread. */
  readonly slices: WorkSlices;
  readonly counts?: ReadCounts | undefined;
  /** Of the thread; without it each fragment has a bound of its own alone. */
  readonly memory?: QueriesMemory | undefined;
}

/**
 * The first chunk is the origin of the rows: it says that the replica answers, so that a caller may
 * still turn to another one until then.
 */
export function fragmentHandler(
  ports: FragmentHandlerPorts,
): (payload: Uint8Array, context: RpcContext) => AsyncIterable<Uint8Array> {
  const {monotonicMs, counts = new ReadCounts()} = ports;
  return async function* (payload, {set, signal}) {
    const request = JSON.parse(new TextDecoder().decode(payload)) as FragmentRequest;
    // First, so that the age that is told is not older by it.
    await loadedMachine(ports.host, set);
    const beganMs = monotonicMs();
    const ageMs = await freshen(ports, set, request);
    if (request.consistency === 'linearizable') counts.readIndex.observeMs(monotonicMs() - beganMs);
    // From here to the scan nothing waits, so that the index is the one of the rows.
    const status = ports.host.status(set);
    const machine = ports.host.stateMachine(set);
    // Another may have taken its place meanwhile.
    if (status === undefined || !(machine instanceof ReplicaMachine) || !machine.isLoaded) {
      throw new DbError('REPLICA_GONE', `no replica of set ${set} on this node`);
    }
    const {replica, appliedIndex} = status;
    const origin = encodeOrigin({replica, appliedIndex, ageMs});
    const {fragment} = request;
    const due = () => ports.slices.due(QUERY);
    if (fragment.source === 'cardinality') {
      yield origin;
      yield* timed(counted(machine, fragment, {due, signal}), monotonicMs, counts.scan);
      return;
    }
    const {scan: spec, source} = fragment;
    const scan = source === 'series' ? machine.scanSeries(spec) : machine.scan(spec);
    try {
      yield origin;
      const batches = executeFragment(fragment, scan, {signal, due, memory: ports.memory});
      yield* timed(batches, monotonicMs, counts.scan);
    } finally {
      scan.close();
    }
  };
}

/** As JSON, in pieces. */
async function* counted(
  machine: ReplicaMachine,
  {count: spec}: CountFragment,
  turns: {readonly due: () => Promise<void> | undefined; readonly signal: AbortSignal},
): AsyncGenerator<Uint8Array, void> {
  // Whoever took the origin may have let much time pass.
  await machine.load();
  const bytes = Buffer.from(JSON.stringify(await machine.countSeries(spec, turns)));
  for (let at = 0; at < bytes.length; at += COUNT_PIECE_BYTES)
    yield bytes.subarray(at, at + COUNT_PIECE_BYTES);
}

function encodeOrigin(origin: FragmentOrigin): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(origin));
}

/** The same items; what making them took, all together, is observed at their end. */
async function* timed<Item>(
  items: AsyncIterable<Item>,
  monotonicMs: () => number,
  histogram: DurationHistogram,
): AsyncIterable<Item> {
  let spentMs = 0;
  let beganMs = monotonicMs();
  for await (const item of items) {
    spentMs += monotonicMs() - beganMs;
    yield item;
    beganMs = monotonicMs();
  }
  histogram.observeMs(spentMs + monotonicMs() - beganMs);
}

/** The age of what is read then, counted from now on; undefined where it neither is known nor matters. */
export async function freshen(
  {host, monotonicMs}: Pick<FragmentHandlerPorts, 'host' | 'monotonicMs'>,
  set: ReplicaSetId,
  {consistency, maxStalenessMs, timeoutMs}: Omit<FragmentRequest, 'fragment'>,
): Promise<number | undefined> {
  const nowMs = monotonicMs();
  if (consistency === 'linearizable') {
    await host.readIndex(set, {deadlineMs: nowMs + timeoutMs});
    return 0;
  }
  const ageMs = host.ageMs(set);
  if (
    ageMs === undefined
      ? maxStalenessMs === undefined && isVoter(host, set)
      : ageMs <= (maxStalenessMs ?? ageMs)
  )
    return ageMs;
  // It may well be current and only not know it: a majority can say so.
  try {
    await host.readIndex(set, {deadlineMs: nowMs + Math.min(CONFIRM_MS_MAX, timeoutMs)});
    return 0;
  } catch (error) {
    if (!(error instanceof DbError) || error.code === 'REPLICA_GONE') throw error;
    throw tooOld(ageMs, maxStalenessMs, error);
  }
}

/** One that is not may have been made a moment ago, and still be without most of its rows. */
function isVoter(host: FragmentHost, set: ReplicaSetId): boolean {
  const status = host.status(set);
  return status?.configuration.voters.includes(status.replica) === true;
}

function tooOld(
  ageMs: number | undefined,
  maxStalenessMs: number | undefined,
  cause: DbError,
): DbError {
  const age =
    ageMs === undefined ? 'of unknown age' : `known to be current ${Math.ceil(ageMs)} ms ago`;
  const asked =
    maxStalenessMs === undefined ? 'it is not a voter yet' : `${maxStalenessMs} ms are asked for`;
  return new DbError(
    'STALE_TOO_OLD',
    `the replica is ${age}, ${asked}, and no majority confirms it now`,
    {ageMs, maxStalenessMs},
    cause,
  );
}
