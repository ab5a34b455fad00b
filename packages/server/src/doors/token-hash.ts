// What is kept of a token instead of itself. Tokens are random and long, so one round of SHA-256 is as
// good as many: there is nothing to guess.

import {createHash, timingSafeEqual} from 'node:crypto';

/** What cannot be guessed in any time has more; below it a person made it up. */
export const TOKEN_CHARACTERS_MIN = 32;
/** A file that is longer is not the one that was meant. */
const TOKEN_CHARACTERS_MAX = 1_024;

export const HOW_TO_MAKE_A_TOKEN =
  'make one with `openssl rand -hex 32 > token` and give it with --admin-token-file';

export function hashOfToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/** In a time that says nothing of either. */
export function isSameHash(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one, 'hex'), Buffer.from(other, 'hex')];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Why the text of a file cannot be a token; undefined if it can. White space around it does not count. */
export function whyNoToken(text: string): string | undefined {
  const token = text.trim();
  if (!/^[\x21-\x7e]*$/.test(token)) return 'an admin token is one word of printable characters';
  const {length} = token;
  if (length >= TOKEN_CHARACTERS_MIN && length <= TOKEN_CHARACTERS_MAX) return undefined;
  return `an admin token has ${TOKEN_CHARACTERS_MIN} to ${TOKEN_CHARACTERS_MAX} characters, this one ${length}: ${HOW_TO_MAKE_A_TOKEN}`;
}
