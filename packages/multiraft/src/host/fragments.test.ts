import type {NodeId, ReplicaSetId} from '@flotilla/base';
import {type FrameItem, readItems} from '@flotilla/wire';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {FragmentAssembler, isCutOff} from './fragments.ts';
import {Outbox} from './outbox.ts';

const NODE = 2 as NodeId;
const FRAME_BYTES = 1_024;

/** The frames that an outbox makes of items of the given sizes. */
function framesOf(sizes: readonly number[]): Uint8Array[] {
  const frames: Uint8Array[] = [];
  const transport = {
    send: (_to: NodeId, _channel: string, frame: Uint8Array) => frames.push(frame) > 0,
  };
  const outbox = new Outbox(transport, 0, FRAME_BYTES, () => undefined);
  for (const [i, bytes] of sizes.entries())
    outbox.item(NODE, {kind: 'message', set: i, payload: new Uint8Array(bytes).fill(i)});
  outbox.flush();
  return frames;
}

function assemble(frames: readonly Uint8Array[]): FrameItem[] {
  const assembler = new FragmentAssembler();
  const items: FrameItem[] = [];
  for (const frame of frames) {
    for (const item of readItems(frame)) {
      const whole = item.kind === 'fragment' ? assembler.add(NODE, item) : item;
      if (whole !== undefined) items.push(whole);
    }
  }
  return items;
}

const sizes = fc.array(fc.oneof(fc.nat(100), fc.nat(9_000)), {maxLength: 12});

test('whatever the sizes, frames stay small and all items come back in order', () => {
  fc.assert(
    fc.property(sizes, (list) => {
      const frames = framesOf(list);
      for (const frame of frames) expect(frame.length).toBeLessThanOrEqual(FRAME_BYTES);
      const items = assemble(frames);
      expect(items.map(({set, payload}) => [set, payload.length])).toEqual([...list.entries()]);
      for (const {set, payload} of items) expect(payload.every((byte) => byte === set)).toBe(true);
    }),
  );
});

test('with frames lost, what comes back is whole or not at all', () => {
  fc.assert(
    fc.property(sizes, fc.array(fc.boolean(), {minLength: 120}), (list, kept) => {
      const items = assemble(framesOf(list).filter((_, i) => kept[i % kept.length]));
      for (const {set, payload} of items) {
        expect(payload.length).toBe(list[set]);
        expect(payload.every((byte) => byte === set)).toBe(true);
      }
    }),
  );
});

test('with frames lost, items of one set and size do not mix', () => {
  const bytes = 3_000;
  const count = 6;
  const payloads = Array.from({length: count}, (_, i) => new Uint8Array(bytes).fill(i + 1));
  const frames: Uint8Array[] = [];
  const send = (_to: NodeId, _channel: string, frame: Uint8Array) => frames.push(frame) > 0;
  const outbox = new Outbox({send}, 0, FRAME_BYTES, () => undefined);
  for (const payload of payloads) outbox.item(NODE, {kind: 'message', set: 1, payload});
  outbox.flush();
  fc.assert(
    fc.property(fc.array(fc.nat(frames.length - 1), {maxLength: 4 * count}), (order) => {
      // Whatever comes, however often and in whatever order.
      for (const {payload} of assemble(order.map((at) => frames[at]!)))
        expect(payload).toEqual(payloads[payload[0]! - 1]);
    }),
    {numRuns: 300},
  );
  const pieces = frames.length / count;
  const [item, next] = [frames.slice(0, pieces), frames.slice(pieces, 2 * pieces)];
  expect(assemble([item[0]!, ...next.slice(1)])).toEqual([]);
  expect(assemble([item[0]!, ...item.slice(2), item[1]!])).toEqual([]);
  expect(assemble([...item.slice(0, 2), ...frames])).toHaveLength(count);
});

test('whoever was to get a frame that was dropped is named', () => {
  const lost: number[][] = [];
  const outbox = new Outbox({send: () => false}, 0, FRAME_BYTES, (...one) => lost.push(one));
  const heartbeat = {
    type: 'heartbeat',
    from: 1,
    term: 6,
    session: 1,
    commitIndex: 5,
    round: 1,
  } as const;
  outbox.message(NODE, 7 as ReplicaSetId, {...heartbeat, to: 12});
  outbox.message(NODE, 8 as ReplicaSetId, {...heartbeat, to: 22});
  outbox.item(NODE, {kind: 'gone', set: 9, payload: new Uint8Array(1)});
  outbox.flush();
  expect(lost).toEqual([
    [7, 12],
    [8, 22],
  ]);
});

test('adding is total', () => {
  const assembler = new FragmentAssembler();
  fc.assert(
    fc.property(fc.uint8Array({maxLength: 40}), (payload) => {
      assembler.add(NODE, {kind: 'fragment', set: 1, payload});
    }),
  );
});

test('a frame says whether it ends within an item', () => {
  const isCut = (sizes: readonly number[]) => framesOf(sizes).map(isCutOff);
  expect(isCut([100])).toEqual([false]);
  expect(isCut([2_500])).toEqual([true, true, false]);
  expect(isCut([2_500, 100])).toEqual([true, true, false]);
});
