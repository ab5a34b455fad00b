// What runs in a copy thread: one file after another, for the engine thread that started it. It has no replica:
// only the path of a file that somebody has pinned, and a directory of backups.

import {parentPort, workerData} from 'node:worker_threads';
import {assert, DbError} from '@flotilla/base';
import {BackupDirectory, type StoredFile} from '@flotilla/storage';
import {Rate} from '../../backup/rate.ts';
import {encodeJobFailure} from '../jobs/job-failure.ts';
import type {ToThread} from '../jobs/thread-jobs.ts';
import {NodeClock} from '../node-clock.ts';
import {NodeDisk} from '../node-disk.ts';
import type {CopyAnswer, CopyJob} from './protocol.ts';

export interface CopyThreadOptions {
  /** The data directory. */
  readonly directory: string;
}

assert(parentPort !== null, 'files are copied in a worker');
const port = parentPort;
const disk = new NodeDisk((workerData as CopyThreadOptions).directory);
const clock = new NodeClock();
/** Of one file after another: the last piece of each is paid for by the next. */
let rate = {bytesPerSecond: 0, of: new Rate(1, () => 0)};
let isStopped = false;
let endPause = () => {};

port.on('message', (message: ToThread<CopyJob>) => {
  if (message.type === 'begin') void carryOut(message.job);
  else {
    isStopped = true;
    endPause();
  }
});

async function carryOut(job: CopyJob): Promise<void> {
  isStopped = false;
  port.postMessage(await answerTo(job));
}

async function answerTo(job: CopyJob): Promise<CopyAnswer> {
  try {
    return {ok: true, stored: await copy(job)};
  } catch (error) {
    return {ok: false, failure: encodeJobFailure(error)};
  }
}

async function copy(job: CopyJob): Promise<StoredFile> {
  const {path, bytes, directory: root, incoming, bytesPerSecond, copied} = job;
  const directory = await BackupDirectory.open(new NodeDisk(root));
  if (rate.bytesPerSecond !== bytesPerSecond)
    rate = {bytesPerSecond, of: new Rate(bytesPerSecond, () => clock.monotonicMs())};
  const file = await disk.open(path, 'read');
  try {
    const read = (at: number, length: number): Promise<Uint8Array> => file.readAt(at, length);
    const copying = directory.copy({bytes, read}, {incoming, due});
    for (;;) {
      const {done, value} = await copying.next();
      if (done === true) return value;
      Atomics.add(copied, 0, value);
    }
  } finally {
    await file.close();
  }
}

async function due(bytes: number): Promise<void> {
  const waitMs = rate.of.waitMs(bytes);
  // By a turn of the loop at least, so that a stop is heard before the next piece.
  await new Promise<void>((resolve) => {
    endPause = resolve;
    if (waitMs > 0) clock.setTimer(waitMs, resolve);
    else clock.defer(resolve);
  });
  if (isStopped) throw new DbError('CANCELLED', 'the backup is given up');
}
