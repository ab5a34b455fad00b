// One call of the client: what its caller may choose, what is sent, and what came back.

import type {ExchangeAnswer, ExchangeRequest} from './exchange.ts';

export interface CallOptions {
  readonly tenant?: string | undefined;
  readonly database?: string | undefined;
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One request as it goes to whichever node; `isRepeatable` says that twice is as good as once. */
export interface Call extends Omit<ExchangeRequest, 'url'> {
  readonly isRepeatable: boolean;
  readonly timeoutMs: number;
}

export interface Reply {
  readonly answer: ExchangeAnswer;
  readonly url: string;
  readonly attempts: number;
  readonly silenceMsMax: number;
}
