// How two nodes begin every stream: each sends a random number, then each proves over both numbers
// that it knows the cluster's join secret. The proof covers the message that comes with it, the kind
// of the stream and the side that speaks, so none can be used twice, elsewhere or in reverse.
//
//   dialer    {protocol, nonce}              acceptor
//             {protocol, nonce}
//             proof (32 bytes), body                     a hello, or a question
//             proof, body                                the hello in return, or the answer, which
//                                                        may come in several messages
//
// What follows is not authenticated: this keeps strangers out, not those who can change what is on
// the wire between two nodes.

import {randomBytes} from 'node:crypto';
import type {JoinSecret} from './join-secret.ts';

/** Raised when greetings, frames or calls change so that an older node would misread them. */
export const PROTOCOL = 2;

const NONCE_BYTES = 16;
const PROOF_BYTES = 32;
/** What is longer is no greeting. */
const OPENING_BYTES_MAX = 256;

export const SECRETS_DIFFER =
  'the join secrets differ: all nodes of a cluster need the same --join-secret-file';

export type Side = 'dialer' | 'acceptor';

export type GreetingStep =
  /** The other side's number is there: this side may prove. */
  | {readonly type: 'opened'}
  | {readonly type: 'proven'; readonly body: Uint8Array}
  | {readonly type: 'refused'; readonly reason: string; readonly isWrongProof: boolean};

export interface GreetingOptions {
  readonly secret: JoinSecret;
  readonly side: Side;
  /** The kind of stream. */
  readonly purpose: string;
}

/** One side of one stream's beginning. Without timers and sockets: the stream's owner passes messages. */
export class Greeting {
  readonly side: Side;
  readonly #secret: JoinSecret;
  readonly #purpose: string;
  readonly #nonce = randomBytes(NONCE_BYTES);
  #other: Buffer | undefined;

  constructor({secret, side, purpose}: GreetingOptions) {
    this.side = side;
    this.#secret = secret;
    this.#purpose = purpose;
  }

  /** The first message of this side. The acceptor sends it once the dialer's has come. */
  opening(): Buffer {
    return Buffer.from(JSON.stringify({protocol: PROTOCOL, nonce: this.#nonce.toString('hex')}));
  }

  /** The second message of this side. Requires 'opened'. */
  prove(body: Uint8Array): Buffer {
    return Buffer.concat([this.#secret.prove(this.#covered(this.side, body)), body]);
  }

  /** Takes the first and the second message of the other side. */
  receive(message: Uint8Array): GreetingStep {
    return this.#other === undefined ? this.#open(message) : this.#verify(message);
  }

  #open(message: Uint8Array): GreetingStep {
    const opening = parseOpening(message);
    if (opening === undefined) return refused('the first message is no greeting');
    if (opening.protocol !== PROTOCOL) {
      const versions = `the dialing node speaks protocol ${opening.protocol}, this one ${PROTOCOL}`;
      return refused(
        this.side === 'acceptor' ? versions : versions.replace('dialing', 'accepting'),
      );
    }
    this.#other = Buffer.from(opening.nonce, 'hex');
    return {type: 'opened'};
  }

  #verify(message: Uint8Array): GreetingStep {
    const body = message.subarray(PROOF_BYTES);
    const other = this.side === 'dialer' ? 'acceptor' : 'dialer';
    const isRight = this.#secret.isProof(
      message.subarray(0, PROOF_BYTES),
      this.#covered(other, body),
    );
    if (!isRight) return {type: 'refused', reason: SECRETS_DIFFER, isWrongProof: true};
    return {type: 'proven', body};
  }

  #covered(side: Side, body: Uint8Array): (string | Uint8Array)[] {
    const other = this.#other!;
    const nonces = this.side === 'dialer' ? [this.#nonce, other] : [other, this.#nonce];
    return ['flotilla', side, this.#purpose, ...nonces, body];
  }
}

function refused(reason: string): GreetingStep {
  return {type: 'refused', reason, isWrongProof: false};
}

function parseOpening(message: Uint8Array): {protocol: number; nonce: string} | undefined {
  if (message.byteLength > OPENING_BYTES_MAX) return undefined;
  let parsed: Record<string, unknown> | null;
  try {
    parsed = JSON.parse(Buffer.from(message).toString('utf8'));
  } catch {
    return undefined;
  }
  const {protocol, nonce} = parsed ?? {};
  if (!Number.isSafeInteger(protocol)) return undefined;
  // Of another protocol the number alone is known.
  if (protocol !== PROTOCOL) return {protocol: protocol as number, nonce: ''};
  if (typeof nonce !== 'string' || !/^[0-9a-f]{32}$/.test(nonce)) return undefined;
  return {protocol, nonce};
}
