// The law of manual failover: a replica that is set to it stands for election only where an operator
// ordered it or its leader handed over, and it knows that after any crash. Whether it is set is counted
// here from what the host answered, not from what the core says.

import type {ObservedGroup} from '@flotilla/multiraft';
import type {FailoverMode, Message, Output} from '@flotilla/raft';

type Role = NonNullable<Output['role']>['role'];

export class FailoverLaw {
  readonly #fail: (set: number, message: string) => void;
  /** By replica, what is durable for certain; a change under way leaves none. */
  readonly #modes = new Map<number, FailoverMode>();
  /** By replica: changes under way. The first may end when the second has begun. */
  readonly #changes = new Map<number, number>();
  readonly #roles = new Map<number, Role>();
  /**
   * Ordered to stand, and did not yet; true: while it stood by an order before, the end of which may be
   * told behind this one.
   */
  readonly #ordered = new Map<number, boolean>();
  /** By replica: the last term whose leader handed over to it. */
  readonly #handedOver = new Map<number, number>();

  constructor(fail: (set: number, message: string) => void) {
    this.#fail = fail;
  }

  changing(replica: number): void {
    this.#modes.delete(replica);
    this.#changes.set(replica, (this.#changes.get(replica) ?? 0) + 1);
  }

  changed(replica: number, mode: FailoverMode): void {
    const left = this.#changes.get(replica)! - 1;
    this.#changes.set(replica, left);
    if (left === 0) this.#modes.set(replica, mode);
  }

  ordered(replica: number): void {
    this.#ordered.set(replica, (this.#roles.get(replica) ?? 'follower') !== 'follower');
  }

  /** @param isImage its disk is an old one: what it forgot it may have forgotten. */
  opened({set, replica, raft}: ObservedGroup, isImage: boolean): void {
    const {failover, role} = raft.status();
    const known = this.#modes.get(replica);
    if (known !== undefined && known !== failover && !isImage)
      this.#fail(set, `replica ${replica} was set to ${known} failover and opens as ${failover}`);
    this.#modes.set(replica, failover);
    this.#changes.delete(replica);
    this.#roles.set(replica, role);
    this.#ordered.delete(replica);
  }

  took({set, replica}: ObservedGroup, {role: now}: Output): void {
    if (now === undefined) return;
    const before = this.#roles.get(replica) ?? 'follower';
    this.#roles.set(replica, now.role);
    if (now.role === 'follower')
      if (this.#ordered.get(replica) === true) this.#ordered.set(replica, false);
      else this.#ordered.delete(replica);
    if (before !== 'follower' || now.role === 'follower') return;
    const wasHandedOver = this.#handedOver.get(replica) === now.term - 1;
    if (this.#ordered.delete(replica) || wasHandedOver) return;
    if (this.#modes.get(replica) === 'manual')
      this.#fail(set, `${replica} is ${now.role} of term ${now.term}, and nobody ordered it`);
  }

  sent({type, to, term}: Message): void {
    if (type === 'timeoutNow') this.#handedOver.set(to, term);
  }
}
