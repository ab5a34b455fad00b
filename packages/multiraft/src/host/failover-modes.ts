// How the groups of a host fail over: by themselves, or only when an operator says so. Each replica keeps it in
// its log, so that it holds whoever is away.

import {DbError, META_SET, type ReplicaSetId} from '@flotilla/base';
import type {FailoverMode} from '@flotilla/raft';
import type {HostedGroup} from './hosted-group.ts';
import type {Requests} from './requests.ts';

/** Of a set, and whether it was led in this life. */
export interface SetFailover {
  readonly set: ReplicaSetId;
  readonly mode: FailoverMode;
  readonly wasLed: boolean;
}

/** Resolves when durable. */
export async function setFailover(
  requests: Pick<Requests, 'live' | 'wakeStep'>,
  set: ReplicaSetId,
  mode: FailoverMode,
): Promise<void> {
  const group = requests.live(set);
  const manual = mode === 'manual';
  if (manual && set === META_SET)
    throw new DbError('INVALID_ARGUMENT', 'the meta group always fails over by itself');
  const isChange = group.isManual !== manual;
  group.isManual = manual;
  const {replica} = group;
  // An equal order writes nothing, and still waits for the one before it: by the log's own order.
  await group.store.log.append(isChange ? [{type: 'failover', set, replica, manual}] : []);
  if (isChange) requests.wakeStep(group, {type: 'setFailover', mode: modeOf(group)});
}

export function* failoverModes(
  groups: ReadonlyMap<ReplicaSetId, HostedGroup>,
  sets: Iterable<ReplicaSetId>,
): Generator<SetFailover> {
  for (const set of sets) {
    const group = groups.get(set);
    if (group === undefined || group.isGone) continue;
    yield {set, mode: modeOf(group), wasLed: group.ledTerm > 0};
  }
}

function modeOf({isManual}: HostedGroup): FailoverMode {
  return isManual ? 'manual' : 'automatic';
}
