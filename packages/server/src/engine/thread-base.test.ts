// What the compactions of an engine thread may take of the machine is in force with its defaults: the thread that
// is started for them is told so. What it does by that is shown in adapters/compaction.

import fs from 'node:fs';
import {syncBuiltinESMExports} from 'node:module';
import os from 'node:os';
import path from 'node:path';
import workerThreads, {type WorkerOptions} from 'node:worker_threads';
import {LIMITS, type NodeId} from '@flotilla/base';
import type {MergeJob} from '@flotilla/storage';
import {afterEach, beforeEach, expect, test} from 'vitest';
import type {EngineOptions} from './messages.ts';
import {threadBase} from './thread-base.ts';

const {Worker} = workerThreads;
/** What threads that begin are told. */
const told: unknown[] = [];
let directory: string;

/** Of the whole process: everybody who imports it by name has it. */
function putWorker(made: typeof Worker): void {
  workerThreads.Worker = made;
  syncBuiltinESMExports();
}

beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'flotilla-thread-base-'));
  told.length = 0;
  putWorker(
    class extends Worker {
      constructor(file: string | URL, options: WorkerOptions = {}) {
        told.push(options.workerData);
        super(file, options);
      }
    },
  );
});
afterEach(() => {
  putWorker(Worker);
  fs.rmSync(directory, {recursive: true});
});

test('compaction_cpu_ms_per_second_max and compaction_bytes_per_second_max: its compaction thread keeps to them', async () => {
  const options = {
    dataDirectory: directory,
    node: 1 as NodeId,
    thread: 0,
    memory: {memtables_bytes_max: 0, series_indexes_bytes_max: 0, queries_memory_bytes_max: 0},
  } as unknown as EngineOptions;
  const log = {info: () => {}, warn: () => {}, error: () => {}};
  const {merges} = threadBase(options, {emit: () => {}, log});
  const part = {file: 'none', bytes: 2 ** 30, lo: 0, hi: 1, tables: []};
  const job: MergeJob = {
    directory: 'stores/0/replicas/1-1',
    parts: [part],
    file: 'merged',
    bucket: {startUnits: 0n, unitsPerSecond: 1_000},
    version: 1,
    tables: [],
  };
  // Worth a thread by what is said of it; no table in it, so that nothing of it is read.
  expect(await merges.begin(job).written).toBeUndefined();
  await merges.close();
  const share = {
    cpu: LIMITS.compaction_cpu_ms_per_second_max.value / 1_000,
    bytesPerSecond: LIMITS.compaction_bytes_per_second_max.value,
  };
  expect(told).toEqual([{directory, share}]);
  // A part of a core.
  expect(share.cpu).toBeLessThan(1);
});
