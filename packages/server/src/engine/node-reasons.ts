// What is wrong with single nodes, for the verdict and the list of nodes: one that does not answer, a clock
// that is off, a disk that fills up, one that was started otherwise than the others. The thresholds are those
// by which the cluster itself acts.

import type {NodeId} from '@flotilla/base';
import {
  CLOCK_SHOWN_MS,
  CLOCK_TRUSTED_MS,
  clockErrors,
  maintenanceOf,
  medianClock,
} from '@flotilla/catalog';
import {type FlagDifference, flagDifferences} from './cluster-flags.ts';
import type {ClusterFacts} from './cluster-view.ts';
import {durationText} from './durations.ts';
import type {Reason} from './verdict.ts';

type Nodes = ClusterFacts['nodes'];

/** Below it writes are refused; below the other one the node gets no new replicas. */
export const DISK_FREE_WRITES = 0.05;
const DISK_FREE_REPLICAS = 0.15;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** As adapters/tls-files.ts warns in the log, and the alerts do. */
const CERTIFICATE_LEFT_MS = 14 * DAY_MS;
const AUTHORITY_LEFT_MS = 30 * DAY_MS;

/** States of a replica that stands still by itself, not for its node's silence. */
const STANDING: ReadonlySet<string> = new Set(['failed', 'stopped', 'wedged']);

export function silenceReasons(nodes: Nodes): Reason[] {
  return nodes
    .filter(({isReachable}) => !isReachable)
    .map(({node}) => ({
      message: `node ${node.id} (${node.address}) does not answer`,
      next: 'flotilla node list',
    }));
}

/** By node what keeps it from its full share of work, in a few words; nodes of which there is nothing to say are left out. */
export function nodeConditions(
  {nodes, sets}: Pick<ClusterFacts, 'nodes' | 'sets'>,
  nowMs: number,
): ReadonlyMap<NodeId, string> {
  const errors = clockErrors(offsetsOf(nodes));
  const standing = new Map<NodeId, number>();
  for (const {node, state} of sets.flatMap(({replicas}) => replicas))
    if (STANDING.has(state)) standing.set(node, (standing.get(node) ?? 0) + 1);
  const conditions = new Map<NodeId, string>();
  for (const {node, isReachable, condition} of nodes) {
    const words: string[] = [];
    const maintenance = maintenanceOf(node, nowMs);
    if (maintenance !== undefined) {
      const what = maintenance.scope === 'all' ? 'maintenance' : 'leads nothing';
      words.push(`${what} until ${new Date(maintenance.untilMs).toISOString()}`);
    }
    if (!isReachable) words.push('does not answer');
    if (Math.abs(errors.get(node.id) ?? 0) > CLOCK_TRUSTED_MS) words.push('clock not trusted');
    const {diskFree = 1} = condition ?? {};
    if (diskFree < DISK_FREE_WRITES) words.push('disk full');
    else if (diskFree < DISK_FREE_REPLICAS) words.push('disk low');
    const count = standing.get(node.id);
    if (count !== undefined) words.push(`${count} failed replica${count === 1 ? '' : 's'}`);
    if (words.length > 0) conditions.set(node.id, words.join(', '));
  }
  return conditions;
}

function offsetsOf(nodes: Nodes): Map<NodeId, number> {
  const offsets = new Map<NodeId, number>();
  for (const {node, condition} of nodes)
    if (condition !== undefined) offsets.set(node.id, condition.clockOffsetMs);
  return offsets;
}

export function clockReasons(nodes: Nodes): Reason[] {
  const offsets = offsetsOf(nodes);
  const median = medianClock(offsets.values());
  // On the host of the node that the message names.
  const next = 'timedatectl timesync-status';
  const spreadMs = median === undefined ? 0 : median.highMs - median.lowMs;
  if (spreadMs > CLOCK_SHOWN_MS) {
    const expiry = spreadMs > CLOCK_TRUSTED_MS ? ': nothing expires until they agree' : '';
    return [
      {
        message: `half of the nodes' clocks differ from the others by ${lengthOf(spreadMs)}, and which are right is not known${expiry}`,
        next,
      },
    ];
  }
  return [...clockErrors(offsets)]
    .filter(([, errorMs]) => Math.abs(errorMs) > CLOCK_SHOWN_MS)
    .map(([id, errorMs]) => {
      const {node} = nodes.find((one) => one.node.id === id)!;
      const direction = errorMs > 0 ? 'ahead of' : 'behind';
      const shut =
        Math.abs(errorMs) > CLOCK_TRUSTED_MS
          ? ': it leads nothing in meta and gets no new replicas'
          : '';
      return {
        message: `the clock of node ${id} (${node.address}) is ${lengthOf(errorMs)} ${direction} the others'${shut}`,
        next,
      };
    });
}

/** Of those that take no writes any more, or of those that only get no new replicas. */
export function diskReasons(nodes: Nodes, which: 'full' | 'low'): Reason[] {
  const reasons: Reason[] = [];
  for (const {node, condition} of nodes) {
    if (condition === undefined || condition.diskFree >= DISK_FREE_REPLICAS) continue;
    const isFull = condition.diskFree < DISK_FREE_WRITES;
    if (isFull !== (which === 'full')) continue;
    const percent = Math.floor(condition.diskFree * 100);
    // Only where writes are refused is a database worth giving up: nothing else frees a disk at once.
    const [what, next] = isFull
      ? [
          'it takes no writes: make room, or give up a database, for ever',
          'flotilla database drop <name> --after 0s',
        ]
      : ['it gets no new replicas: enlarge it, add a node, or keep less', 'flotilla database list'];
    const message = `the disk of node ${node.id} (${node.address}) has ${percent} % left: ${what}`;
    reasons.push({message, next});
  }
  return reasons;
}

/** Certificates that end soon, or have; of the authorities each time once, with all nodes that it lets in. */
export function certificateReasons(nodes: Nodes): Reason[] {
  const reasons: Reason[] = [];
  const byAuthority = new Map<string, NodeId[]>();
  for (const {node, condition} of nodes) {
    const {certificateLeftMs = Infinity, authorityLeftMs = Infinity} = condition ?? {};
    if (authorityLeftMs < AUTHORITY_LEFT_MS) {
      // Each is asked at another moment.
      const end = endText(Math.ceil(authorityLeftMs / MINUTE_MS) * MINUTE_MS);
      byAuthority.set(end, [...(byAuthority.get(end) ?? []), node.id]);
    }
    if (certificateLeftMs >= CERTIFICATE_LEFT_MS) continue;
    reasons.push({
      message: `the certificate of node ${node.id} (${node.address}) ${endText(certificateLeftMs)}: then nobody connects with it anew`,
      next: 'flotilla cert node --help',
    });
  }
  for (const [end, ids] of byAuthority)
    reasons.push({
      message: `the authority of the certificates of node ${ids.join(', ')} ${end}, and with it all that it signed`,
      next: 'flotilla cert ca --help',
    });
  return reasons;
}

/** Nodes that were started with different values of what is to be the same on all. */
export function flagReasons(nodes: Nodes): Reason[] {
  const told = nodes.flatMap(({node, condition}) =>
    condition?.flags === undefined ? [] : [[node.id, condition.flags] as const],
  );
  return flagDifferences(told).map((difference) => flagReason(difference, told.length));
}

/** Nodes are started anew one after the other, those of the rarer values first. */
function flagReason({flag, values}: FlagDifference, nodeCount: number): Reason {
  const [usual, ...others] = values;
  const shown = values.map(({text, nodes}) => `${text} (node ${nodes.join(', ')})`).join(', ');
  const odd = others.flatMap(({nodes}) => nodes);
  const isMost = 2 * usual!.nodes.length > nodeCount;
  const todo = isMost
    ? `start node ${odd.join(', ')} again with ${usual!.text}`
    : 'start them again with one value';
  return {
    message: `nodes were started with different values of ${flag}: ${shown}; which counts changes with the leader of the meta group: ${todo}`,
    next: `flotilla node ok-to-stop ${odd[0]}`,
  };
}

function endText(leftMs: number): string {
  if (leftMs <= 0) return 'has ended';
  const days = Math.floor(leftMs / DAY_MS);
  return days < 2
    ? `ends in ${durationText(Math.ceil(leftMs / HOUR_MS) * HOUR_MS)}`
    : `ends in ${days} days`;
}

function lengthOf(ms: number): string {
  return durationText(Math.round(Math.abs(ms) / 1_000) * 1_000);
}
