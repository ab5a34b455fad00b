// What a register set's log holds and its leader is asked: fixed binary, so that a run spends its time
// in the product. Registers are numbered within a set; value 0 means never written.

export interface WriteCommand {
  readonly register: number;
  readonly value: number;
  /** Of the process that routed it, as a share carries them. */
  readonly incarnation: number;
  readonly sequence: number;
  /** Of the client, for all tries of one request; 0: none. */
  readonly key: number;
}

const WRITE_BYTES = 40;

export function encodeWrite(command: WriteCommand): Uint8Array {
  const {register, value, incarnation, sequence, key} = command;
  const view = new Float64Array([register, value, incarnation, sequence, key]);
  return new Uint8Array(view.buffer, 0, WRITE_BYTES);
}

export function decodeWrite(bytes: Uint8Array): WriteCommand {
  const copy = new Uint8Array(WRITE_BYTES);
  copy.set(bytes);
  const [register, value, incarnation, sequence, key] = new Float64Array(copy.buffer);
  return {
    ...{register: register!, value: value!, key: key!},
    ...{incarnation: incarnation!, sequence: sequence!},
  };
}

export function encodeNumber(value: number): Uint8Array {
  return new Uint8Array(new Float64Array([value]).buffer);
}

export function decodeNumber(bytes: Uint8Array): number {
  return new Float64Array(new Uint8Array(bytes).buffer)[0]!;
}

/** 32 bits that mix two numbers well enough to tell states apart. */
export function mix(a: number, b: number): number {
  let hash =
    Math.imul((a | 0) ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(Math.floor(a / 2 ** 32) | 0, 7);
  hash = Math.imul(hash ^ (hash >>> 15) ^ (b | 0), 0xc2b2ae35);
  return (hash ^ (hash >>> 13) ^ (Math.floor(b / 2 ** 32) | 0)) >>> 0;
}

export function hashBytes(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return hash >>> 0;
}
