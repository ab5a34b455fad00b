// What was not acknowledged or answered, counted by kind: the status, the catalogue's code and the message.
// Numbers in messages (replica sets, nodes, bytes) are left out of a kind, so that kinds stay few.

const KINDS_MAX = 20;
const MESSAGE_CHARS_MAX = 300;

/** An answer other than the one wanted, as it came. */
export class RefusedWrite extends Error {
  readonly status: number;
  /** Of the catalogue of errors; empty where the body has none. */
  readonly code: string;

  constructor(status: number, body: string) {
    const {code, message} = readBody(body);
    super(message);
    this.status = status;
    this.code = code;
  }
}

export interface FailureKind {
  /** Of HTTP; 0 where there was no answer. */
  readonly status: number;
  /** Of the catalogue of errors, or the connection's. */
  readonly code: string;
  /** Of the first. */
  readonly message: string;
  readonly count: number;
  /** Since the run began, as the failures became known. */
  readonly firstSeconds: number;
  readonly lastSeconds: number;
}

export class Failures {
  readonly #kinds = new Map<string, FailureKind>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(error: unknown, seconds: number): void {
    this.#count += 1;
    const {status, code, message} = describe(error);
    const named = `${status} ${code} ${message.replaceAll(/\d+/g, '#')}`;
    const key = this.#kinds.has(named) || this.#kinds.size < KINDS_MAX ? named : 'other';
    const atSeconds = Math.round(seconds * 10) / 10;
    const kind = this.#kinds.get(key);
    this.#kinds.set(key, {
      ...(kind ?? {status, code, message, firstSeconds: atSeconds}),
      count: (kind?.count ?? 0) + 1,
      lastSeconds: atSeconds,
    });
  }

  /** The most frequent first. */
  kinds(): FailureKind[] {
    return [...this.#kinds.values()].sort((a, b) => b.count - a.count);
  }
}

function describe(error: unknown): Pick<FailureKind, 'status' | 'code' | 'message'> {
  if (error instanceof RefusedWrite) {
    const {status, code, message} = error;
    return {status, code, message: message.slice(0, MESSAGE_CHARS_MAX)};
  }
  const {code = '', status = 0} = error as {code?: string; status?: number};
  return {status, code, message: String(error).slice(0, MESSAGE_CHARS_MAX)};
}

function readBody(body: string): {readonly code: string; readonly message: string} {
  try {
    const {code, message} = JSON.parse(body) as {code?: unknown; message?: unknown};
    if (typeof code === 'string' && typeof message === 'string') return {code, message};
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return {code: '', message: body};
}
