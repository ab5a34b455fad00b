// The accepting side of one question: the greeting, in which the question comes with the proof, and one
// answer, proven too. That of a join holds the catalog: it goes in pieces, which end with the stream.

import {LIMITS} from '@flotilla/base';
import {type AcceptedStream, refuseStream} from './accepted-stream.ts';
import type {Visit} from './admission.ts';

export class AskedStream {
  readonly #stream: AcceptedStream;
  readonly #answer: (question: Uint8Array) => Promise<unknown>;
  #visit: Visit | undefined;
  #ended = false;

  /** @param answer JSON; does not fail. */
  constructor(stream: AcceptedStream, answer: (question: Uint8Array) => Promise<unknown>) {
    this.#stream = stream;
    this.#answer = answer;
    for (const event of ['error', 'cancelled', 'close'])
      stream.on(event, () => this.#end('the asking node is gone'));
  }

  begin(visit: Visit): void {
    this.#visit = visit;
    this.#stream.on('data', (message: Buffer) => this.#receive(message));
  }

  close(reason: string, isWrongProof = false): void {
    if (this.#ended) return;
    this.#end(reason, isWrongProof);
    refuseStream(this.#stream, reason);
  }

  #receive(message: Buffer): void {
    const {greeting} = this.#visit!;
    if (this.#ended) return;
    const step = greeting.receive(message);
    switch (step.type) {
      case 'refused':
        return this.close(step.reason, step.isWrongProof);
      case 'opened':
        this.#stream.write(greeting.opening());
        return;
      case 'proven':
        this.#visit!.proven();
        void this.#reply(step.body);
        return;
      default:
        step satisfies never;
    }
  }

  async #reply(question: Uint8Array): Promise<void> {
    const answer = Buffer.from(JSON.stringify(await this.#answer(question)));
    if (this.#ended) return;
    this.#ended = true;
    const proven = this.#visit!.greeting.prove(answer);
    const pieceBytes = LIMITS.fragment_bytes_max.value;
    for (let at = 0; at < proven.byteLength; at += pieceBytes)
      this.#stream.write(proven.subarray(at, at + pieceBytes));
    this.#stream.end();
  }

  #end(reason: string, isWrongProof = false): void {
    this.#ended = true;
    this.#visit?.ended(reason, isWrongProof);
  }
}
