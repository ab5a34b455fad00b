// Configuration changes through the log. A change takes effect when its entry is applied, on every
// replica at the same index; one at a time: the next may be proposed once the last is applied.
// Paper section 6, thesis 4.3; etcd/raft applyConfChange and its automatic leaving.

import {assert} from '@flotilla/base';
import {decodeConfigChange, encodeConfigChange} from './config-change-codec.ts';
import type {ConfigChange, ConfigChangeMode} from './configuration.ts';
import {changeConfig, isJoint, isVoter, membersOf} from './configuration.ts';
import type {Entry} from './entry.ts';
import type {DropReason} from './output.ts';
import {limitProposals, settleApplied, trackProposal} from './proposals.ts';
import {voteResult} from './quorum.ts';
import {confirmReads} from './read-index.ts';
import {appendOwn, maybeCommit} from './replication.ts';
import {abortTransfer, addProgress, becomeFollower, isRetiring} from './roles.ts';
import {dropProposal, type GroupState} from './state.ts';

export interface ConfigProposal {
  readonly proposalId: number;
  readonly changes: readonly ConfigChange[];
  readonly mode: ConfigChangeMode;
  readonly expectedConfigIndex?: number | undefined;
}

export function stepProposeConfig(state: GroupState, proposal: ConfigProposal): void {
  const {proposalId, changes, mode} = proposal;
  const refusal = refusalOf(state, proposal);
  if (refusal !== undefined) {
    dropProposal(state, proposalId, refusal.reason, refusal.detail);
    return;
  }
  const entry = appendConfig(state, mode, changes);
  trackProposal(state, proposalId, entry.index);
}

function refusalOf(
  state: GroupState,
  {changes, mode, expectedConfigIndex}: ConfigProposal,
): {reason: DropReason; detail?: string} | undefined {
  if (state.role !== 'leader') return {reason: 'not-leader'};
  if (state.transferTo !== 0 || isRetiring(state)) return {reason: 'transferring'};
  if (state.pendingConfigIndex > state.log.appliedIndex) return {reason: 'config-pending'};
  if (expectedConfigIndex !== undefined && expectedConfigIndex !== state.configIndex) {
    return {reason: 'config-changed', detail: `made at index ${state.configIndex}`};
  }
  // Lawful, but an entry for nothing.
  if (mode !== 'leave' && changes.length === 0) {
    return {reason: 'config-invalid', detail: 'nothing to change'};
  }
  const next = changeConfig(state.configuration, changes, mode);
  return 'error' in next ? {reason: 'config-invalid', detail: next.error} : undefined;
}

function appendConfig(
  state: GroupState,
  mode: ConfigChangeMode,
  changes: readonly ConfigChange[],
): Entry {
  const entry = appendOwn(state, 'config', encodeConfigChange({mode, changes}));
  state.pendingConfigIndex = entry.index;
  return entry;
}

/** The host applied up to `index`: configuration entries up to there are in force from now on. */
export function stepApplied(state: GroupState, index: number): void {
  const {log} = state;
  // An old batch that ends while a snapshot is being installed concerns a state that is going away.
  if (index <= log.appliedIndex || state.pendingSnapshot !== undefined) return;
  assert(index <= log.applyingIndex, () => `applied ${index}, handed out ${log.applyingIndex}`);
  for (let at = log.appliedIndex + 1; at <= index; at++) {
    const entry = log.entryAt(at);
    if (entry.type === 'config') applyConfig(state, entry);
  }
  log.appliedTo(index);
  settleApplied(state, index);
  maybeRetire(state);
  maybeAutoLeave(state);
}

/** Ends a retiring leader's term of office once its successors can elect each other without it. */
export function maybeRetire(state: GroupState): void {
  if (!isRetiring(state)) return;
  const informed = new Map<number, boolean>();
  for (const [id, progress] of state.progress) {
    informed.set(id, progress.knownCommit >= state.configIndex);
  }
  if (voteResult(state.configuration, informed) === 'won') becomeFollower(state, state.term, 0);
  // Nobody checks whether a quorum still answers it, so what it proposed must not wait for that.
  else limitProposals(state);
}

function applyConfig(state: GroupState, entry: Entry): void {
  const command = decodeConfigChange(entry.payload);
  assert(command !== undefined, () => `undecodable configuration change at ${entry.index}`);
  const next = changeConfig(state.configuration, command.changes, command.mode);
  // The proposer checked it against the same configuration: the log holds one change at a time.
  assert(!('error' in next), () => `impossible configuration change at ${entry.index}`);
  state.configuration = next;
  state.configIndex = entry.index;
  state.configSeq = state.writtenHard.commit >= entry.index ? state.lastSeq : Infinity;
  state.gathered.configurations.push({index: entry.index, configuration: next});
  if (state.role === 'leader') adoptConfiguration(state);
}

function adoptConfiguration(state: GroupState): void {
  const members = membersOf(state.configuration);
  for (const id of [...state.progress.keys()]) {
    if (!members.includes(id)) state.progress.delete(id);
  }
  for (const id of members) if (!state.progress.has(id)) addProgress(state, id);
  // Ascending order is what the flush and the rounds rely on to be repeatable.
  state.progress = new Map([...state.progress].sort(([a], [b]) => a - b));
  if (!isVoter(state.configuration, state.transferTo)) abortTransfer(state);
  // The lease was given by the old quorum; the next round earns it from the new one.
  state.leaseUntil = Number.NEGATIVE_INFINITY;
  state.roundClocks = [];
  // A smaller quorum may have what the larger one was waiting for.
  maybeCommit(state);
  confirmReads(state);
}

/** Whoever leads while an automatic joint configuration is in force leaves it. */
export function maybeAutoLeave(state: GroupState): void {
  const {configuration, log} = state;
  if (state.role !== 'leader' || !configuration.autoLeave || !isJoint(configuration)) return;
  if (state.transferTo !== 0 || state.pendingConfigIndex > log.appliedIndex) return;
  appendConfig(state, 'leave', []);
}
