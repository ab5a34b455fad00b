// What the operator of a cluster may set of its plans; each stands instead of the limit of its name. They are
// flags of `start` and no part of the catalog: the node that leads meta plans by its own.

export interface PlanSettings {
  readonly repairAfterMs?: number | undefined;
  readonly movesPerClusterMax?: number | undefined;
  readonly movesPerNodeMax?: number | undefined;
  readonly trashRetentionMs?: number | undefined;
}
