// One fragment per replica set of each bucket that the time range touches. Offsets are exact: bounds
// in nanoseconds are rounded up to units, since a row at unit u passes t >= b just when u >= ceil(b).

import type {Bucket, Database} from '@flotilla/catalog';
import type {ScanSpec} from '@flotilla/column';
import type {PlanCatalog} from './catalog-view.ts';
import type {Conjuncts} from './conjuncts.ts';
import {type Fragment, type GroupsWork, type RowsWork, UNIT_NS} from './plan.ts';
import type {TableScope} from './scope.ts';

const NS_PER_MS = 1_000_000n;

export function planFragments(
  catalog: PlanCatalog,
  database: Database,
  scope: TableScope,
  conjuncts: Conjuncts,
  work: RowsWork | GroupsWork,
): Fragment[] {
  const {precision} = database.options;
  const fragments: Fragment[] = [];
  for (const {bucket, startOffset, endOffset} of bucketRanges(catalog, database, conjuncts)) {
    const scan: ScanSpec = {
      table: scope.table.id,
      startOffset,
      endOffset,
      plannedAt: catalog.version,
      tags: conjuncts.tags,
      fields: scope.scanFields(),
    };
    for (const set of bucket.replicaSets) {
      fragments.push({
        version: 1,
        set,
        bucket: bucket.id,
        startMs: bucket.startMs,
        precision,
        scan,
        inputs: scope.inputs,
        filter: conjuncts.rest,
        work,
      });
    }
  }
  return fragments;
}

/** The part of a bucket that a time range touches, in offsets from the bucket's start. */
interface BucketRange {
  readonly bucket: Bucket;
  readonly startOffset: number;
  readonly endOffset: number;
}

/** What has expired is left out. */
export function bucketRanges(
  catalog: PlanCatalog,
  database: Database,
  {range}: Pick<Conjuncts, 'range'>,
): BucketRange[] {
  const expiredNs = BigInt(database.expiredBeforeMs ?? 0) * NS_PER_MS;
  const expires = database.expiredBeforeMs !== undefined;
  const startNs = expires && expiredNs > range.startNs ? expiredNs : range.startNs;
  const fromMs = Number(floorDivide(startNs, NS_PER_MS));
  const toMs = Number(-floorDivide(-range.endNs, NS_PER_MS));
  const ranges: BucketRange[] = [];
  for (const bucket of catalog.buckets(database.id, fromMs, toMs)) {
    const unit = BigInt(UNIT_NS[database.options.precision]);
    const bucketNs = BigInt(bucket.startMs) * NS_PER_MS;
    const bucketUnits = (BigInt(bucket.endMs) * NS_PER_MS - bucketNs) / unit;
    const startOffset = clamp(-floorDivide(bucketNs - startNs, unit), bucketUnits);
    const endOffset = clamp(-floorDivide(bucketNs - range.endNs, unit), bucketUnits);
    if (startOffset < endOffset) ranges.push({bucket, startOffset, endOffset});
  }
  return ranges;
}

function floorDivide(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor;
  return value % divisor < 0n ? quotient - 1n : quotient;
}

function clamp(value: bigint, high: bigint): number {
  return Number(value < 0n ? 0n : value > high ? high : value);
}
