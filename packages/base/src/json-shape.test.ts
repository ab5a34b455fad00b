import fc from 'fast-check';
import {expect, test} from 'vitest';
import {FatalError} from './errors.ts';
import {shape} from './index.ts';

const {absentOr, allOf, count, fieldsOf, flag, integerOf, listOf, offset, text, textOf} = shape;
const check = fieldsOf({
  id: count,
  at: offset,
  level: integerOf(-1, 3),
  name: absentOr(text),
  file: textOf(/^\d+\.part$/),
  isOpen: flag,
  tables: listOf(allOf(fieldsOf({id: count}), fieldsOf({rows: count}))),
});
const good = {id: 7, at: -5, level: -1, file: '1.part', isOpen: false, tables: [{id: 1, rows: 2}]};

test('what may have been written passes, with fields of a newer build', () => {
  check(good, 'it');
  check({...good, name: 'n', more: {}}, 'it');
});

test.each<[object, string]>([
  [{id: -1}, 'it.id: want an integer of 0 to 9007199254740991; have -1'],
  [{id: '7'}, 'it.id: want an integer of 0 to 9007199254740991; have "7"'],
  [{at: 0.5}, 'it.at: want an integer of -9007199254740991 to 9007199254740991; have 0.5'],
  [{level: 4}, 'it.level: want an integer of -1 to 3; have 4'],
  [{name: null}, 'it.name: want a text; have null'],
  [{file: '../1.part'}, 'it.file: want /^\\d+\\.part$/; have "../1.part"'],
  [{isOpen: 0}, 'it.isOpen: want true or false; have 0'],
  [{tables: {}}, 'it.tables: want a list; have {}'],
  [{tables: [null]}, 'it.tables[0]: want an object; have null'],
  [
    {tables: [good.tables[0], {id: 1}]},
    'it.tables[1].rows: want an integer of 0 to 9007199254740991; have nothing',
  ],
])('what cannot is named: %j', (change, message) => {
  const checking = () => check({...good, ...change}, 'it');
  expect(checking).toThrow(message);
  expect(checking).toThrow(FatalError);
});

test('a long value is told by its beginning', () => {
  expect(shape.wrong('it', 'less', 'x'.repeat(1_000)).message).toBe(
    `it: want less; have "${'x'.repeat(59)}..`,
  );
});

test('what is no JSON is told by its length, and JSON is what JSON.parse makes of it', () => {
  expect(() => shape.parseJson(Buffer.from('{'), 'row a')).toThrow(
    new FatalError('row a: want JSON; have 1 other bytes'),
  );
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const json = JSON.stringify(value);
      expect(shape.parseJson(Buffer.from(json), 'it')).toEqual(JSON.parse(json));
    }),
  );
});
