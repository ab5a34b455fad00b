// What is made while what was made before it is used: one, and no more of them.

export async function* oneAhead<T>(items: AsyncGenerator<T>): AsyncGenerator<T> {
  let next = items.next();
  try {
    for (;;) {
      const {done, value} = await next;
      if (done === true) return;
      next = items.next();
      // Who asks for it is told; until then nobody looks.
      void Promise.allSettled([next]);
      yield value;
    }
  } finally {
    // Not awaited: what it waits for may never come, as of a stdin that nobody closes.
    void Promise.allSettled([items.return(undefined)]);
  }
}
