import fc from 'fast-check';
import {expect, test} from 'vitest';
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
