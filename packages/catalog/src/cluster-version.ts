// The one table of what is used from which cluster version on. The cluster version is a record of the catalog;
// it is raised by an order, once every node can. Until then nothing is proposed that the build before does
// not know, so that each node may go back to it. The law for whoever adds a kind of command, operation, entry
// or field: raise CLUSTER_VERSION if the present one has been released, and name the new kind here with it.
//
// Version 1: clusters founded before there was such a record. Version 2: pauses, maintenance, the trash of
// tenants, skipped entries, admin tokens, compactions and checksums as operations, lost majorities. Version 3:
// entries that are skipped in two steps, so that no replica applies what others pass over. Version 4: replica sets
// that are destroyed with their rows, and empty ones in their places; parts of version 2. Version 5: a longer ttl
// brings back what has expired; times of buckets, and how many moves a rebalance plans. Version 6: names of each
// table in what a client's key stands for. Version 7: `max_series` of a database. Version 8: parts of version 4. All
// else in files, and frames, are those of version 1 in all of them.

import type {Command, CommandType} from './commands.ts';
import type {OperationKind} from './model.ts';

/** The newest that this build can; a cluster is founded at it. */
export const CLUSTER_VERSION = 8;

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
  'begin-skip': 3,
  'end-skip': 3,
  'replace-replica-set': 4,
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
  'destroy-replica-set': 4,
};

/** Entries in the logs of replica sets. One of a checksum follows from its operation. */
export const ENTRIES_SINCE = {write: 1, control: 1, delete: 1, checksum: 2} as const;

/** By their version (packages/storage/FORMAT.md): snapshots carry them from node to node as they are. */
export const PARTS_SINCE = {1: 1, 2: 4, 4: 8} as const;

/** Of shares under a client's key: replicas leave out those tables of a share that they have. */
export const TABLES_NAMED_SINCE = 6;

/** It is known from then on which buckets have gone, so that a longer ttl can bring back the others. */
export const EXPIRED_RETURNS_SINCE = 5;

/** A rebalance is counted from then on: all its moves are looked for before the first of them. */
export const MOVES_PLANNED_SINCE = 5;

/** Databases have the option from then on: builds before would take series that those of it refuse. */
export const MAX_SERIES_SINCE = 7;

/** What an operation waits for stands in its record from then on. */
export const WAITS_TOLD_SINCE = 2;

/** An evacuation's record has from then on how many replicas there were to go. */
export const EVACUATIONS_COUNTED_SINCE = 2;

/** A meta group that is recovered passes over the columns' ids from then on, as over the others. */
export const COLUMNS_PASSED_OVER_SINCE = 2;

/** An operation's error can be taken back from then on, once it is overcome. */
export const ERRORS_TAKEN_BACK_SINCE = 3;

/** A repair where the replica was makes the new copy itself from then on; before, it left that to others. */
export const REPAIRS_MAKE_IN_PLACE_SINCE = 3;

/** What a checksum found is kept from then on as long as that is there, whatever its operation's age. */
export const FINDINGS_KEPT_SINCE = 3;

/**
 * Fields added to older commands, which are left out until then: the build before would pass over them, and its
 * catalog would be another one. Without them each command does what it did.
 */
export const FIELDS_SINCE: {
  readonly [Type in CommandType]?: Readonly<Record<string, number>>;
} = {
  'register-node': {'node.isInsecure': 2},
  'update-node': {isInsecure: 2},
  'set-node-state': {operation: 3},
  'create-database': {'options.maxSeries': MAX_SERIES_SINCE},
  'alter-database': {atMs: 5, 'options.maxSeries': MAX_SERIES_SINCE},
  'raise-expired-before': {ttlMs: 5},
  'drop-bucket': {expiredAtMs: 5},
  'drop-tenant': {atMs: 2, purgeAtMs: 2, orTrash: 2},
  'drop-database': {orTrash: 2},
  'drop-table': {orTrash: 2},
  'ensure-bucket': {atMs: 5},
  'open-replica-sets': {atMs: 5},
  'create-operation': {retryOf: 2, cause: 3},
  'update-operation': {
    ...{waitingFor: WAITS_TOLD_SINCE, errorCode: 2, result: 2, differing: 2, transfer: 2},
    ...{targetNode: 3, by: 3, movesPlanned: MOVES_PLANNED_SINCE},
  },
};

/** Commands that no build gives any more, and what to do instead. They stand in logs that are replayed. */
const RETIRED: {readonly [Type in CommandType]?: string} = {
  'skip-entry': 'entries are skipped from cluster version 3 on, once each replica has promised it',
};

/** The lowest cluster version at which the command may be proposed. */
export function versionNeeded(command: Command): number {
  return Math.max(COMMANDS_SINCE[command.type], newestIn(command)?.since ?? 1);
}

/** What in a command may have come later than the command, and is not left out: whoever says it means it. */
function newestIn(command: Command): {readonly what: string; readonly since: number} | undefined {
  switch (command.type) {
    case 'create-operation':
      return {what: command.kind, since: OPERATIONS_SINCE[command.kind]};
    case 'create-database':
    case 'alter-database':
      if (command.options.maxSeries === undefined) return undefined;
      return {what: 'max_series', since: MAX_SERIES_SINCE};
    default:
      return undefined;
  }
}

/** The command as a cluster of that version takes it; the same object where it has nothing newer. */
export function withoutNewerFields<C extends Command>(command: C, version: number): C {
  const fitting = fieldsUpTo(command, FIELDS_SINCE[command.type] ?? {}, version, '');
  return fitting as unknown as C;
}

/** @param path  of the object within its command: '' or, say, 'node.' */
function fieldsUpTo(
  object: object,
  since: Readonly<Record<string, number>>,
  version: number,
  path: string,
): object {
  const fields = Object.entries(object).flatMap(([field, value]: [string, unknown]) => {
    const name = `${path}${field}`;
    if (value !== undefined && (since[name] ?? 1) > version) return [];
    const hasParts = Object.keys(since).some((known) => known.startsWith(`${name}.`));
    const isOpened = hasParts && typeof value === 'object' && value !== null;
    return [[field, isOpened ? fieldsUpTo(value, since, version, `${name}.`) : value] as const];
  });
  const [before, now] = [Object.values(object), fields.map(([, value]) => value)];
  const isSame = before.length === now.length && before.every((value, i) => value === now[i]);
  return isSame ? object : Object.fromEntries(fields);
}

export function versionFault(command: Command, version: number): string | undefined {
  const retired = RETIRED[command.type];
  if (retired !== undefined) return `${command.type} is given no more: ${retired}`;
  const needed = versionNeeded(command);
  if (needed <= version) return undefined;
  const what = newestIn(command)?.what ?? command.type;
  return `${what} needs cluster version ${needed}, and the cluster is at ${version}: run flotilla cluster upgrade finalize, once every node runs a build that can`;
}
