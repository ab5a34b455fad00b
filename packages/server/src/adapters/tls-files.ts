// The certificate, key and authorities of this node, as files that somebody else renews. They are read
// anew when one of them changes; what does not fit together (one file of the pair is replaced before the
// other) is left alone until it does. Connections that stand keep what they were made with.

import {createPrivateKey, type X509Certificate} from 'node:crypto';
import {readFileSync, statSync} from 'node:fs';
import tls from 'node:tls';
import {type Clock, DbError, type Log, type Timer} from '@flotilla/base';
import {authorityOf, certificatesOf} from './own-authority.ts';

/** A renewal is months ahead of its need; three looks at files a second cost nothing. */
const LOOK_MS = 1_000;
/** Tools that renew do so a month ahead: whoever has so little left has none that works. */
const EXPIRY_WARNING_MS = 14 * 86_400_000;
/** A new authority has to reach every node and client before the old one ends. */
const AUTHORITY_WARNING_MS = 30 * 86_400_000;

export interface TlsPaths {
  readonly cert: string;
  readonly key: string;
  /** Whose certificates are taken, one or more. */
  readonly ca: string;
  /** Its own certificate may be of another authority, which clients know: such a node stands alone. */
  readonly isAnyAuthority?: boolean | undefined;
}

export interface TlsMaterial {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca: Buffer;
  /** Of this node's own certificate. */
  readonly expiresAtMs: number;
  /** Of the authority that it is of; of the first of all that are trusted where it is of none. */
  readonly authorityExpiresAtMs: number;
}

/** What a door needs to know: present files, and when they are others. */
export interface TlsSource {
  readonly current: TlsMaterial;
  onRenewed(listener: (material: TlsMaterial) => void): void;
}

export class TlsFiles implements TlsSource {
  readonly #paths: TlsPaths;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #listeners: ((material: TlsMaterial) => void)[] = [];
  #current: TlsMaterial;
  /** Of the files that were looked at last, whether they were taken or not. */
  #seen: string;
  /** Why the files cannot be looked at, as it was told last. */
  #fault: string | undefined;
  #timer: Timer | undefined;

  /** Throws INVALID_ARGUMENT with the flag to look at. */
  constructor(paths: TlsPaths, clock: Clock, log: Log) {
    this.#paths = paths;
    this.#clock = clock;
    this.#log = log;
    try {
      this.#seen = stampOf(paths);
      this.#current = readMaterial(paths);
    } catch (error) {
      const message = `cannot use the certificate of --tls-cert, --tls-key and --tls-ca: ${(error as Error).message} (./flotilla cert --help shows how to make one)`;
      throw new DbError('INVALID_ARGUMENT', message, {}, error);
    }
  }

  get current(): TlsMaterial {
    return this.#current;
  }

  onRenewed(listener: (material: TlsMaterial) => void): void {
    this.#listeners.push(listener);
  }

  start(): void {
    this.#warnOfExpiry();
    this.#lookLater();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #lookLater(): void {
    this.#timer = this.#clock.setTimer(LOOK_MS, () => {
      this.#look();
      this.#lookLater();
    });
  }

  #look(): void {
    try {
      const stamp = stampOf(this.#paths);
      this.#fault = undefined;
      if (stamp === this.#seen) return;
      this.#seen = stamp;
      this.#current = readMaterial(this.#paths);
    } catch (error) {
      const fault = (error as Error).message;
      // A file that is away is so at each look.
      if (fault !== this.#fault)
        this.#log.warn({err: error}, 'the certificate files changed and cannot be used yet');
      this.#fault = fault;
      return;
    }
    const until = new Date(this.#current.expiresAtMs).toISOString();
    this.#log.info({until}, 'took the renewed certificate');
    this.#warnOfExpiry();
    for (const listener of this.#listeners) listener(this.#current);
  }

  #warnOfExpiry(): void {
    const {expiresAtMs, authorityExpiresAtMs} = this.#current;
    const nowMs = this.#clock.wallMs();
    const timeOf = (ms: number): string => new Date(ms).toISOString();
    if (expiresAtMs - nowMs <= EXPIRY_WARNING_MS)
      this.#log.warn(
        {until: timeOf(expiresAtMs)},
        'the certificate of this node ends soon: renew it with flotilla cert',
      );
    if (authorityExpiresAtMs - nowMs <= AUTHORITY_WARNING_MS)
      this.#log.warn(
        {until: timeOf(authorityExpiresAtMs)},
        'the authority of the certificate ends soon, and all that it signed: make another (docs/security.md)',
      );
  }
}

/** Differs when a file is another one, as after a rename, or was written to. */
function stampOf({cert, key, ca}: TlsPaths): string {
  return [cert, key, ca]
    .map((file) => statSync(file))
    .map(({ino, size, mtimeMs}) => `${ino} ${size} ${mtimeMs}`)
    .join();
}

function readMaterial(paths: TlsPaths): TlsMaterial {
  const [cert, key, ca] = [paths.cert, paths.key, paths.ca].map((file) => readFileSync(file));
  const chain = certificatesOf(cert!);
  const [certificate] = chain;
  if (certificate === undefined) throw new Error(`${paths.cert} holds no certificate`);
  if (!certificate.checkPrivateKey(createPrivateKey(key!)))
    throw new Error(`${paths.cert} and ${paths.key} do not belong together`);
  const authorities = authoritiesOf(paths.ca, ca!);
  const own = authorityOf(chain, authorities);
  if (own === undefined && paths.isAnyAuthority !== true)
    throw new Error(
      `${paths.cert} is not of an authority in ${paths.ca}: no other node would take it; make it with that authority, or add its own to the file`,
    );
  // What OpenSSL does not take must not reach a listening socket.
  tls.createSecureContext({cert, key, ca});
  const ends = (own === undefined ? authorities : [own]).map(({validTo}) => Date.parse(validTo));
  const expiresAtMs = Date.parse(certificate.validTo);
  const authorityExpiresAtMs = Math.min(...ends);
  return {cert: cert!, key: key!, ca: ca!, expiresAtMs, authorityExpiresAtMs};
}

/** Without one OpenSSL says nothing, and nobody is let in: the file is being written, or another was meant. */
function authoritiesOf(file: string, bytes: Buffer): X509Certificate[] {
  try {
    const authorities = certificatesOf(bytes);
    if (authorities.length > 0) return authorities;
  } catch (error) {
    throw new Error(`${file} holds no certificate: ${(error as Error).message}`, {cause: error});
  }
  throw new Error(`${file} holds no certificate`);
}
