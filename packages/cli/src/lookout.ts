// What a command that waits asks the cluster again and again. The node that was named may restart meanwhile, or be
// one that is stopped for good: then the others are asked, of which the cluster has told, until somebody answers.
// Law: only what had no answer is asked elsewhere. A refusal is the cluster's word, whoever gives it.

import {setTimeout as sleep} from 'node:timers/promises';
import {type CallOptions, type Entity, type FlotillaClient, FlotillaError} from '@flotilla/client';
import type {ProgressBar} from './progress-bar.ts';
import {isNameUnknown, isRefusedByTls, type Session} from './session.ts';
import {writeOut} from './terminal.ts';

/** A node that takes longer is passed over: what it is asked for it can read from its memory. */
const ASK_MS_MAX = 10_000;
/** Without an answer of any node; a node that starts replays its log in less. `--timeout` says otherwise. */
const SILENCE_MS_MAX = 60_000;
const PAUSE_MS = 500;

type Question<Answer> = (client: FlotillaClient, options: CallOptions) => Promise<Answer>;

interface LookoutOptions {
  readonly signal: AbortSignal;
  /** Shows whom it waits for, as long as nobody answers. */
  readonly bar: ProgressBar;
}

/** To be closed. */
export class Lookout {
  readonly #session: Session;
  readonly #options: LookoutOptions;
  /** Of the nodes that were named, and then of the others. */
  readonly #clients: FlotillaClient[];
  #current = 0;
  #areOthersSought = false;
  #isClosed = false;

  constructor(session: Session, options: LookoutOptions) {
    this.#session = session;
    this.#options = options;
    this.#clients = [session.client];
  }

  /** Rejects with what the cluster refuses, and with the last failure once nobody has answered for long. */
  async ask<Answer>(question: Question<Answer>): Promise<Answer> {
    const {signal} = this.#options;
    const beganMs = performance.now();
    const said = new Set<string>();
    const silenceMsMax = this.#session.timeoutMs ?? SILENCE_MS_MAX;
    for (;;) {
      const client = this.#clients[this.#current]!;
      try {
        const answer = await question(client, this.#callOptions());
        if (!this.#areOthersSought) this.#seekOthers(client);
        return answer;
      } catch (error) {
        const silentMs = performance.now() - beganMs;
        if (signal.aborted || !mayPass(error) || silentMs >= silenceMsMax) throw error;
        this.#current = (this.#current + 1) % this.#clients.length;
        const next = this.#current > 0 ? 'asking the other nodes' : 'asking again';
        await this.#say(`${error.message}; ${next}`, said.has(next));
        said.add(next);
      }
      await sleep(PAUSE_MS, undefined, {signal});
    }
  }

  /** Who has asked for the nodes anyhow tells what they are. */
  know(nodes: readonly Entity[]): readonly Entity[] {
    this.#areOthersSought = true;
    const {urls: named} = this.#session.client;
    if (this.#isClosed || this.#clients.length > 1) return nodes;
    const {protocol} = new URL(named[0]!);
    const urls = nodes
      .map(({address}) => `${protocol}//${String(address)}`)
      .filter((url) => URL.canParse(url) && !named.includes(url));
    if (urls.length > 0) this.#clients.push(this.#session.among(urls));
    return nodes;
  }

  close(): void {
    this.#isClosed = true;
    for (const client of this.#clients.slice(1)) client.close();
  }

  #callOptions(): CallOptions {
    const timeoutMs = Math.min(this.#session.timeoutMs ?? ASK_MS_MAX, ASK_MS_MAX);
    return {signal: this.#options.signal, timeoutMs};
  }

  /** Beside the wait, which goes on: as long as they are not known, and where that fails, there are none. */
  #seekOthers({admin}: FlotillaClient): void {
    this.#areOthersSought = true;
    admin.nodes(this.#callOptions()).then(
      (nodes) => this.know(nodes),
      () => undefined,
    );
  }

  /** Where there is no bar, once of each silence. */
  async #say(text: string, isSaid: boolean): Promise<void> {
    const {stderr} = this.#session.terminal;
    this.#options.bar.update(undefined, text);
    if (stderr.isTTY !== true && !isSaid) await writeOut(stderr, `${text}\n`);
  }
}

/** Another node may answer, or the same one later. */
export function mayPass(error: unknown): error is FlotillaError {
  if (!(error instanceof FlotillaError)) return false;
  if (isRefusedByTls(error) || isNameUnknown(error)) return false;
  return error.status === undefined || error.status === 503 || error.status === 504;
}
