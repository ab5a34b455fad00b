import type {OperationId, TableId} from '@flotilla/base';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {
  type ControlCommand,
  decodeCommand,
  encodeChecksum,
  encodeControl,
  encodeDelete,
  encodeWrite,
} from './command.ts';

test('a share comes back as it was', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (share) => {
      expect(decodeCommand(encodeWrite(share))).toEqual({type: 'write', share});
    }),
  );
});

test('a control command comes back as it was', () => {
  const control = {type: 'drop-table', table: 7 as TableId} as const;
  expect(decodeCommand(encodeControl(control))).toEqual({type: 'control', control});
});

test('a checksum comes back as it was', () => {
  const request = {operation: 7 as OperationId};
  expect(decodeCommand(encodeChecksum(request))).toEqual({type: 'checksum', request});
});

test('a delete comes back as it was', () => {
  const request = {
    router: {incarnation: 3, sequence: 9},
    deletion: {table: 7 as TableId, startOffset: 0, endOffset: 2 ** 53 - 1, tags: undefined},
  };
  expect(decodeCommand(encodeDelete(request))).toEqual({type: 'delete', request});
});

test('another version and another kind are refused by name', () => {
  expect(() => decodeCommand(Uint8Array.of(9, 1))).toThrow('want version 1; have 9');
  expect(() => decodeCommand(Uint8Array.of(1, 9))).toThrow('unknown kind 9');
  const control = encodeControl({type: 'split-table'} as unknown as ControlCommand);
  expect(() => decodeCommand(control)).toThrow('unknown control split-table');
});
