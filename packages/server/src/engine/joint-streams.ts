// The streams of one query, read side by side. The first that the reader lets go of (it has what it
// wants, or another one failed) ends them all: each may have a request on the way to a node that is
// slow or frozen, and letting go waits for it.

/** The same streams. Requires that they end by themselves, with an error, once `stop` is aborted. */
export function jointStreams<Item>(
  streams: readonly AsyncGenerator<Item, void>[],
  stop: AbortController,
): AsyncIterable<Item>[] {
  return streams.map((stream) => ({
    [Symbol.asyncIterator]: () => ({
      next: () => stream.next(),
      return: () => {
        stop.abort();
        return stream.return();
      },
    }),
  }));
}
