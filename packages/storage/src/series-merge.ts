// The rows of one series out of all its sources, as pieces in time order. Blocks that overlap no other
// source are handed out as they were decoded; only where sources meet in time are they merged.

import type {BlockReference} from './part-cursor.ts';
import {lowerBound, mergeRows, type SeriesRows, sliceRows} from './series-rows.ts';

/** Rows of a memtable leave in pieces of this size. */
const PIECE_ROWS_MAX = 8_192;

/** Blocks that overlap in time, directly or through each other. Offsets inclusive. */
interface Cluster {
  readonly minOffset: number;
  maxOffset: number;
  /** From the oldest part to the newest. */
  readonly blocks: BlockReference[];
}

/**
 * @param references  blocks of the parts from the oldest part to the newest
 * @param newest      rows newer than every part, or undefined
 */
export async function* mergeSeries(
  references: readonly BlockReference[],
  newest: SeriesRows | undefined,
): AsyncGenerator<SeriesRows> {
  let taken = 0;
  const upTo = function* (end: number): Generator<SeriesRows> {
    if (newest === undefined || taken === end) return;
    yield* inPieces(sliceRows(newest, taken, end));
    taken = end;
  };
  for (const cluster of clustersOf(references)) {
    const merged = await mergeBlocks(cluster.blocks);
    if (newest === undefined) {
      yield merged;
      continue;
    }
    const before = lowerBound(newest.offsets, newest.rowCount, cluster.minOffset);
    yield* upTo(before);
    const after = lowerBound(newest.offsets, newest.rowCount, cluster.maxOffset + 1);
    yield mergeRows(merged, sliceRows(newest, before, after));
    taken = after;
  }
  if (newest !== undefined) yield* upTo(newest.rowCount);
}

function clustersOf(references: readonly BlockReference[]): Cluster[] {
  if (references.length === 1) {
    const {minOffset, maxOffset} = references[0]!;
    return [{minOffset, maxOffset, blocks: [references[0]!]}];
  }
  // Within a cluster the parts' order decides who wins, so it is restored after the sort by time.
  const order = new Map(references.map((reference, i) => [reference, i]));
  const byTime = [...references].sort((a, b) => a.minOffset - b.minOffset);
  const clusters: Cluster[] = [];
  for (const reference of byTime) {
    const last = clusters.at(-1);
    if (last !== undefined && reference.minOffset <= last.maxOffset) {
      last.blocks.push(reference);
      last.maxOffset = Math.max(last.maxOffset, reference.maxOffset);
    } else {
      const {minOffset, maxOffset} = reference;
      clusters.push({minOffset, maxOffset, blocks: [reference]});
    }
  }
  for (const {blocks} of clusters) blocks.sort((a, b) => order.get(a)! - order.get(b)!);
  return clusters;
}

async function mergeBlocks(blocks: readonly BlockReference[]): Promise<SeriesRows> {
  let merged: SeriesRows | undefined;
  for (const reference of blocks) {
    const rows = await reference.cursor.rows(reference);
    merged = merged === undefined ? rows : mergeRows(merged, rows);
  }
  return merged!;
}

export function* inPieces(rows: SeriesRows): Generator<SeriesRows> {
  for (let start = 0; start < rows.rowCount; start += PIECE_ROWS_MAX)
    yield sliceRows(rows, start, Math.min(start + PIECE_ROWS_MAX, rows.rowCount));
}
