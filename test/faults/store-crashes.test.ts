// Goal: whatever moment a process that writes, flushes and compacts is killed at, nothing that it acknowledged is
// lost, nothing is there twice, and no file is left over. Method: a chain of lives over one directory, each killed
// (SIGKILL), at a moment by chance or at a named step of the disk; each begins with what the one before left.
// FLOTILLA_LONGER=1 for two hundred moments; FLOTILLA_SEED for others.

import {spawn} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {SeededRandom} from '@flotilla/base';
import {expect, onTestFinished, test} from 'vitest';
import type {Orders, StepInLife} from './store/life.ts';
import {SCENES, type Scene} from './store/scenes.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const NODE = path.join(ROOT, 'node_modules/.bin/node');
const LIFE = path.join(import.meta.dirname, 'store/life.ts');

const isLonger = process.env['FLOTILLA_LONGER'] === '1';
const SEED = Number(process.env['FLOTILLA_SEED'] ?? 7);
const MOMENTS = isLonger ? 200 : 24;
/** Lives over one directory, then a new one: what is read and compared grows with each. */
const LIVES = 12;
/** From the start of the process: from before it opens anything to when it has written a thousand rows. */
const KILLED_MS_MIN = 150;
const KILLED_MS_MAX = 900;
/** Of a life that is killed at a step. */
const OPERATIONS = 120;
const TIMES_MAX = 5;
const TEST_MS_MAX = isLonger ? 600_000 : 180_000;

type Moment = {readonly afterMs: number} | {readonly step: StepInLife};

class Chain {
  readonly #directory = mkdtempSync(path.join(tmpdir(), 'flotilla-store-'));
  readonly #seed: number;
  lives = 0;
  acked = 0;
  #begun = 0;

  constructor(seed: number) {
    this.#seed = seed;
    onTestFinished(() => rmSync(this.#directory, {recursive: true, force: true}));
  }

  /** How it ended: killed, or closed in order. Throws what the life has found. */
  async live(operations: number, moment?: Moment): Promise<'killed' | 'closed'> {
    this.lives += 1;
    const orders: Orders = {
      directory: this.#directory,
      seed: this.#seed,
      life: this.lives,
      acked: this.acked,
      begun: this.#begun,
      operations,
      step: moment !== undefined && 'step' in moment ? moment.step : undefined,
    };
    const child = spawn(NODE, [LIFE, JSON.stringify(orders)], {stdio: ['ignore', 'pipe', 'pipe']});
    let told = '';
    let errors = '';
    child.stdout.on('data', (chunk) => (told += chunk));
    child.stderr.on('data', (chunk) => (errors += chunk));
    const timer =
      moment !== undefined && 'afterMs' in moment
        ? setTimeout(() => child.kill('SIGKILL'), moment.afterMs)
        : undefined;
    const signal = await new Promise((resolve) => child.once('close', (_, by) => resolve(by)));
    clearTimeout(timer);
    const lines = told.split('\n');
    const failed = lines.find((line) => line.startsWith('failed '));
    if (failed !== undefined) throw new Error(`seed ${this.#seed}, life ${this.lives}: ${failed}`);
    // One that was refused may be told before the one ahead of it.
    const acked = numbersOf(lines, 'acked');
    while (acked.has(this.acked + 1)) this.acked += 1;
    this.#begun = Math.max(this.#begun, ...numbersOf(lines, 'begun'));
    if (lines.includes('closed')) return 'closed';
    if (signal !== 'SIGKILL' || errors !== '')
      throw new Error(
        `seed ${this.#seed}, life ${this.lives} ended by ${String(signal)}: ${errors}`,
      );
    return 'killed';
  }
}

function numbersOf(lines: readonly string[], what: string): ReadonlySet<number> {
  const told = lines.filter((line) => line.startsWith(`${what} `));
  return new Set(told.map((line) => Number(line.slice(what.length + 1))));
}

test(
  `killed at ${MOMENTS} moments by chance`,
  async () => {
    const random = new SeededRandom(SEED);
    let chain = new Chain(SEED);
    for (let moment = 0; moment < MOMENTS; moment++) {
      if (chain.lives === LIVES) chain = new Chain(SEED + moment);
      await chain.live(1_000_000, {
        afterMs: KILLED_MS_MIN + random.below(KILLED_MS_MAX - KILLED_MS_MIN),
      });
    }
    // The last one is looked at too.
    expect(await chain.live(10)).toBe('closed');
    expect(await chain.live(0)).toBe('closed');
  },
  TEST_MS_MAX,
);

test(
  'killed at each step of the disk',
  async () => {
    const chain = new Chain(SEED);
    for (const [name, scene] of SCENES) await play(chain, name, scene);
    // The last one is looked at too.
    expect(await chain.live(10)).toBe('closed');
    expect(await chain.live(0)).toBe('closed');
    expect(chain.acked).toBeGreaterThan(500);
  },
  TEST_MS_MAX,
);

/** When a flush or a segment comes depends on what the machine is doing: a life may end before it meets its step. */
async function play(chain: Chain, name: string, scene: Scene): Promise<void> {
  for (let times = 0; times < TIMES_MAX; times++) {
    let isPlayed = true;
    for (const step of scene) {
      const ended = await chain.live(OPERATIONS, {step}).catch((error: unknown) => {
        throw new Error(`${name}, at ${step.call} of ${step.path}: ${String(error)}`);
      });
      isPlayed &&= ended === 'killed';
    }
    if (isPlayed) return;
  }
  expect.unreachable(`never met: ${name}`);
}
