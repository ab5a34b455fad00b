// One input to its handler, and proposals, which have no better home.

import {assertNever} from '@flotilla/base';
import {campaign} from './election.ts';
import {stepSnapshotInstalled} from './follower.ts';
import type {Input, ProposedPayload} from './input.ts';
import {stepReachable, stepSnapshotReady, stepSnapshotSent, stepUnreachable} from './leader.ts';
import {stepApplied, stepProposeConfig} from './membership.ts';
import {stepPersisted} from './persistence.ts';
import {trackProposal} from './proposals.ts';
import {dropPendingReads, stepReadIndex} from './read-index.ts';
import {appendOwn, stepEntriesRead} from './replication.ts';
import {isRetiring} from './roles.ts';
import {dropProposal, type GroupState} from './state.ts';
import {stepMessage} from './step-message.ts';
import {stepTick} from './tick.ts';
import {stepTransferLeader} from './transfer.ts';

export function stepInput(state: GroupState, input: Input): void {
  switch (input.type) {
    case 'tick':
      stepTick(state);
      break;
    case 'message':
      stepMessage(state, input.message);
      break;
    case 'propose':
      stepPropose(state, input.entries);
      break;
    case 'proposeConfig':
      stepProposeConfig(state, input);
      break;
    case 'readIndex':
      stepReadIndex(state, input.readId);
      break;
    case 'persisted':
      stepPersisted(state, input.seq);
      break;
    case 'applied':
      stepApplied(state, input.index);
      break;
    case 'campaign':
      campaign(state, {transfer: false});
      break;
    case 'transferLeader':
      stepTransferLeader(state, input.to);
      break;
    case 'forgetLeader':
      stepForgetLeader(state);
      break;
    case 'reachable':
      stepReachable(state, input.id, input.reachable);
      break;
    case 'unreachable':
      stepUnreachable(state, input.id);
      break;
    case 'snapshotReady':
      stepSnapshotReady(state, input.to, input.snapshot);
      break;
    case 'snapshotSent':
      stepSnapshotSent(state, input.to, input.ok);
      break;
    case 'snapshotInstalled':
      stepSnapshotInstalled(state, input.index);
      break;
    case 'compacted':
      state.log.compact(input.firstIndex);
      break;
    case 'evict':
      state.log.evict(input.uptoIndex);
      break;
    case 'entries':
      stepEntriesRead(state, input.firstIndex, input.entries);
      break;
    case 'setFailover':
      state.manualFailover = input.mode === 'manual';
      break;
    default:
      assertNever(input);
  }
}

function stepPropose(state: GroupState, payloads: readonly ProposedPayload[]): void {
  for (const {proposalId, payload} of payloads) {
    const over = state.uncommittedBytes + payload.length > state.limits.uncommittedBytesMax;
    if (state.role !== 'leader') {
      dropProposal(state, proposalId, 'not-leader');
    } else if (state.transferTo !== 0 || isRetiring(state)) {
      dropProposal(state, proposalId, 'transferring');
    } else if (over && payload.length > 0 && state.log.commitIndex < state.log.lastIndex) {
      dropProposal(state, proposalId, 'uncommitted-limit');
    } else {
      const entry = appendOwn(state, 'normal', payload);
      trackProposal(state, proposalId, entry.index);
    }
  }
}

/** Ignored under lease reads: the leader relies on this replica's silence for a whole timeout. */
function stepForgetLeader(state: GroupState): void {
  if (state.role !== 'follower' || state.leaseReads) return;
  state.leader = 0;
  dropPendingReads(state);
}
