// What other nodes say of this one's earlier lives, in their first greeting of this one: it is held against
// the stores of every engine thread, and only when the last of them has answered may the other node hear of
// newer records (NodeLiveness.vetted). A thread that finds an old image gives no answer: the node ends, as it
// does where another knows a later start of it.
//
// Records are held against the stores of the first greeting only: beats of this life follow that, so what
// the other remembers later may be of this life, which opened below it. Lives are at every one: a life that
// this directory never led was led by a copy of it, before or beside this one, whatever the records say.
// Then every store of every thread is disowned, and only when the last has said so is that life settled.

import {assert, type NodeId} from '@flotilla/base';
import type {OwnLife} from '../adapters/own-lives.ts';
import type {KnownLife} from '../connections/hello.ts';

export interface FirstGreetingsPorts {
  readonly bootEpoch: number;
  /** Whether this directory led it, or its loss is settled. */
  readonly hasLife: (life: OwnLife) => boolean;
  /** Asked each time: there are none before the node has started. */
  readonly threads: () => number;
  /** Each thread holds the records against its stores, and `answered` is called, or `foundOldImage`. */
  readonly ask: (node: NodeId, records: KnownLife['records']) => void;
  /** Each thread disowns all its stores, above these records too, and `disowned` is called. */
  readonly disown: (records: KnownLife['records']) => void;
  readonly onVetted: (node: NodeId) => void;
  readonly onOldImage: (reason: string) => void;
}

export class FirstGreetings {
  readonly #ports: FirstGreetingsPorts;
  /** Of each node that greeted this life: threads that have not answered yet. */
  readonly #left = new Map<NodeId, number>();
  #knownEpoch = 0;
  #isOldImage = false;
  /** Of other copies of the directory, as others told. */
  readonly #foreign: OwnLife[] = [];
  /** Threads that have not disowned all their stores yet, once they have to. */
  #disowning: number | undefined;

  constructor(ports: FirstGreetingsPorts) {
    this.#ports = ports;
  }

  /** The latest start of this node that others have seen. */
  get knownEpoch(): number {
    return this.#knownEpoch;
  }

  /** Lives of other copies of the directory, that are settled when the node ends. */
  get foreignLives(): readonly OwnLife[] {
    return this.#disowning === 0 ? this.#foreign : [];
  }

  hasMet(node: NodeId): boolean {
    return this.#left.has(node);
  }

  /** Nobody is once the node is known to be an old image: it ends. */
  isVetted(node: NodeId): boolean {
    return !this.#isOldImage && this.#left.get(node) === 0;
  }

  /** @param known absent: the other never met this node. */
  greeted(node: NodeId, known: KnownLife | undefined): void {
    if (known?.life !== undefined) {
      const life = {epoch: known.bootEpoch, life: known.life};
      if (!this.#ports.hasLife(life)) return this.#meetCopy(life, known);
    }
    if (this.hasMet(node)) return;
    const {bootEpoch, threads, ask} = this.#ports;
    if (known === undefined) {
      this.#left.set(node, 0);
      return this.#vet(node);
    }
    this.#left.set(node, threads());
    this.#knownEpoch = Math.max(this.#knownEpoch, known.bootEpoch);
    ask(node, known.records);
    if (known.bootEpoch > bootEpoch) this.#end(`node ${node} knows a later start of it`);
  }

  /** One thread found nothing missing. */
  answered(node: NodeId): void {
    const left = (this.#left.get(node) ?? 0) - 1;
    assert(left >= 0, () => `nobody was asked about node ${node}`);
    this.#left.set(node, left);
    if (left === 0) this.#vet(node);
  }

  /** Not in a life that is to end: nobody is to remember it. */
  #vet(node: NodeId): void {
    if (!this.#isOldImage) this.#ports.onVetted(node);
  }

  /** One thread found records missing, and its log says so durably now. */
  foundOldImage(): void {
    this.#end('other nodes know records of its stores that are not there');
  }

  /** A thread has disowned all its stores, durably. */
  disowned(): void {
    assert(this.#disowning !== undefined && this.#disowning > 0, 'nobody was to disown its stores');
    this.#disowning -= 1;
    if (this.#disowning === 0)
      this.#end('another copy of it was started as this node, which others remember');
  }

  #meetCopy(life: OwnLife, {bootEpoch, records}: KnownLife): void {
    this.#foreign.push(life);
    this.#knownEpoch = Math.max(this.#knownEpoch, bootEpoch);
    this.#isOldImage = true;
    if (this.#disowning !== undefined) return;
    this.#disowning = this.#ports.threads();
    this.#ports.disown(records);
  }

  #end(reason: string): void {
    this.#isOldImage = true;
    this.#ports.onOldImage(reason);
  }
}
