// What is no fault, but what a person may have forgotten: pauses, nodes in maintenance, doors left open,
// operations that wait for something, others that were cancelled and rest, and what the trash still gives
// back. `status` shows them below its reasons, the same one or few lines however much there is.

import {
  type Catalog,
  cancelledWork,
  type Database,
  isFinished,
  maintenanceOf,
  type Operation,
  pausesOf,
  type Trash,
} from '@flotilla/catalog';
import type {Reason} from './verdict.ts';

/** Operations that wait, told one by one; the rest is counted. */
const WAITING_TOLD = 3;

export function noticesOf(catalog: Catalog, nowMs: number): Reason[] {
  return [
    ...insecureNotices(catalog),
    ...waitingNotices(catalog),
    ...cancelledNotices(catalog, nowMs),
    ...pauseNotices(catalog, nowMs),
    ...maintenanceNotices(catalog, nowMs),
    ...trashNotices(catalog),
  ];
}

function insecureNotices(catalog: Catalog): Reason[] {
  const open = [...catalog.nodes()].filter(
    ({isInsecure, state}) => isInsecure === true && state !== 'decommissioned',
  );
  if (open.length === 0) return [];
  const ids = open.map(({id}) => id).join(', ');
  return [
    {
      message: `told to listen beyond loopback without TLS or tokens (--insecure): node ${ids}`,
      next: 'flotilla cert --help',
    },
  ];
}

/** Only what has waited for long is told by the operation's record. */
function waitingNotices(catalog: Catalog): Reason[] {
  const waiting = [...catalog.operations()]
    .filter((operation) => !isFinished(operation) && obstacleOf(operation) !== undefined)
    .sort((a, b) => a.id - b.id);
  const notices = waiting.slice(0, WAITING_TOLD).map((operation) => ({
    message: `operation ${operation.id} (${operation.kind} ${subjectOf(operation)}) waits: ${obstacleOf(operation)}`,
    next: `flotilla operation show ${operation.id}`,
  }));
  const more = waiting.length - notices.length;
  if (more === 0) return notices;
  return [...notices, {message: `${more} more operations wait`, next: 'flotilla operation list'}];
}

function obstacleOf({waiting, error}: Operation): string | undefined {
  return error ?? (waiting && `for ${waiting.for}`);
}

function subjectOf({replicaSet, sourceNode}: Operation): string {
  if (replicaSet !== undefined) return `of replica set ${replicaSet}`;
  return sourceNode === undefined ? 'of the cluster' : `of node ${sourceNode}`;
}

/** What the cluster would begin by itself, had nobody cancelled it: the one that rests longest of all, and how many. */
function cancelledNotices(catalog: Catalog, nowMs: number): Reason[] {
  const [last, ...more] = cancelledWork(catalog, nowMs).sort((a, b) => b.untilMs - a.untilMs);
  if (last === undefined) return [];
  const {operation, untilMs} = last;
  const {id, kind, cancelledBy} = operation;
  const others = more.length === 0 ? '' : `, nor ${more.length} more that were cancelled`;
  const message = `operation ${id} (${kind} ${subjectOf(operation)}), which ${cancelledBy} cancelled, is not begun again before ${timeText(untilMs)}${others}`;
  return [{message, next: `flotilla operation retry ${id}`}];
}

function pauseNotices({cluster}: Catalog, nowMs: number): Reason[] {
  return pausesOf(cluster, nowMs).map(({kind, untilMs}) => {
    const end = untilMs === undefined ? 'until it is resumed' : `until ${timeText(untilMs)}`;
    return {message: `${kind} is paused ${end}`, next: `flotilla automation resume ${kind}`};
  });
}

function maintenanceNotices(catalog: Catalog, nowMs: number): Reason[] {
  return [...catalog.nodes()].flatMap((node) => {
    const maintenance = maintenanceOf(node, nowMs);
    if (maintenance === undefined || node.state === 'decommissioned') return [];
    const {untilMs, scope} = maintenance;
    const what = scope === 'all' ? 'leads nothing and is not repaired' : 'leads nothing';
    return {
      message: `node ${node.id} is in maintenance until ${timeText(untilMs)}: it ${what}`,
      next: `flotilla node maintenance ${node.id} --end`,
    };
  });
}

interface Thrown {
  /** As a person speaks of it. */
  readonly what: string;
  readonly next: string;
  readonly trash: Trash;
}

/** The one that is purged first, since that is in a hurry; the others are counted. */
function trashNotices(catalog: Catalog): Reason[] {
  const [first, ...more] = thrownAway(catalog).sort(
    (a, b) => a.trash.purgeAtMs - b.trash.purgeAtMs,
  );
  if (first === undefined) return [];
  const others = more.length === 0 ? '' : `, and ${more.length} more after it`;
  const message = `${first.what} was dropped and is purged at ${timeText(first.trash.purgeAtMs)}${others}`;
  return [{message, next: first.next}];
}

/** Of a database or tenant in the trash, itself alone: what is in it comes back with it. */
function thrownAway(catalog: Catalog): Thrown[] {
  const thrown: Thrown[] = [];
  for (const {name, dropped} of catalog.tenants()) {
    if (dropped === undefined) continue;
    const next = `flotilla tenant recover ${shellWord(name)}`;
    thrown.push({what: `tenant ${name}`, next, trash: dropped});
  }
  for (const database of catalog.databases()) {
    const tenant = catalog.tenant(database.tenant);
    if (tenant === undefined || tenant.dropped !== undefined) continue;
    const of = tenant.name === 'default' ? '' : ` --tenant ${shellWord(tenant.name)}`;
    if (database.dropped === undefined) thrown.push(...tablesOf(catalog, database, of));
    else {
      const next = `flotilla database recover ${shellWord(database.name)}${of}`;
      thrown.push({what: `database ${database.name}`, next, trash: database.dropped});
    }
  }
  return thrown;
}

function tablesOf(catalog: Catalog, {id, name}: Database, ofTenant: string): Thrown[] {
  return catalog.droppedTables(id).flatMap((table) => {
    if (table.dropped === undefined || table.purgedAtMs !== undefined) return [];
    const statement = `RECOVER TABLE "${table.name.replaceAll('"', '""')}"`;
    const next = `flotilla sql --db ${shellWord(name)}${ofTenant} -e ${shellWord(statement)}`;
    return {what: `table ${table.name} of database ${name}`, next, trash: table.dropped};
  });
}

/** As a shell takes it for one word. */
function shellWord(text: string): string {
  return /^[\w.:-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function timeText(ms: number): string {
  return Math.abs(ms) > DATE_MS_MAX ? 'the end of all dates' : new Date(ms).toISOString();
}

/** What a Date can hold. */
const DATE_MS_MAX = 8.64e15;
