// Calls between nodes over the simulated control connection: unavailable when surely not sent, unknown
// when the connection was lost after, and given up at the deadline or by signal, as the product's
// own caller does it.

import {
  type Clock,
  DbError,
  type NodeId,
  type Rpc,
  type RpcOptions,
  type RpcTarget,
  type Timer,
} from '@flotilla/base';

export type CallHandler = (
  payload: Uint8Array,
  target: RpcTarget,
  from: NodeId,
) => Promise<Uint8Array>;

interface Call {
  readonly type: 'call';
  readonly id: number;
  readonly target: RpcTarget;
  readonly method: string;
  readonly payload: Uint8Array;
}

interface Answer {
  readonly type: 'answer';
  readonly id: number;
  readonly answer?: Uint8Array;
  readonly error?: DbError;
}

interface Pending {
  readonly to: NodeId;
  readonly settle: (outcome: Uint8Array | DbError) => void;
}

export interface SimRpcPorts {
  readonly node: NodeId;
  readonly bootEpoch: number;
  readonly clock: Clock;
  readonly handlers: ReadonlyMap<string, CallHandler>;
  readonly isAway: (node: NodeId) => boolean;
  readonly send: (to: NodeId, letter: object, bytes: number) => boolean;
}

const ENVELOPE_BYTES = 40;
/** A late answer to the process before must find no call of this one. */
const CALLS_PER_BOOT = 2 ** 32;
/** Whoever asked waits no longer. */
const PASS_MS_MAX = 5_000;

export class SimRpc implements Rpc {
  readonly #ports: SimRpcPorts;
  readonly #pending = new Map<number, Pending>();
  #lastId: number;

  constructor(ports: SimRpcPorts) {
    this.#ports = ports;
    this.#lastId = ports.bootEpoch * CALLS_PER_BOOT;
  }

  call(
    target: RpcTarget,
    method: string,
    payload: Uint8Array,
    {deadlineMs, signal}: RpcOptions,
  ): Promise<Uint8Array> {
    const {node, clock} = this.#ports;
    const to = target.via ?? target.node;
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      let timer: Timer | undefined;
      const cancel = (): void => settle(new DbError('CANCELLED', 'broken off'));
      const settle = (outcome: Uint8Array | DbError): void => {
        if (!this.#pending.delete(id)) return;
        timer?.cancel();
        signal?.removeEventListener('abort', cancel);
        if (outcome instanceof DbError) reject(outcome);
        else resolve(outcome);
      };
      this.#pending.set(id, {to, settle});
      const late = (): void => settle(new DbError('DEADLINE_EXCEEDED', 'no answer', {sent: true}));
      timer = clock.setTimer(deadlineMs - clock.monotonicMs(), late);
      signal?.addEventListener('abort', cancel, {once: true});
      const call: Call = {type: 'call', id, target, method, payload};
      if (to === node) clock.defer(() => this.receive(node, call));
      else if (!this.#ports.send(to, call, ENVELOPE_BYTES + payload.length))
        settle(new DbError('UNAVAILABLE', `node ${to} is not connected`));
    });
  }

  // biome-ignore lint/correctness/useYield: nothing under simulation streams yet
  async *stream(): AsyncIterable<Uint8Array> {
    throw new DbError('UNAVAILABLE', 'no streams here');
  }

  receive(from: NodeId, letter: object): void {
    const known = letter as Call | Answer;
    if (known.type === 'answer') {
      this.#pending.get(known.id)?.settle(known.answer ?? known.error!);
      return;
    }
    const {id, target, method, payload} = known;
    const handler = this.#ports.handlers.get(method)!;
    const answering =
      target.via === undefined ? handler(payload, target, from) : this.#passOn(known);
    answering.then(
      (answer) => this.#answer(from, {type: 'answer', id, answer}),
      (error: unknown) => {
        if (!(error instanceof DbError)) throw error;
        this.#answer(from, {type: 'answer', id, error});
      },
    );
  }

  /** For a node that has lost its link to the one that must answer. */
  async #passOn({target: {node, set}, method, payload}: Call): Promise<Uint8Array> {
    const {isAway, clock} = this.#ports;
    if (isAway(node)) throw new DbError('UNAVAILABLE', `node ${node} is away here, too`);
    const deadlineMs = clock.monotonicMs() + PASS_MS_MAX;
    return this.call({node, set}, method, payload, {deadlineMs});
  }

  /** What was sent over it may have been done. */
  lost(node: NodeId): void {
    for (const {to, settle} of [...this.#pending.values()])
      if (to === node) settle(new DbError('OUTCOME_UNKNOWN', `lost the connection to ${node}`));
  }

  #answer(to: NodeId, answer: Answer): void {
    if (to === this.#ports.node) this.receive(to, answer);
    else this.#ports.send(to, answer, ENVELOPE_BYTES + (answer.answer?.length ?? 0));
  }
}
