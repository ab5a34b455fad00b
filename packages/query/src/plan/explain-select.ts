// Which replica sets a SELECT reads and which it leaves out, each with the reason.

import type {BucketId, ReplicaSetId} from '@flotilla/base';
import type {Bucket, Database} from '@flotilla/catalog';
import type {SelectStatement} from '../sql/ast.ts';
import type {PlanCatalog} from './catalog-view.ts';
import type {Conjuncts} from './conjuncts.ts';
import {analyzeSelect, type PlanContext} from './plan-select.ts';

export interface ExplainedSet {
  readonly set: ReplicaSetId;
  readonly bucket: BucketId;
  readonly shard: number;
  /** Of the bucket. */
  readonly startMs: number;
  readonly endMs: number;
  readonly isRead: boolean;
  readonly why: string;
}

/** In order of time and shard; none where the statement has no FROM. Throws as planSelect does. */
export function explainSelect(
  statement: SelectStatement,
  catalog: PlanCatalog,
  context: PlanContext,
): ExplainedSet[] {
  const {plan, conjuncts, database} = analyzeSelect(statement, catalog, context);
  if (database === undefined) return [];
  const read = new Set(plan.fragments.map(({set}) => set));
  const what = conjuncts.tags === undefined ? 'all series' : 'series chosen by the tags in WHERE';
  return catalog.buckets(database.id).flatMap((bucket) => {
    const {id, startMs, endMs} = bucket;
    const reason = whyPruned(bucket, database, {statement, conjuncts});
    return bucket.replicaSets.map((set, shard) => {
      const isRead = read.has(set);
      const why = isRead ? `the time range touches it; ${what}` : reason;
      return {set, bucket: id, shard, startMs, endMs, isRead, why};
    });
  });
}

function whyPruned(
  {startMs, endMs}: Bucket,
  {expiredBeforeMs = Number.NEGATIVE_INFINITY}: Database,
  query: {readonly statement: SelectStatement; readonly conjuncts: Conjuncts},
): string {
  const {range, never} = query.conjuncts;
  if (query.statement.limit === 0) return 'LIMIT 0';
  if (never) return 'WHERE is never true';
  if (endMs <= expiredBeforeMs) return 'its rows have expired';
  if (BigInt(endMs) * 1_000_000n <= range.startNs) return 'it ends before the time range';
  if (BigInt(startMs) * 1_000_000n >= range.endNs) return 'it begins after the time range';
  return 'what the time range asks of it has expired';
}
