// Run by itself: node packages/wire/src/raft-message.bench.ts

import {ByteWriter} from './byte-writer.ts';
import {flotilla} from './generated/protocol.js';
import {decodeAppend, encodeAppend, type WireAppend} from './raft-message.ts';

const entries = Array.from({length: 64}, (_, i) => ({
  term: 7,
  index: 1001 + i,
  type: 'normal' as const,
  payload: new Uint8Array(200).fill(i),
}));
const append: WireAppend = {
  type: 'append',
  from: 1,
  to: 2,
  term: 7,
  session: 3,
  prevIndex: 1000,
  prevTerm: 7,
  entries,
  commitIndex: 900,
};
const fields = {
  type: flotilla.RaftMessageType.APPEND,
  from: 1,
  to: 2,
  term: 7,
  session: 3,
  index: 1000,
  logTerm: 7,
  commitIndex: 900,
  entries: entries.map((entry) => ({...entry, type: flotilla.RaftEntryType.NORMAL})),
};
const writer = new ByteWriter(1 << 16);
encodeAppend(writer, append);
const own = writer.finish();
const proto = flotilla.RaftMessage.encode(fields).finish();

const ROUNDS = 20_000;
const cases: Record<string, () => void> = {
  'encode, own form': () => {
    writer.reset();
    encodeAppend(writer, append);
  },
  'encode, generated': () => {
    flotilla.RaftMessage.encode(fields).finish();
  },
  'decode, own form': () => {
    decodeAppend(own);
  },
  'decode, generated': () => {
    flotilla.RaftMessage.decode(proto);
  },
};

for (const [name, run] of Object.entries(cases)) {
  for (let i = 0; i < ROUNDS / 10; i++) run();
  const startMs = performance.now();
  for (let i = 0; i < ROUNDS; i++) run();
  const microseconds = ((performance.now() - startMs) * 1000) / ROUNDS;
  console.log(`${name}: ${microseconds.toFixed(1)} us per append of ${entries.length} entries`);
}
