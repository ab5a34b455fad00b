// One replica as other threads and nodes see it, and what the threads of a node tell each other of theirs.

import type {ReplicaId, ReplicaSetId} from '@flotilla/base';
import type {ReplicaReport} from '@flotilla/catalog';
import {reportOf} from '@flotilla/meta';
import type {BrokenReplica, ReplicaStatus, StateMachine} from '@flotilla/multiraft';
import {ReplicaMachine} from '@flotilla/replica';

/** What is told as the role of a replica that could not be opened; Raft has none of that name. */
export const UNOPENED_ROLE = 'stopped';

/** A copy further behind can neither confirm a write soon nor take over for another. */
export const LAG_MAX = 1_000;

/** Plain JSON. */
export interface ReplicaNote {
  readonly report: ReplicaReport;
  /** Of its parts, for the report's work. Beside the report: meta is told of what changes there. */
  readonly workRead?: {readonly bytes: number; readonly bytesTotal: number} | undefined;
  readonly status: {
    readonly set: ReplicaSetId;
    readonly replica: ReplicaId;
    readonly role: string;
    readonly term: number;
    readonly leader: ReplicaId | undefined;
    readonly commitIndex: number;
    readonly appliedIndex: number;
    /** Where its log ends. */
    readonly lastIndex: number;
    /** Of the entry there; absent where an older build answers. */
    readonly lastTerm?: number | undefined;
    readonly flushedIndex: number;
    readonly isAsleep: boolean;
    /** As this replica keeps it: 'manual' where it stands for election only when told. */
    readonly failover: string;
    readonly stopped: string | undefined;
    /** The entry that it cannot apply. */
    readonly failedIndex?: number | undefined;
    /** Absent where an older build answers. */
    readonly isWedged?: boolean | undefined;
    /** It could not be opened, and never will be: what it holds is of no use to anybody. Absent where an older build answers. */
    readonly isLost?: true | undefined;
    /** By its own configuration; absent where an older build answers, and where it waits for its first snapshot. */
    readonly voting?: Voting | undefined;
    /** A part of it is damaged, though it may still run. */
    readonly damaged?: boolean | undefined;
    /** From the leader: members that lack more than `LAG_MAX` entries. Absent where there are none, or an older build answers. */
    readonly late?: readonly ReplicaId[] | undefined;
  };
}

/** Who votes in a group, as one of its replicas knows it. */
export interface Voting {
  readonly configIndex: number;
  /** The second one is that of a joint configuration: a majority of each is needed. */
  readonly majorities: readonly (readonly number[])[];
}

/** What became other than it was told before. */
export interface ReplicaNews {
  readonly changed: readonly ReplicaNote[];
  readonly gone: readonly ReplicaSetId[];
}

/** By engine thread: what the others have told of their replicas. */
export class NotesOfOthers {
  readonly #threads = new Map<number, Map<ReplicaSetId, ReplicaNote>>();
  /** Told since the last `takeReports`, by replica; undefined: it is gone. */
  #reports = new Map<ReplicaId, ReplicaReport | undefined>();

  /** How many have told theirs. */
  get threadCount(): number {
    return this.#threads.size;
  }

  *all(): Generator<ReplicaNote> {
    for (const notes of this.#threads.values()) yield* notes.values();
  }

  take(thread: number, {changed, gone}: ReplicaNews): void {
    const notes = this.#threads.get(thread) ?? new Map<ReplicaSetId, ReplicaNote>();
    this.#threads.set(thread, notes);
    for (const set of gone) {
      this.#forget(notes.get(set));
      notes.delete(set);
    }
    for (const note of changed) {
      this.#forget(notes.get(note.status.set));
      notes.set(note.status.set, note);
      this.#reports.set(note.report.replica, note.report);
    }
  }

  /** What changed since the last call. */
  takeReports(): ReadonlyMap<ReplicaId, ReplicaReport | undefined> {
    const reports = this.#reports;
    this.#reports = new Map();
    return reports;
  }

  #forget(note: ReplicaNote | undefined): void {
    if (note !== undefined) this.#reports.set(note.report.replica, undefined);
  }
}

export function isSameReport(before: ReplicaReport, now: ReplicaReport): boolean {
  return JSON.stringify(before) === JSON.stringify(now);
}

export function noteOf(status: ReplicaStatus, machine: StateMachine): ReplicaNote {
  const {set, replica, role, term, leader, commitIndex, appliedIndex, lastIndex, lastTerm} = status;
  const {flushedIndex, isAsleep, failover, stopped, isWedged} = status;
  const {configIndex, configuration} = status;
  const majorities = [configuration.voters, configuration.votersOutgoing].filter(hasAny);
  const voting = majorities.length === 0 ? undefined : {configIndex, majorities};
  const numbers = {term, commitIndex, appliedIndex, lastIndex, lastTerm, flushedIndex};
  const rows = machine instanceof ReplicaMachine ? machine : undefined;
  const damaged = rows?.isDamaged ? true : undefined;
  // What a damaged part keeps from being applied is no fault of the entry.
  const failedIndex = damaged ? undefined : status.failedIndex;
  const behind = status.members.filter(({lag}) => lag > LAG_MAX).map((member) => member.replica);
  const late = behind.length === 0 ? undefined : behind;
  const rest = {isAsleep, failover, stopped, failedIndex, isWedged, voting, damaged, late};
  const bytes = {diskBytes: rows?.diskBytes, writtenBytes: rows?.writtenBytes};
  return {
    report: reportOf(status, {
      written: rows?.isWritten ?? false,
      damaged,
      work: rows?.work,
      ...bytes,
    }),
    workRead: rows?.workRead,
    status: {set, replica, role, leader: leader?.replica, ...numbers, ...rest},
  };
}

function hasAny(voters: readonly number[] | undefined): boolean {
  return voters !== undefined && voters.length > 0;
}

export function brokenNote(
  set: ReplicaSetId,
  {replica, reason, isLost, retry}: BrokenReplica,
): ReplicaNote {
  const nothing = {term: 0, appliedIndex: 0, lastIndex: 0};
  const configuration = {
    voters: [],
    votersOutgoing: [],
    learners: [],
    learnersNext: [],
    autoLeave: false,
  };
  return {
    report: {
      set,
      replica,
      role: UNOPENED_ROLE,
      ...nothing,
      configIndex: 0,
      configuration,
      durable: true,
      written: false,
      fault: reason,
      // What passes is no damage: it holds what it held, and is not made anew for it.
      damaged: retry === undefined ? true : undefined,
    },
    status: {
      set,
      replica,
      role: UNOPENED_ROLE,
      ...nothing,
      leader: undefined,
      commitIndex: 0,
      flushedIndex: 0,
      isAsleep: false,
      failover: 'automatic',
      stopped: retry === undefined ? reason : `${reason}; ${retryText(retry)}`,
      isLost: isLost ? true : undefined,
    },
  };
}

function retryText({attempts}: NonNullable<BrokenReplica['retry']>): string {
  const times = attempts === 1 ? 'once' : `${attempts} times`;
  return `this may pass: tried ${times}, and tried again by itself`;
}
