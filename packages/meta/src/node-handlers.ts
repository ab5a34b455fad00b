// The node's side of the reconciler: it reports its replicas and carries out orders. Each order names
// set and replica, or set and expected configuration, so that one that comes twice or late is refused
// or changes nothing.

import type {Clock, RpcHandlers} from '@flotilla/base';
import type {ReplicaReport} from '@flotilla/catalog';
import type {ReplicaStatus} from '@flotilla/multiraft';
import * as z from 'zod';
import {decodeChecked, encodeJson} from './command-codec.ts';
import type {ReplicaHost} from './ports.ts';
import {ReportSender, reportRequest} from './report-session.ts';
import {operationId, replicaId, setId} from './schemas.ts';

export const createRequest = z.object({
  set: setId,
  replica: replicaId,
  founding: z.object({voters: z.array(replicaId), learners: z.array(replicaId)}).optional(),
  createdAtVersion: z.int(),
  from: replicaId.optional(),
});
export const destroyRequest = z.object({set: setId, replica: replicaId});
export const configRequest = z.object({
  set: setId,
  changes: z.array(z.object({type: z.enum(['voter', 'learner', 'remove']), id: replicaId})),
  mode: z.enum(['simple', 'joint', 'joint-explicit', 'leave']),
  expectedConfigIndex: z.int(),
  timeoutMs: z.number(),
});
export const workRequest = z.object({
  set: setId,
  replica: replicaId,
  operation: operationId,
  work: z.enum(['compact', 'checksum']),
  timeoutMs: z.number(),
});
export const transferRequest = z.object({set: setId, to: replicaId, timeoutMs: z.number()});

const DONE = encodeJson({});

export function nodeHandlers(host: ReplicaHost, clock: Clock): RpcHandlers {
  const sender = new ReportSender();
  const deadlineOf = (timeoutMs: number) => clock.monotonicMs() + timeoutMs;
  const report = async (payload: Uint8Array) => {
    const request = decodeChecked(reportRequest, payload);
    const [book, disk] = await Promise.all([host.reports(), host.diskSpace()]);
    // Nothing is awaited between the difference and the answer: sequence and contents go together.
    const difference = sender.answer(request, book);
    return encodeJson({
      ...difference,
      wallMs: clock.wallMs(),
      diskFree: disk.freeBytes / disk.totalBytes,
      diskTotalBytes: disk.totalBytes,
      heard: host.heard(),
    });
  };
  const create = async (payload: Uint8Array) => {
    await host.createReplica(decodeChecked(createRequest, payload));
    return DONE;
  };
  const destroy = async (payload: Uint8Array) => {
    await host.destroyReplica(decodeChecked(destroyRequest, payload));
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
  const work = async (payload: Uint8Array) => {
    const {timeoutMs, ...order} = decodeChecked(workRequest, payload);
    await host.workOnReplica(order, {deadlineMs: deadlineOf(timeoutMs)});
    return DONE;
  };
  return {
    call: new Map([
      ['node.report', report],
      ['replica.create', create],
      ['replica.destroy', destroy],
      ['replica.config', config],
      ['replica.transfer', transfer],
      ['replica.work', work],
    ]),
    stream: new Map(),
  };
}

/** One replica's report from its host's status. */
export function reportOf(
  status: ReplicaStatus,
  known: Pick<ReplicaReport, 'written' | 'damaged' | 'work' | 'diskBytes' | 'writtenBytes'>,
): ReplicaReport {
  const progress = status.members.map((member) => ({
    replica: member.replica,
    matchIndex: member.matchIndex,
    state: member.state,
    // A leader sleeps once each member that can be reached has answered for all there is; that the
    // election timeout before it had ended by then, and counted anew, is no news of a member.
    active: member.isRecentlyActive || (status.isAsleep && member.isReachable),
  }));
  return {
    set: status.set,
    replica: status.replica,
    role: roleOf(status),
    term: status.term,
    appliedIndex: status.appliedIndex,
    lastIndex: status.lastIndex,
    configIndex: status.configIndex,
    configVolatile: status.isConfigDurable ? undefined : true,
    configuration: status.configuration,
    // A host shows a replica only once its creation is on disk.
    durable: status.stopped === undefined,
    fault: status.stopped,
    ...known,
    received: status.received,
    receivedFrom: status.receivedFrom,
    progress: status.role === 'leader' ? progress : undefined,
  };
}

function roleOf(status: ReplicaStatus): ReplicaReport['role'] {
  if (status.stopped !== undefined) return 'stopped';
  if (status.configuration.learners.includes(status.replica)) return 'learner';
  return status.role === 'preCandidate' ? 'candidate' : status.role;
}
