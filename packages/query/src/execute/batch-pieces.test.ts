import {expect, test} from 'vitest';
import {type Batch, decodeBatch, encodeBatch} from './batch-codec.ts';
import {encodePieces, PIECE_TEXT_CHARACTERS_MAX} from './batch-pieces.ts';

function batchOf(rowCount: number, textLength: number): Batch {
  const present = Uint8Array.from({length: rowCount}, (_, i) => (i % 7 === 0 ? 0 : 1));
  return {
    rowCount,
    columns: [
      {type: 'float', constant: false, values: Float64Array.from({length: rowCount}, (_, i) => i)},
      {
        type: 'string',
        constant: false,
        present,
        values: Array.from({length: rowCount}, (_, i) => String(i).padEnd(textLength, '.')),
      },
    ],
  };
}

test('a batch of short texts stays one piece, of the same bytes', () => {
  const batch = batchOf(1_000, 20);
  expect([...encodePieces(batch)]).toEqual([encodeBatch(batch)]);
});

test('a batch of long texts is cut, and its pieces hold the same rows in the same order', () => {
  const batch = batchOf(70, 256 * 1024);
  const pieces = [...encodePieces(batch)];
  expect(pieces.length).toBeGreaterThan(4);
  const values: number[] = [];
  const texts: (string | undefined)[] = [];
  for (const piece of pieces) {
    expect(piece.length).toBeLessThan(2 * PIECE_TEXT_CHARACTERS_MAX);
    const {rowCount, columns} = decodeBatch(piece);
    const [numbers, words] = columns as unknown as [
      {values: Float64Array},
      {values: string[]; present: Uint8Array},
    ];
    for (let row = 0; row < rowCount; row++) {
      values.push(numbers.values[row]!);
      texts.push(words.present[row] === 1 ? words.values[row]!.slice(0, 3) : undefined);
    }
  }
  expect(values).toEqual(Array.from({length: 70}, (_, i) => i));
  expect(texts).toEqual(values.map((i) => (i % 7 === 0 ? undefined : String(i).padEnd(3, '.'))));
});

test('one row is one piece, however long', () => {
  expect([...encodePieces(batchOf(1, 2 * PIECE_TEXT_CHARACTERS_MAX))]).toHaveLength(1);
});
