// Our own mistakes. An assertion is always on: a broken invariant stops the replica (or the process)
// that holds it, and the others go on. Never used for what a client, a peer or a disk can cause.

/** Thrown by `assert`: a mistake of this program, never of its input. */
export class BugError extends Error {
  override readonly name = 'BugError';
}

/** Requires `condition`. A function as message costs nothing until it fails, so it is fit for hot paths. */
export function assert(condition: boolean, message: string | (() => string)): asserts condition {
  if (condition) return;
  throw new BugError(`BUG: ${typeof message === 'string' ? message : message()}`);
}

/** Marks the end of an exhaustive switch; a new member of the union is a compile error here. */
export function assertNever(value: never): never {
  throw new BugError(`BUG: unexpected variant ${JSON.stringify(value)}`);
}
