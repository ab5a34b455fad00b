// What the meta group replicates into: the catalog machine, with its durable points on disk. Between
// two of them the log is the truth; replay from the last one makes the same catalog again.

import {assert, type Disk, FatalError, isDiskFull, type WorkSlices} from '@flotilla/base';
import {
  type Catalog,
  CatalogMachine,
  type CatalogUpdate,
  type CommandResult,
} from '@flotilla/catalog';
import type {
  ApplyResult,
  DurablePoint,
  Snapshot,
  StagedSnapshot,
  StateMachine,
} from '@flotilla/multiraft';
import type {CatalogEvent} from './catalog-news.ts';
import {decodeCommand} from './command-codec.ts';
import {inSlices, resultInSlices} from './in-slices.ts';
import {MetaFiles} from './meta-files.ts';
import {encodeBody, HeldFile, type MetaState} from './meta-snapshot.ts';

/** Replay of so many commands takes less than a second. */
const ENTRIES_PER_FLUSH = 2_000;
export const SNAPSHOT_FILE = 'catalog.json';

export interface MetaStateMachineOptions {
  readonly disk: Disk;
  /** Of this replica, on the store's disk. */
  readonly directory: string;
  /** Of its thread: the whole catalog takes long to write and to read. */
  readonly slices: WorkSlices;
  /** Given for the replica that begins with the group. */
  readonly founding?: DurablePoint | undefined;
  /** It is opened to be destroyed, and as one without files: what they hold may be damaged. */
  readonly isBuried?: boolean | undefined;
  /** A flush that ran by itself failed: the store is broken and its node must know. */
  readonly onFatal: (error: FatalError) => void;
}

const NOWHERE: DurablePoint = {
  index: 0,
  term: 0,
  configuration: {voters: [], votersOutgoing: [], learners: [], learnersNext: [], autoLeave: false},
};

export class MetaStateMachine implements StateMachine {
  readonly #files: MetaFiles;
  readonly #slices: WorkSlices;
  readonly #onFatal: (error: FatalError) => void;
  readonly #listeners = new Set<(event: CatalogEvent) => void>();
  #machine: CatalogMachine;
  #durable: DurablePoint;
  #applied: DurablePoint;
  #flushing: Promise<void> | undefined;
  #broken = false;
  /** False while the durable point is only the bootstrap, of which there is no file yet. */
  #written: boolean;

  static async open(options: MetaStateMachineOptions): Promise<MetaStateMachine> {
    const {disk, directory, slices, isBuried, founding = NOWHERE} = options;
    const files = new MetaFiles(disk, directory, slices);
    const state = isBuried === true ? undefined : await files.readNewest();
    const point = state?.point ?? founding;
    const machine =
      state === undefined
        ? new CatalogMachine()
        : await resultInSlices(CatalogMachine.building(state.machine), slices);
    if (state === undefined && point.index > 0) machine.advance(point.index);
    return new MetaStateMachine(options, files, {
      machine,
      point,
      written: state !== undefined,
    });
  }

  private constructor(
    options: MetaStateMachineOptions,
    files: MetaFiles,
    opened: {machine: CatalogMachine; point: DurablePoint; written: boolean},
  ) {
    this.#files = files;
    this.#slices = options.slices;
    this.#onFatal = options.onFatal;
    this.#machine = opened.machine;
    this.#durable = opened.point;
    this.#applied = opened.point;
    this.#written = opened.written;
  }

  /** The member's own copy; replaced as an object only by `install`. */
  get catalog(): Catalog {
    return this.#machine.catalog;
  }

  /** Called after each apply, in order. Returns what ends it. */
  onUpdate(listener: (event: CatalogEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  durablePoint(): DurablePoint {
    return this.#durable;
  }

  apply(index: number, term: number, payload: Uint8Array): ApplyResult {
    const {update, result} = this.#machine.apply(decodeCommand(payload), index);
    this.#advanced(index, term, update);
    return {value: result satisfies CommandResult};
  }

  applyConfiguration(
    index: number,
    term: number,
    configuration: DurablePoint['configuration'],
  ): void {
    this.#advanced(index, term, this.#machine.advance(index), configuration);
  }

  applyNothing(index: number, term: number): void {
    this.#advanced(index, term, this.#machine.advance(index));
  }

  canApply(): boolean {
    return !this.#broken;
  }

  canTake(): boolean {
    return this.canApply();
  }

  afterApply(): void {
    if (this.#applied.index - this.#durable.index < ENTRIES_PER_FLUSH) return;
    if (this.#flushing !== undefined || this.#broken) return;
    this.flush().catch((error: unknown) => {
      // What it would have made durable is in the log: the next entry asks again.
      if (!isDiskFull(error)) this.#onFatal(fatal(error));
    });
  }

  /** One at a time: a call during a flush waits for it, then writes what came since. */
  async flush(): Promise<void> {
    await this.#alone(async () => {
      if (!this.#written || this.#durable.index !== this.#applied.index) await this.#write();
    });
  }

  /** As it is at the call, though it is written in slices and entries are applied between them. */
  async snapshot(): Promise<Snapshot> {
    const point = this.#applied;
    const image = {point, machine: this.#machine.image()};
    // In memory: a picture needs no pin that way.
    const held = new HeldFile();
    for await (const piece of inSlices(encodeBody(image), this.#slices)) held.add(piece);
    return {point, files: [held.file(SNAPSHOT_FILE)], release: () => {}};
  }

  async install(staged: StagedSnapshot): Promise<void> {
    const state = await this.#files.read(`${staged.directory}/${SNAPSHOT_FILE}`);
    assert(state.point.index === staged.point.index, 'the staged snapshot is of another index');
    const machine = await resultInSlices(CatalogMachine.building(state.machine), this.#slices);
    await this.#alone(() => this.#replaceBy({...state, point: staged.point}, machine));
    this.#emit({type: 'snapshot', version: machine.catalog.version});
  }

  async close(): Promise<void> {
    this.#listeners.clear();
    while (this.#flushing !== undefined) await this.#flushing;
  }

  async destroy(): Promise<void> {
    await this.close();
    await this.#files.destroy();
  }

  #advanced(
    index: number,
    term: number,
    update: CatalogUpdate,
    configuration = this.#applied.configuration,
  ): void {
    this.#applied = {index, term, configuration};
    this.#emit({type: 'update', update});
  }

  #emit(event: CatalogEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  async #alone(change: () => Promise<void>): Promise<void> {
    while (this.#flushing !== undefined) await this.#flushing;
    this.#flushing = change();
    try {
      await this.#flushing;
    } finally {
      this.#flushing = undefined;
    }
  }

  async #write(): Promise<void> {
    const point = this.#applied;
    try {
      await this.#files.write({point, machine: this.#machine.image()});
    } catch (error) {
      // A full disk leaves the file that was there.
      this.#broken = !isDiskFull(error);
      throw error;
    }
    this.#durable = point;
    this.#written = true;
  }

  async #replaceBy(state: MetaState, machine: CatalogMachine): Promise<void> {
    await this.#files.write(state);
    this.#machine = machine;
    this.#durable = state.point;
    this.#written = true;
    this.#applied = state.point;
  }
}

function fatal(error: unknown): FatalError {
  return error instanceof FatalError ? error : new FatalError('cannot write the catalog', error);
}
