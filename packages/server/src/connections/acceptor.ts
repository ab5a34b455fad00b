// Takes in the streams that nodes with smaller ids open here, once they have proven that they know the
// join secret, pairs a node's control stream with its bulk stream by their hellos, and answers both once
// both are there.
//
// Invariant: at most one session or pairing per node; the later attempt of a node replaces what an
// earlier one left (its dialer gave that up before, though the news may still be on the way), and an
// attempt older than what stands is refused.

import type {Channel, Clock, NodeId, Timer} from '@flotilla/base';
import {type AcceptedStream, refuseStream} from './accepted-stream.ts';
import type {Visit} from './admission.ts';
import {ChannelStream} from './channel-stream.ts';
import {areOtherLives, checkHello, encodeHello, type Hello, isNewer, type Self} from './hello.ts';
import {NodeSession, type SessionEvents} from './node-session.ts';

/** As long as the dialer waits; a stream that says nothing (no node of ours) ends with it. */
const HELLO_TIMEOUT_MS = 3_000;

interface Entrant {
  readonly channel: Channel;
  readonly stream: ChannelStream;
  readonly timer: Timer;
  isProven: boolean;
  pairing: Pairing | undefined;
}

/** One attempt of a node: first one stream, then both, and then a session. */
interface Pairing {
  readonly hello: Hello;
  readonly entrants: Map<Channel, Entrant>;
  session: NodeSession | undefined;
  ended: boolean;
}

export interface AcceptorOptions {
  readonly self: Self;
  readonly clock: Clock;
  readonly events: SessionEvents;
  /** Why a node is not taken in although its hello is right; undefined if it is. */
  readonly refusal: (hello: Hello) => string | undefined;
}

export class Acceptor {
  readonly #options: AcceptorOptions;
  readonly #pairings = new Map<NodeId, Pairing>();
  readonly #entrants = new Set<Entrant>();

  constructor(options: AcceptorOptions) {
    this.#options = options;
  }

  accept(channel: Channel, accepted: AcceptedStream, visit: Visit): ChannelStream {
    const end = (reason: string) => refuseStream(accepted, reason);
    const {greeting} = visit;
    const stream = new ChannelStream(
      {stream: accepted, end, greeting},
      {
        onHello: (message) => {
          visit.proven();
          entrant.isProven = true;
          this.#greet(entrant, message);
        },
        onFrame: (frame) => {
          const session = entrant.pairing?.session;
          if (session !== undefined) this.#options.events.onFrame(session, channel, frame);
          else stream.close('a frame before both hellos were answered');
        },
        onClose: (reason, isWrongProof) => {
          visit.ended(reason, isWrongProof);
          this.#leave(entrant, reason);
        },
      },
    );
    const timer = this.#options.clock.setTimer(HELLO_TIMEOUT_MS, () => {
      stream.close('no hello on both streams');
    });
    const entrant: Entrant = {channel, stream, timer, isProven: false, pairing: undefined};
    this.#entrants.add(entrant);
    return stream;
  }

  close(reason: string): void {
    for (const entrant of this.#entrants) entrant.stream.close(reason);
  }

  /** Ends what the node has here. */
  drop(node: NodeId, reason: string): void {
    const pairing = this.#pairings.get(node);
    if (pairing !== undefined) this.#end(pairing, reason);
  }

  #greet(entrant: Entrant, message: Uint8Array): void {
    const hello = this.#check(message);
    if (typeof hello === 'string') {
      entrant.stream.close(hello);
      return;
    }
    const pairing = this.#pairingOf(hello);
    if (pairing === undefined || pairing.entrants.has(entrant.channel)) {
      entrant.stream.close('a later attempt of this node stands');
      return;
    }
    pairing.entrants.set(entrant.channel, entrant);
    entrant.pairing = pairing;
    this.#maybeBegin(pairing);
  }

  #check(message: Uint8Array): Hello | string {
    const {self, refusal} = this.#options;
    const hello = checkHello(self, message);
    if (typeof hello === 'string') return hello;
    if (hello.from > self.node) {
      return `node ${self.node} dials node ${hello.from}, not the other way round`;
    }
    return refusal(hello) ?? hello;
  }

  /** The pairing that a hello belongs to; undefined if a newer one stands. */
  #pairingOf(hello: Hello): Pairing | undefined {
    const current = this.#pairings.get(hello.from);
    // Copies count their attempts each for itself; the one that stands is dead, or `refusal` had spoken.
    const isCopy =
      current?.hello.bootEpoch === hello.bootEpoch && areOtherLives(current.hello, hello);
    if (current !== undefined && !isCopy) {
      if (isNewer(current.hello, hello)) return undefined;
      if (!isNewer(hello, current.hello)) return current;
    }
    if (current !== undefined) this.#end(current, 'a later attempt of this node came');
    const pairing: Pairing = {hello, entrants: new Map(), session: undefined, ended: false};
    this.#pairings.set(hello.from, pairing);
    return pairing;
  }

  #maybeBegin(pairing: Pairing): void {
    const control = pairing.entrants.get('control');
    const bulk = pairing.entrants.get('bulk');
    if (control === undefined || bulk === undefined) return;
    const {hello} = pairing;
    for (const {stream, timer} of [control, bulk]) {
      timer.cancel();
      stream.sendHello(encodeHello(this.#options.self, hello.from, hello.session));
    }
    pairing.session = new NodeSession(hello, control.stream, bulk.stream);
    this.#options.events.onSession(pairing.session);
  }

  #leave(entrant: Entrant, reason: string): void {
    entrant.timer.cancel();
    this.#entrants.delete(entrant);
    if (entrant.pairing !== undefined) this.#end(entrant.pairing, reason);
    // Of the others the visit tells.
    else if (entrant.isProven) this.#options.events.onEnd(undefined, reason);
  }

  #end(pairing: Pairing, reason: string): void {
    if (pairing.ended) return;
    pairing.ended = true;
    if (this.#pairings.get(pairing.hello.from) === pairing) {
      this.#pairings.delete(pairing.hello.from);
    }
    for (const {stream} of pairing.entrants.values()) stream.close(reason);
    this.#options.events.onEnd(pairing.session, reason);
  }
}
