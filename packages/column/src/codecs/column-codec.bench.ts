// CPU nanoseconds per value (not wall clock: the machine may be busy) and bytes per value of each encoding, both ways. Run with the project's Node:
// `node packages/column/src/codecs/column-codec.bench.ts`.

import {ByteReader} from '../bytes/byte-reader.ts';
import {ByteWriter} from '../bytes/byte-writer.ts';
import type {ColumnValues} from '../column-values.ts';
import {ColumnArena} from './column-arena.ts';
import {integersOf, textsOf} from './column-codec.reference.ts';
import {decodeColumn, encodeColumn} from './column-codec.ts';

const COUNT = 4096;
const ROUNDS = 2000;

function walk(scale: number): Float64Array {
  let value = 50 * scale;
  let state = 1;
  return Float64Array.from({length: COUNT}, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    value = Math.min(100 * scale, Math.max(0, value + ((state >>> 24) % 5) - 2));
    return value / scale;
  });
}

const sequence = Array.from({length: COUNT}, (_, i) => i);
const columns: Record<string, ColumnValues> = {
  'constant 58': {type: 'float', values: new Float64Array(COUNT).fill(58)},
  'times, 10 s apart': {type: 'float', values: Float64Array.from(sequence, (i) => i * 1e10)},
  'times, jittered': {
    type: 'float',
    values: Float64Array.from(sequence, (i) => i * 1e10 + ((i * 7919) % 1e6)),
  },
  'integers 0..100': {type: 'integer', values: walk(1)},
  '2 decimals': {type: 'float', values: walk(100)},
  'raw doubles': {type: 'float', values: Float64Array.from(sequence, (i) => Math.sqrt(i + 0.5))},
  'wide ids': integersOf(
    'integer',
    sequence.map((i) => 2n ** 60n + BigInt((i * 7919) % 1e6)),
  ),
  booleans: {type: 'boolean', values: Uint8Array.from(sequence, (i) => ((i * 7) % 3) & 1)},
  'strings, 4 distinct': textsOf(sequence.map((i) => ['running', 'stopped', 'failed', ''][i % 4]!)),
  'strings, all distinct': textsOf(sequence.map((i) => `request-${i * 7919}`)),
};

const writer = new ByteWriter(1 << 20);
const arena = new ColumnArena();

function nsPerValue(run: () => void): string {
  for (let i = 0; i < ROUNDS / 4; i++) run();
  const start = process.cpuUsage().user;
  for (let i = 0; i < ROUNDS; i++) run();
  return ((((process.cpuUsage().user - start) / ROUNDS) * 1000) / COUNT).toFixed(2);
}

for (const [name, values] of Object.entries(columns)) {
  const encode = nsPerValue(() => {
    writer.clear();
    encodeColumn(values, COUNT, writer);
  });
  const bytes = writer.copy();
  const decode = nsPerValue(() => {
    arena.clear();
    decodeColumn(new ByteReader(bytes), values.type, COUNT, arena);
  });
  const size = (bytes.length / COUNT).toFixed(2);
  console.log(`${name.padEnd(24)} encode ${encode} ns, decode ${decode} ns, ${size} B a value`);
}
