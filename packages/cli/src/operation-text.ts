// An operation as a person reads it: one row of a list, one line while it goes on, and all there is to
// one of them.

import type {Operation} from '@flotilla/client';
import {formatBytes} from './progress-bar.ts';
import {renderFields, renderRecords, type TableStyle} from './table.ts';

const COLUMNS = [
  'id',
  'kind',
  'set',
  'nodes',
  'state',
  'done',
  'bytes',
  'rate',
  'ends',
  'by',
  'note',
];
/** Recorded for whoever ordered it where no token is asked for. */
const NAMELESS = 'operator';

/** @param nowMs what "ends in" counts from */
export function renderOperations(
  operations: readonly Operation[],
  nowMs: number,
  style: TableStyle = {},
): string {
  const rows = operations.map((operation) => ({
    id: operation.id,
    kind: operation.kind,
    set: operation.replicaSet,
    nodes: nodesOf(operation),
    state: stateOf(operation),
    done: percentOf(operation),
    bytes: bytesOf(operation),
    rate: rateOf(operation),
    ends: endOf(operation, nowMs),
    by: operation.startedBy === NAMELESS ? undefined : (operation.startedBy ?? undefined),
    note: noteOf(operation) ?? listed([openedOf(operation), waitOf(operation)]),
  }));
  return renderRecords(rows, COLUMNS, style);
}

/** Without its end: what `operation watch` shows while it goes on and what it ends with. */
export function operationLine(operation: Operation, nowMs: number): string {
  const {id, kind, replicaSet} = operation;
  const target =
    replicaSet === undefined || replicaSet === null
      ? databaseOf(operation)
      : ` of replica set ${replicaSet}`;
  const isRunning = operation.state === 'running' || operation.state === 'cancelling';
  const bytes = bytesOf(operation);
  const parts = [
    stateOf(operation),
    ...(isRunning && bytes !== undefined ? [bytes, rateOf(operation)] : []),
    ...(isRunning ? [openedOf(operation), endOf(operation, nowMs), waitOf(operation)] : []),
  ].filter((part) => part !== undefined);
  const note = noteOf(operation);
  return `operation ${id} (${kind}${target}): ${parts.join(', ')}${note === undefined ? '' : `: ${note}`}`;
}

/** All fields, then the steps with their times and how long each took. */
export function renderOperation(operation: Operation, style: TableStyle = {}): string {
  const {history, ...rest} = operation;
  const fields = Object.entries(rest)
    .filter(([, value]) => value !== undefined && value !== null && value !== '')
    .map(([name, value]) => [name, fieldText(name, value)] as const);
  const steps = history.map(({step, at}, i) => ({step, at, took: tookOf(history, i)}));
  return `${renderFields(fields)}\n${renderRecords(steps, ['step', 'at', 'took'], style)}`;
}

function stateOf({state, step}: Operation): string {
  return state === 'running' && step !== '' ? `running, ${step}` : state;
}

function percentOf({percent}: Operation): string | undefined {
  return typeof percent === 'number' ? `${percent}%` : undefined;
}

/** Copied, or read where nothing is. */
function bytesOf({bytes, bytesTotal}: Operation): string | undefined {
  if (typeof bytes !== 'number' || typeof bytesTotal !== 'number') return undefined;
  if (bytes >= bytesTotal) return formatBytes(bytesTotal);
  return `${formatBytes(bytes)} of ${formatBytes(bytesTotal)}`;
}

function rateOf({bytesPerSecond}: Operation): string | undefined {
  return typeof bytesPerSecond === 'number' ? `${formatBytes(bytesPerSecond)}/s` : undefined;
}

function endOf({estimatedEnd}: Operation, nowMs: number): string | undefined {
  if (typeof estimatedEnd !== 'string') return undefined;
  return `in ${durationText(Math.max(0, Date.parse(estimatedEnd) - nowMs))}`;
}

function nodesOf({sourceNode, targetNode}: Operation): string | undefined {
  const from = sourceNode ?? undefined;
  const to = targetNode ?? undefined;
  if (from === undefined && to === undefined) return undefined;
  if (to === undefined) return `${from}`;
  return from === undefined ? `> ${to}` : `${from} > ${to}`;
}

function listed(parts: readonly (string | undefined)[]): string | undefined {
  const said = parts.filter((part) => part !== undefined);
  return said.length === 0 ? undefined : said.join(', ');
}

/** Of the creation of a bucket. */
function openedOf({setsOpen, setsTotal, database, state}: Operation): string | undefined {
  if (typeof setsOpen !== 'number' || state !== 'running') return undefined;
  return `${setsOpen} of ${setsTotal} replica sets of database ${database} open`;
}

function databaseOf({database}: Operation): string {
  return typeof database === 'string' ? ` of database ${database}` : '';
}

function waitOf({waitingFor}: Operation): string | undefined {
  return typeof waitingFor === 'string' ? `waiting for ${waitingFor}` : undefined;
}

function noteOf({error, result}: Operation): string | undefined {
  if (typeof error === 'string' && error !== '') return error;
  return typeof result === 'string' ? result : undefined;
}

function fieldText(name: string, value: unknown): string {
  if (name === 'bytesPerSecond') return `${formatBytes(Number(value))}/s`;
  if (name === 'bytes' || name === 'bytesTotal') return formatBytes(Number(value));
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function tookOf(history: Operation['history'], i: number): string | undefined {
  const next = history[i + 1];
  if (next === undefined) return undefined;
  const tookMs = Date.parse(String(next['at'])) - Date.parse(String(history[i]!['at']));
  return Number.isNaN(tookMs) ? undefined : durationText(tookMs);
}

/** The two largest units at most. */
function durationText(ms: number): string {
  if (ms < 10_000) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
