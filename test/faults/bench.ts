// A scenario of bench/ as a person runs it: its report, of the shape that all have.

import {execFile} from 'node:child_process';
import path from 'node:path';
import {promisify} from 'node:util';
import {expect} from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '../..');
const MAIN = path.join(ROOT, 'bench/src/main.ts');

interface Report {
  readonly scenario: string;
  readonly fdatasyncMs?: unknown;
  readonly results: readonly Readonly<Record<string, unknown>>[];
}

export async function bench(scenario: string, ...words: string[]): Promise<Report['results']> {
  const args = [MAIN, scenario, ...words, '--json'];
  const stdout = await outputOf(args);
  const report = JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as Report;
  expect(report.scenario).toBe(scenario);
  // Nothing is written by `meta`.
  const probe = {p50: expect.any(Number), p99: expect.any(Number)};
  expect(report.fdatasyncMs).toEqual(scenario === 'meta' ? undefined : probe);
  return report.results;
}

async function outputOf(args: readonly string[]): Promise<string> {
  try {
    return (await promisify(execFile)(process.execPath, args, {cwd: ROOT})).stdout;
  } catch (error) {
    const {code, stdout = ''} = error as {readonly code?: unknown; readonly stdout?: string};
    // `plan` says so where a plan is off, as one is of few rows.
    if (code === 1 && args.includes('plan') && stdout !== '') return stdout;
    throw error;
  }
}
