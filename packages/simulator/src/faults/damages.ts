// Damage that takes back what a node acknowledged: an old image of its disk, a bit turned in its log.
// The product promises to survive it on one node at a time, where the others remember what the node
// told them; so it strikes only then, and not again before all its replicas are replaced.

import type {ReplicaStatus} from '@flotilla/multiraft';
import {isJoint, isVoter} from '@flotilla/raft';
import type {Coverage} from '../checks/coverage.ts';
import type {Chance} from '../kernel/chance.ts';
import type {Kernel} from '../kernel/kernel.ts';
import type {SimNode} from '../world/node.ts';

/** A replica set, as it stands with one node. */
export interface Stake {
  /** Undefined where nobody leads it. */
  readonly leader: ReplicaStatus | undefined;
  /** What the node has of it. */
  readonly here: readonly number[];
}

export interface DamagePorts {
  readonly kernel: Kernel;
  readonly nodes: readonly SimNode[];
  readonly coverage: Coverage;
  /** Nobody is about to change members, or to take a node away. */
  readonly isCalm: () => boolean;
  /** Nobody begins to, before that time. */
  readonly hold: (untilMs: number) => void;
  /** All that the node told of its store the other remembers for good. */
  readonly isRemembered: (node: SimNode, by: SimNode) => boolean;
  readonly stakes: (node: SimNode) => Iterable<Stake>;
  readonly end: (node: SimNode, how: 'kill' | 'power') => void;
}

interface Damage {
  readonly node: SimNode;
  readonly ms: number;
  /** Of a bit: turns it back. */
  undo: (() => void) | undefined;
  /** Until a process has started over it. */
  takeBack: (() => void) | undefined;
}

/** After that long a damaged node has started, been refused and started again. */
const AFTERMATH_MS = 20_000;
/** Fewer voters than this are no majority without one of them. */
export const VOTERS_MIN = 3;

export class Damages {
  readonly #ports: DamagePorts;
  #last: Damage | undefined;

  constructor(ports: DamagePorts) {
    this.#ports = ports;
  }

  isAllowed(node: SimNode): boolean {
    const {kernel, nodes, isCalm, isRemembered, stakes} = this.#ports;
    if (this.#last !== undefined && kernel.nowMs - this.#last.ms < AFTERMATH_MS) return false;
    if (!isCalm()) return false;
    const areWell = nodes.every(({host, isStalled}) => host !== undefined && !isStalled);
    if (!areWell || nodes.some(({host}) => host!.broken().size > 0)) return false;
    const know = nodes.every((other) => other === node || isRemembered(node, other));
    return know && [...stakes(node)].every(canSpare);
  }

  restoreImage(node: SimNode): boolean {
    const {image} = node;
    if (image === undefined) return false;
    this.#begin(node);
    this.#last!.takeBack = image();
    return true;
  }

  flipBit(node: SimNode, chance: Chance): boolean {
    this.#begin(node);
    return this.#turnBit(node, chance);
  }

  /** The process goes on over it: it finds out when it reads there, or when it starts again. */
  rotBit(node: SimNode, chance: Chance): boolean {
    this.#remember(node);
    return this.#turnBit(node, chance);
  }

  /**
   * A process is about to start over it. Until then a set may have been made whose only voter is there: nobody
   * knew, and clocks that are wrong or disks that are full kept others from being chosen beside it.
   */
  starting(node: SimNode, isSpared: () => boolean): void {
    const last = this.#last;
    if (last?.node !== node || last.takeBack === undefined) return;
    const {takeBack} = last;
    last.takeBack = undefined;
    if (isSpared()) return;
    this.#ports.coverage.count('damages:taken back');
    takeBack();
    last.undo = undefined;
  }

  /** A log that is refused though others are there to help: somebody finds its backup. */
  failed(node: SimNode): void {
    if (node.openFailure?.includes('corrupt') !== true || this.#last?.node !== node) return;
    this.#ports.coverage.count('damages:refused to open');
    this.#last.undo?.();
    this.#last.undo = undefined;
    node.openFailure = undefined;
  }

  #begin(node: SimNode): void {
    this.#ports.end(node, 'kill');
    this.#remember(node);
  }

  #remember(node: SimNode): void {
    const {kernel, hold} = this.#ports;
    hold(kernel.nowMs + AFTERMATH_MS);
    this.#last = {node, ms: kernel.nowMs, undo: undefined, takeBack: undefined};
  }

  #turnBit(node: SimNode, chance: Chance): boolean {
    const undo = node.flipBit(chance);
    this.#last!.undo = undo;
    this.#last!.takeBack = undo;
    return undo !== undefined;
  }
}

/** The set's committed entries and its majority are there without the node. */
function canSpare({leader, here}: Stake): boolean {
  if (leader === undefined) return false;
  const {configuration, isConfigPending} = leader;
  if (isJoint(configuration) || isConfigPending) return false;
  if (!here.some((id) => isVoter(configuration, id))) return true;
  return configuration.voters.length >= VOTERS_MIN;
}
