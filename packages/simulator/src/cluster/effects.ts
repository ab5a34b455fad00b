// What replicas do with a command, told to the laws: their answers at an index are the same, and a share
// takes effect at one index, by router and by idempotency key.

import {META_SET, type ReplicaId, type ReplicaSetId} from '@flotilla/base';
import {decodeShare} from '@flotilla/column';
import type {StateMachine} from '@flotilla/multiraft';
import {decodeCommand, ReplicaMachine, type WriteApplied} from '@flotilla/replica';
import type {Coverage} from '../checks/coverage.ts';
import type {Laws} from '../checks/laws.ts';
import {hashBytes} from '../workload/command.ts';

const bytesOf = new TextEncoder();

export class Effects {
  readonly #laws: Laws;
  readonly #coverage: Coverage;
  /** By set and key: where the share took effect. */
  readonly #keys = new Map<string, number>();

  constructor(laws: Laws, coverage: Coverage) {
    this.#laws = laws;
    this.#coverage = coverage;
  }

  watch(set: ReplicaSetId, replica: ReplicaId, machine: StateMachine): void {
    if (set === META_SET || !(machine instanceof ReplicaMachine)) return;
    const unload = machine.unload.bind(machine);
    machine.unload = async () => {
      const isUnloaded = await unload();
      if (isUnloaded && !machine.isLoaded) this.#coverage.count('replicas:unloaded');
      return isUnloaded;
    };
    const apply = machine.apply.bind(machine);
    machine.apply = (index, term, payload) => {
      const result = apply(index, term, payload);
      const digest = hashBytes(bytesOf.encode(JSON.stringify(result.value)));
      const command = decodeCommand(payload);
      if (command.type !== 'write') {
        this.#laws.applied(set, replica, {index, digest});
        return result;
      }
      const {status} = result.value as WriteApplied;
      const {router, idempotencyKey} = decodeShare(command.share);
      const write = {
        command: {...router, register: 0, value: 0, key: 0},
        result: {status: status === 'applied' ? ('applied' as const) : ('duplicate' as const)},
      };
      this.#laws.applied(set, replica, {index, digest}, write);
      if (status !== 'applied') this.#coverage.count(`writes:skipped as ${status}`);
      else if (idempotencyKey !== undefined) this.#tookEffect(set, idempotencyKey, index);
      return result;
    };
  }

  #tookEffect(set: ReplicaSetId, key: string, index: number): void {
    const name = `${set}/${key}`;
    const before = this.#keys.get(name) ?? index;
    this.#keys.set(name, before);
    if (before !== index)
      this.#laws.fail('at most once', set, `key ${key} took effect at ${before} and ${index}`);
  }
}
