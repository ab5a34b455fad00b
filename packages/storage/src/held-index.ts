// The series index of a replica: in memory from its first use on, until it is let go of because nobody has
// used it for long. By then key files hold all of it: letting go writes nothing, and to have it again reads
// keys and no rows.

import {assert, handledElsewhere, type WorkSlices} from '@flotilla/base';
import {loadIndex, seriesInFiles} from './key-files.ts';
import type {ReplicaFiles} from './replica-files.ts';
import {SeriesIndex} from './series-index.ts';
import {Slices} from './slices.ts';

export class HeldIndex {
  readonly #files: ReplicaFiles;
  /** Who waits for it is a query or a write. */
  readonly #slices: Slices;
  #index: SeriesIndex | undefined;
  #loading: Promise<void> | undefined;

  constructor(files: ReplicaFiles, turns: WorkSlices) {
    this.#files = files;
    this.#slices = new Slices(turns, {work: 'query'});
  }

  /** Nothing has to be read to have it: a replica without key files has none of its series in files. */
  get isLoaded(): boolean {
    return this.#index !== undefined || this.#files.state.keyFiles.length === 0;
  }

  /** Requires that it is loaded. */
  get series(): SeriesIndex {
    if (this.#index === undefined) {
      assert(this.isLoaded, 'the series of the replica are not loaded');
      this.#index = new SeriesIndex();
    }
    return this.#index;
  }

  /** Of all series, loaded or not. */
  get count(): number {
    return this.#index?.count ?? seriesInFiles(this.#files.state);
  }

  get bytes(): number {
    return this.#index?.memoryBytes() ?? 0;
  }

  /** A promise to wait for where it has to be read, else undefined. Who asks meanwhile waits for the same. */
  load(): Promise<void> | undefined {
    if (this.isLoaded) return undefined;
    this.#loading ??= this.#read().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  /** False where it is on its way, or holds series that are in no file yet. */
  letGo(): boolean {
    if (this.#loading !== undefined || this.count !== seriesInFiles(this.#files.state))
      return false;
    this.#index = undefined;
    return true;
  }

  /** By that of a snapshot that takes the place of all else. */
  replace(index: SeriesIndex): void {
    this.#index = index;
  }

  /** Loading under way ends with CANCELLED; resolves when nothing is read any more. */
  async stop(): Promise<void> {
    this.#slices.stop();
    if (this.#loading !== undefined) await handledElsewhere(this.#loading);
  }

  async #read(): Promise<void> {
    // A snapshot may take their place meanwhile: they stay until they are read.
    const files = this.#files.keyFiles;
    for (const file of files) file.retain();
    try {
      const index = await loadIndex(this.#files, this.#slices);
      this.#index ??= index;
    } catch (error) {
      // Of what a snapshot took the place of nobody needs anything.
      if (this.#index === undefined) throw error;
    } finally {
      for (const file of files) this.#files.release(file);
    }
  }
}
