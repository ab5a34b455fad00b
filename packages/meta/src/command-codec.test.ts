// Goal: whatever an operation is told comes out of the log as it went in, and passes the door; what a node of an
// older build sends, or an older log holds, is still a command.

import {FatalError, type NodeId, type OperationId} from '@flotilla/base';
import type {Command} from '@flotilla/catalog';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {commandSchema, decodeCommand, encodeCommand} from './command-codec.ts';

const some = <T>(value: fc.Arbitrary<T>) => fc.option(value, {nil: undefined});
const id = fc.integer({min: 1, max: 9});
const text = fc.string({maxLength: 8});

const command = fc.oneof(
  fc.record({
    type: fc.constant('update-operation' as const),
    operation: id,
    expectedStep: text,
    state: some(fc.constantFrom('running', 'cancelling', 'failed')),
    targetNode: some(id),
    error: some(fc.option(text)),
    by: some(text),
    atMs: fc.nat(),
  }),
  fc.record({
    type: fc.constant('create-operation' as const),
    kind: fc.constant('repair' as const),
    replicaSet: some(id),
    source: some(id),
    cause: some(fc.constantFrom('silent', 'damaged', 'differs')),
    retryOf: some(id),
    startedBy: text,
    atMs: fc.nat(),
  }),
  fc.record({
    type: fc.constant('replace-replica-set' as const),
    set: id,
    expectedEpoch: id,
    operation: id,
    placement: fc.array(fc.record({node: id, role: fc.constantFrom('voter', 'learner')})),
  }),
  fc.record({
    type: fc.constant('create-operation' as const),
    kind: fc.constant('destroy-replica-set' as const),
    replicaSet: id,
    pin: fc.boolean(),
    startedBy: text,
    atMs: fc.nat(),
  }),
  fc.record({
    type: fc.constant('set-node-state' as const),
    node: id,
    state: fc.constantFrom('active', 'draining'),
    operation: some(id),
  }),
) as unknown as fc.Arbitrary<Command>;

test('commands of operations go through the log and the door as they are', () => {
  fc.assert(
    fc.property(command, (one) => {
      const decoded = decodeCommand(encodeCommand(one));
      expect(decoded).toEqual(one);
      expect(commandSchema.parse(decoded)).toEqual(decoded);
    }),
  );
});

test.each<object>([
  {type: 'update-operation', operation: 1, expectedStep: 's', error: null, cause: 'none', atMs: 1},
  {type: 'set-node-state', node: 1, state: 'draining'},
  {type: 'create-operation', kind: 'repair', startedBy: 't', atMs: 1},
])('what is not known is left out, and what is absent is no mistake: %j', (older) => {
  const {cause: _, ...known} = older as {cause?: string};
  expect(commandSchema.parse(older)).toEqual(known);
});

test('an operation, a node and a cause are named as they are', () => {
  const fault = (more: object) =>
    commandSchema.safeParse({
      ...{type: 'create-operation', kind: 'repair', startedBy: 't', atMs: 1},
      ...more,
    }).success;
  expect(fault({cause: 'silent', retryOf: 1 as OperationId, targetNode: 1 as NodeId})).toBe(true);
  expect(fault({cause: 'old age'})).toBe(false);
  expect(fault({targetNode: 0})).toBe(false);
});

test.each<[string, RegExp]>([
  ['{"v":1', /^cannot decode command: want JSON; have 6 other bytes$/],
  ['null', /^cannot decode command: want an object; have null$/],
  ['{"command":{"type":"create-tenant"}}', /^cannot decode command.v: want .*; have nothing$/],
  ['{"v":1,"command":{}}', /^cannot decode command.command.type: want a text; have nothing$/],
  ['{"v":1,"command":{"type":"split"}}', /^command split is of a newer build than this one$/],
  ['{"v":99,"command":{"type":"split"}}', /^command version 99 is newer than this build/],
])('what is no command of this build stops the replica by name: %s', (text, message) => {
  expect(() => decodeCommand(Buffer.from(text))).toThrow(message);
  expect(() => decodeCommand(Buffer.from(text))).toThrow(FatalError);
});
