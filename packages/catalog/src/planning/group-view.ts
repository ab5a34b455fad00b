// One replica set as it is: what its leader reports, beside what its placement wants. Without a
// reported leader nothing is known of its members, and nothing is changed.

import type {NodeId, ReplicaId} from '@flotilla/base';
import type {Operation, ReplicaPlacement, ReplicaSet} from '../model.ts';
import type {ReplicaReport, Reports} from './reports.ts';

/** Fewer missing entries than this are fetched faster than a joint change goes round. */
const LAG_ENTRIES_MAX = 1_000;

export class GroupView {
  readonly set: ReplicaSet;
  readonly leader: ReplicaReport | undefined;
  readonly #reports: Reports;

  constructor(set: ReplicaSet, reports: Reports) {
    this.set = set;
    this.#reports = reports;
    this.leader = this.#findLeader();
  }

  get configIndex(): number {
    return this.leader?.configIndex ?? 0;
  }

  get joint(): boolean {
    return (this.leader?.configuration.votersOutgoing.length ?? 0) > 0;
  }

  get voters(): readonly number[] {
    return this.leader?.configuration.voters ?? [];
  }

  get learners(): readonly number[] {
    return this.leader?.configuration.learners ?? [];
  }

  isVoter(replica: ReplicaId): boolean {
    return this.voters.includes(replica);
  }

  isLearner(replica: ReplicaId): boolean {
    return this.learners.includes(replica);
  }

  /** In either half of the configuration. Requires a leader. */
  isMember(replica: ReplicaId): boolean {
    const config = this.leader?.configuration;
    if (config === undefined) return false;
    return (
      this.isVoter(replica) ||
      this.isLearner(replica) ||
      config.votersOutgoing.includes(replica) ||
      config.learnersNext.includes(replica)
    );
  }

  /**
   * A majority of the voters would find the leader's configuration in force after a restart, and tell it
   * the others: nobody that it removed is needed for an election any more.
   */
  get isSettled(): boolean {
    if (this.leader === undefined || this.joint) return false;
    const knowing = this.voters.filter((voter) => {
      const placed = this.placement(voter as ReplicaId);
      const report = placed && this.isLive(placed.node) ? this.report(placed) : undefined;
      return report?.configVolatile !== true && report?.configIndex === this.configIndex;
    });
    return 2 * knowing.length > this.voters.length;
  }

  /**
   * And its node answers: what the leader says of it may be older than its death. Unknown lag is not small
   * lag, and an empty member of a short log lags by a snapshot, not by entries.
   */
  isCaughtUp(replica: ReplicaId): boolean {
    if (this.leader === undefined) return false;
    if (this.leader.replica === replica) return true;
    const placed = this.placement(replica);
    if (placed === undefined || !this.isLive(placed.node)) return false;
    const member = this.leader.progress?.find((progress) => progress.replica === replica);
    if (member === undefined || !member.active || member.state !== 'replicate') return false;
    return this.leader.lastIndex - member.matchIndex <= LAG_ENTRIES_MAX;
  }

  /** By a leader that was elected just now, or of a member that has just begun. */
  isUnheard(replica: ReplicaId): boolean {
    const member = this.leader?.progress?.find((progress) => progress.replica === replica);
    return member === undefined || (member.state === 'probe' && !member.active);
  }

  placement(replica: ReplicaId): ReplicaPlacement | undefined {
    return this.set.replicas.find((placed) => placed.replica === replica);
  }

  report(placed: {readonly node: NodeId; readonly replica: ReplicaId}): ReplicaReport | undefined {
    return this.#reports.get(placed.node)?.replicas.get(placed.replica);
  }

  /** As its node says: it never takes part again. */
  isDamaged(replica: ReplicaId): boolean {
    const placed = this.placement(replica);
    return placed !== undefined && this.report(placed)?.damaged === true;
  }

  isLive(node: NodeId): boolean {
    return this.#reports.get(node)?.live === true;
  }

  /** Node of the reported leader. */
  get leaderNode(): NodeId | undefined {
    return this.leader && this.placement(this.leader.replica)?.node;
  }

  /** A caught-up voter other than `not`. */
  successor(not: ReplicaId): ReplicaPlacement | undefined {
    return this.heirs(not)[0];
  }

  /** All of these. By default other than the leader. */
  heirs(not = this.leader?.replica): ReplicaPlacement[] {
    return this.set.replicas.filter(
      ({replica}) => replica !== not && this.isVoter(replica) && this.isCaughtUp(replica),
    );
  }

  /**
   * Those of them that the lead may go to beside the operation that runs on the set, which goes on under any
   * leader: not what it takes out, or it would give the lead back; and nobody while it places the lead itself.
   */
  heirsBeside(operation: Operation | undefined): ReplicaPlacement[] {
    if (operation?.kind === 'transfer-leader') return [];
    const leaving = operation?.kind === 'compact' ? undefined : operation?.source;
    return this.heirs().filter(({replica}) => replica !== leaving);
  }

  /** A placed learner that holds all: it can vote in the place of a voter that goes. */
  get readyLearner(): ReplicaId | undefined {
    return this.set.replicas.find(
      ({replica}) => this.isLearner(replica) && this.isCaughtUp(replica),
    )?.replica;
  }

  /** Of two that claim to lead, the one of the later term does. */
  #findLeader(): ReplicaReport | undefined {
    let leader: ReplicaReport | undefined;
    for (const placed of this.set.replicas) {
      if (!this.isLive(placed.node)) continue;
      const report = this.report(placed);
      if (report?.role !== 'leader') continue;
      if (leader === undefined || report.term > leader.term) leader = report;
    }
    return leader;
  }
}
