// The pauses between copies to a node that lost the last ones: a drain or a repair that has no other target
// would send it one replica after the other. Each is twice as long as the one before, by the records of what
// failed alone, so it holds whoever plans, and ends when a person tries again (`operation retry`).

import {LIMITS, type NodeId} from '@flotilla/base';
import {type Catalog, endedAtMs} from '../catalog.ts';
import type {Operation} from '../model.ts';
import {restingCopies} from './cancelled.ts';

/** After the first: what was only in the way for a moment costs nobody time. */
const PAUSE_MS_MIN = 1_000;

/** Nodes that are given no copy now. */
export function pausedTargets(catalog: Catalog, nowMs: number): ReadonlySet<NodeId> {
  const failures = new Map<NodeId, Operation[]>();
  for (const operation of restingCopies(catalog, nowMs)) {
    // That its set could not change its members says nothing of the node.
    if (operation.errorCode === 'MAJORITY_AT_RISK') continue;
    const ofNode = failures.get(operation.targetNode!) ?? [];
    failures.set(operation.targetNode!, [...ofNode, operation]);
  }
  const paused = new Set<NodeId>();
  for (const [node, ofNode] of failures) {
    const endMs = Math.max(...ofNode.map(endedAtMs)) + pauseMs(triesOf(ofNode));
    if (nowMs < endMs) paused.add(node);
  }
  return paused;
}

/** Of several at once it may have been one mishap: only what was begun after the last one had failed counts. */
function triesOf(failures: readonly Operation[]): number {
  let tries = 0;
  let atMs = -Infinity;
  for (const operation of failures.toSorted((a, b) => endedAtMs(a) - endedAtMs(b))) {
    if (operation.createdAtMs < atMs) continue;
    tries += 1;
    atMs = endedAtMs(operation);
  }
  return tries;
}

function pauseMs(tries: number): number {
  return Math.min(LIMITS.copy_pause_ms_max.value, PAUSE_MS_MIN * 2 ** (tries - 1));
}
