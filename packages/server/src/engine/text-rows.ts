// A few rows of plain values as a query's answer: what SHOW and DESCRIBE say.

import type {ResultBatch} from '@flotilla/query';

export type Cell = string | number | boolean | undefined;

export interface TextColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'boolean';
}

/** One batch. `undefined` is null. */
export async function* textRows(
  columns: readonly TextColumn[],
  rows: readonly (readonly Cell[])[],
): AsyncGenerator<ResultBatch, void> {
  yield {
    rowCount: rows.length,
    columns: columns.map((column, index) => ({
      ...column,
      values: vectorOf(
        column.type,
        rows.map((row) => row[index]),
      ),
    })),
  };
}

function vectorOf(
  type: TextColumn['type'],
  cells: readonly Cell[],
): ResultBatch['columns'][number]['values'] {
  const present = Uint8Array.from(cells, (cell) => (cell === undefined ? 0 : 1));
  switch (type) {
    case 'string':
      return {type, constant: false, present, values: cells.map((cell) => String(cell ?? ''))};
    case 'integer':
      return {
        type,
        constant: false,
        present,
        values: Float64Array.from(cells, (cell) => Number(cell ?? 0)),
      };
    case 'boolean':
      return {
        type,
        constant: false,
        present,
        values: Uint8Array.from(cells, (cell) => (cell === true ? 1 : 0)),
      };
    default:
      return type satisfies never;
  }
}
