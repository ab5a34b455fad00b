// Whether nodes can be stopped together: of which sets a majority of the voters would be left. One that lags far is
// none of them: what is written then would wait for it to catch up.

import {META_SET, type NodeId, type ReplicaSetId} from '@flotilla/base';
import type {ClusterFacts, ReplicaView} from './cluster-view.ts';

export interface LostMajority {
  readonly id: ReplicaSetId;
  /** Of the meta group: `meta`. */
  readonly database: string;
  readonly voters: number;
  /** Voters that take part now, and that would. */
  readonly present: number;
  readonly left: number;
  readonly needed: number;
}

export interface StopAnswer {
  readonly ok: boolean;
  readonly nodes: readonly NodeId[];
  readonly sets: readonly LostMajority[];
}

/** States of a replica that takes no part in votes, or cannot apply what is committed. */
const ABSENT: ReadonlySet<string> = new Set([
  'missing',
  'unreachable',
  'failed',
  'stopped',
  'wedged',
]);

/** A set of which the nodes hold no voter is not their affair, however it is. */
export function okToStop(facts: ClusterFacts, nodes: readonly NodeId[]): StopAnswer {
  const stopping = new Set(nodes);
  const groups = [
    {id: META_SET, database: 'meta', replicas: facts.meta.replicas},
    ...facts.sets.filter(({state}) => state !== 'dropping'),
  ];
  const sets = groups.flatMap(({id, database, replicas}): LostMajority[] => {
    const lost = majoritiesOf(replicas)
      .map((voters) => afterStop(voters, replicas, stopping))
      .find(({left, needed, isConcerned}) => isConcerned && left < needed);
    if (lost === undefined) return [];
    const {voters, present, left, needed} = lost;
    return [{id, database, voters, present, left, needed}];
  });
  return {ok: sets.length === 0, nodes, sets};
}

/**
 * By the members as the group has them, which may be others than are placed: a replica that is placed as a voter is
 * none until it has caught up, and of a change of members that is under way both majorities are needed.
 */
function majoritiesOf(replicas: readonly ReplicaView[]): readonly (readonly number[])[] {
  const leader = replicas.find((each) => each.leader && each.voting !== undefined);
  const told = replicas.flatMap(({voting}) => voting ?? []);
  const latest = told.sort((a, b) => b.configIndex - a.configIndex)[0];
  // Where nobody tells, a node of an older build may, or none answers.
  const placed = replicas.filter(({role}) => role === 'voter').map(({replica}) => replica);
  return (leader?.voting ?? latest)?.majorities ?? [placed];
}

function afterStop(
  voters: readonly number[],
  replicas: readonly ReplicaView[],
  stopping: ReadonlySet<NodeId>,
): Omit<LostMajority, 'id' | 'database'> & {readonly isConcerned: boolean} {
  const members = replicas.filter(({replica}) => voters.includes(replica));
  const present = members.filter(({state, isLate}) => !ABSENT.has(state) && isLate !== true);
  const left = present.filter(({node}) => !stopping.has(node)).length;
  return {
    voters: voters.length,
    present: present.length,
    left,
    needed: Math.floor(voters.length / 2) + 1,
    isConcerned: members.some(({node}) => stopping.has(node)),
  };
}
