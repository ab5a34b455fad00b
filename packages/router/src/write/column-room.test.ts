// Goal: where a table has not room for all the columns that a body asks for, each line has all of its
// columns made or none. Method: bodies against a real catalog whose table is nearly full, and any bodies
// against that sentence.

import {LIMITS} from '@flotilla/base';
import {type ParsedBatch, ParsedSeries} from '@flotilla/column';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {DATABASE, FakeCluster, OK} from '../fakes.fixture.ts';
import {SetCaller} from '../set-caller.ts';
import {MetaDdl, type MetaProposer} from './ddl.ts';
import {WriteRouter} from './write-router.ts';

const MAX = LIMITS.columns_per_table_max.value;

interface Line {
  readonly tags?: readonly string[];
  readonly fields: readonly string[];
  /** Of these the line has no float, but a truth. */
  readonly truths?: readonly string[] | undefined;
  readonly timeMs?: number | undefined;
}

/** Each line of a series of its own. */
function bodyOf(lines: readonly Line[]): ParsedBatch {
  const names = [...new Set(lines.flatMap(({fields}) => fields))];
  return {
    rowCount: lines.length,
    badLines: [],
    badLineCount: 0,
    tables: [
      {
        table: 'cpu',
        rowCount: lines.length,
        series: lines.map(
          ({tags = []}, i) =>
            new ParsedSeries('cpu', ['host', ...tags], [`h${i}`, ...tags.map(() => 'x')]),
        ),
        seriesOfRow: Int32Array.from(lines.keys()),
        timesMs: Float64Array.from(lines, ({timeMs = 0}) => timeMs),
        timesNs: new Int32Array(lines.length),
        lines: Uint32Array.from(lines.keys(), (row) => row + 1),
        fields: [
          ...names.map((name) => {
            const rows = [...lines.keys()].filter((row) => lines[row]!.fields.includes(name));
            const values = {type: 'float', values: new Float64Array(rows.length)} as const;
            return {name, count: rows.length, rows: Int32Array.from(rows), values};
          }),
          ...[...new Set(lines.flatMap(({truths = []}) => truths))].map((name) => {
            const rows = [...lines.keys()].filter((row) => lines[row]!.truths?.includes(name));
            const values = {type: 'boolean', values: new Uint8Array(rows.length)} as const;
            return {name, count: rows.length, rows: Int32Array.from(rows), values};
          }),
        ],
      },
    ],
  };
}

/** The table has room for so many columns. */
function nearlyFull(room: number, change: (meta: MetaProposer) => MetaProposer = (meta) => meta) {
  const cluster = new FakeCluster();
  cluster.addBucket(0, 1);
  cluster.rpc.behave = () => OK;
  const fields = Array.from({length: MAX - 1 - room}, (_, i) => ({name: `f${i}`, type: 'float'}));
  const table = {name: 'cpu', tags: ['host'], fields: fields as {name: string; type: 'float'}[]};
  cluster.apply({type: 'create-table', database: DATABASE, table});
  const router = new WriteRouter({
    caller: new SetCaller(cluster.callerPorts()),
    catalog: () => cluster.catalog,
    meta: new MetaDdl(change(cluster.meta())),
    clock: cluster.clock,
    incarnation: 7,
  });
  const made = () => {
    const {columns} = cluster.catalog.tableByName(DATABASE, 'cpu')!;
    return columns.map(({name}) => name).filter((name) => !/^(host|f\d+)$/.test(name));
  };
  const write = async (lines: readonly Line[], acceptPartial = true) => {
    const request = {database: DATABASE, lineText: () => '', deadlineMs: 4_000, acceptPartial};
    const outcome = await cluster.clock.resolve(router.write({...request, batch: bodyOf(lines)}));
    const refused = outcome.lines.map(({line, code}) => `${line} ${code}`);
    return {refused, writtenRows: outcome.writtenRows};
  };
  return {cluster, made, write};
}

test('a line that is refused for COLUMN_LIMIT leaves none of its columns behind', async () => {
  const {made, write} = nearlyFull(3);
  const lines = [
    {fields: ['a', 'b']},
    {fields: ['c', 'd']},
    {fields: ['f0', 'a']},
    {fields: ['e']},
    {tags: ['t'], fields: ['a']},
  ];
  expect(await write(lines)).toEqual({
    refused: ['2 COLUMN_LIMIT', '5 COLUMN_LIMIT'],
    writtenRows: 3,
  });
  expect(made()).toEqual(['a', 'b', 'e']);
});

test('a line that is refused for its time or a type takes no room from those behind it', async () => {
  const lines: Line[] = [
    // More than a day ahead of the clock.
    {fields: ['a', 'b'], timeMs: 1e12},
    {fields: ['c'], truths: ['f0']},
    {tags: ['f1'], fields: ['d']},
    {fields: ['v', 'w']},
    // Of two types of a new column the first holds.
    {fields: ['e'], truths: ['v']},
    {fields: ['x']},
  ];
  const {made, write} = nearlyFull(3);
  const {refused, writtenRows} = await write(lines);
  expect(writtenRows).toBe(2);
  expect(refused.map((each) => each.split(' ')[0])).toEqual(['1', '2', '3', '5']);
  expect(made()).toEqual(['v', 'w', 'x']);
});

test('a body that must be taken whole leaves none at all', async () => {
  const {made, write} = nearlyFull(3);
  const lines = [{fields: ['a', 'b']}, {fields: ['c', 'd']}, {fields: ['f0']}];
  expect(await write(lines, false)).toEqual({refused: ['2 COLUMN_LIMIT'], writtenRows: 0});
  expect(made()).toEqual([]);
  expect(await write(lines.slice(0, 1), false)).toEqual({refused: [], writtenRows: 1});
});

test('nor does one that finds the table filled by another meanwhile', async () => {
  const {cluster, made, write} = nearlyFull(2, (meta) => ({
    ...meta,
    propose: async (command, deadlineMs) => {
      if (made().length === 0) {
        const tables = [{name: 'cpu', tags: [], fields: [{name: 'x', type: 'float' as const}]}];
        cluster.apply({type: 'ensure-tables', database: DATABASE, tables});
      }
      return meta.propose(command, deadlineMs);
    },
  }));
  const lines = [{fields: ['a', 'b']}, {fields: ['c']}];
  expect(await write(lines)).toEqual({refused: ['1 COLUMN_LIMIT'], writtenRows: 1});
  expect(made()).toEqual(['x', 'c']);
});

test('columns are made for the lines that are written and for no others', async () => {
  const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
  const line = fc.record({
    tags: fc.uniqueArray(fc.constantFrom('s', 't'), {maxLength: 2}),
    fields: fc.uniqueArray(name, {minLength: 1, maxLength: 4}),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(line, {minLength: 1, maxLength: 8}),
      fc.integer({min: 0, max: 9}),
      async (lines, room) => {
        const {made, write} = nearlyFull(room);
        const {refused, writtenRows} = await write(lines);
        const refusedLines = refused.map((each) => Number.parseInt(each, 10));
        const needed = new Set<string>();
        for (const [at, {tags, fields}] of lines.entries()) {
          const more = [...tags, ...fields].filter((each) => !needed.has(each));
          const isMade = needed.size + more.length <= room;
          expect(refusedLines.includes(at + 1)).toBe(!isMade);
          if (isMade) for (const each of more) needed.add(each);
        }
        expect(new Set(made())).toEqual(needed);
        expect(writtenRows).toBe(lines.length - refused.length);
      },
    ),
    {numRuns: 60},
  );
});
