import {LIMITS} from '@flotilla/base';
import {expect, test} from 'vitest';
import {CLUSTER_FLAGS, clusterFlags, flagValues} from './cluster-flags.ts';

test('what was not said is the default, and each flag of a cluster is told', () => {
  const told = clusterFlags({repairAfterMs: 5_000, movesPerNodeMax: 2});
  expect(told).toEqual({
    repair_after_ms: 5_000,
    moves_per_node_max: 2,
    moves_per_cluster_max: LIMITS.moves_per_cluster_max.value,
    trash_retention_ms: LIMITS.trash_retention_ms.value,
  });
  const ofCluster = Object.values(LIMITS).flatMap((limit) =>
    'flag' in limit && limit.flag.isOfCluster ? [limit.flag.name] : [],
  );
  expect([...CLUSTER_FLAGS].sort()).toEqual(ofCluster.sort());
  expect(CLUSTER_FLAGS).not.toContain('--snapshot-rate');
});

test('a metric tells times in seconds, and of another build what it knows', () => {
  const told = new Map(flagValues(clusterFlags({trashRetentionMs: 7_200_000})));
  expect(told.get('--trash-retention')).toBe(7_200);
  expect(told.get('--moves-per-node')).toBe(LIMITS.moves_per_node_max.value);
  expect([...flagValues({repair_after_ms: 1_500})]).toEqual([['--repair-after', 1.5]]);
});
