// A plan as a table for people: each need of a node, and what it is made of.

import {counted} from '../counted.ts';
import {formatBytes} from '../progress-bar.ts';
import {renderTable, type TableColumn, type TableStyle} from '../table.ts';
import {
  type CapacityPlan,
  type CapacityQuestion,
  CHOSEN,
  MEASURED,
  PROGRAM,
} from './capacity-model.ts';
import {durationText} from './duration.ts';

const COLUMNS: readonly TableColumn[] = [
  {title: 'EACH NODE'},
  {title: 'NEEDS', align: 'right'},
  {title: 'NOTE', isRemark: true},
];

type Need = readonly [what: string, needs: string, note: string];

export function renderPlan(
  question: CapacityQuestion,
  plan: CapacityPlan,
  style: TableStyle,
): string {
  const needs = [
    ...coreNeeds(question, plan),
    ...memoryNeeds(plan),
    ...diskNeeds(question, plan),
    ...networkNeeds(question, plan),
  ];
  const table = renderTable(COLUMNS, needs, style);
  return `${summary(question, plan)}\n${table}\n${total(question, plan)}`;
}

function summary(question: CapacityQuestion, plan: CapacityPlan): string {
  const {hosts, fields, values, intervalMs, retentionMs, bucketMs, replicas, nodes} = question;
  const {rowsPerSecond, valuesPerSecond, row, bytesPerValue, shards} = plan;
  const kept = `kept ${durationText(retentionMs)} in buckets of ${durationText(bucketMs)}`;
  const where = `${counted(replicas, 'replica')} on ${counted(nodes, 'node')}`;
  const each = `${counted(fields, 'field')} (${values}) every ${durationText(intervalMs)}`;
  return [
    `${counted(hosts, 'host')}, ${each}, ${kept}, ${where}`,
    `${rate(rowsPerSecond)} rows/s, ${rate(valuesPerSecond)} values/s, ${shards} shards`,
    `a row: ${row.cpuMicros.toFixed(1)} us of CPU in all, ${row.logBytes.toFixed(1)} B of log and ` +
      `${row.partBytes.toFixed(1)} B of parts a replica (${bytesPerValue.toFixed(2)} B a value)`,
    '',
  ].join('\n');
}

function rate(perSecond: number): string {
  return perSecond >= 100 ? String(Math.round(perSecond)) : perSecond.toPrecision(3);
}

function coreNeeds({nodes, replicas}: CapacityQuestion, {node}: CapacityPlan): Need[] {
  const away = nodes > 1 && replicas > 1 ? ' while one node is away' : '';
  const share = `${CHOSEN.busyShare * 100} %`;
  const note = `${node.busyCores.toFixed(2)} busy with writes${away}; at most ${share}, queries need the rest`;
  return [['cores', String(node.cores), note]];
}

function memoryNeeds({node}: CapacityPlan): Need[] {
  const {machine, given, ...held} = node.memoryBytes;
  const share = `${PROGRAM.memoryShare * 100} %`;
  const bytes = formatBytes;
  return [
    ['memory', bytes(machine), `a node takes ${share} of it, here ${bytes(given)}`],
    ['  process', bytes(held.process), 'code, and writes under way'],
    [
      '  memtables',
      bytes(held.memtables),
      `rows of ten minutes, ${bytes(PROGRAM.memtableBytes)} a replica at most`,
    ],
    [
      '  series indexes',
      bytes(held.seriesIndexes),
      'of one bucket; as much for each that is queried',
    ],
    [
      '  series caches',
      bytes(held.seriesCaches),
      `of ${counted(node.engineThreads, 'engine thread')}`,
    ],
    ['  idle replicas', bytes(held.idleReplicas), 'of older buckets'],
  ];
}

function diskNeeds({bucketMs, retentionMs}: CapacityQuestion, plan: CapacityPlan): Need[] {
  const {total, ...held} = plan.node.diskBytes;
  const bytes = formatBytes;
  const trash = durationText(PROGRAM.trashMs);
  return [
    ['disk', bytes(total), `${bytes(held.used)} of it used at most`],
    ['  parts', bytes(held.parts), `rows of ${durationText(retentionMs)}`],
    [
      '  expiring',
      bytes(held.expiring),
      `a bucket goes as a whole: up to ${durationText(bucketMs)}`,
    ],
    ['  trash', bytes(held.trash), `files stay for ${trash} once expired`],
    ['  series keys', bytes(held.keys), `in each of ${counted(plan.buckets, 'bucket')}`],
    ['  log', bytes(held.log), 'rows of ten minutes, or what is kept for replicas that are away'],
    ['  compaction', bytes(held.compaction), 'old and new parts of a merge side by side'],
    ['  ballast', bytes(held.ballast), 'for votes on a full disk'],
    ['  free', bytes(held.free), `below ${PROGRAM.freeShare * 100} % a node takes no new replicas`],
  ];
}

function networkNeeds({nodes}: CapacityQuestion, {node}: CapacityPlan): Need[] {
  if (nodes === 1) return [];
  return [['sent to nodes', `${formatBytes(node.sentBytesPerSecond)}/s`, 'derived from the log']];
}

function total({nodes, rowsPerCpuSecond}: CapacityQuestion, {cluster}: CapacityPlan): string {
  const {cores, memoryBytes, diskBytes} = cluster;
  const all = [
    counted(cores, 'core'),
    `${formatBytes(memoryBytes)} of memory`,
    `${formatBytes(diskBytes)} of disk`,
  ];
  const measured =
    rowsPerCpuSecond === MEASURED.rowsPerCpuSecond ? ', as measured for docs/capacity.md' : '';
  return (
    `${counted(nodes, 'node')} in all: ${all.join(', ')}\n` +
    `CPU is of machines that take ${rowsPerCpuSecond} rows of ten integers a CPU second${measured}\n`
  );
}
