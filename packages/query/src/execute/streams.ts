// Several streams read at once: whatever comes first is given first. Each stream has at most one
// request in flight, so a slow reader stops the senders. All are released at the end or on an error.

export async function* raceStreams<Item>(
  streams: readonly AsyncIterable<Item>[],
): AsyncGenerator<Item, void> {
  const iterators = streams.map((stream) => stream[Symbol.asyncIterator]());
  const pending = new Map(iterators.map((iterator, i) => [i, request(iterator, i)]));
  try {
    while (pending.size > 0) {
      const {index, result} = await Promise.race(pending.values());
      if (result.done) {
        pending.delete(index);
        continue;
      }
      pending.set(index, request(iterators[index]!, index));
      yield result.value;
    }
  } finally {
    // Requests in flight settle too: `return` ends them, and how is of no interest any more.
    await Promise.allSettled([
      ...iterators.map((iterator) => iterator.return?.()),
      ...pending.values(),
    ]);
  }
}

async function request<Item>(
  iterator: AsyncIterator<Item>,
  index: number,
): Promise<{index: number; result: IteratorResult<Item>}> {
  return {index, result: await iterator.next()};
}
