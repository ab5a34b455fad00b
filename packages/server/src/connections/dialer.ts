// Dials one node with a greater id, again and again while it is wanted. One attempt opens both
// channels, each over a gRPC client (and so a TCP connection) of its own, and greets on both.
//
// The other side answers only when both hellos have come, so the first answer on either stream says
// that both stand; frames may follow on one stream before the answer on the other, and are taken.

import type {Channel, Clock, NodeId, Random, Timer} from '@flotilla/base';
import type {TlsSource} from '../adapters/index.ts';
import {ChannelStream} from './channel-stream.ts';
import {Greeting} from './greeting.ts';
import {checkHello, encodeHello, type Hello, type Self} from './hello.ts';
import type {JoinSecret} from './join-secret.ts';
import {createNodeClient, NODE_SERVICE} from './node-service.ts';
import {NodeSession, type SessionEvents} from './node-session.ts';

/** A restarted process listens again within some 100 ms; a dead host is asked once a second. */
const BACKOFF_MS_MIN = 50;
const BACKOFF_MS_MAX = 1_000;
/** Connecting and greeting; several round trips of the slowest network, and a stalled node's turn. */
const HELLO_TIMEOUT_MS = 3_000;

export interface DialerOptions {
  readonly self: Self;
  readonly secret: JoinSecret;
  /** Undefined: nothing is encrypted. What it holds counts from the next attempt on. */
  readonly tls?: TlsSource | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: SessionEvents;
}

/** Counts attempts of this process, so that a later one is known as such by the other side. */
let lastSession = 0;

export class Dialer {
  readonly node: NodeId;
  readonly #options: DialerOptions;
  #address: string;
  #attempt: DialAttempt | undefined;
  #failures = 0;
  #retry: Timer | undefined;
  #stopped = false;

  constructor(node: NodeId, address: string, options: DialerOptions) {
    this.node = node;
    this.#address = address;
    this.#options = options;
    this.#dial();
  }

  /** Counts from the next attempt on; a session that stands goes on. */
  set address(address: string) {
    this.#address = address;
  }

  stop(reason: string): void {
    this.#stopped = true;
    this.#retry?.cancel();
    this.#attempt?.close(reason);
  }

  #dial(): void {
    const {clock, events} = this.#options;
    const place = {node: this.node, address: this.#address};
    const attempt = new DialAttempt(place, this.#options, {
      onSession: (session) => {
        this.#failures = 0;
        timer.cancel();
        events.onSession(session);
      },
      onEnd: (session, reason) => {
        timer.cancel();
        events.onEnd(session, reason);
        this.#dialLater();
      },
      onFrame: events.onFrame,
    });
    const timer = clock.setTimer(HELLO_TIMEOUT_MS, () => attempt.close('no answer to the hello'));
    this.#attempt = attempt;
  }

  #dialLater(): void {
    if (this.#stopped) return;
    const {clock, random} = this.#options;
    const ceilingMs = Math.min(
      BACKOFF_MS_MAX,
      BACKOFF_MS_MIN * 2 ** Math.min(this.#failures++, 10),
    );
    // Half of it at random, so that the nodes of a cluster do not call a restarted one in step.
    this.#retry = clock.setTimer(ceilingMs * (0.5 + random.next() / 2), () => this.#dial());
  }
}

class DialAttempt {
  readonly #self: Self;
  readonly #node: NodeId;
  readonly #events: SessionEvents;
  readonly #control: ChannelStream;
  readonly #bulk: ChannelStream;
  #session: NodeSession | undefined;
  #ended = false;

  constructor(
    {node, address}: {readonly node: NodeId; readonly address: string},
    {self, secret, tls}: DialerOptions,
    events: SessionEvents,
  ) {
    this.#node = node;
    this.#self = self;
    this.#events = events;
    const session = ++lastSession;
    const open = (channel: Channel): ChannelStream => {
      const greeting = new Greeting({secret, side: 'dialer', purpose: channel});
      const stream = this.#open({channel, address, tls}, greeting, () =>
        stream.sendHello(encodeHello(self, node, session)),
      );
      return stream;
    };
    this.#control = open('control');
    this.#bulk = open('bulk');
  }

  close(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#control.close(reason);
    this.#bulk.close(reason);
    this.#events.onEnd(this.#session, reason);
  }

  #open(
    {
      channel,
      address,
      tls,
    }: {
      readonly channel: Channel;
      readonly address: string;
      readonly tls: TlsSource | undefined;
    },
    greeting: Greeting,
    onOpened: () => void,
  ): ChannelStream {
    const client = createNodeClient(address, tls);
    const {path, requestSerialize, responseDeserialize} = NODE_SERVICE[channel];
    const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    const end = () => {
      stream.cancel();
      client.close();
    };
    return new ChannelStream(
      {stream, end, greeting},
      {
        onOpened,
        onHello: (message) => this.#greet(message),
        onFrame: (frame) => {
          if (this.#session !== undefined) this.#events.onFrame(this.#session, channel, frame);
        },
        onClose: (reason) => this.close(reason),
      },
    );
  }

  #greet(message: Uint8Array): void {
    const hello = this.#check(message);
    if (typeof hello === 'string') this.close(hello);
    else if (this.#session === undefined) {
      this.#session = new NodeSession(hello, this.#control, this.#bulk);
      this.#events.onSession(this.#session);
    }
  }

  #check(message: Uint8Array): Hello | string {
    const hello = checkHello(this.#self, message);
    if (typeof hello === 'string' || hello.from === this.#node) return hello;
    return `node ${hello.from} answers at the address of node ${this.#node}`;
  }
}
