// Flags of `start` that all nodes of a cluster are to be given alike: whichever node leads meta, or is asked,
// goes by its own. What this node goes by, and in which of them the nodes differ.

import {type FlaggedLimitName, LIMITS, type NodeId} from '@flotilla/base';
import type {PlanSettings} from '@flotilla/catalog';
import {durationText} from './durations.ts';

type ClusterLimitName = {
  [Name in FlaggedLimitName]: (typeof LIMITS)[Name]['flag']['isOfCluster'] extends true
    ? Name
    : never;
}[FlaggedLimitName];

const SETTINGS: Readonly<Record<ClusterLimitName, keyof PlanSettings>> = {
  trash_retention_ms: 'trashRetentionMs',
  repair_after_ms: 'repairAfterMs',
  moves_per_cluster_max: 'movesPerClusterMax',
  moves_per_node_max: 'movesPerNodeMax',
};
const NAMES = Object.keys(SETTINGS) as ClusterLimitName[];

export const CLUSTER_FLAGS: readonly string[] = NAMES.map((name) => LIMITS[name].flag.name);

/** What a node goes by, in the units of the limits. One of another build may know other ones. */
export type ClusterFlags = Readonly<Partial<Record<ClusterLimitName, number>>>;

export function clusterFlags(settings: PlanSettings): ClusterFlags {
  const valueIn = (name: ClusterLimitName) => settings[SETTINGS[name]] ?? LIMITS[name].value;
  return Object.fromEntries(NAMES.map((name) => [name, valueIn(name)] as const)) as ClusterFlags;
}

/** By the name of the flag, in seconds where it is a time. */
export function* flagValues(told: ClusterFlags): Generator<readonly [string, number]> {
  for (const name of NAMES) {
    const {flag, unit} = LIMITS[name];
    const value = told[name];
    if (value !== undefined) yield [flag.name, unit === 'ms' ? value / 1_000 : value];
  }
}

/** One value of a flag, with the nodes that go by it. */
export interface FlagValue {
  readonly text: string;
  readonly nodes: readonly NodeId[];
}

export interface FlagDifference {
  readonly flag: string;
  /** Two at least; that of most nodes first. */
  readonly values: readonly FlagValue[];
}

/** Of the nodes that told. */
export function flagDifferences(
  nodes: Iterable<readonly [NodeId, ClusterFlags]>,
): FlagDifference[] {
  const told = [...nodes];
  return NAMES.flatMap((name) => {
    const byValue = new Map<number, NodeId[]>();
    for (const [node, flags] of told) {
      const value = flags[name];
      if (value !== undefined) byValue.set(value, [...(byValue.get(value) ?? []), node]);
    }
    if (byValue.size < 2) return [];
    const {flag, unit} = LIMITS[name];
    const values = [...byValue]
      .sort(([, a], [, b]) => b.length - a.length)
      .map(([value, of]) => ({text: unit === 'ms' ? durationText(value) : `${value}`, nodes: of}));
    return {flag: flag.name, values};
  });
}
