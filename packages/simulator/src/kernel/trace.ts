// What happened, as one number: a running hash over every event. With `isFull` also as text, in order,
// for whoever replays a seed.

const FNV_PRIME = 0x01000193;
const scratch = new Float64Array(1);
const words = new Uint32Array(scratch.buffer);

export interface TraceLine {
  readonly ms: number;
  readonly node: number;
  /** 0: concerns no group, or all. */
  readonly set: number;
  readonly text: string;
}

export class Trace {
  readonly isFull: boolean;
  readonly lines: TraceLine[] = [];
  readonly #linesMax: number;
  #low = 0x811c9dc5;
  #high = 0x01234567;

  constructor(isFull = false, linesMax = Infinity) {
    this.isFull = isFull;
    this.#linesMax = linesMax;
  }

  get hash(): string {
    const hex = (word: number) => (word >>> 0).toString(16).padStart(8, '0');
    return hex(this.#high) + hex(this.#low);
  }

  mix(value: number): void {
    scratch[0] = value;
    this.#low = Math.imul(this.#low ^ words[0]!, FNV_PRIME);
    this.#high = Math.imul((this.#high ^ words[1]!) + (this.#low >>> 15), FNV_PRIME);
  }

  mixBytes(bytes: Uint8Array): void {
    let hash = this.#low;
    for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i]!, FNV_PRIME);
    this.#low = hash;
    this.mix(bytes.length);
  }

  /** Call only while `isFull`. */
  add(line: TraceLine): void {
    this.lines.push(line);
    if (this.lines.length > this.#linesMax) this.lines.splice(0, this.lines.length / 2);
  }
}
