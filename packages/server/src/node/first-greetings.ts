// What other nodes say of this one's earlier lives, in their first greeting of this one: it is held against
// the stores of every engine thread, and only when the last of them has answered may the other node hear of
// newer records (NodeLiveness.vetted). A thread that finds an old image gives no answer: the node ends, as it
// does where another knows a later start of it.
//
// Only of the first greeting: beats of this life follow that, so what the other remembers later may be of
// this life, which opened below it.

import {assert, type NodeId} from '@flotilla/base';
import type {KnownLife} from '../connections/hello.ts';

export interface FirstGreetingsPorts {
  readonly bootEpoch: number;
  /** Asked each time: there are none before the node has started. */
  readonly threads: () => number;
  /** Each thread holds the records against its stores, and `answered` is called, or `foundOldImage`. */
  readonly ask: (node: NodeId, records: KnownLife['records']) => void;
  readonly onVetted: (node: NodeId) => void;
  readonly onOldImage: (reason: string) => void;
}

export class FirstGreetings {
  readonly #ports: FirstGreetingsPorts;
  /** Of each node that greeted this life: threads that have not answered yet. */
  readonly #left = new Map<NodeId, number>();
  #knownEpoch = 0;
  #isOldImage = false;

  constructor(ports: FirstGreetingsPorts) {
    this.#ports = ports;
  }

  /** The latest start of this node that others have seen. */
  get knownEpoch(): number {
    return this.#knownEpoch;
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
    if (this.hasMet(node)) return;
    const {bootEpoch, threads, ask, onVetted} = this.#ports;
    if (known === undefined) {
      this.#left.set(node, 0);
      return onVetted(node);
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
    if (left === 0) this.#ports.onVetted(node);
  }

  /** One thread found records missing, and its log says so durably now. */
  foundOldImage(): void {
    this.#end('other nodes know records of its stores that are not there');
  }

  #end(reason: string): void {
    this.#isOldImage = true;
    this.#ports.onOldImage(reason);
  }
}
