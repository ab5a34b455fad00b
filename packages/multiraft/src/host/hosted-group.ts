// One replica in a host: its consensus core, its state machine, and what stands between them.
// All decisions about consensus are the core's; this only carries them out.

import type {NodeId, ReplicaId, ReplicaSetId} from '@flotilla/base';
import type {AfterWrite, Configuration, Entry, RaftGroup, RoleChange} from '@flotilla/raft';
import {membersOf} from '@flotilla/raft';
import type {StateMachine} from '../state-machine.ts';
import {Freshness} from './freshness.ts';
import type {ElectionCause} from './host-counts.ts';
import type {Store} from './store.ts';
import {type HostWaits, Waits} from './waits.ts';
import type {Blocked} from './wedged.ts';

/** How much of a snapshot is here. */
export interface ReceivedBytes {
  readonly bytes: number;
  readonly bytesTotal: number;
  /** On the average since it began. */
  readonly bytesPerSecond: number;
}

export interface HostedGroupParts {
  readonly set: ReplicaSetId;
  readonly replica: ReplicaId;
  readonly store: Store;
  readonly raft: RaftGroup;
  readonly machine: StateMachine;
  readonly configuration: Configuration;
  readonly appliedIndex: number;
  readonly isManual: boolean;
  readonly hostWaits: HostWaits;
}

export class HostedGroup {
  readonly set: ReplicaSetId;
  readonly replica: ReplicaId;
  readonly store: Store;
  readonly raft: RaftGroup;
  readonly machine: StateMachine;
  readonly waits: Waits;
  readonly freshness = new Freshness();
  configuration: Configuration;
  role: RoleChange = {role: 'follower', leader: 0, term: 0};
  /** The last term of which a leader was known. */
  ledTerm = 0;
  /** Why it would stand for leader, until it knows one again. */
  electionCause: ElectionCause = 'timer';
  isManual: boolean;
  /** Learned from messages; `locate` of the host comes first. */
  readonly nodes = new Map<number, NodeId>();
  /** Engine thread of a member on its node, learned from its messages. */
  readonly threads = new Map<number, number>();
  /** Acknowledgements that wait for a write, in order. */
  held: AfterWrite[] = [];
  /** The committed batch being applied, and how far. */
  applying: {readonly entries: readonly Entry[]; at: number} | undefined;
  /** A configuration entry whose effect the core is about to tell. */
  configEntry: Entry | undefined;
  appliedIndex: number;
  /** While the state machine is being replaced nothing is applied. */
  isInstalling = false;
  isIdle = false;
  isAsleep = false;
  /** Ticks since anything but heartbeats happened. */
  quietTicks = 0;
  /** It slept, and was woken for what needs no heartbeats before it sleeps again. */
  isStirred = false;
  /** When its leader, which is awake, last sent a heartbeat. */
  heardMs = -Infinity;
  /** When it last gave another its vote, or would have: that one's election is under way. */
  backedAtMs = -Infinity;
  /** While its state machine takes nothing, though it was asked. */
  blocked: Blocked | undefined;
  /** Bytes of entries that the core may hold in memory. */
  cachedBytes = 0;
  /** The disk did not give the entry of that index, or some after it, when a member needed them; 0: it did. */
  unreadableIndex = 0;
  /** Of the last snapshot that it was sent. */
  received: ReceivedBytes | undefined;
  /** Who sent the last one that came whole. */
  receivedFrom: ReplicaId | undefined;
  /** Why it stands still for good. */
  stopped: string | undefined;
  /** The committed entry that its state machine could not apply, where that is why. */
  failedIndex: number | undefined;
  isDestroyed = false;

  constructor(parts: HostedGroupParts) {
    this.set = parts.set;
    this.replica = parts.replica;
    this.store = parts.store;
    this.raft = parts.raft;
    this.machine = parts.machine;
    this.configuration = parts.configuration;
    this.appliedIndex = parts.appliedIndex;
    this.isManual = parts.isManual;
    this.waits = new Waits(
      () => ({
        isSelf: this.role.leader === this.replica,
        node: this.nodes.get(this.role.leader),
      }),
      parts.hostWaits,
    );
  }

  get isLeader(): boolean {
    return this.role.role === 'leader';
  }

  get isGone(): boolean {
    return this.stopped !== undefined || this.isDestroyed;
  }

  /** Members but this one. */
  others(): ReplicaId[] {
    return membersOf(this.configuration).filter((id) => id !== this.replica) as ReplicaId[];
  }
}
