// One replica set for a person to read: what it is, its replicas, and why those stand still that do.

import type {ReplicaSet} from '@flotilla/client';
import {formatCell, renderRecords, type TableStyle} from '../table.ts';

const REPLICA_COLUMNS = [
  'replica',
  'node',
  'role',
  'leader',
  'state',
  'appliedIndex',
  'commitIndex',
  'lag',
];

export function renderReplicaSet(set: ReplicaSet, style: TableStyle = {}): string {
  const bucket = bucketOf(set);
  const head = [
    `replica set ${set.id}`,
    `database ${formatCell(set['database'])}`,
    `bucket ${formatCell(bucket['id'])} [${formatCell(bucket['start'])}, ${formatCell(bucket['end'])})`,
    `shard ${formatCell(set['shard'])}`,
    `epoch ${formatCell(set['epoch'])}`,
    formatCell(set['state']),
    ...(set['pinned'] === true ? ['pinned'] : []),
    ...(set['failover'] === 'manual' ? ['failover manual'] : []),
  ];
  const stops = set.replicas
    .filter((replica) => replica['stopped'] !== undefined && replica['stopped'] !== null)
    .map(
      ({replica, node, ...rest}) =>
        `replica ${replica} on node ${node}: ${formatCell(rest['stopped'])}\n`,
    );
  const table = renderRecords(set.replicas, REPLICA_COLUMNS, style);
  const more = [...stops, ...openOrder(set)];
  return `${head.join('  ')}\n\n${table}${more.length > 0 ? `\n${more.join('')}` : ''}`;
}

/** Whoever gave it did not bring it to its end; its replicas wait before the entry. */
function openOrder({id, skipOrder}: ReplicaSet): string[] {
  if (typeof skipOrder !== 'object' || skipOrder === null) return [];
  const {index, by} = skipOrder as {readonly index?: unknown; readonly by?: unknown};
  const again = `flotilla replica-set skip-entry ${id} --index ${formatCell(index)} --yes`;
  const what = `an order of ${formatCell(by)} to skip entry ${formatCell(index)} is not decided`;
  return [
    `${what}: go on with it by ${again}, or withdraw it by flotilla replica-set retry ${id}\n`,
  ];
}

export function bucketOf(set: ReplicaSet): Readonly<Record<string, unknown>> {
  const bucket = set['bucket'];
  return typeof bucket === 'object' && bucket !== null
    ? (bucket as Record<string, unknown>)
    : {id: bucket};
}
