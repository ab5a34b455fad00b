// What the operator of a cluster may set of its plans; each stands instead of the limit of its name. They are
// flags of `start` and no part of the catalog: the node that leads meta plans by its own.

import type {ReplicaSetId} from '@flotilla/base';

export interface PlanSettings {
  readonly repairAfterMs?: number | undefined;
  readonly movesPerClusterMax?: number | undefined;
  readonly movesPerNodeMax?: number | undefined;
  readonly trashRetentionMs?: number | undefined;
}

/** What a round knows beside them of those before it. To have forgotten it delays a lead, and nothing else. */
export interface RoundSettings extends PlanSettings {
  /** Sets of which a lead was told to leave, in the order of the last time: others come first. */
  readonly leadsTried?: ReadonlySet<ReplicaSetId> | undefined;
}
