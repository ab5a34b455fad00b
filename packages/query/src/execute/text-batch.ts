// A batch of texts, for answers that are made of names.

import type {ResultBatch} from './merge-results.ts';

/** Requires columns of one length. */
export function textBatch(
  columns: readonly (readonly [name: string, values: readonly string[]])[],
): ResultBatch {
  const rowCount = columns[0]?.[1].length ?? 0;
  return {
    rowCount,
    columns: columns.map(([name, values]) => ({
      name,
      type: 'string',
      values: {
        type: 'string',
        constant: false,
        present: new Uint8Array(rowCount).fill(1),
        values: [...values],
      },
    })),
  };
}
