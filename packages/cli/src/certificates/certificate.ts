// X.509 certificates of version 3 (RFC 5280), as far as a cluster needs them: an authority of its own,
// and what that signs for nodes and clients. Keys are of the curve P-256, signatures ECDSA with SHA-256:
// what every TLS library takes.

import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto';
import {isIP} from 'node:net';
import {
  bitString,
  contentOf,
  integer,
  objectId,
  octetString,
  partsOf,
  sequence,
  set,
  tagged,
  time,
  utf8,
  yes,
} from './der.ts';

const OID = {
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  commonName: '2.5.4.3',
  subjectKeyId: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyId: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
} as const;

/** Tags of a context: a version, extensions, names of a subject, the key of an authority. */
const VERSION = 0xa0;
const EXTENSIONS = 0xa3;
const DNS_NAME = 0x82;
const IP_ADDRESS = 0x87;
const KEY_ID = 0x80;
const VERSION_3 = 2;

/** A point of P-256 at the end of its public key, by which the key is named. */
const POINT_BYTES = 65;
/** At most 20 bytes (RFC 5280, 4.1.2.2); so many are never drawn twice. */
const SERIAL_BYTES = 16;
/** Clocks of two machines may differ; so much earlier it counts. */
const EARLIER_MS = 10 * 60_000;
const DAY_MS = 86_400_000;
/** Where the subject stands in what is signed: after version, serial, algorithm, issuer and validity. */
const SUBJECT_AT = 5;

export interface CertificateRequest {
  /** A node answers others and asks them; a client only asks. */
  readonly role: 'authority' | 'node' | 'client';
  readonly name: string;
  /** Names and IP addresses by which it is reached. */
  readonly hosts: readonly string[];
  readonly days: number;
  readonly nowMs: number;
}

export interface Authority {
  readonly certificate: X509Certificate;
  readonly key: KeyObject;
}

/** Both PEM. */
export interface Issued {
  readonly certificate: string;
  readonly key: string;
}

/** Throws where the two do not belong together, or are no authority. */
export function readAuthority(certificatePem: string, keyPem: string): Authority {
  const certificate = new X509Certificate(certificatePem);
  const key = createPrivateKey(keyPem);
  if (!certificate.ca) throw new Error('its certificate is not that of an authority');
  if (!certificate.checkPrivateKey(key)) throw new Error('its certificate and key do not match');
  if (key.asymmetricKeyType !== 'ec')
    throw new Error('its key is not of an elliptic curve, as those of `cert ca` are');
  return {certificate, key};
}

/** @param authority absent: it signs itself. */
export function issueCertificate(request: CertificateRequest, authority?: Authority): Issued {
  const {publicKey, privateKey} = generateKeyPairSync('ec', {namedCurve: 'P-256'});
  const {name, days, nowMs} = request;
  const algorithm = sequence(objectId(OID.ecdsaWithSha256));
  const subject = sequence(set(sequence(objectId(OID.commonName), utf8(name))));
  const body = sequence(
    tagged(VERSION, integer(Buffer.of(VERSION_3))),
    integer(serialNumber()),
    algorithm,
    authority === undefined ? subject : subjectOf(authority.certificate),
    sequence(time(new Date(nowMs - EARLIER_MS)), time(new Date(nowMs + days * DAY_MS))),
    subject,
    spkiOf(publicKey),
    tagged(EXTENSIONS, sequence(...extensionsOf(request, publicKey, authority))),
  );
  const signature = sign('sha256', body, authority?.key ?? privateKey);
  const der = sequence(body, algorithm, bitString(signature));
  return {
    certificate: new X509Certificate(der).toString(),
    key: privateKey.export({type: 'pkcs8', format: 'pem'}).toString(),
  };
}

function extensionsOf(
  {role, hosts}: CertificateRequest,
  publicKey: KeyObject,
  authority: Authority | undefined,
): Buffer[] {
  const issuer = authority === undefined ? keyId(publicKey) : keyIdOf(authority.certificate);
  const identity = [
    extension(OID.subjectKeyId, octetString(keyId(publicKey))),
    ...(issuer === undefined
      ? []
      : [extension(OID.authorityKeyId, sequence(tagged(KEY_ID, issuer)))]),
  ];
  if (role === 'authority') {
    return [
      critical(OID.basicConstraints, sequence(yes())),
      critical(OID.keyUsage, bitString(Buffer.of(0b0000_0110), 1)), // It signs certificates and lists.
      ...identity,
    ];
  }
  const uses = role === 'node' ? [OID.serverAuth, OID.clientAuth] : [OID.clientAuth];
  const names = hosts.map(hostName);
  return [
    critical(OID.basicConstraints, sequence()),
    critical(OID.keyUsage, bitString(Buffer.of(0b1000_0000), 7)), // It signs greetings.
    extension(OID.extendedKeyUsage, sequence(...uses.map(objectId))),
    ...(names.length === 0 ? [] : [extension(OID.subjectAltName, sequence(...names))]),
    ...identity,
  ];
}

function extension(oid: string, value: Uint8Array): Buffer {
  return sequence(objectId(oid), octetString(value));
}

/** Whoever does not know it refuses the certificate. */
function critical(oid: string, value: Uint8Array): Buffer {
  return sequence(objectId(oid), yes(), octetString(value));
}

function hostName(host: string): Buffer {
  return isIP(host) === 0
    ? tagged(DNS_NAME, Buffer.from(host, 'ascii'))
    : tagged(IP_ADDRESS, addressBytes(host));
}

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  // The URL parser writes an address of IPv6 in its one short form, without digits of IPv4.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const words = (text = ''): number[] =>
    text === '' ? [] : text.split(':').map((word) => Number.parseInt(word, 16));
  const [first, last] = [words(head), words(tail)];
  const zeros = Array.from({length: 8 - first.length - last.length}, () => 0);
  const bytes = Buffer.alloc(16);
  for (const [i, word] of [...first, ...zeros, ...last].entries()) bytes.writeUInt16BE(word, i * 2);
  return bytes;
}

/** Positive, and of full length. */
function serialNumber(): Buffer {
  const bytes = randomBytes(SERIAL_BYTES);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes;
}

function spkiOf(key: KeyObject): Buffer {
  return key.export({type: 'spki', format: 'der'});
}

/** The first way of RFC 5280, 4.2.1.2, as OpenSSL has it too. */
function keyId(key: KeyObject): Buffer {
  return createHash('sha1').update(spkiOf(key).subarray(-POINT_BYTES)).digest();
}

/** As it names its own key, in whatever way: a certificate that names another for its issuer is refused. */
function keyIdOf(certificate: X509Certificate): Uint8Array | undefined {
  const extensions = partsOf(partsOf(certificate.raw)[0]!).find(([tag]) => tag === EXTENSIONS);
  if (extensions === undefined) return undefined;
  const wanted = objectId(OID.subjectKeyId);
  for (const each of partsOf(partsOf(extensions)[0]!)) {
    const parts = partsOf(each);
    // An octet string in which the value is encoded, which is one itself.
    if (wanted.equals(parts[0]!)) return contentOf(contentOf(parts.at(-1)!));
  }
  return undefined;
}

/** As it stands there: an issuer is found by equal bytes. */
function subjectOf(certificate: X509Certificate): Uint8Array {
  return partsOf(partsOf(certificate.raw)[0]!)[SUBJECT_AT]!;
}
