// What a replica does for an operation beside its entries, and what it tells of it.

import type {ReplicaWork} from '@flotilla/base';

export class MachineWork {
  readonly #onFailure: (error: unknown) => void;
  #present: ReplicaWork | undefined;

  constructor(onFailure: (error: unknown) => void) {
    this.#onFailure = onFailure;
  }

  get present(): ReplicaWork | undefined {
    return this.#present;
  }

  /** A newer order takes the place of what is told of an older one. */
  async carryOut(
    work: Omit<ReplicaWork, 'state'>,
    working: () => Promise<Partial<ReplicaWork>>,
  ): Promise<void> {
    this.#present = {...work, state: 'running'} as ReplicaWork;
    let end: Partial<ReplicaWork>;
    try {
      end = {state: 'done', ...(await working())};
    } catch (error) {
      end = {state: 'failed', error: String(error)};
      this.#onFailure(error);
    }
    const present = this.#present;
    if (present?.operation === work.operation && present.index === work.index)
      this.#present = {...work, ...end} as ReplicaWork;
  }
}
