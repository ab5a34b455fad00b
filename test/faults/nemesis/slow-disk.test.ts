// What the nemesis does to a disk is done, in each thread of a process, and is taken back.

import {execFile} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {promisify} from 'node:util';
import {afterEach, beforeEach, expect, test} from 'vitest';
import {ClockSkews} from './clock-skews.ts';
import {joinEnv} from './number-files.ts';
import {SlowDisks} from './slow-disks.ts';

const run = promisify(execFile);
const DELAY_MS = 700;
const DAY_MS = 86_400_000;

/** How long a thread waits for a write, and for a sync, and by how many days its clock is off. */
const THREAD = `
  const {default: fs} = await import('node:fs');
  const {parentPort, workerData: {file, nowMs}} = await import('node:worker_threads');
  const fd = fs.openSync(file, 'w');
  const took = (begin) => new Promise((resolve) => {
    const beganMs = performance.now();
    begin(() => resolve(performance.now() - beganMs));
  });
  const write = await took((done) => fs.writev(fd, [Buffer.from('x')], 0, done));
  const sync = await took((done) => fs.fdatasync(fd, done));
  parentPort.postMessage({write, sync, days: Math.round((Date.now() - nowMs) / ${DAY_MS})});`;
const PROGRAM = `
  const {Worker} = require('node:worker_threads');
  const [file, nowMs, thread] = process.argv.slice(1);
  new Worker(new URL('data:text/javascript,' + encodeURIComponent(thread)), {
    workerData: {file, nowMs: Number(nowMs)},
  }).once('message', (told) => process.stdout.write(JSON.stringify(told)));`;

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'flotilla-slow-'));
});

afterEach(() => {
  rmSync(directory, {recursive: true});
});

test('a disk is slow in the threads of one process, beside a clock that is wrong, and no longer than it is told', async () => {
  const [clocks, slowness] = [new ClockSkews(directory), new SlowDisks(directory)];
  const env = joinEnv(clocks.env(1), slowness.env(1));
  const args = ['-e', PROGRAM, path.join(directory, 'file'), String(Date.now()), THREAD];
  const told = async () => {
    const {stdout} = await run(process.execPath, args, {env: {...process.env, ...env}});
    return JSON.parse(stdout) as {write: number; sync: number; days: number};
  };
  clocks.set(1, 40 * DAY_MS);
  slowness.set(1, DELAY_MS);
  const slow = await told();
  expect(slow.write).toBeGreaterThanOrEqual(DELAY_MS - 1);
  expect(slow.sync).toBeGreaterThanOrEqual(DELAY_MS - 1);
  expect(slow.days).toBe(40);
  slowness.set(1, 0);
  const well = await told();
  expect(well.write + well.sync).toBeLessThan(2 * DELAY_MS);
  expect(slowness.env(2)['FLOTILLA_TEST_SLOW_FILE']).not.toBe(env['FLOTILLA_TEST_SLOW_FILE']);
}, 30_000);
