// Goal: parts that nobody can merge are not tried for ever, and cost no others their compactions. Method: merges
// that end as those do whose thread dies, or that meet a mistake of ours, wherever one part is among them.

import {DbError, LIMITS} from '@flotilla/base';
import {drainReactions} from '@flotilla/testkit';
import {expect, test} from 'vitest';
import type {MergeJob} from './merge-parts.ts';
import {type MergeRun, MergesInTurns, type PartMerges} from './part-merges.ts';
import {deleteOf, EVERYTHING, series} from './replica-model.fixture.ts';
import {Trial} from './replica-trial.fixture.ts';

const FLUSH = {type: 'flush', isAwaited: true} as const;
const FAILURES_MAX = LIMITS.part_merge_failures_max.value;

const died = () => new DbError('UNAVAILABLE', 'the compaction thread died');
const mistaken = () => new Error('BUG: a table is still open');

class FailingMerges implements PartMerges {
  /** The part that cannot be merged. */
  deadly: string | undefined;
  /** With so many parts, itself included, and with more. */
  deadlyFrom = 1;
  /** How many parts each of those merges had. */
  readonly failed: number[] = [];
  readonly #inTurns: PartMerges;
  readonly #failure: () => Error;

  constructor({disk}: Trial['fixture'], failure: () => Error) {
    this.#inTurns = new MergesInTurns(disk, {due: drainReactions});
    this.#failure = failure;
  }

  begin(job: MergeJob): MergeRun {
    const isDeadly = job.parts.some(({file}) => file === this.deadly);
    if (!isDeadly || job.parts.length < this.deadlyFrom) return this.#inTurns.begin(job);
    this.failed.push(job.parts.length);
    return {written: Promise.reject(this.#failure()), stop: () => {}};
  }
}

async function withParts(count: number, failure: () => Error) {
  const trial = new Trial();
  const merges = new FailingMerges(trial.fixture, failure);
  trial.storage = await trial.fixture.open(1, {merges});
  for (let mark = 1; mark <= count; mark++) {
    trial.write(series(1, {count: 40, step: 1_000, start: mark * 1_000_000}, mark));
    await trial.step(FLUSH);
  }
  return {trial, merges};
}

/** As a machine asks for them, until there is nothing to do. */
async function compact({storage}: Trial): Promise<unknown[]> {
  const failures: unknown[] = [];
  for (let tries = 0; storage.needsCompaction(); tries++) {
    expect(tries, 'it is tried for ever').toBeLessThan(50);
    await storage.compact().catch((error: unknown) => failures.push(error));
  }
  return failures;
}

test.each([
  ['kills who merges it', died],
  ['is merged by a mistake of ours', mistaken],
])('a part that %s is left out, and the others are merged without it', async (_, failure) => {
  const {trial, merges} = await withParts(16, failure);
  const {parts} = trial.storage.view();
  merges.deadly = parts[5]!.file;
  const failures = await compact(trial);
  expect(merges.failed).toEqual([16, 8, 4]);
  expect(failures).toHaveLength(FAILURES_MAX);
  for (const error of failures) expect(error).toMatchObject({code: 'UNAVAILABLE'});

  const view = trial.storage.view();
  expect(view.parts.length).toBeLessThan(10);
  expect(view.due).toBeUndefined();
  const leftOut = view.parts.filter(({isLeftOut}) => isLeftOut);
  expect(leftOut.map(({file}) => file)).toContain(merges.deadly);
  expect(leftOut.length, 'few others for its sake').toBeLessThanOrEqual(4);
  expect([view.leftOut, trial.storage.sizes().leftOut]).toEqual([leftOut.length, leftOut.length]);
  const there = async () => {
    const names = (await trial.fixture.disk.list('replicas/1-1')).map(({name}) => name);
    return names.filter((name) => name.endsWith('.part')).sort();
  };
  await expect.poll(there).toEqual(view.parts.map(({file}) => file).sort());
  for (const query of EVERYTHING) await trial.check(query);

  // An order merges all, and what can be merged by then is no exception any more.
  await expect(trial.storage.compactAll()).rejects.toMatchObject({code: 'UNAVAILABLE'});
  merges.deadly = undefined;
  await trial.storage.compactAll();
  expect(trial.storage.view()).toMatchObject({leftOut: 0, parts: [{lo: 0}]});
  for (const query of EVERYTHING) await trial.check(query);
  await trial.storage.close();
});

test('neither are rows of a purged table for ever, and a restart tries again', async () => {
  const {trial, merges} = await withParts(2, died);
  merges.deadly = trial.storage.view().parts[0]!.file;
  trial.changeTable('drop', 1);
  trial.changeTable('purge', 1);
  await trial.step(FLUSH);
  await compact(trial);
  expect(merges.failed).toEqual([1, 1, 1, 1, 1, 1]);
  expect(trial.storage.view()).toMatchObject({leftOut: 1, parts: [{isLeftOut: true}]});
  await trial.crash();
  expect(await compact(trial)).toEqual([]);
  expect(trial.storage.view()).toMatchObject({leftOut: 0, parts: []});
  await trial.storage.close();
});

test('one that cannot be merged with others is written again alone, for deletes that else would never end', async () => {
  const {trial, merges} = await withParts(16, died);
  merges.deadly = trial.storage.view().parts[5]!.file;
  merges.deadlyFrom = 2;
  await compact(trial);
  expect(merges.failed).toEqual([16, 8, 4]);
  const {leftOut} = trial.storage.view();
  for (let at = 0; at < LIMITS.tombstones_per_replica_max.value; at++) {
    const mark = 1 + (at % 16);
    trial.delete(deleteOf(1, mark * 1_000_000 + Math.floor(at / 16) * 1_000, 500));
  }
  await trial.step(FLUSH);
  expect(trial.storage.tombstoneCount).toBeGreaterThan(100);
  expect(await compact(trial)).toEqual([]);
  expect(trial.storage.tombstoneCount).toBe(0);
  // It is not tried with others again for that.
  expect(trial.storage.view()).toMatchObject({leftOut, due: undefined});
  for (const query of EVERYTHING) await trial.check(query);
  await trial.storage.close();
});

test('what a closing replica breaks off is no failure of its parts', async () => {
  const {trial, merges} = await withParts(4, () => new DbError('CANCELLED', 'closing'));
  merges.deadly = trial.storage.view().parts[0]!.file;
  await expect(trial.storage.compact()).rejects.toMatchObject({code: 'CANCELLED'});
  expect(trial.storage.view()).toMatchObject({leftOut: 0, due: {parts: 4}});
  await trial.storage.close();
});
