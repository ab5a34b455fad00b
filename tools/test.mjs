// `npm test`: type check, lint, layer check, unused code, and all tests. Each check counts as one
// test. The last line is `N passed, N failed` alone on a line; the exit code says the same.
// The longer suites in test/faults run where they are named (`npm test -- test/faults`, .ci/run).
// `--checks-only` leaves the tests out (`npm run check`); other arguments go to vitest.
//
// Tests of nodes wait for a tenth of the machine and more; the checks, and then the tests of `ports`
// (vitest.config.ts), compute all the while. So these run beside those and yield to them. A check is told as
// it ends, the tests that yield once all have ended.

import {spawn} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {NODE, ROOT} from './install.mjs';

const bin = (name) => path.join(ROOT, 'node_modules', '.bin', name);
const vitest = path.join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');

/** A tenth of what an ordinary process weighs: it fills what is idle, and goes on where nothing is. */
const YIELDING = ['nice', '-n', '10'];

const CHECKS = [
  {name: 'types', command: bin('tsc'), args: ['--noEmit']},
  {name: 'format and lint', command: bin('biome'), args: ['check', '--error-on-warnings']},
  {
    name: 'floating promises',
    command: bin('oxlint'),
    args: [
      '--type-aware',
      '-A',
      'all',
      '-D',
      'typescript/no-floating-promises',
      '--quiet',
      'packages',
      'bench',
      'test',
    ],
  },
  {
    name: 'layers',
    command: bin('depcruise'),
    args: ['--config', '.dependency-cruiser.cjs', 'packages', 'bench/src', 'test'],
  },
  {name: 'unused code', command: bin('knip'), args: ['--no-progress']},
];

/** What runs, each with what it has said if that is not told at once. */
const running = new Set();

/** Runs one command; its output is told at once with `live`, else by whoever asked for the run. */
function run(command, args, {live = false, yields = false, env = {}} = {}) {
  return new Promise((resolve) => {
    const words = yields ? [...YIELDING, command, ...args] : [command, ...args];
    const child = spawn(words[0], words.slice(1), {
      cwd: ROOT,
      stdio: live ? 'inherit' : ['ignore', 'pipe', 'pipe'],
      env: {...process.env, UV_THREADPOOL_SIZE: '16', ...env},
    });
    const one = {child, output: ''};
    running.add(one);
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text) => (one.output += text));
    const end = (ok) => {
      running.delete(one);
      resolve({ok, output: one.output});
    };
    child.on('error', (error) => {
      one.output += String(error);
      end(false);
    });
    // Not at its exit: what it said last may still be in the pipe.
    child.on('close', (code) => end(code === 0));
  });
}

/** Most keep one core busy: two at a time, like tests. The counts, and again which have failed. */
async function runChecks({yields = false} = {}) {
  const totals = {passed: 0, failed: 0, output: ''};
  const left = [...CHECKS];
  const lane = async () => {
    for (let check = left.shift(); check !== undefined; check = left.shift()) {
      const started = Date.now();
      const {ok, output} = await run(check.command, check.args, {yields});
      totals[ok ? 'passed' : 'failed'] += 1;
      const seconds = ((Date.now() - started) / 1000).toFixed(1);
      process.stdout.write(`${ok ? 'ok  ' : 'FAIL'} ${check.name} (${seconds} s)\n`);
      if (ok) continue;
      process.stdout.write(`${output}\n`);
      totals.output += `FAIL ${check.name}\n`;
    }
  };
  await Promise.all([lane(), lane()]);
  return totals;
}

/** The counts, and the output of tests that yield. */
async function runTests(args, {yields = false} = {}) {
  const directory = mkdtempSync(path.join(tmpdir(), 'flotilla-test-'));
  const countFile = path.join(directory, 'count.json');
  const {ok, output} = await run(NODE, [vitest, 'run', ...args], {
    live: !yields,
    yields,
    env: {FLOTILLA_TEST_COUNT: countFile},
  });
  try {
    const totals = JSON.parse(readFileSync(countFile, 'utf8'));
    if (!ok && totals.failed === 0) totals.failed = 1; // Vitest failed outside any test.
    return {...totals, output};
  } catch (error) {
    const why = `the test runner left no count: ${error.message}\n`;
    return {passed: 0, failed: 1, output: output + why};
  } finally {
    rmSync(directory, {recursive: true, force: true});
  }
}

/** All that `npm test` is without arguments. */
async function runAll() {
  const runYielding = async () => [
    await runChecks({yields: true}),
    // One worker: with those of the others and the nodes that they start it is enough.
    await runTests(['--project', 'ports', '--maxWorkers', '1'], {yields: true}),
  ];
  const [nodes, [checks, ports]] = await Promise.all([
    runTests(['--project', 'units', '--project', 'nodes']),
    runYielding(),
  ]);
  return [nodes, ports, checks];
}

// Whoever ends this ends all that runs, and is told what that has said so far.
for (const signal of ['SIGTERM', 'SIGHUP'])
  process.once(signal, () => {
    for (const {child, output} of running) {
      child.kill(signal);
      process.stdout.write(output);
    }
    process.kill(process.pid, signal);
  });

const args = process.argv.slice(2);
const checksOnly = args.includes('--checks-only');
const extra = args.filter((arg) => arg !== '--checks-only');
const chosen = async () => {
  if (extra.length > 0) return [await runTests(extra)];
  return checksOnly ? [await runChecks()] : await runAll();
};
const totals = {passed: 0, failed: 0};
for (const {passed, failed, output} of await chosen()) {
  totals.passed += passed;
  totals.failed += failed;
  process.stdout.write(output);
}
process.exitCode = totals.failed === 0 && totals.passed > 0 ? 0 : 1;
process.stdout.write(`${totals.passed} passed, ${totals.failed} failed\n`);
