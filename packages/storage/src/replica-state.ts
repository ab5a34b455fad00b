// What the manifest holds of one replica: one row of JSON with its durable point, files and dead
// tables, and one row of bytes that belong to the layer above. Both change in one commit.

import {crc32} from 'node:zlib';
import {FatalError, type ReplicaId, type ReplicaSetId, shape, type TableId} from '@flotilla/base';
import {ByteReader, ByteWriter} from '@flotilla/column';
import type {DeadColumnIds} from './dead-columns.ts';
import type {KeyFileRecord} from './key-file.ts';
import type {PartRecord} from './part.ts';
import {checkState} from './state-check.ts';
import type {Tombstone} from './tombstone.ts';

/** Where the durable state stands; the log is replayed from the next index. */
export interface StoragePoint {
  readonly index: number;
  readonly term: number;
  /** JSON of the layer above: the configuration at `index`. */
  readonly configuration: unknown;
}

export interface FlushPoint extends StoragePoint {
  /** Opaque bytes that go with the point: retry windows, idempotency keys. */
  readonly extra: Uint8Array;
}

export interface ReplicaState {
  readonly point: StoragePoint | undefined;
  readonly extra: Uint8Array;
  /** Number of the next file; one that crashed before its commit is removed and used again. */
  readonly nextFile: number;
  /** From the oldest log range to the newest; ranges do not overlap. */
  readonly parts: readonly PartRecord[];
  /** In the order of the series ids they hold. */
  readonly keyFiles: readonly KeyFileRecord[];
  readonly droppedTables: readonly TableId[];
  readonly purgedTables: readonly TableId[];
  readonly deadColumns: readonly DeadColumnIds[];
  /** Deletes that still hide rows of parts, in log order; all at or below the point's index. */
  readonly tombstones: readonly Tombstone[];
}

export const EMPTY_STATE: ReplicaState = {
  point: undefined,
  extra: new Uint8Array(0),
  nextFile: 1,
  parts: [],
  keyFiles: [],
  droppedTables: [],
  purgedTables: [],
  deadColumns: [],
  tombstones: [],
};

/** Written where there are neither tombstones nor dead columns, so that a build without them reads it. */
const STATE_VERSION = 1;
/** With one of them: to read it without would bring deleted rows back, or take writes that nobody sees. */
const STATE_VERSION_HIDING = 2;

export interface StateKeys {
  readonly state: string;
  readonly extra: string;
}

export function stateKeys(set: ReplicaSetId, replica: ReplicaId): StateKeys {
  const prefix = `replica/${set}/${replica}`;
  return {state: `${prefix}/state`, extra: `${prefix}/extra`};
}

export function encodeStateJson(whole: ReplicaState): Uint8Array {
  const {extra: _, tombstones, deadColumns, ...state} = whole;
  const versioned =
    tombstones.length + deadColumns.length === 0
      ? {version: STATE_VERSION, ...state}
      : {version: STATE_VERSION_HIDING, ...state, tombstones, deadColumns};
  return Buffer.from(JSON.stringify(versioned));
}

/** Requires bytes whose checksum was verified. Throws FatalError where what they say cannot be. */
export function decodeStateJson(bytes: Uint8Array, extra: Uint8Array): ReplicaState {
  const parsed = shape.parseJson(bytes, 'replica state');
  const {version, ...state} = {...(parsed as ReplicaState & {readonly version: number})};
  if (version !== STATE_VERSION && version !== STATE_VERSION_HIDING)
    throw new FatalError(
      `replica state: want version ${STATE_VERSION} or ${STATE_VERSION_HIDING}; have ${version}`,
    );
  checkState(state);
  const {point, tombstones = [], deadColumns = []} = state;
  return {...state, point, tombstones, deadColumns, extra};
}

/** The state as the file that goes with a snapshot: lengths, JSON, extra, checksum. */
export function encodeStateFile(state: ReplicaState): Uint8Array {
  const json = encodeStateJson(state);
  const writer = new ByteWriter(json.length + state.extra.length + 32);
  writer.varint(json.length);
  writer.varint(state.extra.length);
  writer.bytes(json);
  writer.bytes(state.extra);
  writer.u32(crc32(writer.written()));
  return writer.copy();
}

export function decodeStateFile(bytes: Uint8Array, path: string): ReplicaState {
  const end = Math.max(0, bytes.length - 4);
  const want = new ByteReader(bytes, end).u32();
  const have = crc32(bytes.subarray(0, end));
  if (want !== have)
    throw new FatalError(`checksum mismatch: want ${want}; have ${have}; file=${path}`);
  const reader = new ByteReader(bytes, 0, end);
  const jsonLength = reader.varint();
  const extraLength = reader.varint();
  const json = reader.view(jsonLength);
  const extra = reader.view(extraLength).slice();
  if (reader.remaining > 0)
    throw new FatalError(`${reader.remaining} bytes behind the state; file=${path}`);
  return decodeStateJson(json, extra);
}
