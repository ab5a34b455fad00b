// What a host tells whoever listens.

import type {ReplicaId, ReplicaSetId} from '@flotilla/base';

export type LeadershipListener = (change: {
  readonly set: ReplicaSetId;
  readonly replica: ReplicaId;
  readonly isLeader: boolean;
  readonly term: number;
}) => void;

export type StoppedListener = (stop: {
  /** Absent when a whole store stopped. */
  readonly set?: ReplicaSetId | undefined;
  readonly replica?: ReplicaId | undefined;
  readonly reason: string;
  /** The store's log is dead: the process must end and replay. */
  readonly isStore: boolean;
}) => void;
