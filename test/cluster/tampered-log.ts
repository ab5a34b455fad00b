// Changes a text in the last records of a store's log as if the node had always had the other one: all
// checksums are made right again, so that nothing but a comparison with other replicas can tell. The
// format is drawn in packages/multiraft/ARCHITECTURE.md.

import {readdirSync, readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {crc32} from 'node:zlib';

const SEGMENT_HEADER_BYTES = 32;
const RECORD_HEADER_BYTES = 20;

/** How many times it stood there. Requires texts of one length. */
export function tamperLog(nodeDirectory: string, from: string, to: string): number {
  let count = 0;
  const stores = path.join(nodeDirectory, 'stores');
  for (const store of readdirSync(stores)) {
    const log = path.join(stores, store, 'log');
    for (const name of readdirSync(log)) count += tamperSegment(path.join(log, name), from, to);
  }
  return count;
}

function tamperSegment(file: string, from: string, to: string): number {
  const bytes = readFileSync(file);
  const salt = bytes.readUInt32LE(16);
  let count = 0;
  let at = SEGMENT_HEADER_BYTES;
  while (at + RECORD_HEADER_BYTES <= bytes.length && bytes.readUInt32LE(at) > 0) {
    const end = at + RECORD_HEADER_BYTES + bytes.readUInt32LE(at);
    const record = bytes.subarray(at, end);
    at = end;
    if (!record.includes(from)) continue;
    for (let found = record.indexOf(from); found >= 0; found = record.indexOf(from)) {
      const block = entryBlockAround(record, found);
      record.write(to, found);
      record.writeUInt32LE(crc32(block), block.byteOffset - record.byteOffset - 4);
      count += 1;
    }
    record.writeUInt32LE(crc32(record.subarray(8), crc32(record.subarray(0, 4), salt)), 4);
  }
  writeFileSync(file, bytes);
  return count;
}

/** Its length and checksum stand before it. */
function entryBlockAround(record: Buffer, position: number): Buffer {
  for (let at = position - 8; at >= RECORD_HEADER_BYTES; at--) {
    const block = record.subarray(at + 8, at + 8 + record.readUInt32LE(at));
    if (at + 8 + block.length <= position) continue;
    if (crc32(block) === record.readUInt32LE(at + 4)) return block;
  }
  throw new Error('the text stands in no entry');
}
