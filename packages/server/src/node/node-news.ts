// What an operator must find in the log to see why leads moved: nodes that fall silent and are heard
// again, engine threads and disks that stand still, here or there. A line a change.

import type {Log, NodeId} from '@flotilla/base';
import type {NodeState} from '@flotilla/multiraft';

/** For how long a thread had no turn, and its disk took nothing. */
interface Ages {
  readonly turnAgeMs: number;
  readonly writeAgeMs: number;
}

interface Told {
  readonly state: NodeState['state'];
  readonly stalledThreads: readonly number[];
}

const NOTHING: Told = {state: 'gone', stalledThreads: []};

export class NodeNews {
  readonly #log: Log | undefined;
  readonly #told = new Map<NodeId, Told>();

  constructor(log: Log | undefined) {
    this.#log = log;
  }

  /** Of another node. A lost connection has a line of its own. */
  changed(node: NodeId, {state, stalledThreads = []}: NodeState): void {
    const before = this.#told.get(node) ?? NOTHING;
    this.#told.set(node, {state, stalledThreads});
    if (state === 'suspect' && before.state === 'alive')
      this.#log?.warn({node}, 'a node has fallen silent: others are to lead what it leads');
    if (state === 'alive' && before.state === 'suspect')
      this.#log?.info({node}, 'a node is heard again');
    const threads = stalledThreads.filter((thread) => !before.stalledThreads.includes(thread));
    if (threads.length === 0) return;
    const message = 'threads of a node, or their disks, stand still: others may lead';
    this.#log?.warn({node, threads}, message);
  }

  /** Threads of this node, or their disks, began to stand still; by number of thread. */
  stalled(threads: readonly Ages[]): void {
    const ages = threads.map(({turnAgeMs, writeAgeMs}, thread) => ({
      thread,
      turnAgeMs: Math.round(turnAgeMs),
      writeAgeMs: Math.round(writeAgeMs),
    }));
    this.#log?.warn({threads: ages}, 'threads of this node, or their disks, stand still');
  }
}
