// CPU nanoseconds per value (not wall clock: the machine may be busy) and bytes per value of each encoding, both
// ways, in both versions; then what else doubles of full precision could be kept as. Run with the project's Node:
// `node packages/column/src/codecs/column-codec.bench.ts`.

import {constants, zstdCompressSync, zstdDecompressSync} from 'node:zlib';
import {ByteReader} from '../bytes/byte-reader.ts';
import {ByteWriter} from '../bytes/byte-writer.ts';
import type {ColumnValues} from '../column-values.ts';
import {ColumnArena} from './column-arena.ts';
import {integersOf, textsOf} from './column-codec.reference.ts';
import {decodeColumn, encodeColumn} from './column-codec.ts';
import type {EncodingVersion} from './encoding.ts';

/** Rows of one block at 10 s, and of a long column. */
const COUNTS = [360, 4096];
const VALUES_A_RUN = 8_000_000;

/** Within 0 and 100, in steps of N(0, 1), as TSBS's are; the same each time. */
function walk(count: number): Float64Array {
  let value = 50;
  let state = 1;
  return Float64Array.from({length: count}, () => {
    let noise = -2;
    for (let i = 0; i < 4; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      noise += state / 2 ** 32;
    }
    value = Math.min(100, Math.max(0, value + noise * Math.sqrt(3)));
    return value;
  });
}

const float = (values: Float64Array): ColumnValues => ({type: 'float', values});

function columnsOf(count: number): Record<string, ColumnValues> {
  const sequence = Array.from({length: count}, (_, i) => i);
  const full = walk(count);
  const cents = full.map((value) => Math.round(value * 100) / 100);
  const times = Float64Array.from(sequence, (i) => i * 1e10);
  return {
    'constant 58': float(new Float64Array(count).fill(58)),
    'times, 10 s apart': float(times),
    'times, with a gap': float(times.map((time, i) => (i > count / 3 ? time + 3.6e12 : time))),
    'times, jittered': float(times.map((time, i) => time + ((i * 7919) % 1e6))),
    'integers 0..100': {type: 'integer', values: full.map(Math.floor)},
    'integers, a few far': {
      type: 'integer',
      values: full.map((value, i) => (i % 150 === 7 ? 1e9 : Math.floor(value))),
    },
    'counter that restarts': {
      type: 'integer',
      values: full.map((value, i) => (i % 200) * 5_000 + Math.floor(value)),
    },
    accelerating: {type: 'integer', values: full.map((_, i) => i * i * 100 + (i % 3))},
    '2 decimals': float(cents),
    '2 decimals, some NaN': float(cents.map((value, i) => (i % 97 === 3 ? Number.NaN : value))),
    'held for 5 rows': float(full.map((_, i) => full[i - (i % 5)]!)),
    'single precision': float(full.map(Math.fround)),
    'full precision': float(full),
    'around zero': float(full.map((value) => value - 50)),
    'wide ids': integersOf(
      'integer',
      sequence.map((i) => 2n ** 60n + BigInt((i * 7919) % 1e6)),
    ),
    booleans: {type: 'boolean', values: Uint8Array.from(sequence, (i) => ((i * 7) % 3) & 1)},
    'strings, 4 distinct': textsOf(
      sequence.map((i) => ['running', 'stopped', 'failed', ''][i % 4]!),
    ),
    'strings, all distinct': textsOf(sequence.map((i) => `request-${i * 7919}`)),
  };
}

const writer = new ByteWriter(1 << 20);
const arena = new ColumnArena();

function nsPerValue(count: number, run: () => void): string {
  const rounds = Math.ceil(VALUES_A_RUN / count);
  for (let i = 0; i < rounds / 4; i++) run();
  const start = process.cpuUsage().user;
  for (let i = 0; i < rounds; i++) run();
  return ((((process.cpuUsage().user - start) / rounds) * 1000) / count).toFixed(2);
}

function measure(values: ColumnValues, count: number, version: EncodingVersion): string {
  const encode = nsPerValue(count, () => {
    writer.clear();
    encodeColumn(values, count, writer, version);
  });
  const bytes = writer.copy();
  const decode = nsPerValue(count, () => {
    arena.clear();
    decodeColumn(new ByteReader(bytes), values.type, count, arena);
  });
  const size = (bytes.length / count).toFixed(3);
  return `${String(bytes[0]).padStart(2)}: ${size.padStart(7)} B ${encode.padStart(6)} ns ${decode.padStart(6)} ns`;
}

/** As zstd finds more in: all first bytes, then all second ones. */
function transpose(bytes: Uint8Array): Uint8Array {
  const count = bytes.length / 8;
  return Uint8Array.from(bytes, (_, i) => bytes[(i % count) * 8 + Math.floor(i / count)]!);
}

/** What Gorilla's XOR code takes, in bits: its size alone, since its loop goes bit by bit. */
function xorBits(values: Float64Array): number {
  const bits = new BigUint64Array(values.buffer, values.byteOffset, values.length);
  let sum = 64;
  let [leading, trailing] = [64, 0];
  for (let i = 1; i < bits.length; i++) {
    const text = (bits[i]! ^ bits[i - 1]!).toString(2).padStart(64, '0');
    const [first, last] = [text.indexOf('1'), text.lastIndexOf('1')];
    if (first < 0) {
      sum += 1;
    } else if (first >= leading && 63 - last >= trailing) {
      sum += 2 + 64 - leading - trailing;
    } else {
      [leading, trailing] = [Math.min(31, first), 63 - last];
      sum += 2 + 5 + 6 + 64 - leading - trailing;
    }
  }
  return sum;
}

function measureZstd(name: string, bytes: Uint8Array): void {
  const count = bytes.length / 8;
  const params = {[constants.ZSTD_c_compressionLevel]: 1};
  const compress = nsPerValue(count, () => zstdCompressSync(bytes, {params}));
  const packed = zstdCompressSync(bytes, {params});
  const decompress = nsPerValue(count, () => zstdDecompressSync(packed));
  console.log(`${name}: ${(packed.length / count).toFixed(3)} B ${compress} ns ${decompress} ns`);
}

for (const count of COUNTS) {
  console.log(`\n${count} values; encoding, bytes, encode, decode a value; version 1 | version 2`);
  for (const [name, values] of Object.entries(columnsOf(count))) {
    const versions = ([1, 2] as const).map((version) => measure(values, count, version));
    console.log(`${name.padEnd(22)} ${versions.join(' | ')}`);
  }
}

console.log('\nfull precision, a page of 32,760 values, by what else there is');
const page = walk(32_760);
const bytes = new Uint8Array(page.buffer);
console.log(`Gorilla's XOR: ${(xorBits(page) / 8 / page.length).toFixed(3)} B`);
measureZstd('zstd of the doubles', bytes);
measureZstd('zstd of their bytes, transposed', transpose(bytes));
