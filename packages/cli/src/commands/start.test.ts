import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {expect, it} from 'vitest';
import {
  explainDirectory,
  explainStrangeAddress,
  explainTakenPort,
  readJoinSecret,
  renderHints,
} from './start.ts';

it('names the taken port and the flag', () => {
  const taken = Object.assign(new Error('listen'), {code: 'EADDRINUSE', port: 8902});
  const told = (error: unknown, way: 'start' | 'npm' | 'dev') =>
    String(explainTakenPort(error, '127.0.0.1:8902', way));
  expect(told(taken, 'start')).toMatch(
    /port 8902 \(HTTP\) is taken: .* with --listen 127\.0\.0\.1:8912$/,
  );
  expect(told(taken, 'npm')).toMatch(/ with npm start -- --listen 127\.0\.0\.1:8912$/);
  expect(told(taken, 'dev')).toMatch(/ with the --port of \.\/flotilla dev$/);
  const wrapped = new Error('cannot start', {cause: {code: 'EADDRINUSE', port: 8903}});
  expect(told(wrapped, 'start')).toMatch(/port 8903 \(gRPC/);
  const other = new Error('other');
  expect(explainTakenPort(other, '127.0.0.1:8902', 'start')).toBe(other);
});

it('names the flags where the machine has no such address', () => {
  const failure = new Error('none of 1: [listen EADDRNOTAVAIL: not available 10.9.9.9:8903]');
  expect(String(explainStrangeAddress(failure, '10.9.9.9:8902'))).toMatch(
    /cannot listen on 10\.9\.9\.9:8902: this machine has no such address; .*--listen.*--advertise/,
  );
  const other = new Error('other');
  expect(explainStrangeAddress(other, '10.9.9.9:8902')).toBe(other);
});

it('names the data directory and the flag where the system refuses it', () => {
  const refused = (path: string) =>
    Object.assign(new Error(`EACCES: permission denied, open '${path}'`), {code: 'EACCES', path});
  expect(String(explainDirectory(refused('/d/data/lock'), '/d/data'))).toMatch(
    /cannot use the data directory \/d\/data: EACCES.*\/d\/data\/lock.* with --data$/,
  );
  expect(String(explainDirectory(refused('/d/data'), '/d/data'))).toMatch(/--data$/);
  const elsewhere = refused('/d/data-2');
  expect(explainDirectory(elsewhere, '/d/data')).toBe(elsewhere);
});

it('takes the join secret from the file before the environment, and says how to make one', () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'flotilla-secret-'));
  const file = path.join(directory, 'secret');
  const env = {FLOTILLA_JOIN_SECRET: 'from the environment'};
  expect(() => readJoinSecret(file, env)).toThrow(
    `--join-secret-file: cannot read the secret: ENOENT`,
  );
  expect(() => readJoinSecret(file, env)).toThrow(`openssl rand -hex 32 > ${file}`);
  writeFileSync(file, 'from the file');
  expect(readJoinSecret(file, env)).toBe('from the file');
  expect(readJoinSecret(undefined, env)).toBe('from the environment');
  expect(readJoinSecret(undefined, {FLOTILLA_JOIN_SECRET: ''})).toBeUndefined();
  rmSync(directory, {recursive: true});
});

it('shows a write and a read that can be pasted', () => {
  const lines = renderHints('http://127.0.0.1:8902').split('\n');
  expect(lines.filter((line) => line.includes("curl 'http://127.0.0.1:8902/api/v1/")).length).toBe(
    2,
  );
});
