// Whether nodes can be stopped together: of which sets a majority of the voters would be left. One that lags far is
// none of them: what is written then would wait for it to catch up.

import {META_SET, type NodeId, type ReplicaSetId} from '@flotilla/base';
import type {ClusterFacts} from './cluster-view.ts';

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
  const reachable = new Set(
    facts.nodes.filter(({isReachable}) => isReachable).map(({node}) => node.id),
  );
  const groups = [
    {
      id: META_SET,
      database: 'meta',
      voters: facts.meta.voters.map((node) => ({
        node,
        isPresent: reachable.has(node) && facts.meta.late?.includes(node) !== true,
      })),
    },
    ...facts.sets
      .filter(({state}) => state !== 'dropping')
      .map(({id, database, replicas}) => ({
        id,
        database,
        voters: replicas
          .filter(({role}) => role === 'voter')
          .map(({node, state, isLate}) => ({
            node,
            isPresent: !ABSENT.has(state) && isLate !== true,
          })),
      })),
  ];
  const sets = groups.flatMap(({id, database, voters}): LostMajority[] => {
    if (!voters.some(({node}) => stopping.has(node))) return [];
    const present = voters.filter(({isPresent}) => isPresent);
    const left = present.filter(({node}) => !stopping.has(node)).length;
    const needed = Math.floor(voters.length / 2) + 1;
    if (left >= needed) return [];
    return [{id, database, voters: voters.length, present: present.length, left, needed}];
  });
  return {ok: sets.length === 0, nodes, sets};
}
