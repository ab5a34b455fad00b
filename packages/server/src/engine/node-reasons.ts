// What is wrong with single nodes, for the verdict: one that does not answer, a clock that is off, a disk
// that fills up. The thresholds are those by which the cluster itself acts.

import type {NodeId} from '@flotilla/base';
import {CLOCK_SHOWN_MS, CLOCK_TRUSTED_MS, clockErrors, medianClock} from '@flotilla/catalog';
import type {ClusterFacts} from './cluster-view.ts';
import {durationText} from './durations.ts';
import type {Reason} from './verdict.ts';

type Nodes = ClusterFacts['nodes'];

/** Below it writes are refused; below the other one the node gets no new replicas. */
const DISK_FREE_WRITES = 0.05;
const DISK_FREE_REPLICAS = 0.15;

export function nodeReasons(nodes: Nodes): Reason[] {
  const silent = nodes
    .filter(({isReachable}) => !isReachable)
    .map(({node}) => ({
      message: `node ${node.id} (${node.address}) does not answer`,
      next: 'flotilla node list',
    }));
  return [...silent, ...clockReasons(nodes), ...diskReasons(nodes)];
}

function clockReasons(nodes: Nodes): Reason[] {
  const offsets = new Map<NodeId, number>();
  for (const {node, condition} of nodes) {
    if (condition !== undefined) offsets.set(node.id, condition.clockOffsetMs);
  }
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

function diskReasons(nodes: Nodes): Reason[] {
  const reasons: Reason[] = [];
  for (const {node, condition} of nodes) {
    if (condition === undefined || condition.diskFree >= DISK_FREE_REPLICAS) continue;
    const percent = Math.floor(condition.diskFree * 100);
    const isFull = condition.diskFree < DISK_FREE_WRITES;
    const what = isFull ? 'it takes no writes' : 'it gets no new replicas';
    reasons.push({
      message: `the disk of node ${node.id} (${node.address}) has ${percent} % left: ${what}`,
      next: 'flotilla database drop <name> --after 0s',
    });
  }
  return reasons;
}

function lengthOf(ms: number): string {
  return durationText(Math.round(Math.abs(ms) / 1_000) * 1_000);
}
