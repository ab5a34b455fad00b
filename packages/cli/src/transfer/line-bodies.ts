// Line protocol as bodies of whole lines.

import type {Readable} from 'node:stream';
import {type BatchLimits, type LineBatch, LineBatcher} from '@flotilla/client';

/** Eight times what a node takes: no line that it would take is cut, and a quote that nobody closes holds no more. */
const LINE_BYTES_MAX = 8_000_000;

export async function* batchesOf(
  stream: Readable,
  limits: Pick<BatchLimits, 'bytesMax' | 'linesMax'>,
): AsyncGenerator<LineBatch> {
  const batcher = new LineBatcher({...limits, lineBytesMax: LINE_BYTES_MAX});
  for await (const piece of stream) {
    yield* batcher.push(typeof piece === 'string' ? Buffer.from(piece) : (piece as Uint8Array));
  }
  const last = batcher.end();
  if (last !== undefined) yield last;
}

/** The part of a batch behind the first `skipped` lines of the input. */
export function withoutLines(batch: LineBatch, skipped: number): LineBatch | undefined {
  const surplus = skipped - (batch.firstLine - 1);
  if (surplus <= 0) return batch;
  if (surplus >= batch.lineCount) return undefined;
  let cursor = 0;
  for (let line = 0; line < surplus; line++) cursor = batch.bytes.indexOf(0x0a, cursor) + 1;
  return {
    bytes: batch.bytes.subarray(cursor),
    firstLine: batch.firstLine + surplus,
    lineCount: batch.lineCount - surplus,
  };
}
