// The compactions of a machine: one step after the other while there is one, begun where something was made
// durable. What the disk would not do now is begun again by the next flush, or where none comes when the
// machine's owner asks now and then: here is no clock. So is what nobody could carry out; storage bounds how often.

import {DbError, isDiskFull, isPassing} from '@flotilla/base';
import type {ReplicaStorage} from '@flotilla/storage';
import type {MachineSeries} from './machine-series.ts';

export interface MachineCompactionDeps {
  readonly storage: Pick<ReplicaStorage, 'needsCompaction' | 'compact'>;
  readonly series: Pick<MachineSeries, 'load'>;
  /** Nothing that passes, as the disk's want of room, and no series that it does not give now. */
  readonly onFailed: (error: unknown) => void;
  /** It is put off: for those series or what else passes but a full disk, or since nobody could carry it out. */
  readonly onPutOff: ((error: unknown) => void) | undefined;
}

export class MachineCompaction {
  readonly #deps: MachineCompactionDeps;
  /** `refused`: the disk would not now. `failed`: it would meet the same again. */
  #state: 'none' | 'running' | 'refused' | 'failed' = 'none';
  #isEnded = false;

  constructor(deps: MachineCompactionDeps) {
    this.#deps = deps;
  }

  /** Step after step while there is one: a purge may concern every part. */
  begin(): void {
    const {storage, series} = this.#deps;
    const isBusy = this.#state === 'running' || this.#state === 'failed';
    if (isBusy || this.#isEnded || !storage.needsCompaction()) return;
    this.#state = 'running';
    const compact = (): Promise<boolean> => storage.compact();
    (series.load()?.then(compact) ?? compact()).then(
      () => {
        this.#state = 'none';
        this.begin();
      },
      (error: unknown) => this.#failed(error),
    );
  }

  /** What the disk refused. No flush may ever come that begins it, as where all rows were purged. */
  beginRefused(): void {
    if (this.#state === 'refused') this.begin();
  }

  /** The machine ends. */
  end(): void {
    this.#isEnded = true;
  }

  /** Its parts are as they were. */
  #failed(error: unknown): void {
    const code = error instanceof DbError ? error.code : undefined;
    if (isPassing(error) || code === 'UNAVAILABLE') {
      this.#state = 'refused';
      if (!isDiskFull(error)) this.#deps.onPutOff?.(error);
      return;
    }
    // Closing breaks compactions off.
    this.#state = code === undefined || code === 'CANCELLED' ? 'failed' : 'none';
    if (code === undefined) this.#deps.onFailed(error);
  }
}
