// What a laboratory replica has on its disk, and its state machine: the list of applied entries. Writes
// become durable when told; a crash keeps what is here and nothing else.

import {assert} from '@flotilla/base';
import type {Configuration} from '../configuration.ts';
import type {Entry, HardState, SnapshotMeta} from '../entry.ts';
import type {GroupOptions} from '../options.ts';
import type {Write} from '../output.ts';

export interface AppliedEntry {
  readonly index: number;
  readonly term: number;
  readonly data: string;
}

/** The state machine at `index`, with the configuration in force there. */
export interface Checkpoint {
  readonly index: number;
  readonly configuration: Configuration;
  readonly configIndex: number;
  readonly applied: readonly AppliedEntry[];
}

export interface LabSnapshot {
  readonly meta: SnapshotMeta;
  readonly applied: readonly AppliedEntry[];
}

export class LabDisk {
  hardState: HardState;
  snapshotIndex: number;
  snapshotTerm: number;
  entries: Entry[];
  checkpoint: Checkpoint;
  /** Snapshots whose contents arrived, by index and term; a write may switch to one of them. */
  readonly staged = new Map<string, LabSnapshot>();

  constructor(
    stored: Pick<GroupOptions, 'hardState' | 'log' | 'appliedIndex' | 'configuration'> & {
      readonly configIndex?: number | undefined;
    },
  ) {
    this.hardState = stored.hardState;
    this.snapshotIndex = stored.log.snapshotIndex;
    this.snapshotTerm = stored.log.snapshotTerm;
    this.entries = [...stored.log.entries];
    this.checkpoint = {
      index: stored.appliedIndex,
      configuration: stored.configuration,
      configIndex: stored.configIndex ?? stored.log.snapshotIndex,
      applied: [],
    };
  }

  get lastIndex(): number {
    return this.entries.at(-1)?.index ?? this.snapshotIndex;
  }

  /** Makes a write durable. Returns the snapshot that it switched to, if any. */
  commit(write: Write): LabSnapshot | undefined {
    const {term, vote, commit, truncateFrom, entries} = write;
    this.hardState = {term, vote, commit};
    const installed = write.snapshot && this.#switchTo(write.snapshot);
    if (truncateFrom !== undefined) {
      this.entries = this.entries.filter((entry) => entry.index < truncateFrom);
    }
    for (const entry of entries) {
      assert(entry.index === this.lastIndex + 1, () => `stored log has a gap at ${entry.index}`);
      this.entries.push(entry);
    }
    return installed;
  }

  #switchTo(meta: SnapshotMeta): LabSnapshot {
    const snapshot = this.staged.get(stagedKey(meta));
    assert(snapshot !== undefined, () => `snapshot ${meta.index} was not staged`);
    const {index, configuration, configIndex} = meta;
    this.entries = [];
    this.snapshotIndex = index;
    this.snapshotTerm = meta.term;
    this.checkpoint = {index, configuration, configIndex, applied: snapshot.applied};
    return snapshot;
  }

  stage(snapshot: LabSnapshot): void {
    this.staged.set(stagedKey(snapshot.meta), snapshot);
  }

  compact(firstIndex: number): void {
    const boundary = firstIndex - 1;
    if (boundary <= this.snapshotIndex) return;
    const at = this.entries.find((entry) => entry.index === boundary);
    assert(at !== undefined, () => `entry ${boundary} is not stored`);
    assert(boundary <= this.checkpoint.index, 'the log is cut above the checkpoint');
    this.entries = this.entries.filter((entry) => entry.index > boundary);
    this.snapshotIndex = boundary;
    this.snapshotTerm = at.term;
  }

  /** What a replica finds when it starts. */
  stored(): Pick<
    GroupOptions,
    'hardState' | 'log' | 'appliedIndex' | 'configuration' | 'configIndex'
  > {
    const {snapshotIndex, snapshotTerm, entries, checkpoint} = this;
    return {
      hardState: this.hardState,
      log: {snapshotIndex, snapshotTerm, entries},
      appliedIndex: checkpoint.index,
      configuration: checkpoint.configuration,
      configIndex: checkpoint.configIndex,
    };
  }
}

function stagedKey(meta: SnapshotMeta): string {
  return `${meta.index}/${meta.term}`;
}
