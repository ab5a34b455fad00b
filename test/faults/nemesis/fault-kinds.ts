// What each kind of fault does to the processes, links, disks and clocks. Link faults last until the
// round ends, when all links are healed at once; the others are ended one by one. None waits for the
// node to take part again: it may be cut off as well.

import {setTimeout as sleep} from 'node:timers/promises';
import type {Id} from '@flotilla/client';
import type {ProcessCluster} from '@flotilla/testkit';
import type {ClockSkews} from './clock-skews.ts';
import {bringOldImage, replaceNode, stopCleanly, wipe} from './damages.ts';
import type {FaultKind, PlannedFault} from './schedule.ts';
import type {SlowDisks} from './slow-disks.ts';
import type {SmallDisks} from './small-disks.ts';

export interface Ground {
  readonly cluster: ProcessCluster;
  readonly disks: SmallDisks;
  readonly clocks: ClockSkews;
  readonly slowness: SlowDisks;
  /** Nodes that are to go for good: the operator does not take them back. */
  readonly leaving: Set<Id>;
  readonly say: (text: string) => void;
}

/** Ends the fault; undefined where it did not come about. */
type End = (() => void) | undefined;
type Begin = (ground: Ground, fault: PlannedFault) => Promise<End>;

/** How far a clock is off: what NTP's absence does, what an operator's typing error does. */
const SKEWS_MS = [
  -400 * 86_400_000,
  -3_600_000,
  -20_000,
  -3_000,
  3_000,
  20_000,
  3_600_000,
  400 * 86_400_000,
];
/** A disk fills by and by: a node sees that little is left, and keeps some of it for its log. */
const BALLAST_SHARE = 0.1;
const BALLAST_MS_MAX = 5_000;
const BALLAST_LOOK_MS = 100;
/** Below the twentieth under which a node refuses writes. */
const REFUSING_SHARE = 0.02;
const SLOW_BYTES_PER_MS_MIN = 100;
const SLOW_BYTES_PER_MS_MAX = 2_000;
const SLOW_DELAY_MS_MAX = 100;
/**
 * Of each write to a disk: one that others use, one that is worn out, one that hangs. At half a second its
 * node gives its leads away.
 */
const DISK_DELAYS_MS = [20, 100, 300, 700, 1_500, 4_000];

const KINDS: Readonly<Record<FaultKind, Begin>> = {
  kill: async ({cluster}, {node}) => {
    await cluster.node(node).kill();
    return () => cluster.node(node).start();
  },
  restart: async ({cluster}, {node}) => {
    const one = cluster.node(node);
    try {
      await stopCleanly(one);
    } catch (error) {
      // The run goes on with it.
      await one.kill();
      one.start();
      throw error;
    }
    return () => one.start();
  },
  pause: async ({cluster}, {node}) => {
    cluster.node(node).signal('SIGSTOP');
    return () => cluster.node(node).signal('SIGCONT');
  },
  isolate: async ({cluster}, {node}) => {
    cluster.links.isolate(node);
    return untilHealed;
  },
  deaf: async ({cluster}, {node}) => {
    for (const other of othersOf(cluster, node)) cluster.links.hold(other, node);
    return untilHealed;
  },
  mute: async ({cluster}, {node}) => {
    for (const other of othersOf(cluster, node)) cluster.links.hold(node, other);
    return untilHealed;
  },
  cutPair: async ({cluster}, {node, other}) => {
    cluster.links.hold(node, other);
    cluster.links.hold(other, node);
    return untilHealed;
  },
  split: async ({cluster}, {node, other}) => {
    const few = [node, other];
    const many = cluster.nodes.map(({number}) => number).filter((one) => !few.includes(one));
    for (const one of few)
      for (const far of many) {
        cluster.links.hold(one, far);
        cluster.links.hold(far, one);
      }
    return untilHealed;
  },
  resetPair: async ({cluster}, {node, other}) => {
    cluster.links.close(node, other, 'reset');
    return untilHealed;
  },
  slowLinks: async ({cluster}, {node, strength}) => {
    const span = SLOW_BYTES_PER_MS_MAX - SLOW_BYTES_PER_MS_MIN;
    for (const other of othersOf(cluster, node))
      for (const [from, to] of [
        [node, other],
        [other, node],
      ] as const) {
        const direction = cluster.links.direction(from, to);
        direction.bytesPerMs = SLOW_BYTES_PER_MS_MIN + strength * span;
        direction.delayMs = strength * SLOW_DELAY_MS_MAX;
      }
    return untilHealed;
  },
  slowDisk: async ({slowness}, {node, strength}) => {
    slowness.set(node, DISK_DELAYS_MS[Math.floor(strength * DISK_DELAYS_MS.length)]!);
    return () => slowness.set(node, 0);
  },
  fillDisk: async ({disks}, {node, strength}) => {
    await disks.leave(node, BALLAST_SHARE);
    const isToTheLast = strength >= 0.5;
    // One that is frozen or down keeps none now.
    const isKept = await hasBallast(disks, node);
    await disks.leave(node, isToTheLast && isKept ? 0 : REFUSING_SHARE);
    return () => disks.free(node);
  },
  skewClock: async ({clocks}, {node, strength}) => {
    clocks.set(node, SKEWS_MS[Math.floor(strength * SKEWS_MS.length)]!);
    return () => clocks.set(node, 0);
  },
  wipe: async (ground, {node}) => {
    await wipe(ground, node);
    return untilHealed;
  },
  oldImage: async (ground, {node}) => {
    const isOld = await bringOldImage(ground, node);
    return isOld ? untilHealed : undefined;
  },
  decommission: async (ground, {node}) => {
    await replaceNode(ground, node);
    return untilHealed;
  },
};

export function beginFault(ground: Ground, fault: PlannedFault): Promise<End> {
  return KINDS[fault.kind](ground, fault);
}

function untilHealed(): void {
  // Links heal together when the round ends; a damage has mended itself by then.
}

/** False where there is none after a while. */
async function hasBallast(disks: SmallDisks, node: number): Promise<boolean> {
  const isThere = () => disks.has(node, 'ballast');
  const endMs = performance.now() + BALLAST_MS_MAX;
  while (!isThere() && performance.now() < endMs) await sleep(BALLAST_LOOK_MS);
  return isThere();
}

function othersOf({nodes}: ProcessCluster, node: number): number[] {
  return nodes.map(({number}) => number).filter((number) => number !== node);
}
