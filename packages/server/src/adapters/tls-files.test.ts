import {copyFileSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import type {Log} from '@flotilla/base';
import {makeCertificates, VirtualClock} from '@flotilla/testkit';
import {afterEach, beforeEach, expect, test} from 'vitest';
import {TlsFiles} from './tls-files.ts';

let directory: string;
let clock: VirtualClock;
let lines: string[];
const log = {
  debug: () => undefined,
  info: (_: unknown, line: string) => lines.push(line),
  warn: (_: unknown, line: string) => lines.push(line),
  error: (_: unknown, line: string) => lines.push(line),
} as unknown as Log;

const at = (file: string): string => path.join(directory, file);
const paths = () => ({cert: at('node1.crt'), key: at('node1.key'), ca: at('ca.crt')});

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'flotilla-tls-'));
  clock = new VirtualClock(Date.now());
  lines = [];
});
afterEach(() => rmSync(directory, {recursive: true, force: true}));

test('a pair that is replaced one file after the other is taken once both are there', async () => {
  await makeCertificates(directory, ['node1', 'node2']);
  const files = new TlsFiles(paths(), clock, log);
  const before = files.current;
  const taken: unknown[] = [];
  files.onRenewed((material) => taken.push(material));
  files.start();
  await clock.advance(3_000);
  expect([taken.length, files.current]).toEqual([0, before]);

  renameSync(at('node2.key'), at('node1.key'));
  await clock.advance(2_000);
  expect([taken.length, files.current]).toEqual([0, before]);
  expect(lines.at(-1)).toMatch(/cannot be used yet/);

  renameSync(at('node2.crt'), at('node1.crt'));
  await clock.advance(2_000);
  expect(taken).toEqual([files.current]);
  expect(files.current.cert.equals(before.cert)).toBe(false);
  expect(lines.at(-1)).toMatch(/took the renewed/);

  files.stop();
  copyFileSync(at('ca.crt'), at('ca2.crt'));
  renameSync(at('ca2.crt'), at('ca.crt'));
  await clock.advance(5_000);
  expect(taken.length).toBe(1);
});

test('what cannot be used at the start is told with the flags', async () => {
  expect(() => new TlsFiles(paths(), clock, log)).toThrow(/--tls-cert.*ENOENT.*cert --help/);
  await makeCertificates(directory, ['node1']);
  writeFileSync(at('node1.crt'), 'no certificate');
  expect(() => new TlsFiles(paths(), clock, log)).toThrow(/--tls-cert/);
});

test('a certificate that ends soon is told of', async () => {
  await makeCertificates(directory, ['node1'], {days: 3});
  const files = new TlsFiles(paths(), clock, log);
  files.start();
  files.stop();
  expect(lines).toEqual([expect.stringMatching(/ends soon/)]);
});

test('authorities that are written in place, or away for a while, leave the node with those it has', async () => {
  await makeCertificates(directory, ['node1']);
  const files = new TlsFiles(paths(), clock, log);
  files.start();
  const before = files.current;
  const text = readFileSync(at('ca.crt'));
  writeFileSync(at('ca.crt'), '');
  await clock.advance(3_000);
  expect(files.current).toBe(before);
  expect(lines.splice(0)).toEqual([expect.stringMatching(/cannot be used yet/)]);
  rmSync(at('ca.crt'));
  await clock.advance(5_000);
  expect(lines.splice(0)).toEqual([expect.stringMatching(/cannot be used yet/)]);
  writeFileSync(at('ca.crt'), text);
  await clock.advance(2_000);
  files.stop();
  expect(lines).toEqual([expect.stringMatching(/took the renewed/)]);
  writeFileSync(at('ca.crt'), '');
  expect(() => new TlsFiles(paths(), clock, log)).toThrow(/ca\.crt holds no certificate/);
});

test('a certificate that no other node would take is none, unless clients know its authority', async () => {
  await makeCertificates(directory, ['node1']);
  const foreign = at('foreign');
  await makeCertificates(foreign, ['node1']);
  const ca = path.join(foreign, 'ca.crt');
  expect(() => new TlsFiles({...paths(), ca}, clock, log)).toThrow(
    /node1\.crt is not of an authority in .*ca\.crt: no other node would take it/,
  );
  const alone = new TlsFiles({...paths(), ca, isAnyAuthority: true}, clock, log);
  expect(alone.current.authorityExpiresAtMs).toBeGreaterThan(clock.wallMs());
  // While the authority is changed, both are there.
  const both = at('both.crt');
  writeFileSync(both, Buffer.concat([readFileSync(ca), readFileSync(at('ca.crt'))]));
  const changing = new TlsFiles({...paths(), ca: both}, clock, log);
  expect(changing.current.authorityExpiresAtMs).toBeGreaterThan(changing.current.expiresAtMs);
  changing.start();
  writeFileSync(both, readFileSync(ca));
  await clock.advance(2_000);
  changing.stop();
  expect(lines).toEqual([expect.stringMatching(/cannot be used yet/)]);
});

test('an authority that ends soon is told of', async () => {
  await makeCertificates(directory, ['node1'], {days: 30});
  const {authorityExpiresAtMs} = new TlsFiles(paths(), clock, log).current;
  const late = new VirtualClock(authorityExpiresAtMs - 86_400_000);
  const files = new TlsFiles(paths(), late, log);
  files.start();
  files.stop();
  expect(lines).toEqual([
    expect.stringMatching(/certificate of this node ends soon/),
    expect.stringMatching(/authority of the certificate ends soon/),
  ]);
});
