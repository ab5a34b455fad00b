// What a log entry of a replica set says: one byte version, one byte kind, then the body. A share is
// carried as it was encoded by the router; everything else is small and JSON.

import {
  assert,
  type ColumnId,
  FatalError,
  type OperationId,
  shape,
  type TableId,
} from '@flotilla/base';
import {type Deletion, deletionShape} from '@flotilla/column';

export const COMMAND_VERSION = 1;
const HEADER_BYTES = 2;

const KIND_WRITE = 1;
const KIND_CONTROL = 2;
const KIND_DELETE = 3;
const KIND_CHECKSUM = 4;

/** Commands beside writes. Everything they need was decided before they were proposed. */
export type ControlCommand =
  /** From here on the table's rows are hidden and writes that name it are rejected. */
  | {readonly type: 'drop-table'; readonly table: TableId}
  | {readonly type: 'recover-table'; readonly table: TableId}
  /** From here on writes that name the column are rejected. */
  | {readonly type: 'drop-column'; readonly table: TableId; readonly column: ColumnId}
  /** Its rows are gone for ever. */
  | {readonly type: 'purge-table'; readonly table: TableId};

const {count, fieldsOf} = shape;
const ofTable = fieldsOf({table: count});

const CONTROLS: Readonly<Record<ControlCommand['type'], shape.Check>> = {
  'drop-table': ofTable,
  'recover-table': ofTable,
  'drop-column': fieldsOf({table: count, column: count}),
  'purge-table': ofTable,
};

/** Each replica hashes what can be read of it at this index, for that operation. */
export interface ChecksumRequest {
  readonly operation: OperationId;
}

/** A DELETE's part for one replica set, as the router sends it and the log holds it. Plain JSON. */
export interface DeleteRequest {
  /** As of a share: each is applied at most once. */
  readonly router: {readonly incarnation: number; readonly sequence: number};
  readonly deletion: Deletion;
}

const checksumShape = fieldsOf({operation: count});
const deleteShape = fieldsOf({
  router: fieldsOf({incarnation: count, sequence: count}),
  deletion: deletionShape,
});

export type Command =
  | {readonly type: 'write'; readonly share: Uint8Array}
  | {readonly type: 'delete'; readonly request: DeleteRequest}
  | {readonly type: 'checksum'; readonly request: ChecksumRequest}
  | {readonly type: 'control'; readonly control: ControlCommand};

export function encodeWrite(share: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + share.length);
  bytes[0] = COMMAND_VERSION;
  bytes[1] = KIND_WRITE;
  bytes.set(share, HEADER_BYTES);
  return bytes;
}

export function encodeControl(control: ControlCommand): Uint8Array {
  return encodeJson(KIND_CONTROL, control);
}

export function encodeDelete(request: DeleteRequest): Uint8Array {
  return encodeJson(KIND_DELETE, request);
}

export function encodeChecksum(request: ChecksumRequest): Uint8Array {
  return encodeJson(KIND_CHECKSUM, request);
}

function encodeJson(kind: number, value: unknown): Uint8Array {
  const body = new TextEncoder().encode(JSON.stringify(value));
  const bytes = new Uint8Array(HEADER_BYTES + body.length);
  bytes[0] = COMMAND_VERSION;
  bytes[1] = kind;
  bytes.set(body, HEADER_BYTES);
  return bytes;
}

/** Whether to apply it takes what is known of series: to drop or recover a table does not. */
export function needsSeries(payload: Uint8Array): boolean {
  return payload[1] !== KIND_CONTROL;
}

/** Throws FatalError: an entry that does not decode was damaged, or written by a newer version. */
export function decodeCommand(payload: Uint8Array): Command {
  assert(payload.length > 0, 'a normal entry is never empty');
  const version = payload[0];
  if (version !== COMMAND_VERSION || payload.length < HEADER_BYTES) {
    throw new FatalError(`cannot decode command: want version ${COMMAND_VERSION}; have ${version}`);
  }
  const body = payload.subarray(HEADER_BYTES);
  switch (payload[1]) {
    case KIND_WRITE:
      return {type: 'write', share: body};
    case KIND_CONTROL:
      return {type: 'control', control: decodeControl(body)};
    case KIND_DELETE:
      return {type: 'delete', request: decodeDelete(body)};
    case KIND_CHECKSUM:
      return {type: 'checksum', request: decodeChecksum(body)};
    default:
      throw new FatalError(`cannot decode command: unknown kind ${payload[1]}`);
  }
}

/** The body of a delete, as the router sends it too. Throws FatalError. */
export function decodeDelete(body: Uint8Array): DeleteRequest {
  return decodeJson(body, 'delete', deleteShape) as DeleteRequest;
}

function decodeChecksum(body: Uint8Array): ChecksumRequest {
  return decodeJson(body, 'checksum', checksumShape) as ChecksumRequest;
}

function decodeControl(body: Uint8Array): ControlCommand {
  return decodeJson(body, 'control', checkControl) as ControlCommand;
}

function checkControl(control: unknown, path: string): void {
  fieldsOf({type: shape.text})(control, path);
  const {type} = control as ControlCommand;
  if (!Object.hasOwn(CONTROLS, type))
    throw new FatalError(`cannot decode command: unknown control ${type}`);
  CONTROLS[type](control, path);
}

function decodeJson(body: Uint8Array, name: string, check: shape.Check): unknown {
  const what = `cannot decode command: ${name}`;
  const value = shape.parseJson(body, what);
  check(value, what);
  return value;
}
