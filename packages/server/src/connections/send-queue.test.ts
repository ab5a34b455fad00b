import type {ReplicaSetId} from '@flotilla/base';
import {splitFrame} from '@flotilla/multiraft';
import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {encodeRpcFrame, rpcSet} from './rpc-frame.ts';
import {FrameJoiner, type Lane, MESSAGE_BYTES_MAX, SendQueue} from './send-queue.ts';

type Step = {readonly push: number; readonly lane: Lane} | 'take';

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.constant('take' as const),
  fc.record({
    push: fc.oneof(fc.nat(300), fc.nat(3 * MESSAGE_BYTES_MAX)),
    lane: fc.constantFrom<Lane>('normal', 'answer'),
  }),
  fc.record({push: fc.nat(300), lane: fc.constant<Lane>('urgent')}),
);

test('whatever is pushed and taken, each kind arrives whole and in order, and bytes are counted', () => {
  fc.assert(
    fc.property(fc.array(step, {maxLength: 60}), (steps) => {
      const [queue, joiner] = [new SendQueue(), new FrameJoiner()];
      const [sent, received] = [new Map<boolean, string[]>(), new Map<boolean, string[]>()];
      const add = (to: Map<boolean, string[]>, frame: Uint8Array) => {
        const urgent = frame[0] === 1;
        to.set(urgent, [...(to.get(urgent) ?? []), Buffer.from(frame).toString('base64')]);
      };
      const drain = () => {
        const message = queue.take();
        if (message === undefined) return false;
        expect(message.length).toBeLessThanOrEqual(MESSAGE_BYTES_MAX);
        for (const frame of joiner.add(message)!) add(received, frame);
        return true;
      };
      for (const [i, now] of steps.entries()) {
        if (now === 'take') {
          drain();
          continue;
        }
        const frame = Buffer.alloc(now.push + 1, i);
        frame[0] = now.lane === 'urgent' ? 1 : 0;
        const before = queue.bytes;
        if (queue.push(frame, now.lane)) {
          add(sent, frame);
          expect(queue.bytes).toBe(before + frame.length);
        }
      }
      while (drain());
      expect(queue.bytes).toBe(0);
      expect(received).toEqual(sent);
    }),
    {numRuns: 60},
  );
});

test('an urgent frame waits for one message of its queue at most', () => {
  const queue = new SendQueue();
  queue.push(Buffer.alloc(8_000_000), 'normal');
  queue.take();
  queue.push(Buffer.from('beat'), 'urgent');
  const [first] = new FrameJoiner().add(queue.take()!)!;
  expect(String(first)).toBe('beat');
});

test('answers find room when requests no longer do, and are bounded too', () => {
  const queue = new SendQueue(1_000);
  expect(queue.push(Buffer.alloc(900), 'normal')).toBe(true);
  expect(queue.push(Buffer.alloc(200), 'normal')).toBe(false);
  expect(queue.push(Buffer.alloc(1_000), 'answer')).toBe(true);
  expect(queue.push(Buffer.alloc(200), 'answer')).toBe(false);
});

test('any bytes are either pieces or refused, never thrown at', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({maxLength: 40}), {maxLength: 5}), (messages) => {
      const joiner = new FrameJoiner(100);
      for (const message of messages) if (joiner.add(message) === undefined) return;
    }),
  );
});

test('a frame without end is refused at the limit', () => {
  const joiner = new FrameJoiner(100);
  const message = Buffer.alloc(4 + 60);
  message.writeUInt32LE(0x4000_0000 | 60);
  expect(joiner.add(message)).toEqual([]);
  expect(joiner.add(message)).toBeUndefined();
});

describe('on a link that is behind', () => {
  /** Below 2 MiB. */
  const varint3 = (value: number) => [
    128 | (value & 127),
    128 | ((value >> 7) & 127),
    (value >> 14) & 127,
  ];
  const GROUPS = [1, 3, 0];
  const APPEND = 2;
  const FRAGMENT = 3;
  const item = (kind: number, set: number, payload: Uint8Array) =>
    Buffer.concat([Buffer.from([kind, set, ...varint3(payload.length)]), payload]);
  const groups = (...items: Uint8Array[]) => Buffer.concat([Buffer.from(GROUPS), ...items]);
  const call = (set: number, bytes: number) => {
    const head = {callerThread: 0, callerEpoch: 1, callId: 1, set: set as ReplicaSetId};
    return encodeRpcFrame({head, body: {type: 'answer', payload: new Uint8Array(bytes)}});
  };

  /** Until nothing waits. */
  function drain(queue: SendQueue): Uint8Array[] {
    const joiner = new FrameJoiner();
    const frames: Uint8Array[] = [];
    for (let message = queue.take(); message !== undefined; message = queue.take())
      frames.push(...joiner.add(message)!);
    expect(queue.bytes).toBe(0);
    return frames;
  }

  test.each([
    {of: 'consensus', hot: () => groups(item(APPEND, 1, Buffer.alloc(100_000)))},
    {of: 'calls', hot: () => call(1, 100_000)},
  ])('a set waits for a turn of the one with much to send, not for all of its $of', ({hot}) => {
    const queue = new SendQueue();
    for (let i = 0; i < 60; i++) queue.push(hot(), 'normal');
    const quiet = [groups(item(APPEND, 2, Buffer.from('a'))), call(3, 10)];
    for (const frame of quiet) queue.push(frame, 'normal');
    const frames = drain(queue);
    expect(frames.length).toBe(62);
    for (const frame of quiet) {
      const at = frames.findIndex((one) => Buffer.compare(one, frame) === 0);
      // What was queued while the row was short, and the one whose turn it is.
      expect(at).toBeGreaterThanOrEqual(0);
      expect(at).toBeLessThan(5);
    }
  });

  test('what each of two sets sends is in balance, whatever the size of their frames', () => {
    const queue = new SendQueue();
    for (let i = 0; i < 10; i++) queue.push(call(1, 200_000), 'normal');
    for (let i = 0; i < 400; i++) queue.push(call(2, 5_000), 'normal');
    const sent = [0, 0];
    for (const frame of drain(queue)) {
      sent[rpcSet(frame)! - 1]! += frame.length;
      if (sent[0]! + sent[1]! > 2_000_000) break;
    }
    expect(Math.abs(sent[0]! - sent[1]!)).toBeLessThan(500_000);
  });

  test('an item that is spread over several frames is not interrupted by another of its kind', () => {
    const queue = new SendQueue();
    const total = 900_000;
    const piece = (set: number, offset: number) => {
      const head = [7, APPEND, ...varint3(total), ...varint3(offset)];
      return groups(item(FRAGMENT, set, Buffer.concat([Buffer.from(head), Buffer.alloc(300_000)])));
    };
    for (const offset of [0, 300_000, 600_000])
      for (const set of [1, 2, 3]) queue.push(piece(set, offset), 'normal');
    const sets = drain(queue).map((frame) => frame[4]);
    expect(sets.map((set, i) => set === sets[i - 1]).filter(Boolean).length).toBe(6);
  });

  test('items of each set arrive once and in order, however they share frames', () => {
    const itemOf = fc.record({set: fc.integer({min: 1, max: 5}), bytes: fc.nat(90_000)});
    const frameOf = fc.array(itemOf, {minLength: 1, maxLength: 4});
    const steps = fc.array(fc.oneof(frameOf, fc.constant('take' as const)), {maxLength: 40});
    fc.assert(
      fc.property(steps, (list) => {
        const [queue, joiner] = [new SendQueue(), new FrameJoiner()];
        const received = new Map<number, number[]>();
        const sent = new Map<number, number[]>();
        let count = 0;
        const take = (): boolean => {
          const message = queue.take();
          for (const frame of message === undefined ? [] : joiner.add(message)!)
            for (const [set, parts] of splitFrame(frame, (one) => one))
              received.set(set, [...(received.get(set) ?? []), ...numbersOf(parts)]);
          return message !== undefined;
        };
        for (const step of list) {
          if (step === 'take') {
            take();
            continue;
          }
          const items = step.map(({set, bytes}) => {
            const payload = Buffer.alloc(4 + bytes);
            payload.writeUInt32LE(++count);
            sent.set(set, [...(sent.get(set) ?? []), count]);
            return item(APPEND, set, payload);
          });
          expect(queue.push(groups(...items), 'normal')).toBe(true);
        }
        while (take());
        expect(queue.bytes).toBe(0);
        expect(received).toEqual(sent);
      }),
      {numRuns: 60},
    );
  });

  /** The number that each item of a frame of one set begins with. */
  function numbersOf(frame: Uint8Array): number[] {
    const numbers: number[] = [];
    const bytes = Buffer.from(frame);
    for (let at = GROUPS.length; at < bytes.length; ) {
      const lengthAt = at + 2;
      let length = 0;
      let end = lengthAt;
      for (let shift = 0; ; shift += 7) {
        const byte = bytes[end++]!;
        length |= (byte & 127) << shift;
        if (byte < 128) break;
      }
      numbers.push(bytes.readUInt32LE(end));
      at = end + length;
    }
    return numbers;
  }
});
