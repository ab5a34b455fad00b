// Who asks for /admin/v1, or for a statement that changes the cluster: whoever holds one of the
// cluster's tokens. Where the cluster has none yet, anyone may on a node that only its own machine or
// friends can reach; elsewhere nobody may.
//
// Invariant: the answer depends on this node's copy of the catalog alone, so it does not wait for meta,
// and a revoked token ends as soon as that copy knows of it.

import type {Token} from '@flotilla/catalog';
import {HOW_TO_MAKE_A_TOKEN, hashOfToken, isSameHash} from './token-hash.ts';

/** Plain data: it goes to engine threads with a statement. */
export type Caller =
  /** No token is asked for. */
  | {readonly type: 'anyone'}
  | {readonly type: 'administrator'; readonly name: string}
  | {
      readonly type: 'stranger';
      /** UNAVAILABLE: whether the cluster asks for a token is not known yet. */
      readonly code: 'UNAUTHENTICATED' | 'FORBIDDEN' | 'UNAVAILABLE';
      readonly message: string;
    };

export interface AdminDoorOptions {
  /** Of this node's copy of the catalog; undefined while there is none. */
  readonly tokens: () => Iterable<Pick<Token, 'name' | 'hash'>> | undefined;
  /** Of --admin-token-file: it counts until the catalog has a token. */
  readonly firstHash: string | undefined;
  /** Beyond loopback and not told that it is insecure: without tokens nobody gets in. */
  readonly isClosedWithoutTokens: boolean;
}

const HOW_TO_SEND_ONE =
  'send one as `Authorization: Bearer <token>` (./flotilla: --token-file or FLOTILLA_TOKEN)';

const MISSING: Caller = {
  type: 'stranger',
  code: 'UNAUTHENTICATED',
  message: `this needs a token of the cluster: ${HOW_TO_SEND_ONE}`,
};
const WRONG: Caller = {
  type: 'stranger',
  code: 'UNAUTHENTICATED',
  message: `no token of this cluster, or a revoked one: ${HOW_TO_SEND_ONE}; ./flotilla token list shows which there are`,
};
const CLOSED: Caller = {
  type: 'stranger',
  code: 'FORBIDDEN',
  message: `the cluster has no token yet, and this node listens beyond loopback: ${HOW_TO_MAKE_A_TOKEN} at the start of a node, or start it with --insecure`,
};
const UNKNOWN: Caller = {
  type: 'stranger',
  code: 'UNAVAILABLE',
  message:
    'this node does not know yet which tokens the cluster has; /ready says what it waits for',
};

export class AdminDoor {
  readonly #options: AdminDoorOptions;

  constructor(options: AdminDoorOptions) {
    this.#options = options;
  }

  /** @param authorization the header: `Bearer x`, or `Token x` as InfluxDB's clients write it. */
  callerOf(authorization: string | undefined): Caller {
    const known = this.#known();
    if (known === undefined) return UNKNOWN;
    if (known.length === 0) return this.#options.isClosedWithoutTokens ? CLOSED : {type: 'anyone'};
    const given = /^(?:Bearer|Token) +(\S+) *$/i.exec(authorization ?? '')?.[1];
    if (given === undefined) return MISSING;
    const hash = hashOfToken(given);
    // All of them, so that the time tells nothing of which one it was.
    const [token] = known.filter((one) => isSameHash(one.hash, hash));
    return token === undefined ? WRONG : {type: 'administrator', name: token.name};
  }

  #known(): Pick<Token, 'name' | 'hash'>[] | undefined {
    const told = this.#options.tokens();
    if (told === undefined) return undefined;
    const tokens = [...told];
    const {firstHash} = this.#options;
    if (tokens.length > 0 || firstHash === undefined) return tokens;
    return [{name: 'admin', hash: firstHash}];
  }
}
