// One word for the state of the cluster, and each reason with the next command to type.

import {nearestCandidate} from './candidates.ts';
import type {ClusterFacts, ReplicaSetView} from './cluster-view.ts';
import {clockReasons, diskReasons, silenceReasons} from './node-reasons.ts';

export interface Reason {
  readonly message: string;
  readonly next: string;
}

export interface Verdict {
  readonly verdict: 'healthy' | 'degraded' | 'unavailable';
  readonly reasons: readonly Reason[];
}

const LACKING = ['missing', 'unreachable', 'stopped'];
/** Sets named in one reason; the rest is counted. */
const SETS_NAMED = 5;

/** What stops users first, then what the next loss would, then what only may come to that. */
export function verdictOf(facts: ClusterFacts): Verdict {
  const kept = facts.sets.filter(({state}) => state !== 'dropping');
  const unled = kept.filter(({leader}) => leader === undefined);
  const reasons: Reason[] = [
    ...metaReasons(facts),
    ...leaderReasons(unled),
    ...diskReasons(facts.nodes, 'full'),
    ...failedReasons(kept),
    ...silenceReasons(facts.nodes),
    ...haltReasons(facts),
    ...setReasons(kept, {
      states: LACKING,
      says: 'replica sets that lack a replica',
    }),
    ...setReasons(facts.sets, {
      states: ['wedged'],
      says: 'replica sets of which a replica has applied nothing for long',
    }),
    ...clockReasons(facts.nodes),
    ...diskReasons(facts.nodes, 'low'),
  ];
  const isUnavailable = facts.meta.leader === undefined || unled.length > 0;
  const verdict = isUnavailable ? 'unavailable' : reasons.length > 0 ? 'degraded' : 'healthy';
  return {verdict, reasons};
}

function metaReasons({meta}: ClusterFacts): Reason[] {
  if (meta.leader !== undefined) return [];
  const message = 'the meta group has no leader: no DDL, no new buckets, no linearizable reads';
  return [{message, next: 'flotilla node list'}];
}

function leaderReasons(unled: readonly ReplicaSetView[]): Reason[] {
  const waiting = unled.filter(isManual);
  const leaderless = unled.filter((set) => !isManual(set)).map(({id}) => id);
  const reasons: Reason[] = [];
  if (leaderless.length > 0) {
    reasons.push({
      message: `replica sets without a leader: ${named(leaderless)}`,
      next: `flotilla replica-set show ${leaderless[0]}`,
    });
  }
  if (waiting.length > 0) {
    const node = nearestCandidate(waiting[0]!)?.node ?? '<node>';
    reasons.push({
      message: `replica sets without a leader that elect one only when told (manual failover): ${named(waiting.map(({id}) => id))}`,
      next: `flotilla replica-set elect ${waiting[0]!.id} --node ${node}`,
    });
  }
  return reasons;
}

function haltReasons({repairHalt}: ClusterFacts): Reason[] {
  if (repairHalt === undefined) return [];
  const {silent, nodes} = repairHalt;
  const message = `${silent.length} of ${nodes} nodes do not answer: with more than a third away their replicas are not made anew; bring them back, or empty those that are gone for good one by one`;
  return [{message, next: `flotilla node drain ${silent[0]}`}];
}

/** One reason for all sets that have a replica in one of these states. */
function setReasons(
  sets: readonly ReplicaSetView[],
  {states, says}: {readonly states: readonly string[]; readonly says: string},
): Reason[] {
  const ids = sets
    .filter(({replicas}) => replicas.some(({state}) => states.includes(state)))
    .map(({id}) => id);
  if (ids.length === 0) return [];
  return [{message: `${says}: ${named(ids)}`, next: `flotilla replica-set show ${ids[0]}`}];
}

/** Replicas that cannot apply an entry, the first ones each with the reason. */
function failedReasons(sets: readonly ReplicaSetView[]): Reason[] {
  const failed = sets.flatMap(({id, replicas}) =>
    replicas
      .filter(({state}) => state === 'failed')
      .map(({replica, node, stopped}) => ({
        message: `replica set ${id} has failed: replica ${replica} on node ${node} ${stopped}`,
        next: `flotilla replica-set retry ${id}`,
      })),
  );
  return failed.slice(0, SETS_NAMED);
}

/** As its replicas keep it: what the catalog wants may not have reached them. */
function isManual({replicas}: ReplicaSetView): boolean {
  return replicas.some(({failover}) => failover === 'manual');
}

function named(sets: readonly number[]): string {
  const more = sets.length > SETS_NAMED ? ` and ${sets.length - SETS_NAMED} more` : '';
  return `${sets.slice(0, SETS_NAMED).join(', ')}${more}`;
}
