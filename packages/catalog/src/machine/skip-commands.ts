// Entries that are passed over by order, in two steps: the order is open while every replica of the set is
// asked to stop before the entry, and is decided once all have promised, or withdrawn.
// Law: an entry is passed over only if each replica that is placed when that is decided had promised, for this
// very order, not to pass its index before. A replica that is placed later is made by nodes whose copies of the
// catalog have the order. So none can have applied what another passes over.

import {LIMITS, META_SET} from '@flotilla/base';
import type {BeginSkip, EndSkip, SkipEntry} from '../commands.ts';
import type {ReplicaSet, SkippedEntry} from '../model.ts';
import {type Draft, type Handler, NOTHING, refuse, succeed} from './draft.ts';

type Refusal = ReturnType<typeof refuse>;

export const beginSkip: Handler<BeginSkip> = (draft, {set: id, index, by, atMs}) => {
  const set = skippableSet(draft, id);
  if ('ok' in set) return set;
  const {skipOrder, skippedEntries = []} = set;
  if (skipOrder?.index === index) return succeed({order: skipOrder.order});
  if (skipOrder !== undefined) {
    return refuse(
      'CONFLICT',
      `an order to skip entry ${skipOrder.index} of replica set ${id} is open: give that one again, or withdraw it by replica-set retry ${id}`,
    );
  }
  if (skippedEntries.some((entry) => entry.index === index)) {
    return refuse('CONFLICT', `replica set ${id} skips entry ${index} already`);
  }
  const full = fullFault(set);
  if (full !== undefined) return full;
  const order = draft.version;
  draft.put('replica-set', id, {...set, skipOrder: {order, index, by, atMs}});
  return succeed({order});
};

export const endSkip: Handler<EndSkip> = (draft, {set: id, order, promised}) => {
  const set = draft.catalog.replicaSet(id);
  if (set === undefined) return refuse('NOT_FOUND', `no replica set ${id}`);
  const {skipOrder, skippedEntries = []} = set;
  if (skipOrder?.order !== order) {
    const isDecided = skippedEntries.some((entry) => entry.order === order);
    if (promised === undefined || isDecided) return succeed(NOTHING);
    return refuse('CONFLICT', `the order to skip an entry of replica set ${id} was withdrawn`);
  }
  if (promised === undefined) {
    draft.put('replica-set', id, {...set, skipOrder: undefined, skipWithdrawn: order});
    return succeed(NOTHING);
  }
  const silent = set.replicas.find(({replica}) => !promised.includes(replica));
  if (silent !== undefined) {
    return refuse(
      'CONFLICT',
      `replica ${silent.replica} of set ${id} was placed on node ${silent.node} meanwhile, and has not promised to skip entry ${skipOrder.index}`,
    );
  }
  draft.put('replica-set', id, {
    ...set,
    skipOrder: undefined,
    skippedEntries: [...skippedEntries, skipOrder],
  });
  return succeed(NOTHING);
};

export const skipEntry: Handler<SkipEntry> = (draft, {set: id, index, by, atMs}) => {
  const set = skippableSet(draft, id);
  if ('ok' in set) return set;
  const skipped: readonly SkippedEntry[] = set.skippedEntries ?? [];
  if (skipped.some((entry) => entry.index === index)) return succeed(NOTHING);
  const full = fullFault(set);
  if (full !== undefined) return full;
  draft.put('replica-set', id, {...set, skippedEntries: [...skipped, {index, by, atMs}]});
  return succeed(NOTHING);
};

/** Never the meta group's: the order itself would stand behind the entry. */
function skippableSet(draft: Draft, id: ReplicaSet['id']): ReplicaSet | Refusal {
  const set = draft.catalog.replicaSet(id);
  if (set === undefined) return refuse('NOT_FOUND', `no replica set ${id}`);
  if (id !== META_SET) return set;
  return refuse(
    'CONFLICT',
    'entries of the meta group cannot be skipped: run a build that knows them',
  );
}

function fullFault({id, skippedEntries = []}: ReplicaSet): Refusal | undefined {
  const max = LIMITS.skipped_entries_per_replica_set_max.value;
  if (skippedEntries.length < max) return undefined;
  return refuse('CONFLICT', `replica set ${id} skips as many entries as it may (${max})`);
}
