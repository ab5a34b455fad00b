// The secret that all nodes of a cluster share, and the proofs made with it. It never leaves the
// process: what goes over the wire is an HMAC-SHA256 of what both sides have said.

import {createHmac, randomBytes, timingSafeEqual} from 'node:crypto';

/** Half of what the recommended command makes: below it guessing comes into reach. */
const CHARACTERS_MIN = 16;
/** A file that is longer is not the one that was meant. */
const CHARACTERS_MAX = 1_024;

export const HOW_TO_MAKE_A_SECRET =
  'make one with `openssl rand -hex 32 > secret` and give the same file to every node ' +
  'with --join-secret-file (or its content in FLOTILLA_JOIN_SECRET)';

export class JoinSecret {
  readonly #key: string;

  /** Requires what `whyNoSecret` has no objection to; white space around it does not count. */
  constructor(text: string) {
    this.#key = text.trim();
  }

  /** One that no other process has. */
  static random(): JoinSecret {
    return new JoinSecret(randomBytes(32).toString('hex'));
  }

  /** Each part goes in with its length, so that no two lists of parts are the same bytes. */
  prove(parts: readonly (string | Uint8Array)[]): Buffer {
    const hmac = createHmac('sha256', this.#key);
    for (const part of parts) {
      const bytes = typeof part === 'string' ? Buffer.from(part) : part;
      const length = Buffer.alloc(4);
      length.writeUInt32LE(bytes.byteLength);
      hmac.update(length).update(bytes);
    }
    return hmac.digest();
  }

  isProof(proof: Uint8Array, parts: readonly (string | Uint8Array)[]): boolean {
    const right = this.prove(parts);
    return proof.byteLength === right.byteLength && timingSafeEqual(proof, right);
  }
}

/** Why the text cannot be a join secret; undefined if it can. */
export function whyNoSecret(text: string): string | undefined {
  const {length} = text.trim();
  if (length === 0) return `the join secret is empty: ${HOW_TO_MAKE_A_SECRET}`;
  if (length < CHARACTERS_MIN || length > CHARACTERS_MAX)
    return `a join secret has ${CHARACTERS_MIN} to ${CHARACTERS_MAX} characters, this one ${length}: ${HOW_TO_MAKE_A_SECRET}`;
  return undefined;
}
