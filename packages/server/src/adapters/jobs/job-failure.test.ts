// What a thread tells of a failure means the same to who asked for the job: whether it passes, and whether the disk
// is full. Else what is put off in the engine thread would stop the node where a thread meets it.

import {FatalError, isDiskFull, isPassing, isUnreadable} from '@flotilla/base';
import {expect, test} from 'vitest';
import {decodeJobFailure, encodeJobFailure} from './job-failure.ts';

function failure(code: string, syscall: string): FatalError {
  const cause = Object.assign(new Error(code), {code, syscall});
  return new FatalError(`cannot ${syscall}: ${code}; 7.part`, cause);
}

const toldOf = (error: unknown): Error =>
  decodeJobFailure(structuredClone(encodeJobFailure(error)));

test.each([
  ['EIO', 'read'],
  ['EIO', 'open'],
  ['EIO', 'write'],
  ['EIO', 'fdatasync'],
  ['EMFILE', 'open'],
  ['ENOSPC', 'write'],
  ['ENOENT', 'open'],
])('%s of %s means the same behind a thread', (code, syscall) => {
  const met = failure(code, syscall);
  const told = toldOf(met);
  expect([isPassing(told), isDiskFull(told), isUnreadable(told)]).toEqual([
    isPassing(met),
    isDiskFull(met),
    isUnreadable(met),
  ]);
  expect(told).toMatchObject({name: met.name, message: met.message});
  const outer = new FatalError('cannot merge', met);
  expect(isPassing(toldOf(outer))).toBe(isPassing(outer));
});
