// A configuration change as the payload of a `config` entry:
//   version u8 = 1 | mode u8 | count varint | count x (type u8, id varint)
// Varints are LEB128 over safe integers; shifts by multiplication, since bit operators cut to 32 bits.
// Decoding is total: what another node sent may be anything.

import type {ConfigChange, ConfigChangeMode} from './configuration.ts';
import {isMemberId} from './configuration.ts';

export interface ConfigChangeCommand {
  readonly mode: ConfigChangeMode;
  readonly changes: readonly ConfigChange[];
}

const VERSION = 1;
const MODES: readonly ConfigChangeMode[] = ['simple', 'joint', 'joint-explicit', 'leave'];
const TYPES: readonly ConfigChange['type'][] = ['voter', 'learner', 'remove'];
/** 8 x 7 bits hold every safe integer (53 bits). */
const VARINT_BYTES_MAX = 8;

export function encodeConfigChange(command: ConfigChangeCommand): Uint8Array {
  const bytes = [VERSION, MODES.indexOf(command.mode)];
  pushVarint(bytes, command.changes.length);
  for (const {type, id} of command.changes) {
    bytes.push(TYPES.indexOf(type));
    pushVarint(bytes, id);
  }
  return Uint8Array.from(bytes);
}

/** undefined if the bytes are no change that this version knows. */
export function decodeConfigChange(payload: Uint8Array): ConfigChangeCommand | undefined {
  const mode = MODES[payload[1] ?? MODES.length];
  if (payload[0] !== VERSION || mode === undefined) return undefined;
  const cursor = {at: 2};
  const count = readVarint(payload, cursor);
  // Two bytes a change at least: a count beyond that is a lie.
  if (count === undefined || count > payload.length / 2) return undefined;
  const changes: ConfigChange[] = [];
  for (let i = 0; i < count; i++) {
    const type = TYPES[payload[cursor.at++] ?? TYPES.length];
    const id = readVarint(payload, cursor);
    if (type === undefined || id === undefined || !isMemberId(id)) return undefined;
    changes.push({type, id});
  }
  return cursor.at === payload.length ? {mode, changes} : undefined;
}

function pushVarint(bytes: number[], value: number): void {
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
}

function readVarint(bytes: Uint8Array, cursor: {at: number}): number | undefined {
  let value = 0;
  let scale = 1;
  for (let i = 0; i < VARINT_BYTES_MAX; i++) {
    const byte = bytes[cursor.at++];
    if (byte === undefined) return undefined;
    value += (byte % 0x80) * scale;
    if (byte < 0x80) return Number.isSafeInteger(value) ? value : undefined;
    scale *= 0x80;
  }
  return undefined;
}
