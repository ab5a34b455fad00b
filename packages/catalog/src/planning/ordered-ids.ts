// Ids in ascending order, each once. Held in short runs, so that adding and removing one costs about the
// same whether there are ten of them or a hundred thousand.

/** A run is halved beyond it: to shift some hundred numbers costs less than to follow another pointer. */
const RUN_MAX = 512;

export class OrderedIds<Id extends number> implements Iterable<Id> {
  /** None is empty; each ascends, and so do they. */
  readonly #runs: Id[][] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  has(id: Id): boolean {
    const run = this.#runs[this.#runFor(id)];
    return run !== undefined && run[lowerBound(run, id)] === id;
  }

  add(id: Id): void {
    if (this.#runs.length === 0) {
      this.#runs.push([id]);
      this.#size = 1;
      return;
    }
    const at = this.#runFor(id);
    const run = this.#runs[at]!;
    const place = lowerBound(run, id);
    if (run[place] === id) return;
    run.splice(place, 0, id);
    this.#size += 1;
    if (run.length > RUN_MAX) this.#runs.splice(at + 1, 0, run.splice(RUN_MAX / 2));
  }

  delete(id: Id): void {
    const at = this.#runFor(id);
    const run = this.#runs[at];
    const place = run === undefined ? 0 : lowerBound(run, id);
    if (run?.[place] !== id) return;
    run.splice(place, 1);
    this.#size -= 1;
    if (run.length === 0) this.#runs.splice(at, 1);
  }

  *[Symbol.iterator](): Generator<Id> {
    for (const run of this.#runs) yield* run;
  }

  *descending(): Generator<Id> {
    for (let i = this.#runs.length - 1; i >= 0; i--) {
      const run = this.#runs[i]!;
      for (let place = run.length - 1; place >= 0; place--) yield run[place]!;
    }
  }

  /** Index of the run that holds the id, or would. */
  #runFor(id: Id): number {
    let low = 0;
    let high = this.#runs.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.#runs[middle]![0]! <= id) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/** Of several, each id once. What is not asked for is not looked at. */
export function* mergeAscending<Id extends number>(...many: Iterable<Id>[]): Generator<Id> {
  const iterators = many.map((ids) => ids[Symbol.iterator]());
  const heads = iterators.map((iterator) => iterator.next());
  for (;;) {
    let least: Id | undefined;
    for (const {done, value} of heads)
      if (done !== true && (least === undefined || value < least)) least = value;
    if (least === undefined) return;
    yield least;
    for (const [i, head] of heads.entries())
      if (head.done !== true && head.value === least) heads[i] = iterators[i]!.next();
  }
}

function lowerBound(run: readonly number[], id: number): number {
  let low = 0;
  let high = run.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (run[middle]! < id) low = middle + 1;
    else high = middle;
  }
  return low;
}
