// `npm test`: type check, lint, layer check, unused code, then all tests. Each check counts as one
// test. The last line is `N passed, N failed` alone on a line; the exit code says the same.
// The longer suites in test/faults run where they are named (`npm test -- test/faults`, .ci/run).
// `--checks-only` leaves the tests out (`npm run check`); other arguments go to vitest.

import {spawn} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {NODE, ROOT} from './install.mjs';

const bin = (name) => path.join(ROOT, 'node_modules', '.bin', name);
const vitest = path.join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');

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

/** Runs one command; its output is shown only when it fails, or always with `live`. */
function run(command, args, {live = false, env = {}} = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: ROOT,
      stdio: live ? 'inherit' : ['ignore', 'pipe', 'pipe'],
      env: {...process.env, UV_THREADPOOL_SIZE: '16', ...env},
    });
    let output = '';
    child.stdout?.on('data', (text) => (output += text));
    child.stderr?.on('data', (text) => (output += text));
    child.on('error', (error) => resolve({ok: false, output: String(error)}));
    child.on('exit', (code) => resolve({ok: code === 0, output}));
  });
}

/** Most keep one core busy: two at a time, like tests. */
async function runChecks() {
  const totals = {passed: 0, failed: 0};
  const left = [...CHECKS];
  const lane = async () => {
    for (let check = left.shift(); check !== undefined; check = left.shift()) {
      const started = Date.now();
      const {ok, output} = await run(check.command, check.args);
      totals[ok ? 'passed' : 'failed'] += 1;
      const seconds = ((Date.now() - started) / 1000).toFixed(1);
      process.stdout.write(`${ok ? 'ok  ' : 'FAIL'} ${check.name} (${seconds} s)\n`);
      if (!ok) process.stdout.write(`${output}\n`);
    }
  };
  await Promise.all([lane(), lane()]);
  return totals;
}

async function runTests(extra) {
  const directory = mkdtempSync(path.join(tmpdir(), 'flotilla-test-'));
  const countFile = path.join(directory, 'count.json');
  const {ok} = await run(NODE, [vitest, 'run', ...extra], {
    live: true,
    env: {FLOTILLA_TEST_COUNT: countFile},
  });
  try {
    const totals = JSON.parse(readFileSync(countFile, 'utf8'));
    if (!ok && totals.failed === 0) totals.failed = 1; // Vitest failed outside any test.
    return totals;
  } catch (error) {
    process.stdout.write(`the test runner left no count: ${error.message}\n`);
    return {passed: 0, failed: 1};
  } finally {
    rmSync(directory, {recursive: true, force: true});
  }
}

const args = process.argv.slice(2);
const checksOnly = args.includes('--checks-only');
const extra = args.filter((arg) => arg !== '--checks-only');
const totals = extra.length > 0 ? {passed: 0, failed: 0} : await runChecks();
if (!checksOnly) {
  const tests = await runTests(extra.length > 0 ? extra : ['--project', '!faults']);
  totals.passed += tests.passed;
  totals.failed += tests.failed;
}
process.exitCode = totals.failed === 0 && totals.passed > 0 ? 0 : 1;
process.stdout.write(`${totals.passed} passed, ${totals.failed} failed\n`);
