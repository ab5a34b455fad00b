// `flotilla plan` asks no cluster, so it has the program's own numbers once more: here they are held together, and
// docs/capacity.md to what was measured.

import {readFileSync} from 'node:fs';
import path from 'node:path';
import {describe, expect, test} from 'vitest';
import {LIMITS} from '../packages/base/src/limits.ts';
import {fitMemory, memoryBytesMin} from '../packages/base/src/memory-limits.ts';
import {blockRowsOf} from '../packages/cli/src/capacity/block-rows.ts';
import {leastMemoryOf, MEASURED, PROGRAM} from '../packages/cli/src/capacity/capacity-model.ts';
import {HOST_LIMITS} from '../packages/multiraft/src/host/options.ts';
import {BALLAST_BYTES} from '../packages/multiraft/src/log/ballast.ts';
import {FLUSH_AGE_MS} from '../packages/replica/src/flush-schedule.ts';
import {resourcesOf} from '../packages/server/src/node/resources.ts';
import {BlockCut} from '../packages/storage/src/block-cut.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8');

describe('the numbers of the program', () => {
  test('are those of its limits', () => {
    const {groupLogBytesMax, storeLogBytesMax, segmentBytes, diskFreeShareBallast} = HOST_LIMITS;
    expect(PROGRAM).toMatchObject({groupLogBytesMax, storeLogBytesMax, segmentBytes});
    expect(PROGRAM).toMatchObject({
      flushAgeMs: FLUSH_AGE_MS,
      ballastBytes: BALLAST_BYTES,
      freeShare: diskFreeShareBallast,
      memtablesBytesMax: LIMITS.memtables_bytes_max.value,
      trashMs: LIMITS.trash_retention_ms.value,
      shardsMax: LIMITS.shards_per_bucket_max.value,
      seriesPerSetMax: LIMITS.series_per_replica_set_max.value,
      bucketsMax: LIMITS.buckets_per_database_max.value,
    });
  });

  test('are those of constants that nobody else asks for', () => {
    const mib = (file: string, name: string): number =>
      Number(new RegExp(`^const ${name} = (\\d+) \\* 1024 \\* 1024;$`, 'm').exec(read(file))![1]);
    const memtable = mib('packages/server/src/engine/engine-start.ts', 'MEMTABLE_BYTES');
    expect(PROGRAM.memtableBytes).toBe(memtable * 1024 * 1024);
    const [, shards] = /^const SHARDS_AUTO_MIN = (\d+);$/m.exec(
      read('packages/catalog/src/planning/placement.ts'),
    )!;
    expect(PROGRAM.shardsMin).toBe(Number(shards));
  });

  test('are those of what a node takes of its machine', () => {
    const memoryBytes = 2 ** 40;
    const {engineThreads, memoryBytes: taken} = resourcesOf({}, {cores: 8, memoryBytes});
    expect([engineThreads, taken / memoryBytes]).toEqual([7, PROGRAM.memoryShare]);
    for (const threads of [1, 2, 7]) expect(leastMemoryOf(threads)).toBe(memoryBytesMin(threads));
    const {series_indexes_bytes_max: indexes} = fitMemory(memoryBytesMin(1), 1);
    expect(indexes / memoryBytesMin(1)).toBeCloseTo(PROGRAM.indexShare, 6);
  });
});

test.each([100, 1_000, 5_000, 10_000, 15_000, 30_000, 60_000, 300_000, 600_000, 3_600_000])(
  'rows every %i ms are cut into blocks as the model has it',
  (intervalMs) => {
    const bucketMs = 90 * 86_400_000;
    const count = Math.min(200_000, bucketMs / intervalMs);
    const offsets = Float64Array.from({length: count}, (_, row) => row * intervalMs);
    const cut = new BlockCut({startUnits: 0n, unitsPerSecond: 1_000});
    const rows = count / cut.ends(offsets, count).length;
    expect(blockRowsOf(intervalMs, bucketMs) / rows).toBeCloseTo(1, 1);
  },
);

test('docs/capacity.md has each measured constant as it is', () => {
  const rows = new Map(
    [...read('docs/capacity.md').matchAll(/^\| `(\w+)` +\| ([^|]+?) +\|/gm)].map(
      ([, name, value]) => [name!, value!],
    ),
  );
  const shown = (value: (typeof MEASURED)[keyof typeof MEASURED]): string =>
    typeof value === 'number' ? String(value) : Object.values(value).join(', ');
  for (const [name, value] of Object.entries(MEASURED))
    expect([name, rows.get(name)]).toEqual([name, shown(value)]);
});
