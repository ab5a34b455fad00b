// What a leader knows of one member, and what it may send it now (etcd/raft's tracker, thesis 10.2.1).
//   probe     the member's log is not known to match: one append at a time, awaiting the answer
//   replicate it matches: appends stream ahead, within a window of messages and bytes
//   snapshot  what it needs was compacted: nothing is appended until it reports back
// Laws: match < next; match never goes back within a session; match is durable at the member.

export type ProgressState = 'probe' | 'replicate' | 'snapshot';

/** What was sent and not acknowledged: last index and bytes of each append, ascending. */
export class Inflights {
  #sent: {index: number; bytes: number}[] = [];
  #bytes = 0;

  get count(): number {
    return this.#sent.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(index: number, bytes: number): void {
    this.#sent.push({index, bytes});
    this.#bytes += bytes;
  }

  /** Acknowledged up to `index`, inclusive. */
  free(index: number): void {
    let count = 0;
    while (count < this.#sent.length && this.#sent[count]!.index <= index) {
      this.#bytes -= this.#sent[count]!.bytes;
      count++;
    }
    if (count > 0) this.#sent.splice(0, count);
  }

  clear(): void {
    this.#sent = [];
    this.#bytes = 0;
  }
}

export class Progress {
  /** Echoed by replies; a new one for each time the member is taken on. */
  readonly session: number;
  match = 0;
  next: number;
  state: ProgressState = 'probe';
  /** Nothing is sent until a reply comes. */
  paused = false;
  /** An append is due even if it holds no entry. */
  probeDue = true;
  /** Highest commit index sent with an append that may have arrived. */
  sentCommit = 0;
  /** The member's own commit index, as last heard. */
  knownCommit = 0;
  /** Heard from since the last check of the quorum. A new member has not had its chance to speak. */
  recentlyActive = true;
  reachable: boolean;
  /** Replies to rounds after this one show that an unreachable member is back. */
  unreachableSinceRound = 0;
  /** Highest heartbeat round acknowledged. */
  ackedRound = 0;
  /** In state snapshot: index of the snapshot on its way, 0 while the host makes one. */
  pendingSnapshot = 0;
  /** In state snapshot without one on its way: ticks until the host is asked for one, again or at last. */
  snapshotAskTicks = 0;
  /** Transfers that failed one after the other, with nothing better heard of the member meanwhile. */
  snapshotFailures = 0;
  /** First index of a log read under way, 0 if none. */
  readingFrom = 0;
  readonly inflights = new Inflights();

  constructor(options: {session: number; next: number; reachable: boolean}) {
    this.session = options.session;
    this.next = options.next;
    this.reachable = options.reachable;
  }

  becomeProbe(): void {
    this.#enter('probe', this.#probeFrom());
    this.sentCommit = Math.min(this.sentCommit, this.next - 1);
  }

  #probeFrom(): number {
    switch (this.state) {
      // What was guessed of its log is no worse for it; its beginning may be compacted.
      case 'probe':
        return this.next;
      case 'replicate':
        return this.match + 1;
      // One that may have arrived spares the entries it covers.
      case 'snapshot':
        return Math.max(this.match, this.pendingSnapshot) + 1;
    }
  }

  /** The leader's own, which is sent nothing and acknowledged by its disk. */
  becomeOwn(stableIndex: number): void {
    this.match = stableIndex;
    this.becomeReplicate();
  }

  becomeReplicate(): void {
    this.snapshotFailures = 0;
    this.#enter('replicate', this.match + 1);
  }

  becomeSnapshot(): void {
    this.#enter('snapshot', this.next);
    this.pendingSnapshot = 0;
  }

  #enter(state: ProgressState, next: number): void {
    this.state = state;
    this.next = next;
    this.paused = false;
    this.readingFrom = 0;
    this.inflights.clear();
  }

  /** An accepted append. True if it taught something. */
  matchTo(index: number): boolean {
    if (index <= this.match) return false;
    this.match = index;
    this.next = Math.max(this.next, index + 1);
    return true;
  }

  /**
   * A refused append at `prevIndex` `rejected`; `hint` is where the logs may agree. False if the
   * answer is to an append that is no longer the current one.
   */
  retreat(rejected: number, hint: number): boolean {
    if (this.state === 'replicate') {
      if (rejected <= this.match) return false;
      this.becomeProbe();
      this.probeDue = true;
      return true;
    }
    if (this.state === 'snapshot' || this.next - 1 !== rejected) return false;
    this.next = Math.max(Math.min(rejected, hint + 1), this.match + 1);
    this.paused = false;
    this.probeDue = true;
    return true;
  }
}
