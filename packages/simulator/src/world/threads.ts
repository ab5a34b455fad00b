// The threads of one process: a main one for sockets and beats, and engine threads that own whole stores
// (store i on thread i mod N). Each turns by itself and may stand still by itself; what one tells
// another comes in order, once the other turns. A process of one engine thread is one thread for all, as
// where the product is told to run without any.

import type {Disk, StoreId} from '@flotilla/base';
import type {Host} from '@flotilla/multiraft';
import {ThreadVitals} from '@flotilla/server/engine-parts';
import type {Chance} from '../kernel/chance.ts';
import type {Kernel} from '../kernel/kernel.ts';
import type {Process} from '../kernel/process.ts';
import {diskOf} from './thread-disk.ts';

/** Of a message to another thread, where it takes any time: mostly the other turns at once. */
const HOP_MS_MAX = 0.2;
const HOP_ODDS = 0.2;

/** What other threads tell one, in order. */
class Mailbox {
  readonly #kernel: Kernel;
  readonly #chance: Chance;
  readonly #process: Process;
  #letters: (() => void)[] = [];

  constructor(kernel: Kernel, chance: Chance, process: Process) {
    this.#kernel = kernel;
    this.#chance = chance;
    this.#process = process;
  }

  post(letter: () => void): void {
    this.#letters.push(letter);
    if (this.#letters.length > 1) return;
    const read = (): void => {
      for (const one of this.#letters.splice(0)) one();
    };
    const hopMs = this.#chance.odds(HOP_ODDS) ? this.#chance.between(0, HOP_MS_MAX) : 0;
    if (hopMs > 0) this.#kernel.after(hopMs, read, this.#process);
    else this.#kernel.defer(read, this.#process);
  }
}

export interface EngineThread {
  readonly index: number;
  readonly process: Process;
  readonly stores: readonly StoreId[];
  /** The node's, whose answers come when this thread turns. */
  readonly disk: Disk;
  /** What the main thread reads of it. */
  readonly vitals: ThreadVitals;
  readonly bornMs: number;
  readonly post: (letter: () => void) => void;
  host: Host | undefined;
}

export interface ThreadsOptions {
  readonly kernel: Kernel;
  readonly chance: Chance;
  /** Of engine threads. */
  readonly count: number;
  readonly stores: readonly StoreId[];
  readonly disk: Disk;
  readonly newProcess: (name: string) => Process;
}

export class Threads {
  readonly main: Process;
  /** Nothing pauses it: it ends with the process. */
  readonly life: Process;
  readonly engines: readonly EngineThread[];
  readonly #mail: Mailbox | undefined;

  constructor(options: ThreadsOptions) {
    const {kernel, chance, count, stores, disk, newProcess} = options;
    this.main = newProcess('');
    if (count === 1) {
      this.life = this.main;
      this.engines = [engineOf({index: 0, process: this.main, stores, disk, post: (run) => run()})];
      return;
    }
    this.life = newProcess('.life');
    this.#mail = new Mailbox(kernel, chance, this.main);
    this.engines = Array.from({length: count}, (_, index) => {
      const process = newProcess(`.${index}`);
      const mail = new Mailbox(kernel, chance, process);
      const post = (letter: () => void): void => mail.post(letter);
      const own = stores.filter((store) => store % count === index);
      return engineOf({index, process, stores: own, disk: diskOf(disk, post), post});
    });
  }

  /** No engine thread runs beside the main one. */
  get isAlone(): boolean {
    return this.#mail === undefined;
  }

  get all(): readonly Process[] {
    return this.isAlone ? [this.main] : [this.main, ...this.engines.map(({process}) => process)];
  }

  /** For the main thread. */
  post(letter: () => void): void {
    if (this.#mail === undefined) letter();
    else this.#mail.post(letter);
  }

  /** Asked in the thread, answered in the main one. */
  ask<Value>({post}: EngineThread, question: () => Promise<Value>): Promise<Value> {
    if (this.isAlone) return question();
    return new Promise((resolve, reject) => {
      post(() => {
        const refused = (error: unknown): void => this.post(() => reject(error));
        // A refusal may come before there is a promise.
        new Promise<Value>((answer) => answer(question())).then(
          (value) => this.post(() => resolve(value)),
          refused,
        );
      });
    });
  }

  pause(): void {
    for (const process of this.all) process.pause();
  }

  resume(): void {
    for (const process of this.all) process.resume();
  }

  die(): void {
    this.life.die();
    for (const process of this.all) process.die();
  }
}

function engineOf(
  made: Omit<EngineThread, 'vitals' | 'bornMs' | 'host'> & {readonly process: Process},
): EngineThread {
  const bornMs = made.process.monotonicMs();
  return {...made, bornMs, vitals: new ThreadVitals(made.stores), host: undefined};
}
