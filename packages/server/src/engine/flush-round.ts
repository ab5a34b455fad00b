// Which replicas of a thread are due to be flushed, without a look at all of them: rows come to a replica
// only while something happens in its group, and leave by a flush.

import type {ReplicaSetId} from '@flotilla/base';
import type {Host} from '@flotilla/multiraft';
import {type FlushSchedule, ReplicaMachine} from '@flotilla/replica';

export class FlushRound {
  readonly #host: Pick<Host, 'stateMachine'>;
  readonly #changes: () => Iterable<ReplicaSetId>;
  readonly #schedule: FlushSchedule;
  /** Those that may have rows in memory only. */
  readonly #written = new Map<ReplicaSetId, ReplicaMachine>();

  constructor(host: Pick<Host, 'stateMachine' | 'watchChanges'>, schedule: FlushSchedule) {
    this.#host = host;
    this.#changes = host.watchChanges();
    this.#schedule = schedule;
  }

  due(nowMs: number): ReplicaMachine[] {
    for (const set of this.#changes()) {
      const machine = this.#host.stateMachine(set);
      if (machine instanceof ReplicaMachine) this.#written.set(set, machine);
      else this.#written.delete(set);
    }
    for (const [set, {memtableBytes}] of this.#written)
      if (memtableBytes === 0) this.#written.delete(set);
    return this.#schedule.due([...this.#written.values()], nowMs);
  }
}
