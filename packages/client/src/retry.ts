// When a failed request is sent again, to which node, and after what wait. Pure but for the cursor.

import type {FlotillaError} from './errors.ts';

/** First wait after every node was tried once; an election takes some 150 ms. */
const BACKOFF_MS_MIN = 50;
/** Longest wait between rounds: a node that restarts is noticed within it. */
const BACKOFF_MS_MAX = 2_000;
/** A node that did not answer is asked last for this long, doubled each time in a row up to the other. */
const SUSPENSION_MS_MIN = 2_000;
/** A frozen node costs a try its whole patience each time: rarely, then. It is found again within this. */
const SUSPENSION_MS_MAX = 30_000;

interface Suspension {
  readonly untilMs: number;
  readonly forMs: number;
}

/**
 * Whether sending again can help and cannot harm. 429, 503 and a refused connection had no effect, or say
 * what of it was done.
 * 502, 504 and a lost connection may have had theirs, so only what is repeatable (a read, or a write
 * under an idempotency key) goes again.
 */
export function maySendAgain(failure: FlotillaError, isRepeatable: boolean): boolean {
  if (failure.code === 'CONNECTION_FAILED') return true;
  if (failure.status === 429 || failure.status === 503)
    return isRepeatable || !isPartlyDone(failure);
  return isOutcomeUnknown(failure) && isRepeatable;
}

/** What was asked for may have been done, or may still be. */
export function isOutcomeUnknown({status, code}: FlotillaError): boolean {
  return (
    status === 502 ||
    status === 504 ||
    code === 'CONNECTION_LOST' ||
    code === 'NOT_HTTP' ||
    code === 'TIMEOUT'
  );
}

/** A statement over several replica sets, of which some have done it. */
function isPartlyDone({details}: FlotillaError): boolean {
  return Number(details['written'] ?? 0) + Number(details['deleted'] ?? 0) > 0;
}

/**
 * The wait before the next round over all nodes. An overloaded node's Retry-After is obeyed; a 503's
 * (whole seconds) is not, for an election is over sooner.
 * @param jitter uniform in [0, 1)
 */
export function backoffMs(round: number, failure: FlotillaError, jitter: number): number {
  const exponential = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** Math.min(round, 10));
  const spread = exponential * (0.5 + jitter / 2);
  return failure.status === 429 ? Math.max(spread, failure.retryAfterMs ?? 0) : spread;
}

/** The nodes in turn, those that lately did not answer last. */
export class NodeRotation {
  readonly #urls: readonly string[];
  readonly #suspensions = new Map<string, Suspension>();
  #cursor = 0;

  constructor(urls: readonly string[]) {
    this.#urls = urls;
  }

  get size(): number {
    return this.#urls.length;
  }

  /** The next node not in `tried`, or undefined when all were. */
  next(tried: {has(url: string): boolean}, nowMs: number): string | undefined {
    const order = this.#urls.map((_, i) => this.#urls[(this.#cursor + i) % this.#urls.length]!);
    const open = order.filter((url) => !tried.has(url));
    const chosen =
      open.find((url) => (this.#suspensions.get(url)?.untilMs ?? 0) <= nowMs) ?? open[0];
    if (chosen !== undefined) this.#cursor = (this.#urls.indexOf(chosen) + 1) % this.#urls.length;
    return chosen;
  }

  /** Takes note of how a try at `url` ended. */
  record(url: string, failure: FlotillaError | undefined, nowMs: number): void {
    if (failure === undefined || (failure.status !== undefined && failure.code !== 'DRAINING')) {
      this.#suspensions.delete(url);
    } else {
      const before = this.#suspensions.get(url);
      if (before !== undefined && before.untilMs > nowMs) return; // The same silence, of many requests.
      const forMs = Math.min(SUSPENSION_MS_MAX, (before?.forMs ?? SUSPENSION_MS_MIN / 2) * 2);
      this.#suspensions.set(url, {untilMs: nowMs + forMs, forMs});
    }
  }
}
