// Answers once what was dropped is dead here too, or what was recovered lives. The entries come by themselves
// (the leader follows the catalog); whoever dropped a thing waits for them, so that no write that comes after
// the answer can go, through a router that is behind, where nobody looks any more; and whoever recovered one,
// so that no query that comes after the answer finds a part of its rows.
// What is applied is not enough: an entry that says the opposite may be on its way still, proposed before the
// catalog turned, by this leader or by one before. So the leader says it once more, behind all of those.

import {
  type ColumnId,
  DbError,
  type ReplicaSetId,
  type RpcContext,
  type TableId,
} from '@flotilla/base';
import type {StateMachine} from '@flotilla/multiraft';
import type {ControlCommand} from './command.ts';
import {ReplicaMachine} from './replica-machine.ts';

export const FENCE_METHOD = 'replica.fence';
/** An entry is proposed as soon as the catalog's change is here, and committed in milliseconds. */
const LOOK_MS = 10;
const LOOKS_MAX = 100;

/** Plain JSON. */
export type Fence = TableFence | DatabaseFence | RecoveryFence;

export interface TableFence {
  readonly table: TableId;
  /** Absent: the whole table. */
  readonly column?: ColumnId | undefined;
}

/** Of a whole database: all its tables that were not dropped before. */
export interface DatabaseFence {
  readonly tables: readonly TableId[];
}

/** Tables that live again. */
export interface RecoveryFence {
  readonly recovered: readonly TableId[];
}

export interface FenceHost {
  status(set: ReplicaSetId): {readonly role: string} | undefined;
  stateMachine(set: ReplicaSetId): StateMachine | undefined;
}

export function encodeFence(fence: Fence): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(fence));
}

export interface FenceWork {
  /** Resolves after so many milliseconds. */
  readonly wait: (ms: number) => Promise<void>;
  /** Resolves once the command is applied behind whatever older catalogs asked for. */
  readonly confirm: (set: ReplicaSetId, command: ControlCommand) => Promise<unknown>;
}

export function fenceHandler(
  host: FenceHost,
  {wait, confirm}: FenceWork,
): (payload: Uint8Array, context: RpcContext) => Promise<Uint8Array> {
  return async (payload, {set}) => {
    const fence = JSON.parse(new TextDecoder().decode(payload)) as Fence;
    for (let looks = 0; looks < LOOKS_MAX; looks++) {
      const machine = host.stateMachine(set);
      if (!(machine instanceof ReplicaMachine)) {
        throw new DbError('REPLICA_GONE', `no replica of set ${set} on this node`);
      }
      // Only the leader makes the entry: a follower may be behind for long.
      if (host.status(set)?.role !== 'leader') {
        throw new DbError('NOT_LEADER', `this node does not lead replica set ${set}`);
      }
      if (isMet(machine, fence)) {
        const command = commandOf(fence);
        if (command !== undefined) await confirm(set, command);
        if (isMet(machine, fence)) return new Uint8Array(0);
      }
      await wait(LOOK_MS);
    }
    throw new DbError('UNAVAILABLE', `replica set ${set} has not applied it yet`);
  };
}

/** Of several tables one: it is the entry's place in the log that counts. */
function commandOf(fence: Fence): ControlCommand | undefined {
  if ('recovered' in fence) {
    const [table] = fence.recovered;
    return table === undefined ? undefined : {type: 'recover-table', table};
  }
  if ('tables' in fence) {
    const [table] = fence.tables;
    return table === undefined ? undefined : {type: 'drop-table', table};
  }
  const {table, column} = fence;
  return column === undefined ? {type: 'drop-table', table} : {type: 'drop-column', table, column};
}

/** What is applied here is committed: every write that comes later in the log meets it. */
function isMet({storage}: ReplicaMachine, fence: Fence): boolean {
  if ('recovered' in fence) {
    return fence.recovered.every((table) => storage.fateOf(table) === 'live');
  }
  if ('tables' in fence) return fence.tables.every((table) => storage.fateOf(table) !== 'live');
  const {table, column} = fence;
  if (storage.fateOf(table) !== 'live') return true;
  return column !== undefined && storage.isDeadColumn(table, column);
}
