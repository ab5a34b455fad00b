// The replicated log's element and the durable state beside it (Ongaro and Ousterhout 2014, figure 2).
// Payloads are never mutated after they were proposed or received: they are shared by the log, the
// writes and the messages in flight.

import type {Configuration} from './configuration.ts';

/** `noop` is a new leader's first entry (paper section 8); `config` holds a configuration change. */
export type EntryType = 'normal' | 'config' | 'noop';

export interface Entry {
  readonly term: number;
  readonly index: number;
  readonly type: EntryType;
  readonly payload: Uint8Array;
}

/** `vote` is 0 while this replica has not voted in `term`. */
export interface HardState {
  readonly term: number;
  readonly vote: number;
  readonly commit: number;
}

/** What a snapshot stands for; its contents are the host's. */
export interface SnapshotMeta {
  readonly index: number;
  readonly term: number;
  readonly configuration: Configuration;
  /** Index of the entry (or bootstrap) that made `configuration`. At most `index`. */
  readonly configIndex: number;
}

export const EMPTY_PAYLOAD = new Uint8Array(0);

/** What an entry costs beside its payload: term, index, type and framing, rounded up. */
const ENTRY_OVERHEAD_BYTES = 16;

export function entryBytes(entry: Entry): number {
  return entry.payload.length + ENTRY_OVERHEAD_BYTES;
}
