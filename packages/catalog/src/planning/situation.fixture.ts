// One replica set as a test describes it: who votes, learns and leads, and what its members report.

import type {NodeId, ReplicaId, ReplicaSetId} from '@flotilla/base';
import type {ReplicaSet} from '../model.ts';
import {GroupView} from './group-view.ts';
import type {NodeReport, ReplicaReport} from './reports.ts';

export interface Situation {
  readonly voters: readonly number[];
  readonly outgoing?: readonly number[];
  readonly learners?: readonly number[];
  /** 0: none is known. */
  readonly leader: number;
  /** By placement; replica i is on node i. By default all members. */
  readonly placed?: readonly number[];
  readonly lagging?: readonly number[];
  /** Members that wait for a snapshot. */
  readonly empty?: readonly number[];
  /** Members of which the leader has heard nothing yet. */
  readonly unheard?: readonly number[];
  readonly reported?: readonly number[];
  readonly autoLeave?: boolean;
  readonly damaged?: readonly number[];
  /** Their nodes do not answer; what the leader says of them is older. */
  readonly dead?: readonly number[];
  /** By replica, who sent it its rows. */
  readonly receivedFrom?: Readonly<Record<number, number>>;
  /** Their restart would find the configuration before this one in force. */
  readonly volatile?: readonly number[];
}

export function view(situation: Situation): GroupView {
  const {voters, outgoing = [], learners = [], leader, autoLeave = true} = situation;
  const members = [...new Set([...voters, ...outgoing, ...learners])];
  const placed = situation.placed ?? members;
  const set: ReplicaSet = {
    id: 1 as ReplicaSetId,
    database: 1 as never,
    bucket: 1 as never,
    shard: 0,
    epoch: 7,
    state: 'open',
    founders: [],
    replicas: placed.map((id) => ({
      replica: id as ReplicaId,
      node: id as NodeId,
      role: voters.includes(id) ? 'voter' : 'learner',
    })),
    createdAtVersion: 1,
  };
  const report = (replica: number): ReplicaReport => ({
    set: set.id,
    replica: replica as ReplicaId,
    role: replica === leader ? 'leader' : 'follower',
    term: 6,
    appliedIndex: 5000,
    lastIndex: 5000,
    configIndex: 40,
    configVolatile: situation.volatile?.includes(replica),
    configuration: {
      voters,
      votersOutgoing: outgoing,
      learners,
      learnersNext: [],
      autoLeave,
    },
    durable: true,
    written: false,
    damaged: situation.damaged?.includes(replica),
    receivedFrom: situation.receivedFrom?.[replica] as ReplicaId | undefined,
    progress: members.map((id) => {
      const isUnheard = situation.unheard?.includes(id) === true;
      const state = situation.empty?.includes(id) ? 'snapshot' : isUnheard ? 'probe' : 'replicate';
      const matchIndex = isUnheard ? 0 : situation.lagging?.includes(id) ? 10 : 5000;
      return {replica: id as ReplicaId, matchIndex, state, active: !isUnheard} as const;
    }),
  });
  const reports = new Map<NodeId, NodeReport>();
  for (const id of new Set([...placed, 1, 2, 3, 4])) {
    const present = (situation.reported ?? members).includes(id);
    const replicas = new Map(present ? [[id as ReplicaId, report(id)]] : []);
    const node = id as NodeId;
    const live = situation.dead?.includes(id) !== true;
    reports.set(node, {node, live, clockOffsetMs: 0, diskFree: 1, replicas});
  }
  return new GroupView(set, reports);
}
