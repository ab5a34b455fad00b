// The node's side of the reconciler: it reports its replicas and carries out orders. Each order names
// set and replica, or set and expected configuration, so that one that comes twice or late is refused
// or changes nothing.

import type {Clock, ReplicaId, ReplicaSetId, RpcHandlers} from '@flotilla/base';
import {DbError} from '@flotilla/base';
import type {GroupConfiguration, ReplicaReport} from '@flotilla/catalog';
import * as z from 'zod';
import {decodeChecked, encodeJson} from './command-codec.ts';
import type {ReplicaHost} from './ports.ts';
import {ReportSender, reportRequest} from './report-session.ts';
import {configuration, replicaId, setId} from './schemas.ts';

export const createRequest = z.object({
  set: setId,
  replica: replicaId,
  founding: configuration.optional(),
  createdAtVersion: z.int(),
});
export const destroyRequest = z.object({set: setId, replica: replicaId});
export const configRequest = z.object({
  set: setId,
  changes: z.array(z.object({type: z.enum(['voter', 'learner', 'remove']), id: replicaId})),
  mode: z.enum(['simple', 'joint', 'joint-explicit', 'leave']),
  expectedConfigIndex: z.int(),
  timeoutMs: z.number(),
});
export const transferRequest = z.object({set: setId, to: replicaId, timeoutMs: z.number()});

const DONE = encodeJson({});

export function nodeHandlers(host: ReplicaHost, clock: Clock): RpcHandlers {
  const sender = new ReportSender();
  const deadlineOf = (timeoutMs: number) => clock.monotonicMs() + timeoutMs;
  const report = async (payload: Uint8Array) => {
    const request = decodeChecked(reportRequest, payload);
    const [replicas, diskFree] = await Promise.all([host.replicas(), host.diskFree()]);
    // Nothing is awaited between the difference and the answer: sequence and contents go together.
    const difference = sender.answer(request, replicas);
    return encodeJson({...difference, wallMs: clock.wallMs(), diskFree});
  };
  const create = async (payload: Uint8Array) => {
    await host.createReplica(decodeChecked(createRequest, payload));
    return DONE;
  };
  const destroy = async (payload: Uint8Array) => {
    const {set, replica} = decodeChecked(destroyRequest, payload);
    await host.destroyReplica(set, replica);
    return DONE;
  };
  const config = async (payload: Uint8Array) => {
    const request = decodeChecked(configRequest, payload);
    const {set, changes, mode, expectedConfigIndex, timeoutMs} = request;
    const deadlineMs = deadlineOf(timeoutMs);
    await host.proposeConfig(set, changes, mode, {expectedConfigIndex, deadlineMs});
    return DONE;
  };
  const transfer = async (payload: Uint8Array) => {
    const {set, to, timeoutMs} = decodeChecked(transferRequest, payload);
    await host.transferLeader(set, to, {deadlineMs: deadlineOf(timeoutMs)});
    return DONE;
  };
  return {
    call: new Map([
      ['node.report', report],
      ['replica.create', create],
      ['replica.destroy', destroy],
      ['replica.config', config],
      ['replica.transfer', transfer],
    ]),
    stream: new Map(),
  };
}

/** As raft's Status has it, as far as a report needs it. */
export interface RaftStatus {
  readonly id: number;
  readonly role: string;
  readonly term: number;
  readonly appliedIndex: number;
  readonly lastIndex: number;
  readonly stableIndex: number;
  readonly configIndex: number;
  readonly configuration: GroupConfiguration;
  readonly progress: ReadonlyMap<
    number,
    {readonly matchIndex: number; readonly recentlyActive: boolean}
  >;
}

/** One replica's report from its group's status. */
export function reportOf(
  set: ReplicaSetId,
  status: RaftStatus,
  known: {
    readonly written: boolean;
    readonly fault?: string | undefined;
    readonly damaged?: boolean | undefined;
  },
): ReplicaReport {
  const progress = [...status.progress].map(([id, {matchIndex, recentlyActive}]) => ({
    replica: id as ReplicaId,
    matchIndex,
    active: recentlyActive || id === status.id,
  }));
  return {
    set,
    replica: status.id as ReplicaId,
    role: known.fault === undefined ? roleOf(status) : 'stopped',
    term: status.term,
    appliedIndex: status.appliedIndex,
    lastIndex: status.lastIndex,
    configIndex: status.configIndex,
    configuration: status.configuration,
    durable: status.stableIndex > 0,
    written: known.written,
    fault: known.fault,
    damaged: known.damaged,
    progress: status.role === 'leader' ? progress : undefined,
  };
}

function roleOf(status: RaftStatus): ReplicaReport['role'] {
  if (status.configuration.learners.includes(status.id)) return 'learner';
  switch (status.role) {
    case 'leader':
    case 'follower':
      return status.role;
    case 'candidate':
    case 'preCandidate':
      return 'candidate';
    default:
      throw new DbError('INTERNAL', `raft has a role that reports do not know: ${status.role}`);
  }
}
