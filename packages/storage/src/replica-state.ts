// What the manifest holds of one replica: one row of JSON with its durable point, files and dead
// tables, and one row of bytes that belong to the layer above. Both change in one commit.

import {crc32} from 'node:zlib';
import {FatalError, type ReplicaId, type ReplicaSetId, type TableId} from '@flotilla/base';
import {ByteReader, ByteWriter} from '@flotilla/column';
import type {KeyFileRecord} from './key-file.ts';
import type {PartRecord} from './part.ts';
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
  tombstones: [],
};

/** Written where there are no tombstones, so that a build without them reads it. */
const STATE_VERSION = 1;
/** With tombstones: to read it without them would bring deleted rows back. */
const STATE_VERSION_TOMBSTONES = 2;

export interface StateKeys {
  readonly state: string;
  readonly extra: string;
}

export function stateKeys(set: ReplicaSetId, replica: ReplicaId): StateKeys {
  const prefix = `replica/${set}/${replica}`;
  return {state: `${prefix}/state`, extra: `${prefix}/extra`};
}

export function encodeStateJson({extra: _, tombstones, ...state}: ReplicaState): Uint8Array {
  const versioned =
    tombstones.length === 0
      ? {version: STATE_VERSION, ...state}
      : {version: STATE_VERSION_TOMBSTONES, ...state, tombstones};
  return Buffer.from(JSON.stringify(versioned));
}

/** Requires bytes whose checksum was verified. */
export function decodeStateJson(bytes: Uint8Array, extra: Uint8Array): ReplicaState {
  const {version, ...state} = JSON.parse(Buffer.from(bytes).toString()) as ReplicaState & {
    version: number;
  };
  if (version !== STATE_VERSION && version !== STATE_VERSION_TOMBSTONES)
    throw new FatalError(
      `replica state: want version ${STATE_VERSION} or ${STATE_VERSION_TOMBSTONES}; have ${version}`,
    );
  return {...state, point: state.point, tombstones: state.tombstones ?? [], extra};
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
  return decodeStateJson(json, reader.view(extraLength).slice());
}
