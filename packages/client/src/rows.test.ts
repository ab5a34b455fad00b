import {expect, test} from 'vitest';
import {parseRowLine, parseRows} from './rows.ts';

const DIGITS = '9876543210987654321';

test('an integer of any length keeps each of its digits, wherever it begins', () => {
  for (let length = 1; length <= DIGITS.length; length++) {
    for (let offset = 0; offset < 40; offset++) {
      const exact = -BigInt(DIGITS.slice(0, length));
      const name = 'n'.repeat(offset);
      const row = `{"${name}":${exact}}`;
      const cells = [parseRowLine(row, 'url')[name], parseRows(`[${row}]`)[0]![name]];
      for (const cell of cells) expect(BigInt(cell as bigint), row).toBe(exact);
      expect(typeof cells[0], row).toBe(length < 16 ? 'number' : 'bigint');
    }
  }
});

test('text of digits and numbers of many places are as JSON has them', () => {
  const row = {text: DIGITS, places: 0.1234567890123456, none: null, yes: true};
  expect(parseRowLine(JSON.stringify(row), 'url')).toEqual(row);
});
