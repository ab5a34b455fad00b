// One word for the state of the cluster, and each reason with the next command to type.

import {nearestCandidate} from './candidates.ts';
import type {ClusterFacts, ReplicaSetView} from './cluster-view.ts';
import {nodeReasons} from './node-reasons.ts';

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

export function verdictOf(facts: ClusterFacts): Verdict {
  const kept = facts.sets.filter(({state}) => state !== 'dropping');
  const unled = kept.filter(({leader}) => leader === undefined);
  const waiting = unled.filter(isManual);
  const leaderless = unled.filter((set) => !isManual(set)).map(({id}) => id);
  const lacking = kept
    .filter(({replicas}) => replicas.some(({state}) => LACKING.includes(state)))
    .map(({id}) => id);
  const wedged = facts.sets
    .filter(({replicas}) => replicas.some(({state}) => state === 'wedged'))
    .map(({id}) => id);
  const reasons: Reason[] = [];
  if (facts.meta.leader === undefined) {
    reasons.push({
      message: 'the meta group has no leader: no DDL, no new buckets, no linearizable reads',
      next: 'flotilla node list',
    });
  }
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
  reasons.push(...nodeReasons(facts.nodes), ...failedReasons(kept));
  if (facts.repairHalt !== undefined) {
    const {silent, nodes} = facts.repairHalt;
    reasons.push({
      message: `${silent.length} of ${nodes} nodes do not answer: with more than a third away their replicas are not made anew; bring them back, or empty those that are gone for good one by one`,
      next: `flotilla node drain ${silent[0]}`,
    });
  }
  if (lacking.length > 0) {
    reasons.push({
      message: `replica sets that lack a replica: ${named(lacking)}`,
      next: `flotilla replica-set show ${lacking[0]}`,
    });
  }
  if (wedged.length > 0) {
    reasons.push({
      message: `replica sets of which a replica has applied nothing for long: ${named(wedged)}`,
      next: `flotilla replica-set show ${wedged[0]}`,
    });
  }
  const isUnavailable = facts.meta.leader === undefined || unled.length > 0;
  const verdict = isUnavailable ? 'unavailable' : reasons.length > 0 ? 'degraded' : 'healthy';
  return {verdict, reasons};
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
