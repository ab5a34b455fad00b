// Values in the order in which they came, for what comes and goes all the time. No Set: its tables keep what has left
// it alive (number-map.ts says how).
//
// Invariant: a link that was taken out names no other, so that it keeps none alive.

export class Link<Value> {
  readonly value: Value;
  /** Undefined: it was taken out. */
  chain: Chain<Value> | undefined;
  before: Link<Value> | undefined;
  after: Link<Value> | undefined;

  constructor(value: Value, chain: Chain<Value>) {
    this.value = value;
    this.chain = chain;
  }
}

export class Chain<Value> {
  #first: Link<Value> | undefined;
  #last: Link<Value> | undefined;

  get first(): Link<Value> | undefined {
    return this.#first;
  }

  get isEmpty(): boolean {
    return this.#first === undefined;
  }

  add(value: Value): Link<Value> {
    const link = new Link(value, this);
    link.before = this.#last;
    if (this.#last === undefined) this.#first = link;
    else this.#last.after = link;
    this.#last = link;
    return link;
  }

  /** False where it is no link of this chain, or no more. */
  delete(link: Link<Value>): boolean {
    if (link.chain !== this) return false;
    const {before, after} = link;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    link.chain = undefined;
    link.before = undefined;
    link.after = undefined;
    return true;
  }
}
