// The mathematics of majorities, simple and joint. A joint configuration agrees when both halves do
// (paper section 6). An empty half agrees with everything, so that a simple configuration is the joint
// one whose outgoing half is empty; by the same convention (etcd/raft's quorum) so do both together.

import type {Configuration} from './configuration.ts';

export type VoteResult = 'won' | 'lost' | 'pending';

/** Of a simple configuration the outgoing half may be left out. */
type Halves = Pick<Configuration, 'voters'> & Partial<Pick<Configuration, 'votersOutgoing'>>;

const NOBODY: readonly number[] = [];

/**
 * The highest index that a majority of each half has reached. A member absent from `match` counts
 * as 0. Infinity if there is no voter at all: whoever has none may not lead, and never asks.
 */
export function committedIndex(
  {voters, votersOutgoing = NOBODY}: Halves,
  match: ReadonlyMap<number, number>,
): number {
  return Math.min(majorityIndex(voters, match), majorityIndex(votersOutgoing, match));
}

/** Whoever is absent from `votes` has not voted yet. Without any voter it is won, for the same reason. */
export function voteResult(
  {voters, votersOutgoing = NOBODY}: Halves,
  votes: ReadonlyMap<number, boolean>,
): VoteResult {
  const incoming = majorityVote(voters, votes);
  const outgoing = majorityVote(votersOutgoing, votes);
  if (incoming === 'lost' || outgoing === 'lost') return 'lost';
  return incoming === 'won' && outgoing === 'won' ? 'won' : 'pending';
}

function majorityIndex(voters: readonly number[], match: ReadonlyMap<number, number>): number {
  if (voters.length === 0) return Number.POSITIVE_INFINITY;
  const reached = voters.map((id) => match.get(id) ?? 0).sort((a, b) => b - a);
  // Descending: this many members, a majority, are at or beyond the value at that place.
  return reached[Math.floor(voters.length / 2)]!;
}

function majorityVote(voters: readonly number[], votes: ReadonlyMap<number, boolean>): VoteResult {
  if (voters.length === 0) return 'won';
  const majority = Math.floor(voters.length / 2) + 1;
  let granted = 0;
  let refused = 0;
  for (const id of voters) {
    const vote = votes.get(id);
    if (vote === true) granted++;
    else if (vote === false) refused++;
  }
  if (granted >= majority) return 'won';
  return refused > voters.length - majority ? 'lost' : 'pending';
}
