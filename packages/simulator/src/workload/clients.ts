// Clients that write and read the same few registers, at once and through any node, and what they saw:
// the history that must be linearizable, register by register.

import {DbError, type ReplicaSetId, type Timer} from '@flotilla/base';
import type {Coverage} from '../checks/coverage.ts';
import type {Chance} from '../kernel/chance.ts';
import type {Kernel} from '../kernel/kernel.ts';
import type {RegisterOperation} from '../linearizability.ts';
import type {SimNode} from '../world/node.ts';
import {READ_METHOD, WRITE_METHOD} from '../world/register-calls.ts';
import {decodeNumber, decodeWrite, encodeNumber, encodeWrite} from './command.ts';
import {expected} from './expected.ts';
import type {PlacedSet, Placement} from './placement.ts';

export interface ClientPorts {
  readonly kernel: Kernel;
  readonly chance: Chance;
  /** For what a request's key allows: that it is sent more than once. */
  readonly keys: Chance;
  readonly nodes: readonly SimNode[];
  readonly placement: Placement;
  readonly coverage: Coverage;
  readonly clients: number;
  /** Average pause of one client between two requests. */
  readonly thinkMs: number;
}

interface Attempt {
  readonly set: ReplicaSetId;
  readonly payload: Uint8Array;
  readonly isWrite: boolean;
}

interface Answer {
  readonly outcome: RegisterOperation['outcome'];
  readonly code: string;
  readonly value?: number;
}

type Mutable = {-readonly [Key in keyof RegisterOperation]: RegisterOperation[Key]};

/** What a client waits for its answer; longer than any deadline inside. */
const PATIENCE_MS = 12_000;
const DEADLINE_MS = 4_000;
/** A client stays with some sets for a while, so that requests meet at the same registers. */
const SETS_AT_A_TIME = 3;
const ATTENTION_MS = 20_000;
/** Between two requests at a node that was cut off, or around it: its leadership ends in a second or so. */
const BESIEGED_MS = 120;
/** Of clients that ask once. */
const FIRST_PASSER = 100_000;
/** Of writes under a key: they go to two nodes, the second one at some time while a client would wait. */
const TWICE_ODDS = 0.2;
const TWICE_MS = 500;
/** Between two writes that come once more, and how many are kept for it. */
const LATE_MS = 3_000;
const LATE_MAX = 50;

export class Clients {
  readonly #ports: ClientPorts;
  /** By set and register. */
  readonly histories = new Map<string, RegisterOperation[]>();
  readonly counts = {ok: 0, unknown: 0, refused: 0};
  /** Requests without an answer, by client. */
  readonly open = new Map<number, {readonly sinceMs: number; readonly text: string}>();
  isStopped = false;
  #hot: ReplicaSetId[] = [];
  #hotUntilMs = 0;
  /** Writes that took effect or may have: what a network held back could still come, by any way. */
  readonly #written: {readonly set: ReplicaSetId; readonly payload: Uint8Array}[] = [];
  #lastValue = 0;
  #passers = 0;

  constructor(ports: ClientPorts) {
    this.#ports = ports;
  }

  start(): void {
    for (let client = 1; client <= this.#ports.clients; client++) this.#live(client);
    this.#sendLate();
  }

  /**
   * A write long after its answer, under the numbers it had, as the network may bring it, or under its key
   * alone, as its client may send it again: it must have no second effect.
   */
  #sendLate(): void {
    const {kernel, chance, nodes, coverage} = this.#ports;
    kernel.after(chance.wait(LATE_MS), () => {
      if (this.isStopped) return;
      this.#sendLate();
      const up = nodes.filter(({host}) => host !== undefined);
      if (up.length === 0 || this.#written.length === 0) return;
      const {set, payload: first} = chance.pick(this.#written);
      const node = chance.pick(up);
      const {process, caller} = node.running!;
      const isByKey = this.#ports.keys.odds(0.5);
      const payload = isByKey ? numberedAnew(first, node) : first;
      const deadlineMs = process.monotonicMs() + DEADLINE_MS;
      coverage.count('writes:sent again late');
      caller.call({set, method: WRITE_METHOD, payload, deadlineMs}).then((answer) => {
        const isDuplicate = decodeNumber(answer) === 1;
        const by = isByKey ? 'by its key' : 'by its number';
        coverage.count(`writes:late ${by} and ${isDuplicate ? 'skipped' : 'first'}`);
      }, expected);
    });
  }

  #live(client: number): void {
    const {kernel, chance, thinkMs} = this.#ports;
    // Bursts: a client that was answered mostly asks again soon, and sometimes pauses for long.
    const waitMs = chance.odds(0.7) ? chance.wait(thinkMs / 10) : chance.wait(thinkMs * 3);
    kernel.after(waitMs, () => {
      if (this.isStopped) return;
      const set = this.#pickSet();
      const gateway = set === undefined ? undefined : this.#pickNode(set);
      if (set === undefined || gateway === undefined) this.#live(client);
      else this.#ask(client, set, gateway, () => this.#live(client));
    });
  }

  /**
   * For some time clients that do not wait for each other ask for one register of the set: through this
   * node, which may lead it no more, they mostly read; through all others they write.
   */
  besiege(set: PlacedSet, node: SimNode, forMs: number): void {
    const {kernel, chance, nodes, coverage} = this.#ports;
    const untilMs = kernel.nowMs + forMs;
    const register = chance.below(set.registers);
    const next = (): void => {
      if (this.isStopped || kernel.nowMs >= untilMs || set.state !== 'open') return;
      kernel.after(chance.wait(BESIEGED_MS), next);
      const others = nodes.filter((other) => other !== node && other.host !== undefined);
      const isHere = others.length === 0 || chance.odds(0.5);
      const gateway = isHere ? node : chance.pick(others);
      const isWrite = chance.odds(isHere ? 0.1 : 0.7);
      if (gateway.host === undefined) return;
      if (isHere && gateway.host.status(set.id)?.role === 'leader')
        coverage.count('sieges:asked who thinks it leads');
      this.#passers += 1;
      const client = FIRST_PASSER + this.#passers;
      this.request({client, set, node: gateway, register, isWrite}, ({outcome, kind}) => {
        const side = isHere ? 'inside' : 'outside';
        if (outcome === 'ok') coverage.count(`sieges:${kind} ${side}`);
      });
    };
    next();
  }

  #pickSet(): PlacedSet | undefined {
    const {kernel, chance, placement} = this.#ports;
    const open = placement.openSets();
    if (open.length === 0) return undefined;
    if (kernel.nowMs >= this.#hotUntilMs) {
      this.#hotUntilMs = kernel.nowMs + chance.wait(ATTENTION_MS);
      this.#hot = Array.from({length: SETS_AT_A_TIME}, () => chance.pick(open).id);
    }
    if (chance.odds(0.05)) return chance.pick(open);
    const set = placement.sets.get(chance.pick(this.#hot));
    return set?.state === 'open' ? set : chance.pick(open);
  }

  #pickNode(_set: PlacedSet): SimNode | undefined {
    const {chance, nodes} = this.#ports;
    const up = nodes.filter(({host}) => host !== undefined);
    return up.length === 0 ? undefined : chance.pick(up);
  }

  /** One request of a client; `done` once it has its answer, or gave up. */
  #ask(client: number, set: PlacedSet, node: SimNode, done: () => void): void {
    const {chance} = this.#ports;
    const register = chance.below(set.registers);
    const isWrite = chance.odds(0.6);
    this.request({client, set, node, register, isWrite}, done);
  }

  request(
    {
      client,
      set,
      node,
      register,
      isWrite,
    }: {
      readonly client: number;
      readonly set: PlacedSet;
      readonly node: SimNode;
      readonly register: number;
      readonly isWrite: boolean;
    },
    done: (operation: RegisterOperation) => void,
  ): void {
    const {kernel, coverage} = this.#ports;
    const value = isWrite ? ++this.#lastValue : 0;
    const operation: Mutable = {
      client,
      kind: isWrite ? 'write' : 'read',
      value,
      startMs: kernel.nowMs,
      endMs: Infinity,
      outcome: 'unknown',
    };
    this.#remember(set.id, register, operation);
    this.open.set(client, {sinceMs: kernel.nowMs, text: `${operation.kind} of set ${set.id}`});
    const payload = isWrite
      ? encodeWrite({...{register, value, key: value}, ...numbersOf(node)})
      : encodeNumber(register);
    const attempts = [this.#attempt(node, {set: set.id, payload, isWrite})];
    if (isWrite && this.#ports.keys.odds(TWICE_ODDS))
      attempts.push(this.#attemptLater({set: set.id, payload, isWrite}));
    void together(attempts).then(({outcome, code, value: read}) => {
      operation.outcome = outcome;
      if (!isWrite && read !== undefined) operation.value = read;
      if (outcome !== 'unknown') operation.endMs = kernel.nowMs;
      this.counts[outcome] += 1;
      coverage.count(`answers:${operation.kind} ${code}`);
      this.open.delete(client);
      if (isWrite && outcome !== 'refused') this.#keep(set.id, payload);
      done(operation);
    });
  }

  /** The same under the same key, through whatever node: which of both is first nobody knows. */
  #attemptLater(attempt: Attempt): Promise<Answer> {
    const {kernel, keys, nodes, coverage} = this.#ports;
    return new Promise((resolve) => {
      kernel.after(keys.wait(TWICE_MS), () => {
        const up = nodes.filter(({host}) => host !== undefined);
        if (up.length === 0) return resolve({outcome: 'refused', code: 'no node is up'});
        const node = keys.pick(up);
        coverage.count('writes:sent twice under a key');
        const payload = numberedAnew(attempt.payload, node);
        return resolve(this.#attempt(node, {...attempt, payload}));
      });
    });
  }

  #attempt(node: SimNode, {set, payload, isWrite}: Attempt): Promise<Answer> {
    const {coverage} = this.#ports;
    const running = node.running!;
    return new Promise((resolve) => {
      const end = (answer: Answer): void => {
        patience.cancel();
        resolve(answer);
      };
      const patience = this.#watch(node, (outcome, code) => end({outcome, code}));
      const method = isWrite ? WRITE_METHOD : READ_METHOD;
      const deadlineMs = running.process.monotonicMs() + DEADLINE_MS;
      running.caller.call({set, method, payload, deadlineMs}).then(
        (answer) => {
          const value = decodeNumber(answer);
          if (isWrite && value === 1) coverage.count('writes:answered as duplicate');
          end({outcome: 'ok', code: 'ok', value});
        },
        (error: unknown) => {
          if (!(error instanceof DbError)) throw error;
          end({outcome: outcomeOf(error, isWrite), code: error.code});
        },
      );
    });
  }

  /** The client's own connection: broken when the process ends, given up when it is silent for long. */
  #watch(node: SimNode, end: (outcome: 'unknown', code: string) => void): Timer {
    const {kernel} = this.#ports;
    const {running} = node;
    const untilMs = kernel.nowMs + PATIENCE_MS;
    const look = (): void => {
      if (node.running !== running) end('unknown', 'connection lost');
      else if (kernel.nowMs >= untilMs) end('unknown', 'silence');
      else timer = kernel.after(1_000, look);
    };
    let timer = kernel.after(1_000, look);
    return {cancel: () => timer.cancel()};
  }

  #keep(set: ReplicaSetId, payload: Uint8Array): void {
    if (this.#written.push({set, payload}) > LATE_MAX)
      this.#written.splice(this.#ports.chance.below(LATE_MAX), 1);
  }

  #remember(set: ReplicaSetId, register: number, operation: RegisterOperation): void {
    const key = `${set}/${register}`;
    const history = this.histories.get(key);
    if (history === undefined) this.histories.set(key, [operation]);
    else history.push(operation);
  }
}

/** One that is known to have taken effect settles it; refused is only what all refused. */
function together(attempts: readonly Promise<Answer>[]): Promise<Answer> {
  return new Promise((resolve) => {
    let left = attempts.length;
    let isUnknown = false;
    for (const attempt of attempts)
      void attempt.then((answer) => {
        left -= 1;
        isUnknown ||= answer.outcome === 'unknown';
        if (answer.outcome === 'ok') resolve(answer);
        else if (left === 0) resolve({...answer, outcome: isUnknown ? 'unknown' : 'refused'});
      });
  });
}

function numbersOf(node: SimNode): {incarnation: number; sequence: number} {
  return {incarnation: node.running!.incarnation, sequence: node.nextSequence()};
}

function numberedAnew(write: Uint8Array, node: SimNode): Uint8Array {
  return encodeWrite({...decodeWrite(write), ...numbersOf(node)});
}

function outcomeOf(error: DbError, isWrite: boolean): RegisterOperation['outcome'] {
  // A read that failed saw nothing.
  if (!isWrite) return 'refused';
  return error.code === 'OUTCOME_UNKNOWN' || error.code === 'DEADLINE_EXCEEDED'
    ? 'unknown'
    : 'refused';
}
