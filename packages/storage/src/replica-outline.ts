// What the manifest says of a replica without opening it: for whoever looks at the stores of a node that
// does not run.

import type {ReplicaId, ReplicaSetId, TableId} from '@flotilla/base';
import type {DeadColumnIds} from './dead-columns.ts';
import type {Manifest} from './manifest.ts';
import {decodeStateJson, type StoragePoint, stateKeys} from './replica-state.ts';

interface ReplicaOutline {
  readonly point: StoragePoint | undefined;
  /** Of its parts; duplicates and deleted rows count until they are compacted away. */
  readonly tables: readonly {readonly table: TableId; readonly rowCount: number}[];
  readonly purgedTables: readonly TableId[];
  readonly deadColumns: readonly DeadColumnIds[];
}

/** Undefined of a replica that was never flushed. */
export function outlineOf(
  manifest: Manifest,
  set: ReplicaSetId,
  replica: ReplicaId,
): ReplicaOutline | undefined {
  const json = manifest.get(stateKeys(set, replica).state);
  if (json === undefined) return undefined;
  const {point, parts, purgedTables, deadColumns} = decodeStateJson(json, new Uint8Array(0));
  const rows = new Map<TableId, number>();
  for (const {table, rowCount} of parts.flatMap(({tables}) => tables))
    rows.set(table, (rows.get(table) ?? 0) + rowCount);
  const tables = [...rows].map(([table, rowCount]) => ({table, rowCount}));
  return {point, tables, purgedTables, deadColumns};
}
