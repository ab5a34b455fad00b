import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {readFileSync} from 'node:fs';
import {expect, it} from 'vitest';
import {
  cpuSecondsOfStat,
  ProcessUsage,
  peakRssBytesOfStatus,
  threadTimes,
} from './process-usage.ts';

it('reads CPU from stat behind a name with blanks and parentheses', () => {
  // pid (comm) state ppid pgrp session tty tpgid flags minflt cminflt majflt cmajflt utime stime cutime cstime
  const stat = '42 (a) b (c) S 1 42 42 0 -1 4194304 9 8 7 6 100 50 20 30 20 0 4 0 1 2 3';
  expect(cpuSecondsOfStat(stat)).toBeCloseTo(2, 10); // 200 ticks of 1/100 s.
});

it('reads the peak of memory', () => {
  expect(peakRssBytesOfStatus('Name:\tx\nVmHWM:\t  2048 kB\nVmRSS:\t 1 kB\n')).toBe(2_097_152);
  expect(peakRssBytesOfStatus('Name:\tx\nState:\tZ (zombie)\n')).toBe(0);
});

it('counts threads, children and children that have ended', async () => {
  // A shell that burns CPU in a child it waits for, then holds another that burns on.
  const burn = 'i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done';
  const shell = spawn('sh', ['-c', `(${burn}); echo done; sh -c '${burn}; echo; read x'; true`]);
  await once(shell.stdout, 'data');
  const usage = new ProcessUsage([shell.pid!]);
  const afterFirst = usage.cpuSeconds();
  expect(afterFirst).toBeGreaterThan(0);
  await once(shell.stdout, 'data');
  expect(usage.cpuSeconds()).toBeGreaterThan(afterFirst);
  const peak = usage.peakRssBytes();
  expect(peak).toBeGreaterThan(100_000);
  shell.stdin.end('\n');
  await once(shell, 'exit');
  expect(usage.peakRssBytes()).toBeGreaterThanOrEqual(peak); // What has ended is still counted.
  expect(usage.cpuSeconds()).toBe(0);
});

it('tells what threads ran and what they waited, by name', () => {
  const before = threadTimes(process.pid);
  const main = readFileSync(`/proc/${process.pid}/comm`, 'utf8').trimEnd();
  const endMs = performance.now() + 50;
  while (performance.now() < endMs);
  const sum = (times: typeof before) =>
    [...times.values()].reduce((all, one) => all + one.runSeconds + one.waitSeconds, 0);
  expect(before.has(main)).toBe(true);
  // What a thread that spins does not run, it waits.
  expect(sum(threadTimes(process.pid)) - sum(before)).toBeGreaterThan(0.04);
});
