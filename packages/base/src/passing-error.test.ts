import {expect, test} from 'vitest';
import {FatalError} from './errors.ts';
import {isPassing, isUnreadable} from './passing-error.ts';

function failure(code: string, syscall: string): FatalError {
  return new FatalError(
    `cannot ${syscall}: ${code}`,
    Object.assign(new Error(code), {code, syscall}),
  );
}

test.each([
  ['EMFILE', 'open', true],
  ['ENFILE', 'open', true],
  ['ENOMEM', 'read', true],
  ['EACCES', 'open', true],
  ['ENOSPC', 'write', true],
  ['EDQUOT', 'write', true],
  ['EIO', 'read', true],
  ['EIO', 'open', true],
  ['EIO', 'fsync', false],
  ['EIO', 'write', false],
  ['ENOENT', 'open', false],
  ['ENOTDIR', 'open', false],
  ['EISDIR', 'read', false],
])('%s of %s: may pass is %s', (code, syscall, may) => {
  expect(isPassing(failure(code, syscall))).toBe(may);
  expect(isPassing(new FatalError('cannot load keys', failure(code, syscall)))).toBe(may);
});

test.each([
  ['EIO', 'read', true],
  ['EIO', 'open', false],
  ['EIO', 'fsync', false],
  ['ENOMEM', 'read', false],
])('%s of %s: the place may be lost is %s', (code, syscall, may) => {
  expect(isUnreadable(failure(code, syscall))).toBe(may);
  expect(isUnreadable(new FatalError('cannot load keys', failure(code, syscall)))).toBe(may);
  expect(isUnreadable(Object.assign(new Error(code), {code, syscall}))).toBe(false);
});

test('what was read and is wrong never passes, nor does a mistake of ours', () => {
  expect(isPassing(new FatalError('checksum mismatch: want 1; have 2; file=EMFILE'))).toBe(false);
  expect(isPassing(new FatalError('cannot read: want 9 bytes; have 3', new Error('short')))).toBe(
    false,
  );
  expect(isPassing(new Error('BUG: EMFILE'))).toBe(false);
  expect(isPassing(Object.assign(new Error('EMFILE'), {code: 'EMFILE', syscall: 'open'}))).toBe(
    false,
  );
  expect(isPassing(undefined)).toBe(false);
});
