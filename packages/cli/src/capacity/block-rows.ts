// How many rows of a series share a block in a part, by the time between them: what a block costs beside its
// values is shared by so many. As packages/storage/src/block-cut.ts cuts them, which a test holds this to.

/** Each divides the next; blocks end at their multiples. */
const CHAIN_MS = [1, 10, 60, 300, 600, 3_600, 21_600, 86_400].map((seconds) => seconds * 1_000);
const ROWS_MIN = 100;
const ROWS_MAX = 1_000;

/** On average over a bucket. Requires that the bucket holds a row at least. */
export function blockRowsOf(intervalMs: number, bucketMs: number): number {
  return Math.min(bucketMs / intervalMs, ROWS_MAX, stepRowsOf(intervalMs));
}

/** The shortest duration whose blocks hold enough; days are too thin for a block each, so several share one. */
function stepRowsOf(intervalMs: number): number {
  const found = CHAIN_MS.find((ms) => ms >= ROWS_MIN * intervalMs);
  if (found !== undefined) return found / intervalMs;
  const day = CHAIN_MS.at(-1)!;
  return (Math.ceil((ROWS_MIN * intervalMs) / day) * day) / intervalMs;
}
