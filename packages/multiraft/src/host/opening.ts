// Building a group from what its store's log and its state machine hold. Law: the state machine is
// never ahead of the log nor behind its first retained entry; such a replica lost durable state, so
// it is stopped and never votes again under its id.

import {FatalError, type Random, type ReplicaId, type ReplicaSetId} from '@flotilla/base';
import {type Configuration, type Entry, RaftGroup} from '@flotilla/raft';
import type {GroupLog} from '../log/group-log.ts';
import type {StateMachine} from '../state-machine.ts';
import {HostedGroup} from './hosted-group.ts';
import type {HostLimits, OpenHostedStateMachine} from './options.ts';
import {type Store, stagedPrefix} from './store.ts';
import type {Timing} from './timing.ts';
import type {HostWaits} from './waits.ts';

export interface OpeningContext {
  readonly store: Store;
  readonly random: Random;
  readonly timing: Timing;
  readonly limits: HostLimits;
  readonly openStateMachine: OpenHostedStateMachine;
  readonly hostWaits: HostWaits;
}

export async function openGroup(place: GroupLog, context: OpeningContext): Promise<HostedGroup> {
  const {set, replica, founding} = place;
  const {store} = context;
  const identity = {set, replica, store: store.store, founding};
  const machine = await context.openStateMachine(identity);
  try {
    await redoInstall(place, store, machine);
    return await buildGroup(place, context, machine);
  } catch (error) {
    await closeFailed(machine, error);
    throw error;
  }
}

/** One that cannot be closed is open still, so no other is opened over it: that does not pass. */
async function closeFailed(machine: StateMachine, reason: unknown): Promise<void> {
  try {
    await machine.close();
  } catch (error) {
    throw new Error(`${String(reason)}; nor can it be closed: ${String(error)}`);
  }
}

/** The log switched to a snapshot and the crash came before the state machine did. */
export async function redoInstall(
  place: GroupLog,
  store: Store,
  machine: StateMachine,
): Promise<void> {
  const {set, replica, snapshot} = place;
  if (snapshot === undefined || snapshot.index <= machine.durablePoint().index) return;
  const directory = store.stagedPath(set, replica, snapshot.index);
  const fileNames = (await store.disk.list(directory)).map((entry) => entry.name);
  if (!(await store.disk.exists(directory)))
    throw new FatalError(`snapshot at ${snapshot.index} is missing; directory=${directory}`);
  await machine.install({point: snapshot, directory, fileNames});
  await store.disk.remove(directory);
}

async function buildGroup(
  place: GroupLog,
  {store, random, timing, limits, hostWaits}: OpeningContext,
  machine: StateMachine,
): Promise<HostedGroup> {
  const {set, replica, firstIndex, prevTerm, lastIndex, term, vote, commit, terms} = place;
  const {index: appliedIndex, configuration} = machine.durablePoint();
  if (appliedIndex < firstIndex - 1 || appliedIndex > lastIndex)
    throw new FatalError(
      `state machine of replica ${replica} of set ${set} stands at ${appliedIndex}, outside its log (${firstIndex - 1} to ${lastIndex})`,
    );
  const entries = await loadEntries(place, store, appliedIndex);
  const {uncommittedBytesMax, inflightBytesMax, inflightMessagesMax} = limits;
  const raft = new RaftGroup({
    id: replica,
    random,
    timing: {
      electionTicks: timing.electionTicks,
      heartbeatTicks: timing.heartbeatTicks,
      commitWaits: true,
    },
    limits: {
      // An append fills a frame and not more; a single larger entry still goes, in fragments.
      messageBytesMax: limits.fragmentBytesMax / 2,
      inflightMessagesMax,
      inflightBytesMax,
      uncommittedBytesMax,
      appliedBytesPerOutput: limits.fragmentBytesMax * 4,
    },
    preVote: true,
    checkQuorum: true,
    failover: place.manual ? 'manual' : 'automatic',
    hardState: {term, vote, commit: Math.max(commit, appliedIndex)},
    log: {
      snapshotIndex: firstIndex - 1,
      snapshotTerm: prevTerm,
      entries,
      terms: [...terms],
      lastIndex,
    },
    appliedIndex,
    configuration,
    configIndex: place.configIndexAt(appliedIndex),
  });
  return new HostedGroup({
    set,
    replica,
    store,
    raft,
    machine,
    configuration,
    appliedIndex,
    isManual: place.manual,
    hostWaits,
  });
}

/** All that is not applied. */
async function loadEntries(place: GroupLog, store: Store, appliedIndex: number): Promise<Entry[]> {
  const {lastIndex} = place;
  if (appliedIndex >= lastIndex) return [];
  return store.log.read(place, {from: appliedIndex + 1, upto: lastIndex, bytesMax: Infinity});
}

/** Voters of a founding sorted as configurations want them. */
export function foundingConfiguration(founding: {
  readonly voters: readonly ReplicaId[];
  readonly learners: readonly ReplicaId[];
}): Configuration {
  const sorted = (ids: readonly ReplicaId[]): number[] => [...ids].sort((a, b) => a - b);
  return {
    voters: sorted(founding.voters),
    votersOutgoing: [],
    learners: sorted(founding.learners),
    learnersNext: [],
    autoLeave: false,
  };
}

/** Removes what is left of replicas that were destroyed when a crash came in between. */
export async function buryLeftovers(
  store: Store,
  openStateMachine: OpenHostedStateMachine,
): Promise<void> {
  for (const [set, replica] of [...store.log.unburied()]) {
    const machine = await openStateMachine({set, replica, store: store.store, isBuried: true});
    await bury(store, {set, replica}, machine);
  }
}

/** Requires its tombstone in the store's log. */
export async function bury(store: Store, key: SetReplica, machine: StateMachine): Promise<void> {
  await machine.destroy();
  await discardStaged(store, key);
  await store.log.append([{type: 'tombstone', ...key, dataGone: true}]);
}

/**
 * Requires the groups opened: what a log record named is installed then, and what none named was never
 * whole. Only a replica that could not be opened may still need its own.
 */
export async function discardStaging(
  store: Store,
  isBroken: (set: ReplicaSetId) => boolean,
): Promise<void> {
  const needed = new Set<string>();
  for (const {set, replica, snapshot} of store.log.groups())
    if (snapshot !== undefined && isBroken(set))
      needed.add(store.stagedPath(set, replica, snapshot.index));
  for (const {name} of await store.disk.list(store.stagingPath)) {
    const path = `${store.stagingPath}/${name}`;
    if (!needed.has(path)) await store.disk.remove(path);
  }
}

/** Of a replica that has ended, whichever of them its log named last. */
async function discardStaged({disk, stagingPath}: Store, key: SetReplica): Promise<void> {
  for (const {name} of await disk.list(stagingPath))
    if (name.startsWith(stagedPrefix(key))) await disk.remove(`${stagingPath}/${name}`);
}

export type SetReplica = {readonly set: ReplicaSetId; readonly replica: ReplicaId};
