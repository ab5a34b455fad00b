import fc from 'fast-check';
import {expect, it} from 'vitest';
import {LineBatcher} from './line-batches.ts';
import {lineOfPoint, type Point, type Precision, Unsigned} from './point.ts';

const time = 1n;

it.each<[string, Point, string]>([
  ['a float that is whole', {table: 'm', fields: {v: 1}, time}, 'm v=1 1'],
  ['a float', {table: 'm', fields: {v: -0.1}, time}, 'm v=-0.1 1'],
  ['minus zero', {table: 'm', fields: {v: -0}, time}, 'm v=-0 1'],
  ['an integer', {table: 'm', fields: {v: -(2n ** 63n)}, time}, 'm v=-9223372036854775808i 1'],
  ['an unsigned', {table: 'm', fields: {v: new Unsigned(5)}, time}, 'm v=5u 1'],
  ['a boolean', {table: 'm', fields: {v: false}, time}, 'm v=false 1'],
  ['a string', {table: 'm', fields: {v: 'a "b" \\ \n,='}, time}, 'm v="a \\"b\\" \\\\ \n,=" 1'],
  [
    'names to escape',
    {table: 'a b,c=d', tags: {'k =,': 'v =,'}, fields: {'f =,': 1}, time},
    'a\\ b\\,c=d,k\\ \\=\\,=v\\ \\=\\, f\\ \\=\\,=1 1',
  ],
  [
    'a backslash before what could be escaped',
    {table: 'a\\=b', tags: {'k\\,': 'v'}, fields: {f: 1}, time},
    'a\\\\=b,k\\\\,=v f=1 1',
  ],
  [
    'what has no value',
    {table: 'm', tags: {a: undefined, b: ''}, fields: {a: undefined, b: null, c: 1}, time},
    'm c=1 1',
  ],
])('%s', (_what, point, line) => {
  expect(lineOfPoint(point)).toBe(line);
});

it.each<[Precision, string]>([
  ['ns', '1600000000123000000'],
  ['us', '1600000000123000'],
  ['ms', '1600000000123'],
  ['s', '1600000000'],
  ['m', '26666666'],
  ['h', '444444'],
])('a Date in %s', (precision, text) => {
  const point = {table: 'm', fields: {v: 1}, time: new Date(1_600_000_000_123)};
  expect(lineOfPoint(point, precision)).toBe(`m v=1 ${text}`);
});

it.each<[string, Partial<Point>]>([
  ['no field', {fields: {}}],
  ['no field with a value', {fields: {v: undefined}}],
  ['NaN', {fields: {v: Number.NaN}}],
  ['infinity', {fields: {v: Infinity}}],
  ['an empty name', {table: ''}],
  ['a comment', {table: '#m'}],
  ['an indented table', {table: '\tm'}],
  ['a newline in a tag', {tags: {a: 'b\nc'}}],
  ['a backslash that would escape the comma', {tags: {a: 'b\\'}}],
  ['a number that is no exact time', {time: 1.6e18}],
  ['no time', {time: new Date(Number.NaN)}],
])('refuses %s', (_what, fields) => {
  expect(() => lineOfPoint({table: 'm', fields: {v: 1}, time, ...fields})).toThrow(TypeError);
});

it.each([-1, 2n ** 64n, 0.5])('%s is not unsigned', (value) => {
  expect(() => new Unsigned(value)).toThrow();
});

it('a line ends where the next begins, whatever its texts', () => {
  const name = fc.string({minLength: 1}).filter((text) => !/[\n\0]|\\$|^[#\t]/.test(text));
  const text = fc.string({unit: fc.constantFrom('"', '\\', '\n', ' ', ',', 'a', '=')});
  fc.assert(
    fc.property(name, name, text, (table, tag, value) => {
      const line = lineOfPoint({table, tags: {[tag]: tag}, fields: {[tag]: value}, time});
      const batcher = new LineBatcher({linesMax: 1, bytesMax: 1_000});
      expect(batcher.push(Buffer.from(`${line}\n`)).length).toBe(1);
      expect(batcher.end()).toBeUndefined();
    }),
  );
});
