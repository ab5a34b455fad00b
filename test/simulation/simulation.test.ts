// Goal: no law of Raft or of the hosts is broken, no acknowledged write is lost or doubled, registers are
// linearizable, and a cluster left in peace comes to rest, under all kinds of faults. Method: a few seeds
// of packages/simulator; the fixed corpus runs by `npm run sim -- --corpus`, a seed by `--seed`.

import {spawn} from 'node:child_process';
import {once} from 'node:events';
import path from 'node:path';
import {runSimulatorCommand, Simulation, simulate} from '@flotilla/simulator';
import {expect, test} from 'vitest';

const SIZE = {nodes: 5, groups: 10, steps: 12_000};

/** Of the runs under faults. */
const hashes = new Set<string>();

test.each([1, 2, 3, 4])(
  'a cluster under faults keeps the laws, SEED=%i',
  async (seed) => {
    const run = await new Simulation({seed, ...SIZE}).run();
    const {violations, committed, elections, coverage} = run;
    hashes.add(run.hash);
    expect(violations).toEqual([]);
    // A simulation in which nothing happens proves nothing.
    expect(committed).toBeGreaterThan(10);
    expect(elections).toBeGreaterThan(5);
    expect(coverage['hibernation']).toMatchObject({
      'asleep when their leader died': expect.any(Number),
    });
  },
  120_000,
);

test('the product further up keeps the laws too, and the same seed is the same run', async () => {
  const size = {nodes: 4, groups: 8, steps: 15_000};
  const options = {workload: 'cluster', seed: 24, ...size, orders: true} as const;
  const first = await simulate({...options, trace: true});
  expect(first.violations).toEqual([]);
  expect(first.operations.ok).toBeGreaterThan(40);
  const second = await simulate({...options, trace: true});
  expect(second.hash).toBe(first.hash);
  expect(second.trace).toEqual(first.trace);
}, 120_000);

test('threads stand still, stores fail one by one and move to other threads, and the laws hold', async () => {
  const only = ['kill', 'diskError', 'stalledThread'] as const;
  const options = {seed: 3, nodes: 4, groups: 8, steps: 40_000, threads: 3, only};
  const {violations, coverage, faults} = await new Simulation(options).run();
  expect(violations).toEqual([]);
  expect(faults['stalledThread']).toBeGreaterThan(5);
  expect(coverage['threads']).toMatchObject({
    'processes with 1': expect.any(Number),
    'processes with 2': expect.any(Number),
    'processes with 3': expect.any(Number),
    'stores moved to another': expect.any(Number),
    'sets taken over from a stalled one': expect.any(Number),
    'told of as stalled': expect.any(Number),
  });
  expect(coverage['stores']).toMatchObject({'failed beside others': expect.any(Number)});
}, 120_000);

test('the same seed is the same run, byte for byte, and keeping its text changes nothing of it', async () => {
  const run = (trace: boolean) => new Simulation({seed: 11, ...SIZE, trace}).run();
  const first = await run(true);
  const second = await run(true);
  expect(second.hash).toBe(first.hash);
  expect(second.trace).toEqual(first.trace);
  expect(first.trace.length).toBeGreaterThan(1_000);
  expect((await run(false)).hash).toBe(first.hash);
  expect(hashes.has(first.hash), 'other seeds are other runs').toBe(false);
}, 120_000);

test('the command line prints what a run was as JSON', async () => {
  const printed: string[] = [];
  const args = ['--seed', '5', '--nodes', '3', '--groups', '4', '--steps', '8000', '--json'];
  const told: string[] = [];
  const printers = {
    out: (text: string) => printed.push(text),
    err: (text: string) => told.push(text),
  };
  expect(await runSimulatorCommand(args, printers)).toBe(0);
  expect(told).toEqual([]);
  const report = JSON.parse(printed.join('')) as Record<string, unknown>;
  expect(report).toMatchObject({seed: 5, violations: []});
  expect(Object.keys(report)).toEqual(
    expect.arrayContaining(['steps', 'simulatedSeconds', 'wallSeconds', 'elections', 'committed']),
  );
  expect(report['faults']).toMatchObject({kill: expect.any(Number), split: expect.any(Number)});
  // Each message, each step of members, and each two kinds of faults that overlapped.
  expect(report['coverage']).toMatchObject({
    messages: {append: expect.any(Number), timeoutNow: expect.any(Number)},
    members: {'add-learner': expect.any(Number), transfer: expect.any(Number)},
    pairs: {'kill + reset': expect.any(Number), 'split + split': expect.any(Number)},
  });
}, 120_000);

test('many runs give one JSON too, and tell how they get on beside it', async () => {
  const printed: string[] = [];
  const args = ['--minutes', '0.01', '--seed', '5', '--workload', 'hosts', '--json'];
  const printers = {out: (text: string) => printed.push(text), err: () => undefined};
  expect(await runSimulatorCommand(args, printers)).toBe(0);
  const report = JSON.parse(printed.join('')) as Record<string, unknown>;
  expect(report).toMatchObject({seeds: {first: 5}, violated: []});
  expect(report['steps']).toBeGreaterThan(0);
}, 120_000);

test('the command line says how it is used, and refuses half a node', async () => {
  const run = async (...args: string[]) => {
    const printed = {out: '', err: ''};
    const code = await runSimulatorCommand(args, {
      out: (text) => {
        printed.out += text;
      },
      err: (text) => {
        printed.err += text;
      },
    });
    return {code, ...printed};
  };
  expect(await run('--help')).toMatchObject({
    code: 0,
    err: '',
    out: expect.stringMatching(/^usage: npm run sim/),
  });
  for (const name of ['seed', 'nodes', 'groups', 'steps']) {
    const {code, err} = await run(`--${name}`, '2.5');
    expect(code).toBe(64);
    expect(err).toContain(`--${name} must be a whole number above 0\n`);
  }
});

test('the command line ends quietly when nobody reads on, as with `| head`', async () => {
  const main = path.resolve(import.meta.dirname, '../../packages/simulator/src/main.ts');
  const args = ['--seed', '5', '--nodes', '3', '--groups', '4', '--steps', '3000', '--trace'];
  const child = spawn(process.execPath, [main, ...args], {stdio: ['ignore', 'pipe', 'pipe']});
  let told = '';
  child.stderr.on('data', (piece: Buffer) => {
    told += piece.toString();
  });
  child.stdout.once('data', () => child.stdout.destroy());
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  expect({told, code, signal}).toEqual({told: '', code: 0, signal: null});
}, 60_000);
