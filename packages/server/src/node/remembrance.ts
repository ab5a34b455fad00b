// What becomes of what other nodes remember of this one's earlier lives. Until they have said it
// (first-greetings.ts), or their time is up (vouching.ts), no replica here leads as its set's only voter, and
// none of them hears of newer records. Where it shows that the data directory is an older image of itself, the node
// ends, and its next start is another life than any that others have seen.

import type {Clock, Log, NodeId} from '@flotilla/base';
import type {NodeDirectory} from '../adapters/index.ts';
import type {KnownLife} from '../connections/hello.ts';
import type {ToEngine} from '../engine/messages.ts';
import {EXIT_CODES, type ExitCode} from './exit-codes.ts';
import {FirstGreetings} from './first-greetings.ts';
import {Vouching} from './vouching.ts';

export interface RemembrancePorts {
  readonly directory: Pick<
    NodeDirectory,
    'bootEpoch' | 'hasLife' | 'raiseBootEpoch' | 'settleLives'
  >;
  /** Members, as far as the catalog here knows. */
  readonly others: () => readonly NodeId[];
  readonly clock: Pick<Clock, 'setTimer'>;
  readonly log: Pick<Log, 'warn'>;
  /** Asked each time: there are none before the node has started. */
  readonly threads: () => number;
  readonly tellThreads: (message: ToEngine) => void;
  /** From now on the other may hear of newer records. */
  readonly onVetted: (node: NodeId) => void;
  readonly onEnd: (code: ExitCode, reason: string) => void;
}

export class Remembrance {
  readonly #ports: RemembrancePorts;
  readonly #greetings: FirstGreetings;
  readonly #vouching: Vouching;

  constructor(ports: RemembrancePorts) {
    this.#ports = ports;
    const {directory, others, clock, threads, tellThreads, onVetted} = ports;
    this.#greetings = new FirstGreetings({
      bootEpoch: directory.bootEpoch,
      hasLife: (life) => directory.hasLife(life),
      threads,
      ask: (other, records) => tellThreads({type: 'remembered', node: other, records}),
      disown: (records) => tellThreads({type: 'disown', records}),
      onVetted: (other) => {
        onVetted(other);
        this.#vouching.settle();
      },
      onOldImage: (reason) => this.#endAsOldImage(reason),
    });
    this.#vouching = new Vouching({
      clock,
      others,
      isVetted: (other) => this.#greetings.isVetted(other),
      onVouched: (unheard) => this.#vouched(unheard),
    });
  }

  /** The time of those who say nothing counts from here. */
  start(): void {
    this.#vouching.start();
  }

  stop(): void {
    this.#vouching.stop();
  }

  /** The catalog may name others than before. */
  settle(): void {
    this.#vouching.settle();
  }

  isVetted(node: NodeId): boolean {
    return this.#greetings.isVetted(node);
  }

  /** @param known absent: the other never met this node. */
  greeted(node: NodeId, known: KnownLife | undefined): void {
    this.#greetings.greeted(node, known);
  }

  /** One thread found nothing missing of what that node remembers. */
  answered(node: NodeId): void {
    this.#greetings.answered(node);
  }

  /** One thread found records missing, and its log says so durably now. */
  foundOldImage(): void {
    this.#greetings.foundOldImage();
  }

  /** A thread has disowned all its stores, durably. */
  disowned(): void {
    this.#greetings.disowned();
  }

  #vouched(unheard: readonly NodeId[]): void {
    this.#ports.tellThreads({type: 'vouched'});
    if (unheard.length > 0)
      this.#ports.log.warn(
        {nodes: unheard},
        'nodes that were not heard may remember more of these stores: sets with one voter begin without them',
      );
  }

  /** The next start is another life than any that others have seen, and opens nothing that lost what it told. */
  #endAsOldImage(reason: string): void {
    const {directory, onEnd} = this.#ports;
    const {knownEpoch, foreignLives} = this.#greetings;
    const remember = async (): Promise<void> => {
      await directory.raiseBootEpoch(knownEpoch);
      if (foreignLives.length > 0) await directory.settleLives(foreignLives);
    };
    remember().then(
      () => onEnd(EXIT_CODES.oldImage, `its data directory is an older image of itself: ${reason}`),
      (error: unknown) => onEnd(EXIT_CODES.storeFailed, String(error)),
    );
  }
}
