// One call of the client: what its caller may choose, what is sent, and what came back.

import type {ExchangeAnswer, ExchangeRequest} from './exchange.ts';
import type {Precision} from './point.ts';

export interface CallOptions {
  readonly tenant?: string | undefined;
  readonly database?: string | undefined;
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Of a change by an operator. */
export interface ChangeOptions extends CallOptions {
  /** Nothing is carried out: what would refuse it rejects, else the answer is what it would have been. */
  readonly dryRun?: boolean | undefined;
}

export interface WriteOptions extends CallOptions {
  /** Unit of the times. Default: ns. */
  readonly precision?: Precision | undefined;
  /** 1 to 128 printable bytes; made up where none is given. Give your own to repeat a write later. */
  readonly idempotencyKey?: string | undefined;
  /** false: a bad line refuses the whole body. Default: good lines are written. */
  readonly acceptPartial?: boolean | undefined;
  readonly gzip?: boolean | undefined;
}

export interface WriteResult {
  /** How many times the body was sent. */
  readonly attempts: number;
  readonly url: string;
}

/** One request as it goes to whichever node. */
export interface Call extends Omit<ExchangeRequest, 'url'> {
  /** Twice is as good as once. */
  readonly isRepeatable: boolean;
  /** It changes nothing: whether a try that nobody heard of was carried out does not matter. */
  readonly isRead?: boolean | undefined;
  /** A node that lives answers it soon: one that is silent leaves the others their share of the time. */
  readonly isSoonAnswered?: boolean | undefined;
  readonly timeoutMs: number;
}

export interface Reply {
  readonly answer: ExchangeAnswer;
  readonly url: string;
  readonly attempts: number;
  readonly silenceMsMax: number;
  readonly signal: AbortSignal | undefined;
}

export interface TextReply extends Reply {
  /** The whole body. */
  readonly text: string;
}
