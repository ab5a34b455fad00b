// Which of the authorities that a node trusts its own certificate is of: the others take it by that one, and
// when that one ends, so does all that it signed.

import {X509Certificate} from 'node:crypto';

/** Of certificates that sign each other in a ring there is no end; real chains have three. */
const CHAIN_MAX = 8;

const PEM = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** All in the file, in their order. Throws for one that is none. */
export function certificatesOf(pem: Buffer): X509Certificate[] {
  return [...pem.toString('latin1').matchAll(PEM)].map(([text]) => new X509Certificate(text));
}

/**
 * @param chain its own first; those that lead from it to the authority may follow.
 * @returns undefined: none of them leads there.
 */
export function authorityOf(
  chain: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
): X509Certificate | undefined {
  let [current] = chain;
  for (let i = 0; i < CHAIN_MAX && current !== undefined; i++) {
    const signed = current;
    const authority = authorities.find((one) => isSigner(one, signed));
    if (authority !== undefined) return authority;
    current = chain.find((one) => one !== signed && isSigner(one, signed));
  }
  return undefined;
}

function isSigner(one: X509Certificate, signed: X509Certificate): boolean {
  return signed.checkIssued(one) && signed.verify(one.publicKey);
}
