// What a replica does for an operation beside its entries, and what it tells of it.

import type {ReplicaWork} from '@flotilla/base';
import {type BytesRead, ReadProgress} from '@flotilla/storage';

export class MachineWork {
  readonly #onFailure: (error: unknown) => void;
  #present: ReplicaWork | undefined;
  #progress: ReadProgress | undefined;

  constructor(onFailure: (error: unknown) => void) {
    this.#onFailure = onFailure;
  }

  get present(): ReplicaWork | undefined {
    return this.#present;
  }

  /** Of the rows for `present`. */
  get read(): BytesRead | undefined {
    return this.#progress?.read;
  }

  /** A newer order takes the place of what is told of an older one. */
  async carryOut(
    work: Omit<ReplicaWork, 'state'>,
    working: (progress: ReadProgress) => Promise<Partial<ReplicaWork>>,
  ): Promise<void> {
    const progress = new ReadProgress();
    this.#present = {...work, state: 'running'} as ReplicaWork;
    this.#progress = progress;
    let end: Partial<ReplicaWork>;
    try {
      end = {state: 'done', ...(await working(progress))};
    } catch (error) {
      end = {state: 'failed', error: String(error)};
      this.#onFailure(error);
    }
    const present = this.#present;
    if (present?.operation === work.operation && present.index === work.index)
      this.#present = {...work, ...end} as ReplicaWork;
  }
}
