// The creation of a bucket, shown as an operation: derived from the states of its replica sets and from what their
// nodes say, so that the catalog keeps nothing of it but two times (docs/decisions/0015). Its id is the bucket's.

import type {BucketId} from '@flotilla/base';
import type {Bucket, Catalog, ReplicaSet} from '@flotilla/catalog';
import type {ReplicaSetView, ReplicaView} from './cluster-view.ts';

/** One that took longer is history for as long as the others; what opened at once would only hide them. */
const TOLD_MS_MIN = 30_000;
const KEPT_MS = 7 * 86_400_000;
/** A backfill makes thousands: the last ones. */
const ENDED_MAX = 20;

const ID = /^bucket-([1-9]\d{0,14})$/;

export interface CreationView {
  readonly id: string;
  readonly kind: 'create-bucket';
  readonly state: 'running' | 'done';
  readonly step: 'create';
  readonly percent: number;
  readonly database: string;
  readonly tenant: string;
  readonly bucket: ReplicaSetView['bucket'];
  readonly setsOpen: number;
  readonly setsTotal: number;
  /** Absent of a bucket that an older build made. */
  readonly startedAt?: string | undefined;
  readonly endedAt?: string | undefined;
  /** Of the first of its sets that is not open; absent where nobody was asked. */
  readonly waitingFor?: string | undefined;
  readonly result?: string | undefined;
  readonly history: readonly {readonly step: string; readonly at: string}[];
}

/** Undefined: it is the id of no bucket. */
export function bucketOfId(id: unknown): BucketId | undefined {
  const match = typeof id === 'string' ? ID.exec(id) : null;
  return match === null ? undefined : (Number(match[1]) as BucketId);
}

/** Of each bucket that is not open the first set that is not. */
export function unopenedSets(catalog: Catalog): ReplicaSet[] {
  return liveBuckets(catalog).flatMap((bucket) => unopenedOf(catalog, bucket)[0] ?? []);
}

/** Of the buckets that are not open and of which `sets` has the first set that is not. */
export function creationsAmong(
  catalog: Catalog,
  sets: readonly ReplicaSetView[],
): readonly CreationView[] {
  const firsts = new Map(unopenedSets(catalog).map(({id, bucket}) => [id, bucket]));
  return sets.flatMap((set) => {
    const id = firsts.get(set.id);
    const bucket = id === undefined ? undefined : catalog.bucket(id);
    return bucket === undefined ? [] : [describeCreation(catalog, bucket, set)];
  });
}

/** The last buckets of which the opening took long, the oldest first. */
export function slowCreations(catalog: Catalog, nowMs: number): CreationView[] {
  return liveBuckets(catalog)
    .filter(({madeAtMs = Infinity, openedAtMs = -Infinity}) => {
      return openedAtMs - madeAtMs >= TOLD_MS_MIN && nowMs - openedAtMs < KEPT_MS;
    })
    .sort((a, b) => a.openedAtMs! - b.openedAtMs!)
    .slice(-ENDED_MAX)
    .map((bucket) => describeCreation(catalog, bucket, undefined));
}

/** @param first  of its sets that are not open, as its nodes tell */
export function describeCreation(
  catalog: Catalog,
  bucket: Bucket,
  first: ReplicaSetView | undefined,
): CreationView {
  const {id, startMs, endMs, madeAtMs, openedAtMs, replicaSets} = bucket;
  const database = catalog.database(bucket.database);
  const setsTotal = replicaSets.length;
  const setsOpen = setsTotal - unopenedOf(catalog, bucket).length;
  const isOpen = setsOpen === setsTotal;
  const times = [
    {step: 'create', at: timeText(madeAtMs)},
    {step: 'done', at: isOpen ? timeText(openedAtMs) : undefined},
  ];
  return {
    id: `bucket-${id}`,
    kind: 'create-bucket',
    state: isOpen ? 'done' : 'running',
    step: 'create',
    percent: Math.floor((100 * setsOpen) / setsTotal),
    database: database?.name ?? `${bucket.database}`,
    tenant: (database && catalog.tenant(database.tenant)?.name) ?? '',
    bucket: {id, start: timeText(startMs)!, end: timeText(endMs)!},
    setsOpen,
    setsTotal,
    startedAt: timeText(madeAtMs),
    endedAt: isOpen ? timeText(openedAtMs) : undefined,
    waitingFor: isOpen ? undefined : first && obstacleOf(first),
    result: isOpen ? resultOf(bucket) : undefined,
    history: times.flatMap(({step, at}) => (at === undefined ? [] : [{step, at}])),
  };
}

function resultOf({madeAtMs, openedAtMs, replicaSets}: Bucket): string | undefined {
  if (madeAtMs === undefined || openedAtMs === undefined) return undefined;
  // The clock is that of whoever led the meta group.
  const seconds = Math.max(0, Math.round((openedAtMs - madeAtMs) / 1_000));
  return `its ${replicaSets.length} replica sets opened in ${seconds} s`;
}

function liveBuckets(catalog: Catalog): Bucket[] {
  return [...catalog.databases()]
    .filter(({dropped}) => dropped === undefined)
    .flatMap(({id}) => catalog.buckets(id));
}

/** One that took the place of a destroyed set is the business of that operation. */
export function unopenedOf(catalog: Catalog, {openedAtMs, replicaSets}: Bucket): ReplicaSet[] {
  if (openedAtMs !== undefined) return [];
  return replicaSets.flatMap((id) => {
    const set = catalog.replicaSet(id);
    return set?.state === 'creating' && set.replaces === undefined ? [set] : [];
  });
}

/** It opens once a majority of its voters is on disk. */
function obstacleOf({id, replicas}: ReplicaSetView): string {
  const voters = replicas.filter(({role}) => role === 'voter');
  const needed = Math.floor(voters.length / 2) + 1;
  const absent = voters.flatMap((voter) => absenceOf(voter) ?? []);
  const present = voters.length - absent.length;
  if (present >= needed) return `the meta group to open replica set ${id}`;
  const missing = needed - present;
  return `${missing} more of the ${voters.length} voters of replica set ${id}: ${absent.join(', ')}`;
}

function absenceOf({node, address, state, stopped}: ReplicaView): string | undefined {
  const name = `node ${node}${address === undefined ? '' : ` (${address})`}`;
  if (state === 'unreachable') return `${name} does not answer`;
  if (state === 'missing') return `${name} has not made its replica`;
  return stopped === undefined ? undefined : `the replica on ${name} has stopped: ${stopped}`;
}

/** Ends of buckets may lie beyond what a Date can hold. */
function timeText(ms: number | undefined): string | undefined {
  if (ms === undefined) return undefined;
  return Math.abs(ms) > 8.64e15 ? String(ms) : new Date(ms).toISOString();
}
