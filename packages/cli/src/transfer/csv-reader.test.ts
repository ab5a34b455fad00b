import fc from 'fast-check';
import {expect, it} from 'vitest';
import {type CsvCell, CsvReader, csvLine} from './csv-reader.ts';

function read(pieces: readonly string[]) {
  const reader = new CsvReader();
  return [...pieces.flatMap((piece) => reader.push(piece)), ...reader.end()];
}

const cell: fc.Arbitrary<CsvCell> = fc.option(
  fc.oneof(
    fc.string({unit: 'binary'}),
    fc.string({unit: fc.constantFrom('"', ',', '\n', '\r', 'a')}),
  ),
  {nil: undefined},
);
const rows = fc.array(fc.array(cell, {minLength: 2, maxLength: 4}), {maxLength: 8});

it('reads what was written, null apart from empty, wherever the text is cut', () => {
  fc.assert(
    fc.property(rows, fc.array(fc.nat({max: 40})), (written, cuts) => {
      const text = written.map(csvLine).join('');
      const pieces: string[] = [];
      let start = 0;
      for (const length of cuts) {
        pieces.push(text.slice(start, start + length));
        start += length;
      }
      const records = read([...pieces, text.slice(start)]);
      expect(records.map(({cells}) => cells)).toEqual(written);
      let line = 1;
      for (const [i, record] of records.entries()) {
        expect(record.line).toBe(line);
        line += csvLine(written[i]!).split('\n').length - 1;
      }
    }),
    {numRuns: 500},
  );
});

it('takes both ends of line, the last without one, and passes over empty lines', () => {
  const reader = new CsvReader();
  const records = [...reader.push('a,b\r\n\r\n1,2\n'), ...reader.push('\n3,'), ...reader.end()];
  expect(records).toEqual([
    {line: 1, cells: ['a', 'b']},
    {line: 3, cells: ['1', '2']},
    {line: 5, cells: ['3', undefined]},
  ]);
});

it.each([
  ['1,"a"b\n2,3\n', 'text behind a quoted cell', ['2', '3']],
  ['1,a"b"\n2,3\n', 'a quote within a cell that has none around it', ['2', '3']],
  ['1,a\rb\n2,3\n', 'a carriage return without quotes', ['2', '3']],
  ['1,"a\n2,3\n', 'a quote is not closed', ['2', '3']],
])('leaves out the line of %j, and goes on behind it', (text, fault, next) => {
  for (const pieces of [[text], [...text]])
    expect(read(pieces)).toEqual([
      {line: 1, cells: [], fault},
      {line: 2, cells: next},
    ]);
});

it('tells how many lines its records took', () => {
  const reader = new CsvReader();
  reader.push('a,"b\nc"\nd,e\nf');
  expect(reader.linesRead).toBe(3);
});
