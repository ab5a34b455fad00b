// Goal: whatever another node sends, it is a message whose numbers are exact, or none; nothing throws, and nothing
// takes more memory than its bytes say. Method: messages of each kind with some bytes changed, cut off or put in, or
// with numbers at the edges in their place, and bytes of chance.

import {SeededRandom} from '@flotilla/base';
import {expect, test} from 'vitest';
import {ByteWriter} from './byte-writer.ts';
import {
  encodeFrame,
  frameKind,
  readItems,
  splitFrame,
  startGroupsFrame,
  writeItem,
} from './frame.ts';
import {
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
  type WireAppend,
  type WireMessage,
} from './raft-message.ts';

const FORGERIES = process.env['FLOTILLA_LONGER'] === '1' ? 500_000 : 4_000;
const EDGES = [0, 1, 127, 128, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 2, 2 ** 53 - 1];
/** What thousands of messages leave until they are collected. */
const MEMORY_BYTES_MAX = 256 * 1024 * 1024;

const snapshotMessage = (number: () => number): Extract<WireMessage, {type: 'snapshot'}> => ({
  type: 'snapshot',
  from: number(),
  to: number(),
  term: number(),
  session: number(),
  snapshot: {
    index: number(),
    term: number(),
    configIndex: number(),
    configuration: {
      voters: [number(), number()],
      votersOutgoing: [],
      learners: [number()],
      learnersNext: [number()],
      autoLeave: true,
    },
  },
});

function appendOf(number: () => number): WireAppend {
  const prevIndex = number();
  const entries = [0, 1, 2].map((i) => ({
    term: number(),
    index: prevIndex + 1 + i,
    type: 'normal' as const,
    payload: new Uint8Array(i * 9),
  }));
  const ids = {from: number(), to: number(), term: number(), session: number()};
  return {type: 'append', ...ids, prevIndex, prevTerm: number(), commitIndex: number(), entries};
}

type Decode = (bytes: Uint8Array) => unknown;
type Kind = readonly [encode: (number: () => number) => Uint8Array, decode: Decode];

const bytesOf = (write: (writer: ByteWriter) => void): Uint8Array => {
  const writer = new ByteWriter();
  write(writer);
  return writer.finish();
};

const groupsFrame = (number: () => number): Uint8Array =>
  bytesOf((writer) => {
    startGroupsFrame(writer, 1);
    for (const kind of ['message', 'append', 'gone'] as const)
      writeItem(writer, {kind, set: number(), payload: new Uint8Array(5)});
  });

const KINDS: Readonly<Record<string, Kind>> = {
  append: [(number) => bytesOf((writer) => encodeAppend(writer, appendOf(number))), decodeAppend],
  heartbeat: [
    (number) => {
      const ids = {from: number(), to: number(), term: number(), session: number()};
      return encodeMessage({type: 'heartbeat', ...ids, commitIndex: number(), round: number()});
    },
    decodeMessage,
  ],
  snapshot: [(number) => encodeMessage(snapshotMessage(number)), decodeMessage],
  beat: [
    (number) =>
      encodeBeat({
        bootEpoch: number(),
        life: number(),
        sequence: number(),
        threads: [{turnAgeMs: 3, writeAgeMs: 9}],
        stores: [{store: 1, durableRecord: number(), isFull: false}],
        wallMs: 1.5e12,
        silentMs: 70,
      }),
    decodeBeat,
  ],
  begin: [
    (number) =>
      encodeSnapshotBegin({
        transfer: number(),
        message: snapshotMessage(number),
        files: [{name: 'state', bytes: number()}],
      }),
    decodeSnapshotBegin,
  ],
  chunk: [
    (number) => {
      const place = {transfer: number(), file: 1, offset: number()};
      return encodeSnapshotChunk({...place, payload: new Uint8Array(20), crc: 7});
    },
    decodeSnapshotChunk,
  ],
  ack: [
    (number) => encodeSnapshotAck({transfer: number(), position: number(), state: 'staged'}),
    decodeSnapshotAck,
  ],
  frame: [
    groupsFrame,
    (bytes) => {
      frameKind(bytes);
      splitFrame(bytes, (set) => (set > 128 ? undefined : set % 2));
      return [...readItems(bytes)];
    },
  ],
};

/** The first number that is not exact, or negative where it counts something; undefined: there is none. */
function inexact(value: unknown, path = ''): string | undefined {
  if (typeof value === 'number') {
    const isTime = path.endsWith(' wallMs');
    const isExact = isTime ? Number.isFinite(value) : Number.isSafeInteger(value) && value >= 0;
    return isExact ? undefined : `${path}: ${value}`;
  }
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return undefined;
  for (const name of Object.keys(value)) {
    const found = inexact((value as Record<string, unknown>)[name], `${path} ${name}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

function changed(good: Uint8Array, random: SeededRandom): Uint8Array {
  const at = () => random.below(good.length + 1);
  switch (random.below(4)) {
    case 0:
      return good.slice(0, at());
    case 1: {
      const place = at();
      return Buffer.concat([
        good.subarray(0, place),
        Buffer.of(random.below(256)),
        good.subarray(place),
      ]);
    }
    case 2:
      return Uint8Array.from({length: random.below(60)}, () => random.below(256));
    default: {
      const bytes = good.slice();
      for (let times = 1 + random.below(3); times > 0 && bytes.length > 0; times--)
        bytes[random.below(bytes.length)] = random.below(256);
      return bytes;
    }
  }
}

test.each(Object.entries(KINDS))(
  'bytes of one %s have numbers that are exact, or are none',
  (_kind, [encode, decode]) => {
    const random = new SeededRandom(20_261_123);
    const number = (): number => EDGES[random.below(EDGES.length)]!;
    const before = process.memoryUsage().arrayBuffers;
    let decoded = 0;
    for (let i = 0; i < FORGERIES; i++) {
      const good = encode(number);
      const message = decode(i % 2 === 0 ? good : changed(good, random));
      if (message === undefined) continue;
      decoded += 1;
      const found = inexact(message);
      if (found !== undefined) expect.fail(`forgery ${i}:${found}`);
    }
    expect(decoded).toBeGreaterThan(FORGERIES / 3);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(MEMORY_BYTES_MAX);
  },
  600_000,
);

test('an append whose entries have no exact index is none', () => {
  const whole = appendOf(() => 7);
  const of = (prevIndex: number): Uint8Array =>
    bytesOf((writer) => encodeAppend(writer, {...whole, prevIndex}));
  const last = Number.MAX_SAFE_INTEGER - whole.entries.length;
  expect(decodeAppend(of(last))?.entries.at(-1)?.index).toBe(Number.MAX_SAFE_INTEGER);
  expect(decodeAppend(of(last + 1))).toBeUndefined();
});

test('a beat of a clock that shows no time is none', () => {
  const beat = {bootEpoch: 1, sequence: 1, threads: [], stores: [], silentMs: 0};
  for (const wallMs of [Number.NaN, Infinity])
    expect(decodeBeat(encodeBeat({...beat, wallMs}))).toBeUndefined();
  expect(decodeBeat(encodeBeat({...beat, wallMs: 1.5}))?.wallMs).toBe(1.5);
});

test('a frame of another kind is not dealt out', () => {
  expect(frameKind(encodeFrame('beat', new Uint8Array(0)))).toBe('beat');
  expect(frameKind(new Uint8Array(0))).toBeUndefined();
});
