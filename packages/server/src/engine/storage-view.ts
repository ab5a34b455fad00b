// What the nodes have on their disks and in memory of the replicas that are placed on them: each engine thread
// answers for its own. For operators; nothing is decided from it.

import {
  type Clock,
  DbError,
  type NodeId,
  type ReplicaId,
  type ReplicaSetId,
  type Rpc,
  type RpcHandlers,
} from '@flotilla/base';
import type {ReplicaSet} from '@flotilla/catalog';
import type {Host} from '@flotilla/multiraft';
import {ReplicaMachine} from '@flotilla/replica';
import type {StorageCounts, StorageView} from '@flotilla/storage';

const STORAGE_METHOD = 'node.storage';
/** A node that lives answers within some milliseconds; a person waits for one that does not. */
const ANSWER_MS_MAX = 3_000;

/** Plain JSON. */
interface Question {
  readonly sets: readonly ReplicaSetId[];
  /** Part by part, which would be much of all sets. */
  readonly withParts: boolean;
}

/** Of one replica. */
export interface StoredReplica extends Omit<StorageView, 'parts'> {
  readonly set: ReplicaSetId;
  readonly replica: ReplicaId;
  readonly partCount: number;
  readonly partBytes: number;
  readonly largestPartBytes: number;
  readonly isFlushDue: boolean;
  readonly parts?: StorageView['parts'] | undefined;
}

/** Of the parts that were written since the thread began. */
export type WorkCounts = Pick<
  StorageCounts,
  'flushes' | 'flushedBytes' | 'compactions' | 'compactedBytes'
>;

/** Plain JSON. */
interface ThreadAnswer {
  readonly thread: number;
  readonly counts: WorkCounts;
  /** Of the sets that were asked for, those that live in the thread. */
  readonly replicas: readonly StoredReplica[];
}

export interface NodeStorage {
  /** Of all threads that were asked. */
  readonly counts: WorkCounts;
  readonly replicas: ReadonlyMap<ReplicaSetId, StoredReplica>;
}

export interface StorageParts {
  readonly thread: number;
  readonly host: Pick<Host, 'status' | 'stateMachine'>;
  readonly counts: WorkCounts;
}

/** The side of one engine thread. */
export function storageHandler({thread, host, counts}: StorageParts): RpcHandlers {
  const storage = async (payload: Uint8Array): Promise<Uint8Array> => {
    const {sets, withParts} = JSON.parse(new TextDecoder().decode(payload)) as Question;
    const replicas = sets.flatMap((set) => {
      const replica = host.status(set)?.replica;
      const machine = host.stateMachine(set);
      if (replica === undefined || !(machine instanceof ReplicaMachine)) return [];
      return [storedOf({set, replica}, machine, withParts)];
    });
    const {flushes, flushedBytes, compactions, compactedBytes} = counts;
    const done = {flushes, flushedBytes, compactions, compactedBytes};
    const answer: ThreadAnswer = {thread, counts: done, replicas};
    return new TextEncoder().encode(JSON.stringify(answer));
  };
  return {call: new Map([[STORAGE_METHOD, storage]]), stream: new Map()};
}

function storedOf(
  key: {readonly set: ReplicaSetId; readonly replica: ReplicaId},
  machine: ReplicaMachine,
  withParts: boolean,
): StoredReplica {
  const {parts, ...view} = machine.storage.view();
  const sizes = parts.map(({bytes}) => bytes);
  return {
    ...key,
    ...view,
    partCount: parts.length,
    partBytes: sizes.reduce((sum, bytes) => sum + bytes, 0),
    largestPartBytes: sizes.reduce((largest, bytes) => Math.max(largest, bytes), 0),
    isFlushDue: machine.isFlushDue,
    ...(withParts && {parts}),
  };
}

export interface StorageAsking {
  readonly rpc: Pick<Rpc, 'call'>;
  readonly clock: Pick<Clock, 'monotonicMs'>;
}

/** Of each node that these sets are placed on; undefined of one that does not answer. */
export async function askStorage(
  sets: readonly ReplicaSet[],
  {rpc, clock}: StorageAsking,
  {withParts}: Pick<Question, 'withParts'>,
): Promise<ReadonlyMap<NodeId, NodeStorage | undefined>> {
  const deadlineMs = clock.monotonicMs() + ANSWER_MS_MAX;
  const placedOn = new Map<NodeId, ReplicaSetId[]>();
  for (const {id, replicas} of sets) {
    for (const {node} of replicas) {
      const placed = placedOn.get(node);
      if (placed === undefined) placedOn.set(node, [id]);
      else placed.push(id);
    }
  }
  const asked = [...placedOn].map(async ([node, placed]) => {
    const question = {node, sets: placed, withParts, deadlineMs};
    return [node, await askNode(rpc, question)] as const;
  });
  return new Map(await Promise.all(asked));
}

/**
 * A call goes to the thread that has its set, which answers for all that it has of those asked for: so there are
 * as many calls as threads, and one for each set that is on none of them.
 */
async function askNode(
  rpc: StorageAsking['rpc'],
  {
    node,
    sets,
    withParts,
    deadlineMs,
  }: Question & {readonly node: NodeId; readonly deadlineMs: number},
): Promise<NodeStorage | undefined> {
  const left = new Set(sets);
  const counts = new Map<number, WorkCounts>();
  const replicas = new Map<ReplicaSetId, StoredReplica>();
  for (const set of sets) {
    if (!left.delete(set)) continue;
    const question: Question = {sets: [set, ...left], withParts};
    const payload = new TextEncoder().encode(JSON.stringify(question));
    try {
      const bytes = await rpc.call({node, set}, STORAGE_METHOD, payload, {deadlineMs});
      const answer = JSON.parse(new TextDecoder().decode(bytes)) as ThreadAnswer;
      counts.set(answer.thread, answer.counts);
      for (const stored of answer.replicas) {
        left.delete(stored.set);
        replicas.set(stored.set, stored);
      }
    } catch (error) {
      // That a node does not answer, or is of a build that does not know the question, is what there is to say.
      if (error instanceof DbError) return undefined;
      throw error;
    }
  }
  return {counts: sumOf([...counts.values()]), replicas};
}

function sumOf(all: readonly WorkCounts[]): WorkCounts {
  const sum = {flushes: 0, flushedBytes: 0, compactions: 0, compactedBytes: 0};
  for (const {flushes, flushedBytes, compactions, compactedBytes} of all) {
    sum.flushes += flushes;
    sum.flushedBytes += flushedBytes;
    sum.compactions += compactions;
    sum.compactedBytes += compactedBytes;
  }
  return sum;
}
