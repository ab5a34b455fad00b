// The mutations do not rot: each one still finds its place in the code, the page names them all, and
// some that are caught within seconds are caught.

import {spawnSync} from 'node:child_process';
import {existsSync, readFileSync} from 'node:fs';
import path from 'node:path';
import {expect, test} from 'vitest';
import {MUTATIONS} from './mutations/catalogue.ts';
import {mutate, mutatedSource, ROOT} from './mutations/mutation.ts';
import {PAGE, rowsOf} from './mutations/page.ts';

test('each mutation finds its text once, and changes it', () => {
  for (const mutation of MUTATIONS) {
    const before = readFileSync(path.join(ROOT, mutation.file), 'utf8');
    expect(mutatedSource(mutation), mutation.id).not.toBe(before);
    for (const suite of mutation.suites ?? [])
      expect(existsSync(path.join(ROOT, suite)), `${mutation.id}: ${suite}`).toBe(true);
  }
  expect(new Set(MUTATIONS.map(({id}) => id)).size).toBe(MUTATIONS.length);
});

test('a mutation whose text is gone, or stands twice, is an error', () => {
  const mutation = {...MUTATIONS[0]!, find: 'a', replace: 'b'};
  expect(() => mutate('ccc', mutation)).toThrow('stands 0 times');
  expect(() => mutate('aca', mutation)).toThrow('stands 2 times');
  expect(mutate('cac', mutation)).toBe('cbc');
});

test('docs/mutations.md names each mutation, and nobody misses one; else run `npm run mutations`', () => {
  const rows = rowsOf(readFileSync(PAGE, 'utf8'));
  expect([...rows.keys()]).toEqual(MUTATIONS.map(({id}) => id));
  expect([...rows].filter(([, cells]) => cells[3] === 'nobody')).toEqual([]);
});

test.each([
  ['truncate-on-any-append', 'scenarios'],
  ['vote-told-before-durable', 'seeds'],
  ['joint-commit-as-one-majority', 'scenarios'],
  ['session-ids-ignored', 'scenarios'],
  ['two-changes-in-flight', 'seeds'],
  ['old-term-committed-by-counting', 'seeds'],
  ['never-checks-its-quorum', 'seeds'],
  ['transfer-never-given-up', 'seeds'],
  ['', 'scenarios'],
])(
  '%s is caught by the %s of the core',
  (id, part) => {
    const args = ['--import', './tools/mutations/load-hook.ts', 'tools/mutations/core-run.ts'];
    const {stdout, stderr} = spawnSync(process.execPath, [...args, part, '20'], {
      cwd: ROOT,
      encoding: 'utf8',
      env: {...process.env, FLOTILLA_MUTATION: id},
    });
    expect(stderr).toBe('');
    const {caughtBy} = JSON.parse(stdout) as {caughtBy?: string};
    expect(caughtBy === undefined).toBe(id === '');
  },
  60_000,
);

test('a seed that breaks a law tells how to run it again, and what came before', () => {
  const run = (args: readonly string[]) =>
    spawnSync(
      process.execPath,
      ['--import', './tools/mutations/load-hook.ts', 'packages/simulator/src/main.ts', ...args],
      {
        cwd: ROOT,
        encoding: 'utf8',
        env: {...process.env, FLOTILLA_MUTATION: 'idempotency-keys-forgotten'},
      },
    );
  const args = '--seed 2 --nodes 3 --groups 2 --steps 6000';
  const {stdout, status} = run([...args.split(' '), '--only', 'kill']);
  expect(status).toBe(1);
  const broken = /^seed 2 (broke "at most once" at .*)$/m.exec(stdout)?.[1];
  expect(broken).toBeDefined();
  expect(stdout).toContain(`again: npm run sim -- ${args} --only kill\n`);
  expect(stdout).toContain(`shortest: npm run sim -- ${args} --only none\nit ${broken}\n`);
  const again = run([...args.split(' '), '--only', 'none']);
  expect(again.stdout).toContain(`seed 2 ${broken}`);
  const {ms, set} = /at (?<ms>[\d.]+) ms, set (?<set>\d+)/.exec(broken!)!.groups!;
  const lines = stdout.slice(stdout.indexOf('before that:\n')).trimEnd().split('\n').slice(1);
  expect(lines.length).toBeGreaterThan(10);
  for (const line of lines) {
    expect(Number.parseFloat(line)).toBeLessThanOrEqual(Number(ms) + 0.1);
    expect(line).toMatch(new RegExp(`world|node \\d+: |node \\d+ set ${set}: `));
  }
}, 60_000);

test('a set that sleeps on after its leader died in peace, asked by nobody, is found by the simulator', () => {
  const args = '--seed 4 --nodes 4 --groups 8 --steps 3000 --only none --json'.split(' ');
  const hook = ['--import', './tools/mutations/load-hook.ts', 'packages/simulator/src/main.ts'];
  const run = (mutation: string) => {
    const env = {...process.env, FLOTILLA_MUTATION: mutation};
    const {stdout} = spawnSync(process.execPath, [...hook, ...args], {
      cwd: ROOT,
      encoding: 'utf8',
      env,
    });
    return JSON.parse(stdout) as {violations: readonly {law: string; message: string}[]};
  };
  expect(run('').violations).toEqual([]);
  const [first] = run('sleeping-group-never-woken').violations;
  expect(first).toMatchObject({
    law: 'liveness',
    message: expect.stringContaining('nobody leads it'),
  });
}, 120_000);

test.each([
  [['--help'], 0, /^usage: npm run mutations/],
  [['--only', 'nothing'], 64, /^no mutation is named nothing\nusage: /],
  [['--jobs', 'x'], 64, /^--jobs must be a whole number above 0\n/],
  [['--fast'], 64, /^Unknown option '--fast'/],
])('the command line %j is answered in words', (args, code, words) => {
  const main = ['tools/mutations/main.ts', ...args];
  const {status, stdout, stderr} = spawnSync(process.execPath, main, {cwd: ROOT, encoding: 'utf8'});
  expect(code === 0 ? stdout : stderr).toMatch(words);
  expect(status).toBe(code);
});
