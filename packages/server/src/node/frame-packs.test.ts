import type {Channel, NodeId} from '@flotilla/base';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {type PassedFrame, packFrames, unpackFrames} from './frame-packs.ts';

type Message = {readonly passed: PassedFrame} | {readonly other: number};

const frame = fc
  .record({
    bytes: fc.oneof(fc.nat(300), fc.integer({min: 4_000, max: 20_000})),
    isView: fc.boolean(),
    fill: fc.nat(255),
  })
  .map(({bytes, isView, fill}) => {
    const buffer = new Uint8Array(bytes + (isView ? 7 : 0)).fill(fill);
    return isView ? buffer.subarray(3, 3 + bytes) : buffer;
  });
const passed = fc.record({
  node: fc.integer({min: 0, max: 2 ** 48 - 1}).map((node) => node as NodeId),
  channel: fc.constantFrom<Channel>('control', 'bulk'),
  frame,
});
const message: fc.Arbitrary<Message> = fc.oneof(
  {weight: 4, arbitrary: fc.record({passed})},
  {weight: 1, arbitrary: fc.record({other: fc.nat()})},
);

const frameOf = (one: Message): PassedFrame | undefined =>
  'passed' in one ? one.passed : undefined;
const textOf = (one: Message): string =>
  'passed' in one
    ? `${one.passed.node} ${one.passed.channel} ${Buffer.from(one.passed.frame).toString('base64')}`
    : `${one.other}`;

test('frames and all else come out as they went in, in order, after buffers were given away', () => {
  fc.assert(
    fc.property(fc.array(message, {maxLength: 40}), (messages) => {
      const wanted = messages.map(textOf);
      const batch = packFrames(messages, frameOf);
      expect(new Set(batch.buffers).size).toBe(batch.buffers.length);
      const posted = structuredClone(batch.posted, {transfer: batch.buffers});
      const got: Message[] = [];
      for (const one of posted)
        if (one instanceof Uint8Array) unpackFrames(one, (each) => got.push({passed: each}));
        else got.push(one);
      expect(got.map(textOf)).toEqual(wanted);
    }),
    {numRuns: 100},
  );
});

test('a batch of small frames is one buffer, and a frame keeps no more than a small pack', () => {
  const small = (count: number): Message[] =>
    Array.from({length: count}, () => ({
      passed: {node: 1 as NodeId, channel: 'control', frame: new Uint8Array(150)},
    }));
  expect(packFrames(small(20), frameOf).posted).toHaveLength(1);
  for (const pack of packFrames(small(1_000), frameOf).posted)
    expect((pack as Uint8Array).byteLength).toBeLessThanOrEqual(16_384);
});

test('a large frame is given away with its buffer, and copied out of what it is a view of', () => {
  const own = new Uint8Array(10_000);
  const view = new Uint8Array(70_000).subarray(0, 10_000);
  const [ownBatch, viewBatch] = [own, view].map((bytes) =>
    packFrames([{passed: {node: 1 as NodeId, channel: 'bulk' as const, frame: bytes}}], frameOf),
  );
  expect(ownBatch!.buffers).toEqual([own.buffer]);
  expect(viewBatch!.buffers[0]!.byteLength).toBeLessThan(11_000);
});
