// The catalog as one file: a header line of JSON with version, length and CRC32 of the body, padded to one
// length, then the body, JSON too. Each change in it has a line of its own, so that it is written and read
// in pieces, of which none holds up its thread; what an older build wrote is one line, and read whole.
//
//   {"format":1,"bytes":…,"crc32":…}      \n
//   {"point":{…},"machine":{"counters":{…},"catalog":{"version":…,"changes":[\n
//   {"kind":"cluster","id":0,"value":{…}},\n
//   {"kind":"node","id":1,"value":{…}}\n
//   ]}}}

import {crc32} from 'node:zlib';
import {FatalError, shape, type WorkSlices} from '@flotilla/base';
import {
  type CatalogChange,
  CLUSTER_VERSION,
  type MachineImage,
  type MachineSnapshot,
} from '@flotilla/catalog';
import {type DurablePoint, durablePointShape, type Snapshot} from '@flotilla/multiraft';
import {decodeJson} from './command-codec.ts';
import {snapshotJob} from './in-slices.ts';

const FORMAT_VERSION = 1;
const NEWLINE = 0x0a;
/** The longest header has 57 bytes, and a line's end. */
export const HEADER_BYTES = 64;
const {count, fieldsOf, listOf} = shape;

/** Less than a millisecond to write or to read. */
const PIECE_BYTES = 64 * 1024;
/** What closes the body behind the changes. */
const TAIL = ']}}}';

export interface MetaState {
  readonly point: DurablePoint;
  readonly machine: MachineSnapshot;
}

/** As a state, but its changes are made while they are written. */
export interface MetaImage {
  readonly point: DurablePoint;
  readonly machine: MachineImage;
}

/** A file to be sent, or to be read here. */
export type MetaFile = Snapshot['files'][number];

interface Header {
  readonly format: number;
  readonly bytes: number;
  readonly crc32: number;
}

/** In pieces of some 64 KB; the header, which comes before them, is told by their sum. */
export function* encodeBody({point, machine}: MetaImage): Generator<Uint8Array> {
  const {counters, catalog} = machine;
  const {version} = catalog;
  const empty = JSON.stringify({point, machine: {counters, catalog: {version, changes: []}}});
  let text = empty.slice(0, -TAIL.length);
  let end = '\n';
  for (const change of catalog.changes) {
    text += end + JSON.stringify(change);
    end = ',\n';
    if (text.length < PIECE_BYTES) continue;
    yield Buffer.from(text);
    text = '';
  }
  yield Buffer.from(`${text}\n${TAIL}`);
}

/** Of the pieces of a body. */
export class BodySum {
  #bytes = 0;
  #crc32 = 0;

  get bytes(): number {
    return this.#bytes;
  }

  add(piece: Uint8Array): void {
    this.#bytes += piece.length;
    this.#crc32 = crc32(piece, this.#crc32);
  }

  header(): Uint8Array {
    const header: Header = {format: FORMAT_VERSION, bytes: this.#bytes, crc32: this.#crc32};
    return Buffer.from(`${JSON.stringify(header).padEnd(HEADER_BYTES - 1)}\n`);
  }

  isOf(header: Header): boolean {
    return header.bytes === this.#bytes && header.crc32 === this.#crc32;
  }

  toString(): string {
    return `${this.#bytes} with ${this.#crc32}`;
  }
}

/** A file in memory, in the pieces that it was made of: whole it would be there twice for a moment. */
export class HeldFile {
  readonly #sum = new BodySum();
  readonly #body: Uint8Array[] = [];

  add(piece: Uint8Array): void {
    this.#sum.add(piece);
    this.#body.push(piece);
  }

  /** When all of it was added. */
  file(name: string): MetaFile {
    const pieces = [this.#sum.header(), ...this.#body];
    const read = async (offset: number, length: number) => cut(pieces, offset, length);
    return {name, bytes: HEADER_BYTES + this.#sum.bytes, read};
  }
}

function cut(pieces: readonly Uint8Array[], offset: number, length: number): Uint8Array {
  const parts: Uint8Array[] = [];
  let start = 0;
  for (const piece of pieces) {
    const from = Math.max(offset - start, 0);
    const to = Math.min(offset + length - start, piece.length);
    if (from < to) parts.push(piece.subarray(from, to));
    start += piece.length;
  }
  return Buffer.concat(parts);
}

export async function decodeMetaState(file: MetaFile, slices: WorkSlices): Promise<MetaState> {
  const bodyStart = await checkWhole(file, slices);
  let head: MetaState | undefined;
  const changes: CatalogChange[] = [];
  for await (let lines of linesOf(file, bodyStart, slices)) {
    if (head === undefined) {
      const end = lines.indexOf('\n');
      if (end < 0) return checkVersion(parse(lines, file, checkState) as MetaState, file);
      head = parse(lines.slice(0, end) + TAIL, file, checkState) as MetaState;
      lines = lines.slice(end + 1);
    }
    if (lines === TAIL) break;
    const list = lines.slice(0, lines.endsWith(',\n') ? -2 : -1);
    changes.push(...(parse(`[${list}]`, file, checkChanges) as CatalogChange[]));
  }
  const {point, machine} = head!;
  const catalog = {version: machine.catalog.version, changes};
  return checkVersion({point, machine: {...machine, catalog}}, file);
}

const checkChanges = listOf(fieldsOf({kind: shape.text, id: count}));
const checkState = fieldsOf({
  point: durablePointShape,
  machine: fieldsOf({
    counters: fieldsOf({}),
    catalog: fieldsOf({version: count, changes: checkChanges}),
  }),
});

function parse(text: string, {name}: MetaFile, check: shape.Check): unknown {
  const what = `catalog file ${name}`;
  const value = shape.parseJson(text, what);
  check(value, what);
  return value;
}

/** Where its body begins. Nothing is parsed of a file that is not what was written. */
async function checkWhole(file: MetaFile, slices: WorkSlices): Promise<number> {
  const {name: path, bytes} = file;
  const first = await file.read(0, Math.min(bytes, HEADER_BYTES));
  const headerEnd = first.indexOf(NEWLINE);
  const header = headerEnd < 0 ? undefined : readHeader(first.subarray(0, headerEnd));
  if (header === undefined) throw new FatalError(`no header in catalog file ${path}`);
  if (header.format !== FORMAT_VERSION) {
    throw new FatalError(`catalog file ${path} has format ${header.format}, newer than this build`);
  }
  const sum = new BodySum();
  for await (const piece of piecesOf(file, headerEnd + 1, slices)) sum.add(piece);
  if (!sum.isOf(header)) {
    throw new FatalError(
      `catalog file ${path} is damaged: want ${header.bytes} bytes with CRC ${header.crc32}; have ${sum}`,
    );
  }
  return headerEnd + 1;
}

async function* piecesOf(
  file: MetaFile,
  start: number,
  slices: WorkSlices,
): AsyncGenerator<Uint8Array> {
  const job = snapshotJob();
  for (let at = start; at < file.bytes; at += PIECE_BYTES) {
    const piece = await file.read(at, Math.min(PIECE_BYTES, file.bytes - at));
    await slices.due(job);
    yield piece;
  }
}

/** Some at a time, the last of them whole too; what has no line's end comes last. */
async function* linesOf(file: MetaFile, start: number, slices: WorkSlices): AsyncGenerator<string> {
  let rest: Uint8Array[] = [];
  for await (const piece of piecesOf(file, start, slices)) {
    const end = piece.lastIndexOf(NEWLINE) + 1;
    if (end > 0) {
      yield Buffer.concat([...rest, piece.subarray(0, end)]).toString('utf8');
      rest = [];
    }
    if (end < piece.length) rest.push(piece.subarray(end));
  }
  yield Buffer.concat(rest).toString('utf8');
}

function checkVersion(state: MetaState, {name}: MetaFile): MetaState {
  const version = clusterVersionOf(state);
  if (version > CLUSTER_VERSION) {
    throw new FatalError(
      `catalog file ${name} is of cluster version ${version}; this build supports ${CLUSTER_VERSION}`,
    );
  }
  return state;
}

function clusterVersionOf({machine}: MetaState): number {
  for (const change of machine.catalog.changes) {
    if (change.kind === 'cluster') return change.value?.version ?? 1;
  }
  return 1;
}

function readHeader(bytes: Uint8Array): Header | undefined {
  try {
    return decodeJson(bytes) as Header;
  } catch {
    return undefined; // Said by the caller, who knows the path.
  }
}
