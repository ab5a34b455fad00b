// One word for the state of the cluster, and each reason with the next command to type.

import {nearestCandidate} from './candidates.ts';
import {type ClusterFacts, GONE, lastCopyDamaged, type ReplicaSetView} from './cluster-view.ts';
import {
  certificateReasons,
  clockReasons,
  DISK_FREE_WRITES,
  diskReasons,
  flagReasons,
  silenceReasons,
} from './node-reasons.ts';

export interface Reason {
  readonly message: string;
  readonly next: string;
}

export interface Verdict {
  readonly verdict: 'healthy' | 'degraded' | 'unavailable';
  readonly reasons: readonly Reason[];
}

/** Sets named in one reason; the rest is counted. */
const SETS_NAMED = 5;

/** Buckets that are not open, told one by one; the rest is counted. */
const BUCKETS_TOLD = 3;

/** States that are told by themselves: what such a replica lacks follows from them. */
const STILL: readonly string[] = [...GONE, 'failed', 'wedged'];

/** What stops users first, then what the next loss would, then what only may come to that. */
export function verdictOf(facts: ClusterFacts): Verdict {
  const kept = facts.sets.filter(({state}) => state !== 'dropping');
  const unled = kept.filter(({leader}) => leader === undefined);
  const reasons: Reason[] = [
    ...metaReasons(facts),
    ...creationReasons(unled, facts),
    ...leaderReasons(unled, facts),
    ...lastCopyReasons(kept),
    ...diskReasons(facts.nodes, 'full'),
    ...fullLeaderReasons(kept, facts),
    ...failedReasons(kept),
    ...metaMemberReasons(facts),
    ...unknownReasons(facts),
    ...silenceReasons(facts.nodes),
    ...haltReasons(facts),
    ...setReasons(kept, {
      states: GONE,
      says: 'replica sets that lack a replica',
    }),
    ...scantReasons(facts),
    ...spoiltReasons(kept),
    ...setReasons(facts.sets, {
      states: ['wedged'],
      says: 'replica sets of which a replica has applied nothing for long',
    }),
    ...lateReasons(kept, facts),
    ...clockReasons(facts.nodes),
    ...diskReasons(facts.nodes, 'low'),
    ...certificateReasons(facts.nodes),
    ...flagReasons(facts.nodes),
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

const STILL_WORDS: Readonly<Record<string, string>> = {
  failed: 'has failed',
  stopped: 'has stopped',
  missing: 'is not there',
  wedged: 'has applied nothing for long',
};

/** But for those whose nodes do not answer, which are told of by themselves. */
function metaMemberReasons({meta}: ClusterFacts): Reason[] {
  return meta.replicas.flatMap(({node, state, stopped}) => {
    const words = STILL_WORDS[state];
    if (words === undefined) return [];
    const why = stopped === undefined ? '' : `: ${stopped}`;
    const message = `the meta group's replica on node ${node} ${words}${why}`;
    return [{message, next: 'flotilla node list'}];
  });
}

/** Buckets that are being made, and of which some set has no leader yet: writes to them wait. */
function creationReasons(
  unled: readonly ReplicaSetView[],
  {creations = []}: ClusterFacts,
): Reason[] {
  const waited = new Set(unled.filter(({state}) => state === 'creating').map(bucketOf));
  const waiting = creations.filter(({bucket}) => waited.has(bucket.id));
  const reasons = waiting.slice(0, BUCKETS_TOLD).map((creation) => {
    const {id, bucket, database, setsOpen, setsTotal, waitingFor} = creation;
    const why = waitingFor === undefined ? '' : `; it waits for ${waitingFor}`;
    const message = `bucket ${bucket.id} of database ${database} is not open yet: ${setsOpen} of ${setsTotal} replica sets are${why}`;
    return {message, next: `flotilla operation show ${id}`};
  });
  const more = waiting.length - reasons.length;
  if (more === 0) return reasons;
  return [
    ...reasons,
    {message: `${more} more buckets are not open yet`, next: 'flotilla operation list'},
  ];
}

function bucketOf({bucket}: ReplicaSetView): number {
  return bucket.id;
}

function isOpening(set: ReplicaSetView, buckets: ReadonlySet<number>): boolean {
  return set.state === 'creating' && buckets.has(set.bucket.id);
}

/** Where most were on nodes of which a person has said that they never come back nobody waits for a leader. */
function leaderReasons(
  unled: readonly ReplicaSetView[],
  {nodes, creations = []}: ClusterFacts,
): Reason[] {
  const members = new Set(nodes.map(({node}) => node.id));
  const isLost = ({replicas}: ReplicaSetView): boolean =>
    2 * replicas.filter(({node}) => node !== undefined && !members.has(node)).length >
    replicas.length;
  const lost = unled.filter(isLost).map(({id}) => id);
  const opening = new Set(creations.map(({bucket}) => bucket.id));
  const rest = unled.filter((set) => !isLost(set) && !isOpening(set, opening));
  const waiting = rest.filter(isManual);
  const leaderless = rest.filter((set) => !isManual(set)).map(({id}) => id);
  const reasons: Reason[] = [];
  if (lost.length > 0) {
    reasons.push({
      message: `replica sets without a leader, whose majority was lost with nodes that never come back: ${named(lost)}`,
      next: 'flotilla recover plan',
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
  return reasons;
}

/** Under automatic failover a leader gives way whose disk is full; here it stays, and takes no writes. */
function fullLeaderReasons(sets: readonly ReplicaSetView[], {nodes}: ClusterFacts): Reason[] {
  const full = nodes.filter(({condition}) => (condition?.diskFree ?? 1) < DISK_FREE_WRITES);
  return full.flatMap(({node}) => {
    const led = sets.filter((set) => isManual(set) && set.leader === node.id);
    if (led.length === 0) return [];
    const ids = named(led.map(({id}) => id));
    return [
      {
        message: `replica sets that take no writes until they are told to be led by another node than ${node.id}, whose disk is full (manual failover): ${ids}`,
        next: `flotilla node evacuate-leaders ${node.id}`,
      },
    ];
  });
}

function unknownReasons({unknownSets = []}: ClusterFacts): Reason[] {
  if (unknownSets.length === 0) return [];
  const nodes = [...new Set(unknownSets.flatMap((one) => one.nodes))].sort((a, b) => a - b);
  const ids = named(unknownSets.map(({set}) => set));
  const message = `replica sets that were made shortly before the meta group was lost, and that the recovered catalog does not know: ${ids}; their replicas are kept; to have them back, recover the meta group again with reports of nodes ${nodes.join(', ')}`;
  return [{message, next: 'flotilla recover report --help'}];
}

function haltReasons({repairHalt, meta}: ClusterFacts): Reason[] {
  if (repairHalt === undefined) return [];
  const {silent, nodes} = repairHalt;
  if (meta.leader === undefined) {
    const message = `${silent.length} of ${nodes} nodes do not answer: bring them back; only if they are gone for good, see what is left of their replica sets`;
    return [{message, next: 'flotilla recover plan'}];
  }
  const message = `${silent.length} of ${nodes} nodes do not answer: with more than a third away their replicas are not made anew; bring them back, or take those that are gone for good off the list one by one`;
  return [{message, next: `flotilla node decommission ${silent[0]}`}];
}

/** The first ones each with what is wrong: the cluster by itself does nothing more for them. */
function lastCopyReasons(sets: readonly ReplicaSetView[]): Reason[] {
  const reasons: Reason[] = [];
  for (const set of sets) {
    const last = lastCopyDamaged(set);
    if (last === undefined || reasons.length >= SETS_NAMED) continue;
    const {replica, node, stopped} = last;
    const why = stopped === undefined ? '' : ` (${stopped})`;
    const message = `replica ${replica} on node ${node}, the last copy of replica set ${set.id}, is damaged${why}: save what can still be read, or restore it`;
    reasons.push({message, next: 'flotilla recover plan'});
  }
  return reasons;
}

/** Those that run: the others are lacking anyway. */
function spoiltReasons(sets: readonly ReplicaSetView[]): Reason[] {
  const spoilt = sets.filter(
    (set) =>
      lastCopyDamaged(set) === undefined &&
      set.replicas.some(
        ({state, damaged, differs}) => !GONE.includes(state) && (damaged ?? differs) === true,
      ),
  );
  if (spoilt.length === 0) return [];
  const ids = spoilt.map(({id}) => id);
  const message = `replica sets of which a replica is damaged, or has other rows than the others, and is to be made anew: ${named(ids)}`;
  return [{message, next: `flotilla replica-set show ${ids[0]}`}];
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

/** The list of nodes says of each what keeps it from taking a replica. */
function scantReasons({scant}: ClusterFacts): Reason[] {
  const told = (sets: readonly number[], says: string): Reason[] => {
    if (sets.length === 0) return [];
    const message = `replica sets ${says}, and no other node takes a replica now: ${named(sets)}`;
    return [{message, next: 'flotilla node list'}];
  };
  return [
    ...told(scant?.sole ?? [], 'whose single voter alone has what they acknowledge on its disk'),
    ...told(scant?.fewer ?? [], 'that have fewer voters than are wanted'),
  ];
}

/** They are sent what they lack: until then their sets bear no other loss. A learner is on its way in. */
function lateReasons(sets: readonly ReplicaSetView[], {meta}: ClusterFacts): Reason[] {
  const reasons: Reason[] = [];
  const lateInMeta = meta.replicas.filter((one) => one.role === 'voter' && one.isLate === true);
  const nodes = lateInMeta.map(({node}) => node);
  if (nodes.length > 0) {
    const message = `the meta group's replica on node ${nodes.join(', ')} is catching up: do not stop another`;
    reasons.push({message, next: 'flotilla node list'});
  }
  const ids = sets
    .filter(({replicas}) =>
      replicas.some(
        ({role, state, isLate}) => role === 'voter' && isLate === true && !STILL.includes(state),
      ),
    )
    .map(({id}) => id);
  if (ids.length > 0) {
    const message = `replica sets of which a replica is catching up: ${named(ids)}`;
    reasons.push({message, next: `flotilla replica-set show ${ids[0]}`});
  }
  return reasons;
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
