// /health from what the engine threads last told: each part of the node passes or fails for itself, and
// the node fails where one does. Whether it gets traffic is another question (/ready): a node that
// fails here may still serve what does not need the part.

import type {Health, Subsystem} from '../http/routes/health.ts';
import {META_SILENT_MS_MAX} from './announcement.ts';

/** Longer than any task, a flush's last turn and a slow disk's sync among them. */
const STALL_MS_MAX = 5_000;

/** What an engine thread tells each second. */
export interface ThreadCondition {
  /** A store's disk is below its reserve. */
  readonly isDiskFull: boolean;
  /** Replicas that stopped themselves, could not be opened, or have applied nothing for long. */
  readonly faultyReplicas: number;
  /** Thread 0 alone: a leader of the meta group is known, or a member was heard of. */
  readonly isMetaHeard?: boolean | undefined;
}

/** One engine thread, as the main thread sees it. */
export interface ThreadHealth extends ThreadCondition {
  /** Since it last showed that it turns. */
  readonly turnAgeMs: number;
  /** Since the oldest write was begun that its disk has not taken. */
  readonly writeAgeMs: number;
}

export interface NodeCondition {
  /** What the node waits for before it serves. */
  readonly waitingFor: string | undefined;
  readonly threads: readonly ThreadHealth[];
  readonly metaSilentMs: number;
}

export function healthOf({waitingFor, threads, metaSilentMs}: NodeCondition): Health {
  if (waitingFor !== undefined) {
    // A long replay is no fault.
    return {status: 'pass', message: waitingFor, subsystems: {engine: passed(waitingFor)}};
  }
  const subsystems = {
    engine: worst(threads, ({turnAgeMs}, thread) =>
      turnAgeMs > STALL_MS_MAX
        ? `engine thread ${thread} has stood still for ${seconds(turnAgeMs)}`
        : undefined,
    ),
    stores: worst(threads, ({writeAgeMs}, thread) =>
      writeAgeMs > STALL_MS_MAX
        ? `a write of engine thread ${thread} has waited ${seconds(writeAgeMs)} for its disk`
        : undefined,
    ),
    disk: worst(threads, ({isDiskFull}) =>
      isDiskFull ? 'the disk is below its reserve of free space: writes are refused' : undefined,
    ),
    replicas: replicas(threads),
    meta:
      metaSilentMs > META_SILENT_MS_MAX
        ? failed(`the meta group has not been heard of for ${seconds(metaSilentMs)}`)
        : passed('ok'),
  };
  const wrong = Object.values(subsystems).filter(({status}) => status === 'fail');
  if (wrong.length === 0)
    return {status: 'pass', message: 'ready for queries and writes', subsystems};
  return {status: 'fail', message: wrong.map(({message}) => message).join('; '), subsystems};
}

function replicas(threads: readonly ThreadHealth[]): Subsystem {
  const faulty = threads.reduce((sum, {faultyReplicas}) => sum + faultyReplicas, 0);
  if (faulty === 0) return passed('ok');
  return failed(`${faulty} replicas of this node stand still; \`flotilla status\` names them`);
}

/** What is wrong with the first thread that something is wrong with. */
function worst(
  threads: readonly ThreadHealth[],
  wrongWith: (thread: ThreadHealth, number: number) => string | undefined,
): Subsystem {
  const wrong = threads.map(wrongWith).find((message) => message !== undefined);
  return wrong === undefined ? passed('ok') : failed(wrong);
}

function passed(message: string): Subsystem {
  return {status: 'pass', message};
}

function failed(message: string): Subsystem {
  return {status: 'fail', message};
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}
