import fc from 'fast-check';
import {expect, test} from 'vitest';
import {ByteReader} from './byte-reader.ts';
import {ByteWriter} from './byte-writer.ts';
import {
  encodeFrame,
  frameBody,
  frameKind,
  frameThread,
  readItems,
  splitFrame,
  startGroupsFrame,
  writeItem,
} from './frame.ts';
import {
  type Beat,
  decodeBeat,
  decodeSnapshotAck,
  decodeSnapshotBegin,
  decodeSnapshotChunk,
  encodeBeat,
  encodeSnapshotAck,
  encodeSnapshotBegin,
  encodeSnapshotChunk,
} from './node-messages.ts';
import {
  decodeAppend,
  decodeMessage,
  encodeAppend,
  encodeMessage,
  type WireMessage,
} from './raft-message.ts';

const number = fc.oneof(fc.maxSafeNat(), fc.nat(300));
const payload = fc.uint8Array({maxLength: 40});
const envelope = {from: number, to: number, term: number};
const ids = fc.array(number, {maxLength: 3});
const snapshot = fc.record({
  index: number,
  term: number,
  configIndex: number,
  configuration: fc.record({
    voters: ids,
    votersOutgoing: ids,
    learners: ids,
    learnersNext: ids,
    autoLeave: fc.boolean(),
  }),
});
const type = <Name extends string>(name: Name) => fc.constant(name);
const committed = {
  commitIndex: fc.integer({min: 1, max: Number.MAX_SAFE_INTEGER}),
  commitTerm: fc.integer({min: 1, max: 1000}),
};
const message: fc.Arbitrary<WireMessage> = fc.oneof(
  fc.record({
    ...envelope,
    type: type('appendReply'),
    session: number,
    index: number,
    rejected: fc.boolean(),
    hintIndex: number,
    hintTerm: number,
    commitIndex: number,
  }),
  fc.record({
    ...envelope,
    type: type('vote'),
    lastIndex: number,
    lastTerm: number,
    transfer: fc.boolean(),
  }),
  fc.record({
    ...envelope,
    type: type('vote'),
    lastIndex: number,
    lastTerm: number,
    transfer: fc.boolean(),
    ...committed,
  }),
  fc.record({
    ...envelope,
    type: type('preVote'),
    lastIndex: number,
    lastTerm: number,
    ...committed,
  }),
  fc.record({...envelope, type: type('voteReply'), granted: fc.boolean()}),
  fc.record({
    ...envelope,
    type: type('preVoteReply'),
    granted: fc.boolean(),
    ...committed,
  }),
  fc.record({...envelope, type: type('preVote'), lastIndex: number, lastTerm: number}),
  fc.record({...envelope, type: type('preVoteReply'), granted: fc.boolean()}),
  fc.record({
    ...envelope,
    type: type('heartbeat'),
    session: number,
    commitIndex: number,
    round: number,
  }),
  fc.record({
    ...envelope,
    type: type('heartbeatReply'),
    session: number,
    commitIndex: number,
    round: number,
  }),
  fc.record({...envelope, type: type('snapshot'), session: number, snapshot}),
  fc.record({...envelope, type: type('timeoutNow')}),
  fc.record({...envelope, type: type('readIndex'), readId: number}),
  fc.record({...envelope, type: type('readIndexReply'), readId: number, index: number}),
);

test('varints and fixed numbers come back', () => {
  fc.assert(
    fc.property(fc.array(number), (values) => {
      const writer = new ByteWriter(1);
      for (const value of values) {
        writer.varint(value);
        writer.u64(value);
      }
      const reader = new ByteReader(writer.finish());
      for (const value of values) {
        expect(reader.varint()).toBe(value);
        expect(reader.u64()).toBe(value);
      }
      expect(reader.complete).toBe(true);
    }),
  );
});

test('every message comes back, and plain numbers stay numbers', () => {
  fc.assert(
    fc.property(message, (value) => {
      expect(decodeMessage(encodeMessage(value))).toEqual(value);
    }),
  );
});

test('an append comes back; cut anywhere it is refused', () => {
  const entry = fc.record({
    term: number,
    type: fc.constantFrom('normal' as const, 'config' as const, 'noop' as const),
    payload,
  });
  const small = fc.nat(2 ** 40);
  const append = fc.record({
    ...envelope,
    session: number,
    prevIndex: small,
    prevTerm: number,
    commitIndex: number,
    entries: fc.array(entry, {maxLength: 5}),
  });
  fc.assert(
    fc.property(append, (value) => {
      const entries = value.entries.map((one, i) => ({...one, index: value.prevIndex + 1 + i}));
      const whole = {...value, type: 'append' as const, entries};
      const writer = new ByteWriter();
      encodeAppend(writer, whole);
      const bytes = writer.finish();
      expect(decodeAppend(bytes)).toEqual(whole);
      for (let cut = 0; cut < bytes.length; cut++)
        expect(decodeAppend(bytes.subarray(0, cut))).toBeUndefined();
    }),
  );
});

test('decoders are total', () => {
  fc.assert(
    fc.property(fc.uint8Array({maxLength: 60}), (bytes) => {
      decodeAppend(bytes);
      decodeMessage(bytes);
      decodeBeat(bytes);
      decodeSnapshotBegin(bytes);
      decodeSnapshotChunk(bytes);
      decodeSnapshotAck(bytes);
      for (const item of readItems(bytes)) expect(item.payload.length).toBeLessThan(60);
    }),
  );
});

test('integers past 2^53 are refused', () => {
  const field1 = [8, 255, 255, 255, 255, 255, 255, 255, 255, 127];
  expect(decodeBeat(Uint8Array.from(field1))).toBeUndefined();
  // 2^53: the first that a number does not tell from its neighbour.
  const fixed = new ByteReader(Uint8Array.from([0, 0, 0, 0, 0, 0, 32, 0]));
  expect([fixed.u64(), fixed.failed]).toEqual([0, true]);
  const varint = new ByteReader(Uint8Array.from([128, 128, 128, 128, 128, 128, 128, 16]));
  expect([varint.varint(), varint.failed]).toEqual([0, true]);
});

test('beats and snapshot frames come back', () => {
  const beat: Beat = {
    bootEpoch: 2 ** 50,
    life: 2 ** 48 - 1,
    sequence: 7,
    threads: [{turnAgeMs: 3, writeAgeMs: 9}],
    stores: [{store: 1, durableRecord: 2 ** 45, isFull: true}],
    wallMs: 1.5e12,
    silentMs: 70,
  };
  expect(decodeBeat(encodeBeat(beat))).toEqual(beat);
  const untold = {...beat, life: undefined};
  expect(decodeBeat(encodeBeat(untold))).toEqual(untold);
  const chunk = {
    transfer: 1,
    file: 2,
    offset: 2 ** 40,
    payload: Uint8Array.of(1, 2),
    crc: 0xffffffff,
  };
  expect(decodeSnapshotChunk(encodeSnapshotChunk(chunk))).toMatchObject({
    ...chunk,
    payload: expect.anything(),
  });
  for (const state of ['receiving', 'staged', 'refused'] as const) {
    const ack = {transfer: 4, position: 5, state};
    expect(decodeSnapshotAck(encodeSnapshotAck(ack))).toEqual(ack);
  }
});

test('a snapshot transfer begins with its message', () => {
  const begin = {
    transfer: 9,
    message: {
      type: 'snapshot' as const,
      from: 1,
      to: 2,
      term: 3,
      session: 4,
      snapshot: {
        index: 5,
        term: 3,
        configIndex: 5,
        configuration: {
          voters: [1],
          votersOutgoing: [],
          learners: [2],
          learnersNext: [],
          autoLeave: false,
        },
      },
    },
    files: [{name: 'a', bytes: 10}],
  };
  expect(decodeSnapshotBegin(encodeSnapshotBegin(begin))).toEqual(begin);
});

test('a frame is dealt out by set', () => {
  const writer = new ByteWriter();
  startGroupsFrame(writer, 7);
  const items = [5, 6, 7, 5].map((set) => ({
    kind: 'gone' as const,
    set,
    payload: Uint8Array.of(set),
  }));
  for (const item of items) writeItem(writer, item);
  const frame = writer.finish();
  expect(frameKind(frame)).toBe('groups');
  expect(frameThread(frame)).toBe(7);
  const dealt = splitFrame(frame, (set) => (set === 7 ? undefined : set % 2), 3);
  const sets = [...dealt].map(([thread, part]) => [
    thread,
    [...readItems(part)].map((item) => item.set),
  ]);
  expect(sets).toEqual([
    [1, [5, 5]],
    [0, [6]],
    [3, [7]],
  ]);
  expect(splitFrame(frame, () => 2).get(2)).toBe(frame);
  expect(frameKind(Uint8Array.of(9, 1))).toBeUndefined();
  expect([...frameBody(encodeFrame('beat', Uint8Array.of(4)))]).toEqual([4]);
});
