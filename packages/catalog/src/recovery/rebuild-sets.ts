// Replica sets, buckets and databases from what replicas tell. A group's own configuration is the truth
// about its members; the catalog's placement follows it, and names the node of each. Replicas that live
// nowhere here are taken to be on lost nodes: none of those is ever asked to make one.

import {
  META_SET,
  type NodeId,
  type ReplicaId,
  type ReplicaSetId,
  type TenantId,
} from '@flotilla/base';
import {DEFAULT_OPTIONS} from '../machine/options.ts';
import type {Bucket, ReplicaPlacement, ReplicaSet} from '../model.ts';
import type {GroupConfiguration} from '../planning/reports.ts';
import {
  type BirthSeen,
  membersOf,
  type NodeEvidence,
  type PlaceSeen,
  type ReplicaEvidence,
} from './evidence.ts';
import type {RebuildDraft} from './rebuild-draft.ts';

interface Context {
  readonly lost: readonly NodeId[];
  readonly atMs: number;
}

type Found = ReplicaEvidence & {readonly node: NodeId};
type Configured = Found & {readonly configuration: GroupConfiguration};

export function rebuildSets(
  draft: RebuildDraft,
  evidence: readonly NodeEvidence[],
  context: Context,
): void {
  const bySet = new Map<ReplicaSetId, Found[]>();
  for (const {node, replicas} of evidence) {
    for (const replica of replicas) {
      const found = bySet.get(replica.set) ?? [];
      bySet.set(replica.set, [...found, {...replica, node}]);
    }
  }
  bySet.delete(META_SET);
  for (const [set, found] of [...bySet].sort(([a], [b]) => a - b)) {
    if (draft.catalog.replicaSet(set) === undefined) putBucket(draft, set, found);
    const present = draft.catalog.replicaSet(set);
    if (present !== undefined) putPlacement(draft, present, found, context);
  }
  tellOfMissing(draft, evidence);
}

/** With all of its sets, which are empty until a replica of theirs is found. */
function putBucket(draft: RebuildDraft, set: ReplicaSetId, found: readonly Found[]): void {
  // It was forgotten before; what is left of it goes.
  if (!draft.isUnknown('replicaSet', set)) return;
  const birth = found.find(({birth}) => birth?.place !== undefined)?.birth;
  const nodes = found.map(({node}) => node).join(', ');
  if (birth?.place === undefined) {
    draft.unknown.push(
      `replica set ${set}, made since: the bucket and the shard that it is of; what nodes ${nodes} hold of it is kept, and cannot be read`,
    );
    return;
  }
  const {place, startMs, database} = birth;
  const {bucket: id, endMs, shards} = place;
  const range = `${timeText(startMs)} to ${timeText(endMs)}`;
  const [other] = draft.catalog.buckets(database, startMs, endMs);
  if (other?.id === id && place.sets !== undefined) {
    putSuccessor(draft, set, birth, other);
    return;
  }
  if (other !== undefined) {
    draft.unknown.push(
      `replica set ${set}, made since: its bucket (${range}) overlaps bucket ${other.id} of the catalog, which must have been dropped; what nodes ${nodes} hold of it is kept, and cannot be read`,
    );
    return;
  }
  putDatabase(draft, birth, place);
  const first = set - place.shard;
  const numbered = Array.from({length: shards}, (_, i) => (first + i) as ReplicaSetId);
  const replicaSets = place.sets ?? numbered;
  const createdAtVersion = draft.catalog.version;
  for (const [shard, one] of replicaSets.entries()) {
    const made = {id: one, database, bucket: id, shard, epoch: 1, state: 'open'} as const;
    draft.see('replicaSet', one);
    draft.put('replica-set', one, {...made, founders: [], replicas: [], createdAtVersion});
  }
  const deadTables = birth.deadTables.length === 0 ? undefined : birth.deadTables;
  const {deadColumns} = birth;
  const rest = {id, database, startMs, endMs, replicaSets, deadTables, deadColumns};
  draft.put('bucket', id, rest);
  const name = draft.catalog.database(database)?.name;
  draft.found.push(
    `bucket ${id} of database ${name} (${range}), replica sets ${replicaSets.join(', ')}`,
  );
}

/** It took the place of another since: that one was destroyed, and what is left of it goes. */
function putSuccessor(
  draft: RebuildDraft,
  set: ReplicaSetId,
  {deadTables: dead, deadColumns, place}: BirthSeen,
  bucket: Bucket,
): void {
  const {shard} = place!;
  const replaces = bucket.replicaSets[shard];
  if (replaces === undefined || replaces > set) return;
  const old = draft.catalog.replicaSet(replaces);
  if (old !== undefined) draft.put('replica-set', replaces, {...old, state: 'dropping'});
  const of = {database: bucket.database, bucket: bucket.id, shard};
  const began = {replaces, deadTables: dead.length === 0 ? undefined : dead, deadColumns};
  const made = {id: set, ...of, epoch: 1, state: 'open', ...began} as const;
  const createdAtVersion = draft.catalog.version;
  draft.put('replica-set', set, {...made, founders: [], replicas: [], createdAtVersion});
  const replicaSets = bucket.replicaSets.map((other) => (other === replaces ? set : other));
  draft.put('bucket', bucket.id, {...bucket, replicaSets});
  draft.found.push(`replica set ${set} took the place of replica set ${replaces}`);
}

function putDatabase(
  draft: RebuildDraft,
  {database: id, precision}: BirthSeen,
  {databaseName, tenant: tenantName}: PlaceSeen,
): void {
  const {catalog} = draft;
  if (catalog.database(id) !== undefined) return;
  const known = catalog.tenantByName(tenantName)?.id;
  const tenant = known ?? (draft.nextId('tenant') as TenantId);
  if (known === undefined) draft.put('tenant', tenant, {id: tenant, name: tenantName});
  const isTaken = catalog.databaseByName(tenant, databaseName) !== undefined;
  const name = isTaken ? `${databaseName}_${id}` : databaseName;
  draft.put('database', id, {id, tenant, name, options: {...DEFAULT_OPTIONS, precision}});
  draft.found.push(`database ${name} of tenant ${tenantName} was made since`);
  draft.unknown.push(
    `database ${name}: its options (it has the defaults; precision ${precision} is known), its tables and their columns`,
  );
}

/**
 * Only where a member has an id that the catalog cannot have given out: else the placement is as new. Where
 * all members are lost what was one before has a place again, so that a person may choose it.
 */
function putPlacement(
  draft: RebuildDraft,
  present: ReplicaSet,
  found: readonly Found[],
  {lost, atMs}: Context,
): void {
  if (present.state === 'dropping') return;
  const [newest] = found.filter(isConfigured).sort(compareConfigurations);
  const placed = new Set(present.replicas.map(({replica}) => replica));
  const isNews = (id: ReplicaId): boolean => !placed.has(id) && draft.isUnknown('replica', id);
  const hasNews = newest !== undefined && membersOf(newest.configuration).some(isNews);
  const members = hasNews ? placementOf(draft, present, {newest, found, lost}) : present.replicas;
  const former = formerMembers(members, found, lost);
  if (!hasNews && former.length === 0) return;
  const replicas = [...members, ...former];
  const epoch = present.epoch + 1;
  const founding = foundingOf(present, found);
  const changed = {...present, ...founding, epoch, state: 'open', replicas} as const;
  draft.put('replica-set', present.id, changed);
  failOperation(draft, present, atMs);
  const where = replicas.map(({replica, node}) => `${replica} on node ${node}`).join(', ');
  draft.found.push(`the replicas of replica set ${present.id}: ${where}`);
  for (const {replica, node} of former)
    draft.unknown.push(
      `replica set ${present.id}: what its members had that replica ${replica} on node ${node}, no member any more, has not; they are all lost`,
    );
}

function formerMembers(
  members: readonly ReplicaPlacement[],
  found: readonly Found[],
  lost: readonly NodeId[],
): ReplicaPlacement[] {
  if (!members.every(({node}) => lost.includes(node))) return [];
  return found
    .filter(({isDamaged, lastIndex}) => !isDamaged && lastIndex > 0)
    .map(({replica, node}) => ({replica, node, role: 'learner'}));
}

/** As those tell who have been there since. */
function foundingOf(
  {founders, foundingLearners}: ReplicaSet,
  found: readonly Found[],
): Pick<ReplicaSet, 'founders' | 'foundingLearners'> {
  const founding = found.find((one) => one.founding !== undefined)?.founding;
  if (founders.length > 0 || founding === undefined) return {founders, foundingLearners};
  const learners = founding.learners as readonly ReplicaId[];
  return {
    founders: membersOf(founding),
    foundingLearners: learners.length === 0 ? undefined : learners,
  };
}

function placementOf(
  draft: RebuildDraft,
  {id: set, replicas: before}: ReplicaSet,
  {
    newest,
    found,
    lost,
  }: {
    readonly newest: Configured;
    readonly found: readonly Found[];
    readonly lost: readonly NodeId[];
  },
): ReplicaPlacement[] {
  const {voters, votersOutgoing} = newest.configuration;
  const members = membersOf(newest.configuration).map((replica) => {
    const known = [...found, ...before].find((one) => one.replica === replica);
    return {replica, node: known?.node};
  });
  const used = new Set(members.map(({node}) => node));
  const free = lost.filter((node) => !used.has(node));
  return members.flatMap(({replica, node: known}): ReplicaPlacement[] => {
    const node = known ?? free.shift();
    const which = `replica set ${set}: the node of its replica ${replica}`;
    if (node === undefined) draft.unknown.push(which);
    else if (known === undefined) draft.unknown.push(`${which}, taken to be lost node ${node}`);
    if (node === undefined) return [];
    const isVoter = [...voters, ...votersOutgoing].includes(replica);
    return [{replica, node, role: isVoter ? 'voter' : 'learner'}];
  });
}

/** What it planned does not hold any more. */
function failOperation(draft: RebuildDraft, {id}: ReplicaSet, atMs: number): void {
  const operation = draft.catalog.operationOf(id);
  if (operation === undefined) return;
  const history = [...operation.history, {step: 'failed', atMs}];
  const error = 'the catalog was rebuilt';
  draft.put('operation', operation.id, {...operation, state: 'failed', error, history});
}

/** Sets without a replica here, and replicas that were destroyed where the catalog still has them. */
function tellOfMissing(draft: RebuildDraft, evidence: readonly NodeEvidence[]): void {
  for (const {id, replicas, shard, state} of draft.catalog.replicaSets()) {
    if (state === 'dropping') continue;
    if (replicas.length === 0)
      draft.unknown.push(`replica set ${id} (shard ${shard}): who holds it; no replica is here`);
    for (const {replica, node} of replicas) {
      const ended = evidence.find((one) => one.node === node)?.ended ?? [];
      if (!ended.some((one) => one.set === id && one.replica >= replica)) continue;
      draft.unknown.push(
        `replica set ${id}: what became of it; replica ${replica} on node ${node} was destroyed since, for one made elsewhere or because all of it was dropped`,
      );
    }
  }
}

function isConfigured(found: Found): found is Configured {
  return found.configuration !== undefined;
}

/** The newest first. */
function compareConfigurations(a: Configured, b: Configured): number {
  return b.configIndex - a.configIndex || b.lastTerm - a.lastTerm || b.lastIndex - a.lastIndex;
}

function timeText(ms: number): string {
  return Math.abs(ms) > 8.64e15 ? String(ms) : new Date(ms).toISOString();
}
