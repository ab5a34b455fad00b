// Everything that can happen to a group. The host translates clocks, disks and networks into these.

import type {ConfigChange, ConfigChangeMode} from './configuration.ts';
import type {Entry, SnapshotMeta} from './entry.ts';
import type {Message} from './message.ts';

export interface ProposedPayload {
  readonly proposalId: number;
  readonly payload: Uint8Array;
}

export type FailoverMode = 'automatic' | 'manual';

export type Input =
  /** One tick of logical time. After a stall the host delivers one tick, never the missed ones. */
  | {readonly type: 'tick'}
  | {readonly type: 'message'; readonly message: Message}
  | {readonly type: 'propose'; readonly entries: readonly ProposedPayload[]}
  | {
      readonly type: 'proposeConfig';
      readonly proposalId: number;
      readonly changes: readonly ConfigChange[];
      readonly mode: ConfigChangeMode;
      /** Refused unless the configuration in force was made by this index. */
      readonly expectedConfigIndex?: number | undefined;
    }
  | {readonly type: 'readIndex'; readonly readId: number}
  /** Every write with a number up to `seq` is durable. */
  | {readonly type: 'persisted'; readonly seq: number}
  /** The state machine holds everything up to `index`. Configuration entries up to it take effect now. */
  | {readonly type: 'applied'; readonly index: number}
  /**
   * Starts an election (under pre-vote, if that is on) whatever the timer and the failover mode say. Under
   * manual failover a pre-vote that no majority answers ends with its timeout; an election goes on.
   */
  | {readonly type: 'campaign'}
  | {readonly type: 'transferLeader'; readonly to: number}
  /** The leader's node is gone: contact with it no longer speaks against a pre-vote. */
  | {readonly type: 'forgetLeader'}
  /** Whether the node of a member is alive; `true` also after it restarted. */
  | {readonly type: 'reachable'; readonly id: number; readonly reachable: boolean}
  /** A message to `id` may have been lost. */
  | {readonly type: 'unreachable'; readonly id: number}
  /** The snapshot asked for by `wantSnapshot` exists; its contents go beside the message. */
  | {readonly type: 'snapshotReady'; readonly to: number; readonly snapshot: SnapshotMeta}
  /** The transfer ended; `ok: false` also if no snapshot could be made. */
  | {readonly type: 'snapshotSent'; readonly to: number; readonly ok: boolean}
  /** The state machine was replaced by the snapshot of the write that named it. */
  | {readonly type: 'snapshotInstalled'; readonly index: number}
  /** The log now begins at `firstIndex`; what was before is covered by the applied state. */
  | {readonly type: 'compacted'; readonly firstIndex: number}
  /** Payloads up to `uptoIndex` (inclusive) may leave memory; later reads go through `needEntries`. */
  | {readonly type: 'evict'; readonly uptoIndex: number}
  /** The answer to `needEntries`; `undefined` if the read failed. */
  | {
      readonly type: 'entries';
      readonly firstIndex: number;
      readonly entries: readonly Entry[] | undefined;
    }
  | {readonly type: 'setFailover'; readonly mode: FailoverMode};
