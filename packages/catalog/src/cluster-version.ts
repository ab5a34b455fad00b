// The one table of what is used from which cluster version on. The cluster version is a record of the catalog;
// it is raised by an order, once every node can. Until then nothing is proposed that the build before does
// not know, so that each node may go back to it. The law for whoever adds a kind of command, operation, entry
// or field: raise CLUSTER_VERSION if the present one has been released, and name the new kind here with it.
//
// Version 1: clusters founded before there was such a record. Version 2: pauses, maintenance, the trash of
// tenants, skipped entries, admin tokens, compactions and checksums as operations, lost majorities. Files and frames are those
// of version 1 in both.

import type {Command, CommandType} from './commands.ts';
import type {OperationKind} from './model.ts';

/** The newest that this build can; a cluster is founded at it. */
export const CLUSTER_VERSION = 2;

const COMMANDS_SINCE: Readonly<Record<CommandType, number>> = {
  'found-cluster': 1,
  'register-node': 1,
  'update-node': 1,
  'set-node-state': 1,
  'set-cluster': 1,
  // Proposed where every node knows it, and nowhere else.
  'finalize-upgrade': 1,
  'set-automation': 2,
  'set-maintenance': 2,
  'create-tenant': 1,
  'alter-tenant': 1,
  'drop-tenant': 1,
  'recover-tenant': 2,
  'purge-tenant': 2,
  'create-database': 1,
  'alter-database': 1,
  'drop-database': 1,
  'recover-database': 1,
  'purge-database': 1,
  'raise-expired-before': 1,
  'create-table': 1,
  'ensure-tables': 1,
  'alter-table': 1,
  'drop-table': 1,
  'recover-table': 1,
  'purge-table': 1,
  'forget-table': 1,
  'ensure-bucket': 1,
  'open-replica-sets': 1,
  'set-placement': 1,
  'declare-lost': 2,
  // Proposed by nobody: it makes a state, on nodes that are stopped.
  'recover-meta': 1,
  'recover-replica-set': 2,
  'pin-replica-set': 1,
  'set-replica-set-failover': 1,
  'skip-entry': 2,
  'forget-replica-sets': 1,
  'drop-bucket': 1,
  'create-operation': 1,
  'update-operation': 1,
  'expire-operations': 1,
  'create-token': 2,
  'revoke-token': 2,
};

export const OPERATIONS_SINCE: Readonly<Record<OperationKind, number>> = {
  'add-replica': 1,
  'remove-replica': 1,
  'move-replica': 1,
  'transfer-leader': 1,
  'drain-node': 1,
  'decommission-node': 1,
  rebalance: 1,
  repair: 1,
  compact: 2,
  checksum: 2,
};

/** Entries in the logs of replica sets. One of a checksum follows from its operation. */
export const ENTRIES_SINCE = {write: 1, control: 1, delete: 1, checksum: 2} as const;

/**
 * Fields added to older commands, which are left out until then: the build before would pass over them, and its
 * catalog would be another one. Without them each command does what it did.
 */
const FIELDS_SINCE: {readonly [Type in CommandType]?: Readonly<Record<string, number>>} = {
  'update-node': {isInsecure: 2},
  'drop-tenant': {atMs: 2, purgeAtMs: 2, orTrash: 2},
  'drop-database': {orTrash: 2},
  'drop-table': {orTrash: 2},
  'create-operation': {retryOf: 2},
  'update-operation': {waitingFor: 2, errorCode: 2, result: 2, differing: 2, transfer: 2},
};

/** The lowest cluster version at which the command may be proposed. */
export function versionNeeded(command: Command): number {
  const since = COMMANDS_SINCE[command.type];
  return command.type === 'create-operation'
    ? Math.max(since, OPERATIONS_SINCE[command.kind])
    : since;
}

/** The command as a cluster of that version takes it; the same object where it has nothing newer. */
export function withoutNewerFields<C extends Command>(command: C, version: number): C {
  const since: Readonly<Record<string, number>> = FIELDS_SINCE[command.type] ?? {};
  const isNewer = ([field, value]: [string, unknown]): boolean =>
    value !== undefined && (since[field] ?? 1) > version;
  const fields = Object.entries(command);
  if (!fields.some(isNewer)) return command;
  return Object.fromEntries(fields.filter((field) => !isNewer(field))) as C;
}

export function versionFault(command: Command, version: number): string | undefined {
  const needed = versionNeeded(command);
  if (needed <= version) return undefined;
  const what = command.type === 'create-operation' ? command.kind : command.type;
  return `${what} needs cluster version ${needed}, and the cluster is at ${version}: run flotilla cluster upgrade finalize, once every node runs a build that can`;
}
