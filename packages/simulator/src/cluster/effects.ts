// What replicas do with a command, told to the laws: their answers at an index are the same, and a share
// takes effect at one index, by router and, table by table, by idempotency key.

import {META_SET, type ReplicaId, type ReplicaSetId, type TableId} from '@flotilla/base';
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
  /** By set, key and table: where its rows took effect. */
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
    let written: ReadonlySet<TableId> = new Set();
    const write = machine.storage.applyWrite.bind(machine.storage);
    machine.storage.applyWrite = (index, share) => {
      written = new Set(share.tables.map(({table}) => table));
      return write(index, share);
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
      const {router, idempotencyKey, tables} = decodeShare(command.share);
      const write = {
        command: {...router, register: 0, value: 0, key: 0},
        result: {status: status === 'applied' ? ('applied' as const) : ('duplicate' as const)},
      };
      this.#laws.applied(set, replica, {index, digest}, write);
      if (status !== 'applied') this.#coverage.count(`writes:skipped as ${status}`);
      else if (idempotencyKey !== undefined)
        for (const [i, name] of tableNames(idempotencyKey).entries())
          if (written.has(tables[i]!.table)) this.#tookEffect(set, name, index);
          else this.#coverage.count('writes:tables left out');
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

/** One for each table of the share, with the client's key before it. */
function tableNames(key: string): string[] {
  const [client, names] = key.split('\0');
  const [whole, ...each] = names!.split(',');
  return (each.length === 0 ? [whole] : each).map((name) => `${client}/${name}`);
}
