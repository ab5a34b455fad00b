// Who could lead a set, told from its replicas' logs alone: by the rules of every election, where a voter
// grants its vote to a log at least as complete as its own (Raft paper, section 5.4.1).

import type {NodeId, ReplicaId} from '@flotilla/base';
import type {ReplicaSetView, ReplicaView} from './cluster-view.ts';

export interface Candidate {
  readonly replica: ReplicaId;
  readonly node: NodeId;
  readonly address: string | undefined;
  readonly role: 'voter' | 'learner';
  readonly leader: boolean;
  readonly isReachable: boolean;
  readonly state: string;
  /** Its own; a candidate of a later one is heard by all. */
  readonly term: number | undefined;
  /** Of the last entry in its log. */
  readonly lastTerm: number | undefined;
  readonly lastIndex: number | undefined;
  /** Entries that the most complete log has beyond it. */
  readonly lag: number | undefined;
  /** Voters that would grant it theirs now, itself among them. */
  readonly votes: number;
  readonly votesNeeded: number;
  readonly canWin: boolean;
  /** Why it cannot. */
  readonly why?: string | undefined;
}

/** A replica whose log is known. */
type Log = ReplicaView & {readonly lastTerm: number; readonly lastIndex: number};

/** The most complete log first. */
export function candidatesOf({replicas}: ReplicaSetView): Candidate[] {
  const voters = replicas.filter(({role}) => role === 'voter');
  const votesNeeded = Math.floor(voters.length / 2) + 1;
  const electors = voters.filter(hasLog);
  const best = replicas.filter(hasLog).sort((a, b) => compareLogs(b, a))[0];
  const candidates = replicas.map((each): Candidate => {
    const {replica, node, address, role, leader, state, term, lastTerm, lastIndex} = each;
    const isReachable = state !== 'unreachable';
    const fuller = hasLog(each) ? electors.filter((voter) => compareLogs(voter, each) > 0) : [];
    const votes = hasLog(each) && role === 'voter' ? electors.length - fuller.length : 0;
    const why = faultOf(each, {fuller, votes, votesNeeded, electors, voters});
    return {
      ...{replica, node, address, role, leader, isReachable, state, term, lastTerm, lastIndex},
      lag: hasLog(each) && best !== undefined ? best.lastIndex - each.lastIndex : undefined,
      ...{votes, votesNeeded, canWin: why === undefined, why},
    };
  });
  return candidates.sort((a, b) => rank(b) - rank(a) || a.node - b.node);
}

/** Of the voters that answer: one that can win, else the one with the most. */
export function nearestCandidate(view: ReplicaSetView): Candidate | undefined {
  const voters = candidatesOf(view).filter(({role, lag}) => role === 'voter' && lag !== undefined);
  return voters.find(({canWin}) => canWin) ?? voters[0];
}

function hasLog(replica: ReplicaView): replica is Log {
  const {lastTerm, lastIndex, stopped} = replica;
  return lastTerm !== undefined && lastIndex !== undefined && stopped === undefined;
}

function compareLogs(a: Log, b: Log): number {
  return a.lastTerm - b.lastTerm || a.lastIndex - b.lastIndex;
}

function rank({canWin, lag}: Candidate): number {
  return (canWin ? 2 ** 53 : 0) - (lag ?? 2 ** 52);
}

function faultOf(
  replica: ReplicaView,
  facts: {
    readonly fuller: readonly Log[];
    readonly votes: number;
    readonly votesNeeded: number;
    readonly electors: readonly Log[];
    readonly voters: readonly ReplicaView[];
  },
): string | undefined {
  const {fuller, votes, votesNeeded, electors, voters} = facts;
  if (replica.state === 'unreachable') return 'its node does not answer';
  if (replica.state === 'missing') return 'its node has no such replica';
  if (replica.stopped !== undefined) return `it has stopped: ${replica.stopped}`;
  if (replica.role === 'learner') return 'a learner does not stand for election';
  if (!hasLog(replica)) return 'its node does not tell of its log';
  if (votes >= votesNeeded) return undefined;
  if (electors.length < votesNeeded) {
    return `only ${electors.length} of ${voters.length} voters answer, and it takes ${votesNeeded}`;
  }
  const nodes = fuller.map(({node, lastTerm, lastIndex}) => `${node} (${lastTerm}, ${lastIndex})`);
  const own = `(${replica.lastTerm}, ${replica.lastIndex})`;
  return `its log ends at term and index ${own}, and those of nodes ${nodes.join(', ')} hold more`;
}
