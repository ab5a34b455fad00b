// Who belongs to a group, and how that changes: simple changes of at most one voter, or joint
// consensus (paper section 6) with automatic or explicit leave. Pure: a change yields a new
// configuration or the reason why not. Semantics of etcd/raft's confchange: activation at apply time,
// `learnersNext` for voters that are demoted inside a joint configuration and stay voters of the
// outgoing half until it is left.

/** All arrays are sorted ascending, without repetition. */
export interface Configuration {
  readonly voters: readonly number[];
  /** The old majority while joint; empty otherwise. */
  readonly votersOutgoing: readonly number[];
  readonly learners: readonly number[];
  /** Members of `votersOutgoing` that become learners when the joint configuration is left. */
  readonly learnersNext: readonly number[];
  /** The leader leaves the joint configuration by itself. */
  readonly autoLeave: boolean;
}

export interface ConfigChange {
  readonly type: 'voter' | 'learner' | 'remove';
  readonly id: number;
}

export type ConfigChangeMode = 'simple' | 'joint' | 'joint-explicit' | 'leave';

const JOINT_MODES: readonly ConfigChangeMode[] = ['joint', 'joint-explicit'];
const CHANGE_TYPES: readonly ConfigChange['type'][] = ['voter', 'learner', 'remove'];

export interface ConfigError {
  readonly error: string;
}

export const EMPTY_CONFIGURATION: Configuration = {
  voters: [],
  votersOutgoing: [],
  learners: [],
  learnersNext: [],
  autoLeave: false,
};

export function isJoint(config: Configuration): boolean {
  return config.votersOutgoing.length > 0;
}

/** Votes in either half. */
export function isVoter(config: Configuration, id: number): boolean {
  return config.voters.includes(id) || config.votersOutgoing.includes(id);
}

/** All members in ascending order; iteration over members follows it, so that runs are repeatable. */
export function membersOf(config: Configuration): number[] {
  return sorted(
    new Set([
      ...config.voters,
      ...config.votersOutgoing,
      ...config.learners,
      ...config.learnersNext,
    ]),
  );
}

/**
 * Changes are taken in order, so that of several for one id the last stands; what changes nothing is
 * taken too. The result is valid, or a refusal says why there is none. Fields left out are empty.
 */
export function changeConfig(
  present: Partial<Configuration>,
  changes: readonly ConfigChange[],
  mode: ConfigChangeMode,
): Configuration | ConfigError {
  const config: Configuration = {...EMPTY_CONFIGURATION, ...present};
  const fault = configurationFault(finish(draftOf(config), config.autoLeave));
  if (fault !== undefined) return {error: `the present configuration is none: ${fault}`};
  if (mode === 'leave') return leaveJoint(config, changes);
  if (!JOINT_MODES.includes(mode) && mode !== 'simple') return {error: `unknown mode ${mode}`};
  if (isJoint(config)) return {error: 'a joint configuration must be left first'};
  const invalid = invalidChanges(changes);
  if (invalid !== undefined) return {error: invalid};
  const draft = draftOf(config);
  if (JOINT_MODES.includes(mode)) {
    // A first voter comes by a simple change: two halves of which one is empty are not joint.
    if (config.voters.length === 0) return {error: 'without a voter nothing becomes joint'};
    for (const id of config.voters) draft.votersOutgoing.add(id);
  }
  for (const change of changes) applyChange(draft, change);
  if (draft.voters.size === 0) return {error: 'no voter would be left'};
  if (mode === 'simple' && differenceCount(config.voters, draft.voters) > 1) {
    return {error: 'more than one voter changes: use a joint change'};
  }
  return finish(draft, mode === 'joint');
}

/** Why this cannot be a configuration at all, or undefined. For what comes from elsewhere. */
export function configurationFault(config: Configuration): string | undefined {
  const {voters, votersOutgoing, learners, learnersNext} = config;
  for (const ids of [voters, votersOutgoing, learners, learnersNext]) {
    for (let i = 0; i < ids.length; i++) {
      if (!isMemberId(ids[i]!)) return `bad member id ${ids[i]}`;
      if (i > 0 && ids[i]! <= ids[i - 1]!) return 'ids are not in ascending order';
    }
  }
  if (learners.some((id) => isVoter(config, id))) return 'a learner is a voter';
  if (learnersNext.some((id) => !votersOutgoing.includes(id) || voters.includes(id))) {
    return 'a next learner must be in the outgoing half alone';
  }
  if (config.autoLeave && !isJoint(config)) return 'auto-leave without a joint configuration';
  if (voters.length === 0 && membersOf(config).length > 0) return 'members without a voter';
  return undefined;
}

export function isMemberId(id: number): boolean {
  return Number.isSafeInteger(id) && id >= 1;
}

interface Draft {
  voters: Set<number>;
  votersOutgoing: Set<number>;
  learners: Set<number>;
  learnersNext: Set<number>;
}

function draftOf(config: Configuration): Draft {
  return {
    voters: new Set(config.voters),
    votersOutgoing: new Set(config.votersOutgoing),
    learners: new Set(config.learners),
    learnersNext: new Set(config.learnersNext),
  };
}

function applyChange(draft: Draft, {type, id}: ConfigChange): void {
  draft.voters.delete(id);
  draft.learners.delete(id);
  draft.learnersNext.delete(id);
  if (type === 'voter') draft.voters.add(id);
  if (type !== 'learner') return;
  // Still a voter of the outgoing half: it must not be counted as a learner before that is left.
  (draft.votersOutgoing.has(id) ? draft.learnersNext : draft.learners).add(id);
}

function leaveJoint(
  config: Configuration,
  changes: readonly ConfigChange[],
): Configuration | ConfigError {
  if (!isJoint(config)) return {error: 'not in a joint configuration'};
  if (changes.length > 0) return {error: 'leaving a joint configuration changes nothing else'};
  const draft = draftOf(config);
  for (const id of draft.learnersNext) draft.learners.add(id);
  draft.learnersNext.clear();
  draft.votersOutgoing.clear();
  return finish(draft, false);
}

function finish(draft: Draft, autoLeave: boolean): Configuration {
  return {
    voters: sorted(draft.voters),
    votersOutgoing: sorted(draft.votersOutgoing),
    learners: sorted(draft.learners),
    learnersNext: sorted(draft.learnersNext),
    autoLeave,
  };
}

function invalidChanges(changes: readonly ConfigChange[]): string | undefined {
  for (const {type, id} of changes) {
    if (!isMemberId(id)) return `bad member id ${id}`;
    if (!CHANGE_TYPES.includes(type)) return `unknown change ${type}`;
  }
  return undefined;
}

function differenceCount(before: readonly number[], after: ReadonlySet<number>): number {
  const removed = before.filter((id) => !after.has(id)).length;
  return removed + (after.size - (before.length - removed));
}

function sorted(ids: Iterable<number>): number[] {
  return [...ids].sort((a, b) => a - b);
}
