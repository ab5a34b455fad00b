// Values by number, for what comes and goes all the time, as calls that are under way. No Map: that makes its table
// anew at every few changes, and each of V8's tables names the next one. Once one of them has grown old (a full
// collection is enough), young collections keep every table behind it, each with all that was in it then, and so
// grow from next to nothing to half of a thread's time.
//
// An open table with linear probing: what is taken out leaves no trace, since those behind it move up.

/** Of no key. */
const NONE = -1;
const CAPACITY_MIN = 8;

export class NumberMap<Value> {
  #keys: number[] = [];
  #values: (Value | undefined)[] = [];
  #size = 0;
  /** 32 less the bits of a slot's number. */
  #shift = 32;

  get size(): number {
    return this.#size;
  }

  get(key: number): Value | undefined {
    return this.#size === 0 ? undefined : this.#values[this.#slotOf(key)];
  }

  /** @param key a safe integer, 0 or more */
  set(key: number, value: Value): void {
    if (2 * (this.#size + 1) > this.#keys.length) this.#grow();
    const slot = this.#slotOf(key);
    if (this.#keys[slot] === NONE) this.#size += 1;
    this.#keys[slot] = key;
    this.#values[slot] = value;
  }

  delete(key: number): boolean {
    if (this.#size === 0) return false;
    const slot = this.#slotOf(key);
    if (this.#keys[slot] === NONE) return false;
    this.#size -= 1;
    this.#close(slot);
    return true;
  }

  clear(): void {
    this.#keys = [];
    this.#values = [];
    this.#size = 0;
  }

  /** As they are now, by number. */
  entries(): [key: number, value: Value][] {
    const entries: [number, Value][] = [];
    for (const [slot, key] of this.#keys.entries())
      if (key !== NONE) entries.push([key, this.#values[slot]!]);
    return entries.sort(([a], [b]) => a - b);
  }

  /** Where it is, or where it would be. */
  #slotOf(key: number): number {
    const mask = this.#keys.length - 1;
    let slot = this.#homeOf(key);
    while (this.#keys[slot] !== NONE && this.#keys[slot] !== key) slot = (slot + 1) & mask;
    return slot;
  }

  /** Fibonacci hashing (Knuth, 6.4): numbers with any one step between them lie apart, as those of one among many do. */
  #homeOf(key: number): number {
    return Math.imul(key, 0x9e3779b1) >>> this.#shift;
  }

  /** Those behind it that would not be found past an empty slot move up, one into the place of the other. */
  #close(slot: number): void {
    const mask = this.#keys.length - 1;
    let empty = slot;
    for (let at = (slot + 1) & mask; this.#keys[at] !== NONE; at = (at + 1) & mask) {
      const wanted = this.#homeOf(this.#keys[at]!);
      if (((at - wanted) & mask) < ((at - empty) & mask)) continue;
      this.#keys[empty] = this.#keys[at]!;
      this.#values[empty] = this.#values[at];
      empty = at;
    }
    this.#keys[empty] = NONE;
    this.#values[empty] = undefined;
  }

  #grow(): void {
    const entries = this.entries();
    const capacity = Math.max(CAPACITY_MIN, 2 * this.#keys.length);
    this.#keys = new Array<number>(capacity).fill(NONE);
    this.#values = new Array<Value | undefined>(capacity).fill(undefined);
    this.#size = 0;
    this.#shift = Math.clz32(capacity - 1);
    for (const [key, value] of entries) this.set(key, value);
  }
}
