// What runs in a compaction thread: one job after another, for the engine thread that started it. It has no
// catalog, no manifest and no replica: only the files that a job names.

import {parentPort, workerData} from 'node:worker_threads';
import {assert} from '@flotilla/base';
import {type MergeJob, mergeParts, Slices} from '@flotilla/storage';
import type {ToThread} from '../jobs/thread-jobs.ts';
import {NodeClock} from '../node-clock.ts';
import {NodeDisk} from '../node-disk.ts';
import {CompactionBudget, type CompactionShare, measuredDisk} from './compaction-budget.ts';
import {
  encodeMergeFailure,
  type MergeAnswer,
  type MergeCost,
  type MergeOutcome,
} from './protocol.ts';

export interface CompactionThreadOptions {
  /** The data directory. */
  readonly directory: string;
  readonly share: CompactionShare;
}

assert(parentPort !== null, 'merges are carried out in a worker');
const port = parentPort;
const {directory, share} = workerData as CompactionThreadOptions;
const budget = new CompactionBudget(share, {clock: new NodeClock(), cpuMs});
const disk = measuredDisk(new NodeDisk(directory), budget);
let underWay: Slices | undefined;

port.on('message', (message: ToThread<MergeJob>) => {
  if (message.type === 'begin') void carryOut(message.job);
  else {
    underWay?.stop();
    budget.hurry();
  }
});

async function carryOut(job: MergeJob): Promise<void> {
  assert(underWay === undefined, 'the job before is still under way');
  const slices = new Slices(budget, {work: 'compaction'});
  underWay = slices;
  budget.begin();
  const before = spent();
  const outcome = await outcomeOf(job, slices);
  underWay = undefined;
  const after = spent();
  const cost = {
    cpuMs: after.cpuMs - before.cpuMs,
    readBytes: after.readBytes - before.readBytes,
    restMs: after.restMs - before.restMs,
  };
  port.postMessage({outcome, cost} satisfies MergeAnswer);
}

async function outcomeOf(job: MergeJob, slices: Slices): Promise<MergeOutcome> {
  try {
    return {ok: true, written: await mergeParts(job, {disk, slices})};
  } catch (error) {
    return {ok: false, failure: encodeMergeFailure(error)};
  }
}

function spent(): MergeCost {
  return {cpuMs: cpuMs(), readBytes: budget.readBytes, restMs: budget.restMs};
}

function cpuMs(): number {
  const {user, system} = process.threadCpuUsage();
  return (user + system) / 1_000;
}
