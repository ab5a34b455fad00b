// What a node says of itself beside its replicas: its wall clock, its disk, what its build can and what it was
// started with. For operators.

import {
  type Clock,
  DbError,
  META_SET,
  type NodeId,
  type Rpc,
  type RpcHandlers,
} from '@flotilla/base';
import {CLUSTER_VERSION} from '@flotilla/catalog';
import type {ReplicaHost} from '@flotilla/meta';
import type {ClusterFlags} from './cluster-flags.ts';

const CONDITION_METHOD = 'node.condition';
const CONDITION_MS_MAX = 1_500;

export interface NodeCondition {
  /** Its wall clock less the asker's, as well as can be told. */
  readonly clockOffsetMs: number;
  /** Free part of its fullest disk, 0 to 1. */
  readonly diskFree: number;
  /** The newest cluster version that its build can. */
  readonly clusterVersionMax: number;
  /** Until its certificate, and the authority of that, end; negative once they have. Absent without TLS. */
  readonly certificateLeftMs?: number | undefined;
  readonly authorityLeftMs?: number | undefined;
  /** Nodes that it hears itself. Empty where an older build answers. */
  readonly heard: readonly NodeId[];
  /** Absent where an older build answers. */
  readonly flags?: ClusterFlags | undefined;
}

/** When they end, as the main thread has them. */
export interface CertificateEnds {
  readonly certificateMs: number;
  readonly authorityMs: number;
}

interface Answer {
  readonly wallMs: number;
  readonly diskFree: number;
  /** Absent where an older build answers, which can 1. */
  readonly clusterVersionMax?: number | undefined;
  /** Absent without TLS, and of an older build. */
  readonly ends?: CertificateEnds | undefined;
  readonly heard?: readonly NodeId[] | undefined;
  readonly flags?: ClusterFlags | undefined;
}

export interface ConditionParts {
  readonly clock: Pick<Clock, 'wallMs'>;
  readonly host: Pick<ReplicaHost, 'diskSpace' | 'heard'>;
  readonly ends: () => CertificateEnds | undefined;
  readonly flags: ClusterFlags;
}

export function conditionHandler({clock, host, ends, flags}: ConditionParts): RpcHandlers {
  const condition = async (): Promise<Uint8Array> => {
    const {freeBytes, totalBytes} = await host.diskSpace();
    const diskFree = freeBytes / totalBytes;
    const clusterVersionMax = CLUSTER_VERSION;
    const said = {diskFree, clusterVersionMax, ends: ends(), heard: host.heard(), flags};
    const answer: Answer = {wallMs: clock.wallMs(), ...said};
    return new TextEncoder().encode(JSON.stringify(answer));
  };
  return {call: new Map([[CONDITION_METHOD, condition]]), stream: new Map()};
}

/** Undefined where it does not answer, or its build does not know the question. */
export async function askCondition(
  node: NodeId,
  {rpc, clock}: {readonly rpc: Rpc; readonly clock: Clock},
): Promise<NodeCondition | undefined> {
  const askedAtMs = clock.monotonicMs();
  const options = {deadlineMs: askedAtMs + CONDITION_MS_MAX};
  try {
    const target = {node, set: META_SET};
    const bytes = await rpc.call(target, CONDITION_METHOD, new Uint8Array(0), options);
    const answer = JSON.parse(new TextDecoder().decode(bytes)) as Answer;
    const {wallMs, diskFree, clusterVersionMax = 1, ends, heard = [], flags} = answer;
    const tripMs = clock.monotonicMs() - askedAtMs;
    const clockOffsetMs = Math.round(wallMs + tripMs / 2 - clock.wallMs());
    // By its own clock, which decides what it takes for ended.
    const leftOf = (ms: number | undefined) => (ms === undefined ? undefined : ms - wallMs);
    const [certificateLeftMs, authorityLeftMs] = [ends?.certificateMs, ends?.authorityMs].map(
      leftOf,
    );
    const certificates = {certificateLeftMs, authorityLeftMs};
    return {clockOffsetMs, diskFree, clusterVersionMax, ...certificates, heard, flags};
  } catch (error) {
    if (error instanceof DbError) return undefined;
    throw error;
  }
}
