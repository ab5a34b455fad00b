import {execFileSync, spawnSync} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {authorityOf, certificatesOf} from './own-authority.ts';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

describe.skipIf(!hasOpenssl)('the authority of a certificate (wants openssl)', () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'flotilla-authority-'));
  const at = (file: string): string => path.join(directory, file);
  const openssl = (...args: string[]): void =>
    void execFileSync('openssl', args, {cwd: directory, stdio: 'ignore'});
  const readOf = (...names: string[]) =>
    certificatesOf(Buffer.concat(names.map((name) => readFileSync(at(`${name}.crt`)))));

  /** Signed by another, or by itself. */
  function make(name: string, isAuthority: boolean, by?: string): void {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    const made = ['-keyout', `${name}.key`, '-subj', `/CN=${name}`];
    const constraints = `basicConstraints=critical,CA:${isAuthority ? 'TRUE' : 'FALSE'}`;
    if (by === undefined)
      return openssl(
        ...['req', '-x509', ...key, ...made, '-out', `${name}.crt`],
        ...['-days', '30', '-addext', constraints],
      );
    openssl('req', '-new', ...key, ...made, '-out', `${name}.csr`);
    writeFileSync(at(`${name}.ext`), `${constraints}\n`);
    openssl(
      ...['x509', '-req', '-in', `${name}.csr`, '-CA', `${by}.crt`, '-CAkey', `${by}.key`],
      ...['-CAcreateserial', '-days', '30', '-extfile', `${name}.ext`, '-out', `${name}.crt`],
    );
  }

  beforeAll(() => {
    make('root', true);
    make('other', true);
    make('between', true, 'root');
    make('direct', false, 'root');
    make('far', false, 'between');
  }, 30_000);
  afterAll(() => rmSync(directory, {recursive: true, force: true}));

  test('is the one that signed it, or that signed who did', () => {
    const trusted = readOf('other', 'root');
    const subject = (...chain: string[]) => authorityOf(readOf(...chain), trusted)?.subject;
    expect(subject('direct')).toBe('CN=root');
    expect(subject('far', 'between')).toBe('CN=root');
    // Nothing leads there.
    expect(subject('far')).toBeUndefined();
    expect(authorityOf(readOf('direct'), readOf('other'))).toBeUndefined();
    // One that is trusted itself.
    expect(subject('other')).toBe('CN=other');
  });

  test('a file holds as many as it has', () => {
    expect(certificatesOf(Buffer.from('nothing'))).toEqual([]);
    expect(readOf('root', 'other')).toHaveLength(2);
    const torn = Buffer.from('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
    expect(() => certificatesOf(torn)).toThrow();
  });
});
