// What a machine knows of its series: in memory while somebody uses it, read from key files when somebody
// does again, counted in the thread's budget. When to let go of it is its owner's to say (`unload-schedule.ts`):
// here is no clock, only how often it was used.

import {DbError, FatalError, handledElsewhere, isPassing} from '@flotilla/base';
import type {ReplicaStorage} from '@flotilla/storage';
import type {IndexBudget} from './index-budget.ts';

export interface MachineSeriesDeps {
  readonly storage: Pick<ReplicaStorage, 'isLoaded' | 'load' | 'unload' | 'indexBytes'>;
  /** Of the thread. */
  readonly budget: IndexBudget;
  /** They are being read: told so that it can be measured. */
  readonly onLoading: ((loading: Promise<void>) => void) | undefined;
  /** What the files hold of them is damaged. */
  readonly onDamage: (damage: FatalError) => void;
  readonly onFault: (error: unknown) => void;
}

export class MachineSeries {
  readonly #deps: MachineSeriesDeps;
  #uses = 0;
  #loading: Promise<void> | undefined;
  /** What the budget has of this machine. */
  #bytes = 0;
  #isEnded = false;

  constructor(deps: MachineSeriesDeps) {
    this.#deps = deps;
    this.account();
  }

  /** Who finds the same number later knows that nobody used them in between. */
  get uses(): number {
    return this.#uses;
  }

  /** For a write, a delete or a read: a promise to wait for where they must be read first, else undefined. */
  use(): Promise<void> | undefined {
    this.#uses += 1;
    return this.load();
  }

  /** The same for what no user asked for. */
  load(): Promise<void> | undefined {
    const {storage, onLoading} = this.#deps;
    if (storage.isLoaded) return undefined;
    if (this.#loading === undefined) {
      this.#loading = this.#load().finally(() => {
        this.#loading = undefined;
        this.account();
      });
      // Who applies only asks again, and waits for nothing.
      void handledElsewhere(this.#loading);
      onLoading?.(this.#loading);
    }
    return this.#loading;
  }

  /** False where storage cannot do without now. */
  unload(): boolean {
    const isUnloaded = this.#deps.storage.unload();
    this.account();
    return isUnloaded;
  }

  /** Called when they may have become more. */
  account(): void {
    const bytes = this.#isEnded ? 0 : this.#deps.storage.indexBytes();
    this.#deps.budget.change(bytes - this.#bytes);
    this.#bytes = bytes;
  }

  /** The machine ends: what is in memory goes with it. */
  end(): void {
    this.#isEnded = true;
    this.account();
  }

  async #load(): Promise<void> {
    const {storage, budget} = this.#deps;
    try {
      await budget.inTurn(async () => {
        if (this.#isEnded) throw new DbError('REPLICA_GONE', 'the replica has ended');
        await storage.load();
      });
    } catch (error) {
      throw this.#told(error);
    }
  }

  /** What the waiters get. Damage ends the replica, as it would have kept it from being opened. */
  #told(error: unknown): DbError {
    if (error instanceof DbError) return error;
    if (isPassing(error))
      return new DbError('UNAVAILABLE', 'the disk does not give the series now', {}, error);
    if (error instanceof FatalError) this.#deps.onDamage(error);
    else this.#deps.onFault(error);
    return new DbError('REPLICA_STOPPED', 'the series of the replica cannot be read', {}, error);
  }
}
