// Goal: what is issued is taken by a TLS library as what it says it is, and by nobody as more. Method:
// node:crypto reads it back, and node:tls greets with it.

import {spawnSync} from 'node:child_process';
import {createPrivateKey, X509Certificate} from 'node:crypto';
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import type {AddressInfo} from 'node:net';
import {tmpdir} from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import {describe, expect, test} from 'vitest';
import {type CertificateRequest, issueCertificate, readAuthority} from './certificate.ts';

const HOSTS = ['db1.example', '10.0.0.1', '::1', '2001:db8::8a2e:370:7334', '127.0.0.1'];
const nowMs = Date.now();
const request = (fields: Partial<CertificateRequest>): CertificateRequest => ({
  role: 'node',
  name: 'node1',
  hosts: HOSTS,
  days: 365,
  nowMs,
  ...fields,
});

const ca = issueCertificate(
  request({role: 'authority', name: 'Flotilla', hosts: [], days: 20_000}),
);
const authority = readAuthority(ca.certificate, ca.key);
const node = issueCertificate(request({}), authority);
const client = issueCertificate(request({role: 'client', name: 'telegraf', hosts: []}), authority);

describe('what is issued', () => {
  const read = new X509Certificate(node.certificate);

  test('is signed by the authority, which signed itself', () => {
    expect(authority.certificate.verify(authority.certificate.publicKey)).toBe(true);
    expect(authority.certificate.checkIssued(authority.certificate)).toBe(true);
    expect(read.verify(authority.certificate.publicKey)).toBe(true);
    expect(read.checkIssued(authority.certificate)).toBe(true);
    expect(read.checkPrivateKey(createPrivateKey(node.key))).toBe(true);
  });

  test('is an authority only where that was asked for', () => {
    expect(authority.certificate.ca).toBe(true);
    expect(read.ca).toBe(false);
    expect(() => readAuthority(node.certificate, node.key)).toThrow(/not that of an authority/);
    expect(() => readAuthority(ca.certificate, node.key)).toThrow(/do not match/);
  });

  test('names the hosts and no others', () => {
    for (const host of HOSTS)
      expect(tls.checkServerIdentity(host, read.toLegacyObject()), host).toBeUndefined();
    for (const host of ['db2.example', '10.0.0.2', '::2'])
      expect(tls.checkServerIdentity(host, read.toLegacyObject()), host).toBeInstanceOf(Error);
  });

  test('holds from a little before now for the days asked for, past the year 2050 too', () => {
    expect(Date.parse(read.validFrom)).toBeLessThan(nowMs);
    expect(Date.parse(read.validTo)).toBe(Math.floor(nowMs / 1000) * 1000 + 365 * 86_400_000);
    expect(new Date(authority.certificate.validTo).getUTCFullYear()).toBeGreaterThan(2050);
  });

  test('has a number of its own', () => {
    const numbers = [node, client, issueCertificate(request({}), authority)].map(
      ({certificate}) => new X509Certificate(certificate).serialNumber,
    );
    expect(new Set(numbers).size).toBe(3);
  });
});

/** Whether a client with `own` is let in by the node, which asks for certificates of the authority. */
async function greet(own: {certificate?: string; key?: string}, host: string): Promise<string> {
  const server = tls.createServer({
    cert: node.certificate,
    key: node.key,
    ca: ca.certificate,
    requestCert: true,
  });
  server.on('secureConnection', (socket) => socket.end('in'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const {port} = server.address() as AddressInfo;
  try {
    return await new Promise((resolve) => {
      const {certificate: cert, key} = own;
      const check = (_: string, peer: tls.PeerCertificate) => tls.checkServerIdentity(host, peer);
      const options = {port, host: '127.0.0.1', ca: ca.certificate, cert, key};
      const socket = tls.connect({...options, checkServerIdentity: check});
      socket.on('data', (bytes) => resolve(String(bytes)));
      socket.on('error', (error) => resolve(error.message));
      socket.on('close', () => resolve('closed'));
    });
  } finally {
    server.close();
  }
}

describe('a greeting', () => {
  const foreign = issueCertificate(request({role: 'authority', name: 'Flotilla', hosts: []}));
  const stranger = issueCertificate(request({}), readAuthority(foreign.certificate, foreign.key));

  test.each([
    ['a node', node, '10.0.0.1', /^in$/],
    ['a client', client, 'db1.example', /^in$/],
    ['nobody', {}, '10.0.0.1', /certificate required/],
    [
      'a stranger of an authority of the same name',
      stranger,
      '10.0.0.1',
      /unknown ca|closed|ECONNRESET/i,
    ],
    ['a node that asks for another', node, '10.0.0.2', /does not match/],
  ])('of %s', async (_, own, host, says) => {
    expect(await greet(own, host)).toMatch(says);
  });
});

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
if (!hasOpenssl) console.warn('authorities of others are not tested: there is no openssl');

describe.skipIf(!hasOpenssl)('an authority that another program made', () => {
  test.each([
    ['names its key in another way', 'prime256v1', '00112233445566778899'],
    ['has a key of another curve', 'secp384r1', 'hash'],
    ['does not name its key', 'prime256v1', 'none'],
  ])('%s: what it signs is taken', (_, curve, keyId) => {
    const directory = mkdtempSync(path.join(tmpdir(), 'flotilla-ca-'));
    const at = (file: string): string => path.join(directory, file);
    const asked = spawnSync('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', `ec_paramgen_curve:${curve}`, '-nodes'],
      ...['-keyout', at('ca.key'), '-out', at('ca.crt'), '-subj', '/CN=ours', '-days', '30'],
      ...['-addext', `subjectKeyIdentifier=${keyId}`],
      ...['-addext', 'authorityKeyIdentifier=none'],
    ]);
    expect([asked.status, String(asked.stderr)]).toEqual([0, expect.any(String)]);
    const read = (file: string): string => readFileSync(at(file), 'utf8');
    const ours = readAuthority(read('ca.crt'), read('ca.key'));
    writeFileSync(at('node.crt'), issueCertificate(request({}), ours).certificate);
    const verified = spawnSync('openssl', ['verify', '-CAfile', at('ca.crt'), at('node.crt')]);
    rmSync(directory, {recursive: true});
    expect(String(verified.stdout)).toContain('node.crt: OK');
  });
});
