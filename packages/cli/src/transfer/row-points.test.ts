// Rows as lines, read back by a slow reading of what docs/line-protocol.md says.

import fc from 'fast-check';
import {describe, expect, it, test} from 'vitest';
import type {CsvCell} from './csv-reader.ts';
import {lineOfCells, nsOfTime, valueOfCell} from './row-points.ts';
import {FIELD_TYPES, type TableShape} from './table-shape.ts';

/** As the page says: a backslash before one of these is an escape, elsewhere it is itself. */
function readName(text: string): string {
  return text.replaceAll(/\\([,= ])/g, '$1');
}

interface ReadLine {
  readonly table: string;
  readonly tags: Readonly<Record<string, string>>;
  /** As they stand, strings without their quotes and escapes. */
  readonly fields: Readonly<Record<string, string>>;
  readonly time: bigint;
}

const NAME = String.raw`(?:\\[,= ]|[^,= ])+`;
const TABLE = String.raw`(?:\\[,= ]|[^, ])+`;
const VALUE = String.raw`"(?:\\.|[^"\\])*"|[^, "]+`;
const LINE = new RegExp(
  `^(${TABLE})((?:,${NAME}=${NAME})*) ((?:${NAME}=(?:${VALUE}),?)+) (-?\\d+)$`,
  's',
);

function readLine(line: string): ReadLine {
  const [, table, tags, fields, time] = LINE.exec(line) ?? expect.fail(`no line: ${line}`);
  const list = (text: string, value: string): [string, string][] =>
    [...text.matchAll(new RegExp(`(${NAME})=(${value})(?:,|$)`, 'gs'))].map(
      ([, name, read]) => [readName(name!), read!] as [string, string],
    );
  const texts = list(tags!.slice(1), NAME).map(([name, value]) => [name, readName(value)]);
  const values = list(fields!, VALUE).map(([name, value]) => [
    name,
    value.startsWith('"') ? value.slice(1, -1).replaceAll(/\\(["\\])/gs, '$1') : value,
  ]);
  return {
    table: readName(table!),
    tags: Object.fromEntries(texts) as Record<string, string>,
    fields: Object.fromEntries(values) as Record<string, string>,
    time: BigInt(time!),
  };
}

const anyName = fc.oneof(
  fc.string({minLength: 1, maxLength: 8}),
  fc.string({unit: fc.constantFrom('\\', ' ', ',', '=', 'a'), minLength: 1, maxLength: 6}),
);
const name = anyName.filter((text) => !/[\n\0]|\\$|^[#\t]/.test(text) && text !== '__proto__');
const double = fc.double({noNaN: true, noDefaultInfinity: true});
const CELLS: Record<(typeof FIELD_TYPES)[number], fc.Arbitrary<string>> = {
  float: fc
    .oneof(double, fc.constantFrom(-0, 5e-324, 1e21, 2 ** 53 + 2))
    .map((value) => (Object.is(value, -0) ? '-0' : String(value))),
  integer: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n).map(String),
  unsigned: fc.bigInt(0n, 2n ** 64n - 1n).map(String),
  boolean: fc.constantFrom('true', 'false'),
  string: fc.oneof(
    fc.string({unit: 'binary'}),
    fc.string({unit: fc.constantFrom('"', '\\', '\n', 'a')}),
  ),
};
const SUFFIXES = {float: '', integer: 'i', unsigned: 'u', boolean: '', string: ''};
const time = fc.bigInt(-(2n ** 63n) + 2n, 2n ** 63n - 2n);

const row = fc.uniqueArray(name, {minLength: 3, maxLength: 7}).chain(([table = '', ...names]) => {
  const tags = names.slice(0, Math.floor(names.length / 2));
  const fields = names.slice(tags.length).map((each, i) => {
    return {name: each, type: FIELD_TYPES[(i + names.length) % FIELD_TYPES.length]!};
  });
  const optional = (cell: fc.Arbitrary<string>) => fc.option(cell, {nil: undefined});
  return fc.record({
    shape: fc.constant({name: table, tags, fields} satisfies TableShape),
    time,
    tags: fc.tuple(...tags.map(() => optional(name))),
    fields: fc.tuple(...fields.map(({type}) => optional(CELLS[type]))),
  });
});

test('a row is the same row when its line is read', () => {
  fc.assert(
    fc.property(row, ({shape, time: ns, tags, fields}) => {
      const cells: CsvCell[] = [String(ns), ...tags, ...fields];
      const {line, valuesLeftOut} = lineOfCells(shape, cells);
      expect(valuesLeftOut).toBe(0);
      if (fields.every((cell) => cell === undefined)) {
        expect(line).toBeUndefined();
        return;
      }
      const read = readLine(line!);
      expect(read.table).toBe(shape.name);
      expect(read.time).toBe(ns);
      const present = (names: readonly string[], values: readonly CsvCell[]) =>
        Object.fromEntries(
          names.flatMap((each, i) => (values[i] === undefined ? [] : [[each, values[i]]])),
        );
      expect(read.tags).toEqual(present(shape.tags, tags));
      const wanted = shape.fields.map(({type}, i) => fields[i] && `${fields[i]}${SUFFIXES[type]}`);
      const texts = shape.fields.map((_, i) => (fields[i] === '' ? '' : wanted[i]));
      expect(read.fields).toEqual(
        present(
          shape.fields.map((each) => each.name),
          texts,
        ),
      );
    }),
    {numRuns: 1_000},
  );
});

const SHAPE: TableShape = {name: 'm', tags: ['t'], fields: [{name: 'f', type: 'float'}]};

describe('what line protocol has no form for', () => {
  it.each(['NaN', 'Infinity', '-Infinity', 'inf'])('%s is left out and counted', (cell) => {
    const two = {...SHAPE, fields: [...SHAPE.fields, {name: 'g', type: 'integer' as const}]};
    expect(lineOfCells(two, ['1', 'a', cell, '5'])).toEqual({
      line: 'm,t=a g=5i 1',
      valuesLeftOut: 1,
    });
    expect(lineOfCells(SHAPE, ['1', 'a', cell])).toEqual({line: undefined, valuesLeftOut: 1});
  });

  it('a tag with a newline is no line', () => {
    expect(() => lineOfCells(SHAPE, ['1', 'a\nb', '1'])).toThrow(TypeError);
  });
});

it('knows names that JavaScript has a meaning for', () => {
  const shape = {
    ...SHAPE,
    tags: ['__proto__'],
    fields: [{name: 'constructor', type: 'float' as const}],
  };
  expect(lineOfCells(shape, ['1', 'a', '2']).line).toBe('m,__proto__=a constructor=2 1');
});

describe('cells that are no value', () => {
  it.each([
    ['float', '1e400'],
    ['float', '0x10'],
    ['float', ''],
    ['integer', '1.5'],
    ['integer', '9223372036854775808'],
    ['unsigned', '-1'],
    ['unsigned', '18446744073709551616'],
    ['boolean', 'yes'],
  ] as const)('%s %j', (type, cell) => {
    expect(() => valueOfCell(type, cell)).toThrow(TypeError);
  });
});

describe('times', () => {
  it.each([
    ['2026-11-20T01:00:00Z', 1_795_136_400_000_000_000n],
    ['2026-11-20T01:00:00.123456789Z', 1_795_136_400_123_456_789n],
    ['1969-12-31T23:59:59.999999999Z', -1n],
    ['2026-11-20T01:00:00+01:30', 1_795_131_000_000_000_000n],
    ['2026-11-20 01:00:00.5Z', 1_795_136_400_500_000_000n],
    ['-5', -5n],
  ])('%s', (text, ns) => expect(nsOfTime(text)).toBe(ns));

  it('whole numbers count in their unit', () => {
    expect(nsOfTime('1795136400', 's')).toBe(1_795_136_400_000_000_000n);
  });

  it.each(['', 'now', '2026-02-30T00:00:00Z', '2026-11-20T25:00:00Z', '2026-11-20', '1.5'])(
    '%j is none',
    (text) => expect(() => nsOfTime(text)).toThrow(TypeError),
  );
});
