// Several streams read at once: whatever comes first is given first. Each stream has at most one
// request in flight, so a slow reader stops the senders. All are released at the end or on an error,
// those that were never begun too.

/** More would only wait for the same threads: 64 shards of one bucket are read together. */
export const STREAMS_AT_ONCE = 64;

type Arrival<Item> =
  | {readonly index: number; readonly result: IteratorResult<Item>}
  | {readonly index: number; readonly error: unknown};

export async function* raceStreams<Item>(
  streams: readonly AsyncIterable<Item>[],
  atOnce: number = STREAMS_AT_ONCE,
): AsyncGenerator<Item, void> {
  const iterators = streams.map((stream) => stream[Symbol.asyncIterator]());
  const arrivals = new Arrivals<Item>();
  const request = (index: number) => arrivals.await(index, iterators[index]!.next());
  let begun = Math.min(atOnce, iterators.length);
  let open = begun;
  try {
    for (let index = 0; index < begun; index++) request(index);
    while (open > 0) {
      const arrival = await arrivals.next();
      if ('error' in arrival) throw arrival.error;
      if (!arrival.result.done) {
        request(arrival.index);
        yield arrival.result.value;
      } else if (begun < iterators.length) request(begun++);
      else open--;
    }
  } finally {
    await Promise.allSettled(iterators.map((iterator) => iterator.return?.()));
  }
}

/**
 * Answers in the order they come. A queue and not Promise.race, which would leave a reaction on every
 * waiting stream for each batch of another.
 */
class Arrivals<Item> {
  readonly #waiting: Arrival<Item>[] = [];
  #wake: (() => void) | undefined;

  await(index: number, answer: Promise<IteratorResult<Item>>): void {
    const arrive = (arrival: Arrival<Item>) => {
      this.#waiting.push(arrival);
      this.#wake?.();
    };
    answer.then(
      (result) => arrive({index, result}),
      (error: unknown) => arrive({index, error}),
    );
  }

  async next(): Promise<Arrival<Item>> {
    while (this.#waiting.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#waiting.shift()!;
  }
}
