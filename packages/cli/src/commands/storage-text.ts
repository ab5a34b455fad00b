// The answer of `storage show` as tables: of the nodes where all is shown, of the replica sets of a database, of
// the replicas and parts of one set; and of the tables everywhere.

import type {Storage, StoredReplica, StoredSet} from '@flotilla/client';
import {counted} from '../counted.ts';
import {formatBytes} from '../progress-bar.ts';
import {renderRecords, type TableStyle} from '../table.ts';

const TABLE_COLUMNS = ['database', 'table', 'rows', 'inMemory', 'size', 'bytesPerValue', 'sets'];
const MEMORY_COLUMNS = ['memtable', 'index'];
const NODE_COLUMNS = [
  ...['node', 'address', 'replicas', 'loaded', 'parts', 'size', ...MEMORY_COLUMNS],
  ...['flushed', 'compacted', 'writeAmplification', 'note'],
];
const SET_COLUMNS = [
  ...['id', 'bucket', 'shard', 'loaded', 'parts', 'size', 'rows', ...MEMORY_COLUMNS, 'note'],
];
const REPLICA_COLUMNS = [
  ...['replica', 'node', 'state', 'parts', 'size', 'largest', 'rows', 'series'],
  ...[...MEMORY_COLUMNS, 'note'],
];
const PART_COLUMNS = ['node', 'file', 'size', 'rows', 'entries'];

type Records = readonly Readonly<Record<string, unknown>>[];

export function renderStorage(storage: Storage, style: TableStyle): string {
  const {nodes, sets} = storage;
  const table = (records: Records, columns: readonly string[]): string =>
    records.length === 0 ? '' : `\n${renderRecords(records, columns, style)}`;
  const isPartByPart = sets?.some(({replicas}) => replicas.some(({parts}) => parts !== undefined));
  const replicas = sets?.flatMap((set) => set.replicas) ?? [];
  const held = isPartByPart
    ? [
        table(replicas.map(describeReplica), REPLICA_COLUMNS),
        table(replicas.flatMap(describeParts), partColumns(replicas)),
      ]
    : [table(sets?.map(describeSet) ?? [], SET_COLUMNS)];
  const ofNodes = sets === undefined ? table(nodes.map(describeNode), NODE_COLUMNS) : '';
  const tables = table(describeTables(storage), TABLE_COLUMNS);
  return [summary(storage), ofNodes, tables, ...held].join('');
}

function summary({nodes, tables, sets}: Storage): string {
  const total = (of: (node: Storage['nodes'][number]) => number): number =>
    nodes.reduce((sum, node) => sum + of(node), 0);
  const parts = total((node) => node.parts);
  const memtables = total(({memtableBytes}) => memtableBytes);
  const indexes = total(({indexBytes}) => indexBytes);
  const ofSets = sets === undefined ? '' : `${counted(sets.length, 'replica set')}, `;
  const onDisk = `${formatBytes(total(({partBytes}) => partBytes))} in ${counted(parts, 'part')}`;
  const inMemory = `memtables ${formatBytes(memtables)}, series ${formatBytes(indexes)}`;
  const where = counted(nodes.length, 'node');
  return `${counted(tables.length, 'table')}, ${ofSets}${onDisk} on ${where}; in memory: ${inMemory}\n`;
}

function describeNode(node: Storage['nodes'][number]): Record<string, unknown> {
  const {isReachable, writeAmplification, flushedBytes = 0, compactedBytes = 0} = node;
  if (!isReachable) return {node: node.node, address: node.address, note: 'does not answer'};
  return {
    ...node,
    size: formatBytes(node.partBytes),
    memtable: formatBytes(node.memtableBytes),
    index: formatBytes(node.indexBytes),
    flushed: formatBytes(flushedBytes),
    compacted: formatBytes(compactedBytes),
    writeAmplification:
      writeAmplification === undefined ? undefined : Number(writeAmplification.toFixed(2)),
  };
}

function describeTables({tables}: Storage): Record<string, unknown>[] {
  return tables.map((table) => ({
    database: table.database,
    table: table.isDropped ? `${table.table} (dropped)` : table.table,
    rows: table.rows,
    inMemory: table.memtableRows,
    size: formatBytes(table.partBytes),
    bytesPerValue:
      table.bytesPerValue === undefined ? undefined : Number(table.bytesPerValue.toFixed(3)),
    sets: table.replicaSets,
  }));
}

function describeSet({id, bucket, shard, replicas}: StoredSet): Record<string, unknown> {
  const most = (of: (replica: StoredReplica) => number): number =>
    replicas.reduce((largest, replica) => Math.max(largest, of(replica)), 0);
  const all = (of: (replica: StoredReplica) => number): string =>
    formatBytes(replicas.reduce((sum, replica) => sum + of(replica), 0));
  const loaded = replicas.filter(({state}) => state === 'loaded').length;
  const notes = replicas.flatMap((replica) => {
    const note = noteOf(replica);
    return note === undefined ? [] : [`node ${replica.node}: ${note}`];
  });
  return {
    id,
    bucket: bucket.start.slice(0, 16),
    shard,
    loaded: `${loaded}/${replicas.length}`,
    parts: most(({partCount = 0}) => partCount),
    size: all(({partBytes}) => partBytes),
    rows: most(({rows}) => rows),
    memtable: all(({memtableBytes}) => memtableBytes),
    index: all(({indexBytes}) => indexBytes),
    note: notes.join('; '),
  };
}

function describeReplica(replica: StoredReplica): Record<string, unknown> {
  const {state, node, partCount} = replica;
  const which = {replica: replica.replica, node, state};
  if (partCount === undefined) return which;
  return {
    ...which,
    parts: partCount,
    size: formatBytes(replica.partBytes),
    largest: formatBytes(replica.largestPartBytes),
    rows: replica.rows,
    series: replica.seriesCount,
    memtable: formatBytes(replica.memtableBytes),
    index: formatBytes(replica.indexBytes),
    note: noteOf(replica),
  };
}

function describeParts({node, parts = []}: StoredReplica): Record<string, unknown>[] {
  return parts.map(({file, bytes, rowCount, lo, hi, isLeftOut}) => {
    const note = isLeftOut === true ? 'left out of compactions' : undefined;
    const entries = `${lo + 1}-${hi}`;
    return {node, file, size: formatBytes(bytes), rows: rowCount, entries, note};
  });
}

/** Of most there is nothing to note. */
function partColumns(replicas: readonly StoredReplica[]): readonly string[] {
  const isNoted = replicas.some(({leftOut}) => leftOut > 0);
  return isNoted ? [...PART_COLUMNS, 'note'] : PART_COLUMNS;
}

/** What is under way or due. */
function noteOf(replica: StoredReplica): string | undefined {
  const {state, partCount, flushes, isFlushDue, compactions, leftOut, due, tombstones} = replica;
  if (partCount === undefined) return state;
  const notes = [
    flushes > 0 ? 'flushing' : isFlushDue ? 'flush due' : undefined,
    compactions > 0 ? 'compacting' : undefined,
    due && `${counted(due.parts, 'part')} (${formatBytes(due.bytes)}) to merge`,
    leftOut > 0 ? `${counted(leftOut, 'part')} left out of compactions` : undefined,
    tombstones > 0 ? `${counted(tombstones, 'delete')} to carry out` : undefined,
  ].filter((note) => note !== undefined);
  return notes.length === 0 ? undefined : notes.join(', ');
}
