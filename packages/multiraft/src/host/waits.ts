// Everyone who waits for a group: proposals, reads, transfers of leadership. Law: each wait is settled
// exactly once, by the group's own word, by its deadline, or when the group stops. A proposal whose
// deadline passed keeps its bytes counted until the group says what became of it.

import {DbError, type NodeId, NumberMap} from '@flotilla/base';
import type {Dropped, Proposed} from '@flotilla/raft';
import type {AppliedProposal, ProposalKind} from './host-counts.ts';

export interface Wait<Value> {
  readonly resolve: (value: Value) => void;
  readonly reject: (error: DbError) => void;
  /** On the host's monotonic clock. */
  readonly deadlineMs: number;
  readonly signal?: AbortSignal | undefined;
}

interface NewProposal extends Wait<unknown> {
  readonly kind: ProposalKind;
  readonly bytes: number;
  /** On the host's monotonic clock. */
  readonly proposedMs: number;
  readonly onDecided?: (() => void) | undefined;
}

interface Proposal extends NewProposal {
  index: number;
  settled: boolean;
}

interface Read extends Wait<number> {
  /** 0 until a quorum confirmed it. */
  index: number;
  /** Confirmed, and nothing was applied since; undefined until that is looked at. */
  stillSinceMs: number | undefined;
}

/** Who leads, as far as the group knows. */
export interface LeaderView {
  readonly isSelf: boolean;
  readonly node: NodeId | undefined;
}

/** Of all groups of a host; one object. */
export interface HostWaits {
  /** Of open proposals. */
  bytes: number;
  /** Who may have somebody waiting: most groups have nobody, and are not looked at. */
  readonly waiting: Set<Waits>;
}

export class Waits {
  /** Of proposals whose fate is open. */
  bytes = 0;
  readonly #proposals = new NumberMap<Proposal>();
  readonly #byIndex = new Map<number, number>();
  readonly #reads = new Map<number, Read>();
  #appliedIndex = 0;
  #transfers: (Wait<void> & {readonly to: number})[] = [];
  readonly #leader: () => LeaderView;
  readonly #host: HostWaits;

  constructor(leader: () => LeaderView, host: HostWaits) {
    this.#leader = leader;
    this.#host = host;
  }

  get isEmpty(): boolean {
    return this.#proposals.size === 0 && this.#reads.size === 0 && this.#transfers.length === 0;
  }

  addProposal(id: number, proposal: NewProposal): void {
    const {bytes} = proposal;
    this.bytes += bytes;
    this.#host.bytes += bytes;
    this.#host.waiting.add(this);
    this.#proposals.set(id, {...proposal, index: 0, settled: false});
  }

  addRead(id: number, wait: Wait<number>): void {
    this.#host.waiting.add(this);
    this.#reads.set(id, {...wait, index: 0, stillSinceMs: undefined});
  }

  addTransfer(to: number, wait: Wait<void>): void {
    this.#host.waiting.add(this);
    this.#transfers.push({...wait, to});
  }

  proposed({proposalId, index}: Proposed): void {
    const proposal = this.#proposals.get(proposalId);
    if (proposal === undefined) return;
    proposal.index = index;
    this.#byIndex.set(index, proposalId);
  }

  dropped(dropped: Dropped): void {
    if (dropped.kind === 'read') {
      const read = this.#reads.get(dropped.readId);
      this.#reads.delete(dropped.readId);
      read?.reject(this.#errorOf(dropped));
      return;
    }
    const proposal = this.#takeProposal(dropped.proposalId);
    if (proposal !== undefined && !proposal.settled) proposal.reject(this.#errorOf(dropped));
  }

  readConfirmed(readId: number, index: number, appliedIndex: number): void {
    const read = this.#reads.get(readId);
    if (read === undefined) return;
    read.index = index;
    if (index <= appliedIndex) this.#finishRead(readId, read);
  }

  /**
   * The entry at `index` was applied; whoever proposed it gets `value`. Terms match: else it was dropped
   * as lost. Returns what was proposed and when, if that was here.
   */
  applied(index: number, value: unknown): AppliedProposal | undefined {
    const id = this.#byIndex.get(index);
    if (id === undefined) return undefined;
    const proposal = this.#takeProposal(id);
    if (proposal !== undefined && !proposal.settled) proposal.resolve(value);
    return proposal;
  }

  appliedUpto(index: number): void {
    for (const [id, read] of this.#reads) {
      if (read.index > 0 && read.index <= index) this.#finishRead(id, read);
      else if (index > this.#appliedIndex) read.stillSinceMs = undefined;
    }
    this.#appliedIndex = index;
  }

  leaderChanged(leader: number): void {
    this.#endTransfers((transfer) => (transfer.to === leader ? 'done' : 'open'));
  }

  transferFailed(to: number, outcome: string): void {
    this.#endTransfers((transfer) =>
      transfer.to === to
        ? new DbError('CONFLICT', `leadership was not transferred to replica ${to}: ${outcome}`)
        : 'open',
    );
  }

  /** @param stillMs a follower that applies nothing for so long names its leader to those who read here */
  expire(nowMs: number, stillMs: number): void {
    for (const [, proposal] of this.#proposals.entries()) {
      if (proposal.settled) continue;
      const aborted = proposal.signal?.aborted === true;
      if (!aborted && proposal.deadlineMs > nowMs) continue;
      proposal.settled = true;
      proposal.reject(
        aborted
          ? new DbError('CANCELLED', 'cancelled after it was proposed; it may yet be applied')
          : new DbError('OUTCOME_UNKNOWN', 'proposed, and not committed before the deadline'),
      );
    }
    for (const [id, read] of this.#reads) {
      if (read.index > 0) read.stillSinceMs ??= nowMs;
      const isLate = read.deadlineMs <= nowMs;
      const isStill = nowMs - (read.stillSinceMs ?? nowMs) >= stillMs && !this.#leader().isSelf;
      if (!isLate && !isStill) continue;
      this.#reads.delete(id);
      read.reject(
        isLate
          ? new DbError('DEADLINE_EXCEEDED', 'the read was not confirmed in time')
          : this.notLeading(),
      );
    }
    this.#endTransfers((transfer) =>
      transfer.deadlineMs <= nowMs
        ? new DbError('DEADLINE_EXCEEDED', 'leadership was not taken over in time')
        : 'open',
    );
  }

  /** The group will never say anything again. */
  stop(error: DbError): void {
    const unknown = new DbError(
      'OUTCOME_UNKNOWN',
      `proposed, then: ${error.message}`,
      error.details,
    );
    for (const [, {settled, index, reject, onDecided}] of this.#proposals.entries()) {
      if (!settled) reject(index > 0 ? unknown : error);
      onDecided?.();
    }
    for (const {reject} of this.#reads.values()) reject(error);
    this.#endTransfers(() => error);
    this.#proposals.clear();
    this.#byIndex.clear();
    this.#reads.clear();
    this.#host.bytes -= this.bytes;
    this.bytes = 0;
  }

  notLeading(): DbError {
    const {isSelf, node} = this.#leader();
    if (node === undefined || isSelf)
      return new DbError('NO_LEADER', 'no leader is known; an election may be on');
    return new DbError('NOT_LEADER', `node ${node} leads`, {leader: node});
  }

  #errorOf({reason, detail}: Dropped): DbError {
    switch (reason) {
      case 'not-leader':
      case 'lost':
        return this.notLeading();
      case 'transferring':
        return new DbError('NO_LEADER', 'leadership is being transferred');
      case 'uncommitted-limit':
        return new DbError('OVERLOADED', 'too many bytes wait for a majority of this replica set', {
          limit: 'raft_uncommitted_bytes_max',
        });
      case 'config-pending':
        return new DbError('CONFLICT', 'a change of members is on its way');
      case 'config-changed':
        return new DbError('CONFLICT', 'the configuration is not the expected one');
      case 'config-invalid':
        return new DbError('INVALID_ARGUMENT', `impossible change of members: ${detail}`);
      case 'unknown':
        return new DbError('OUTCOME_UNKNOWN', 'leadership was lost after it was proposed');
      case 'timeout':
        return new DbError('NO_LEADER', 'no majority confirmed the read');
    }
  }

  #takeProposal(id: number): Proposal | undefined {
    const proposal = this.#proposals.get(id);
    if (proposal === undefined) return undefined;
    this.#proposals.delete(id);
    // Another may have been proposed at that index since, in a later term.
    if (this.#byIndex.get(proposal.index) === id) this.#byIndex.delete(proposal.index);
    this.bytes -= proposal.bytes;
    this.#host.bytes -= proposal.bytes;
    proposal.onDecided?.();
    return proposal;
  }

  #finishRead(id: number, read: Read): void {
    this.#reads.delete(id);
    read.resolve(read.index);
  }

  #endTransfers(
    fate: (transfer: {to: number; deadlineMs: number}) => 'done' | 'open' | DbError,
  ): void {
    if (this.#transfers.length === 0) return;
    this.#transfers = this.#transfers.filter((transfer) => {
      const outcome = fate(transfer);
      if (outcome === 'done') transfer.resolve();
      else if (outcome !== 'open') transfer.reject(outcome);
      return outcome === 'open';
    });
  }
}
