// What a log entry of a replica set says: one byte version, one byte kind, then the body. A share is
// carried as it was encoded by the router; everything else is small and JSON.

import {assert, FatalError, type TableId} from '@flotilla/base';

export const COMMAND_VERSION = 1;
const HEADER_BYTES = 2;

const KIND_WRITE = 1;
const KIND_CONTROL = 2;

/** Commands beside writes. Everything they need was decided before they were proposed. */
export type ControlCommand =
  /** From here on the table's rows are hidden and writes that name it are rejected. */
  | {readonly type: 'drop-table'; readonly table: TableId}
  | {readonly type: 'recover-table'; readonly table: TableId}
  /** Its rows are gone for ever. */
  | {readonly type: 'purge-table'; readonly table: TableId};

export type Command =
  | {readonly type: 'write'; readonly share: Uint8Array}
  | {readonly type: 'control'; readonly control: ControlCommand};

export function encodeWrite(share: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + share.length);
  bytes[0] = COMMAND_VERSION;
  bytes[1] = KIND_WRITE;
  bytes.set(share, HEADER_BYTES);
  return bytes;
}

export function encodeControl(control: ControlCommand): Uint8Array {
  const body = new TextEncoder().encode(JSON.stringify(control));
  const bytes = new Uint8Array(HEADER_BYTES + body.length);
  bytes[0] = COMMAND_VERSION;
  bytes[1] = KIND_CONTROL;
  bytes.set(body, HEADER_BYTES);
  return bytes;
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
      return {
        type: 'control',
        control: JSON.parse(new TextDecoder().decode(body)) as ControlCommand,
      };
    default:
      throw new FatalError(`cannot decode command: unknown kind ${payload[1]}`);
  }
}
