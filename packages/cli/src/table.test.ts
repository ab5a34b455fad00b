import {describe, expect, it} from 'vitest';
import {fitWidths, renderRecords, renderTable} from './table.ts';

it('aligns columns and leaves no blanks at the end', () => {
  const columns = [{title: 'NAME'}, {title: 'N', align: 'right' as const}, {title: 'NOTE'}];
  expect(
    renderTable(columns, [
      ['a', '1', ''],
      ['bcdef', '10', 'x'],
    ]),
  ).toBe('NAME    N  NOTE\na       1\nbcdef  10  x\n');
});

it('cuts the widest column to fit a terminal, and none in a pipe', () => {
  const records = [{id: 1, message: 'x'.repeat(50)}];
  const lines = renderRecords(records, ['id', 'message'], {width: 20}).split('\n');
  expect(lines[1]).toBe(` 1  ${'x'.repeat(15)}…`);
  expect(renderRecords(records, ['id', 'message'])).toContain('x'.repeat(50));
});

it('breaks titles of several words before it cuts what stands below them', () => {
  const records = [{id: 1, address: '127.0.0.1:8902', isReachable: true, engineThreads: 2}];
  const keys = ['id', 'address', 'isReachable', 'engineThreads'];
  expect(renderRecords(records, keys, {width: 40})).toBe(
    '                    IS          ENGINE\n' +
      'ID  ADDRESS         REACHABLE  THREADS\n' +
      ' 1  127.0.0.1:8902  yes              2\n',
  );
  expect(renderRecords(records, keys, {width: 50})).toMatch(/^ID {2}ADDRESS .* ENGINE THREADS\n/);
});

describe('a list of nodes', () => {
  const remark = 'maintenance until 2026-11-22T11:00:00.000Z, does not answer';
  const nodes = ['10.11.12.131:8902', '10.11.12.132:8902'].map((address, i) => ({
    ...{id: i + 1, address, state: 'active', condition: i === 0 ? undefined : remark},
    ...{isReachable: i === 0, engineThreads: 2, leaders: 30, replicas: 120, version: '0.1.0'},
  }));
  const keys = Object.keys(nodes[0]!);

  it('says below a row, where a line has no room for it, what is the matter with its node', () => {
    expect(renderRecords(nodes, keys, {width: 80})).toBe(
      '                               IS          ENGINE\n' +
        'ID  ADDRESS            STATE   REACHABLE  THREADS  LEADERS  REPLICAS  VERSION\n' +
        ' 1  10.11.12.131:8902  active  yes              2       30       120  0.1.0\n' +
        ' 2  10.11.12.132:8902  active  no               2       30       120  0.1.0\n' +
        `    ${remark}\n`,
    );
  });

  it.each([70, 40])('cuts no address, however narrow the terminal: %i', (width) => {
    const lines = renderRecords(nodes, keys, {width}).split('\n');
    for (const {address} of nodes) expect(lines.join('\n')).toContain(` ${address}  active`);
    const rows = lines.filter((line) => /^(?:ID| [12]) /.test(line));
    expect(rows).toHaveLength(3);
    if (width === 70) for (const row of rows) expect(row.length).toBeLessThanOrEqual(width);
  });

  it('breaks what it says below a row where that is longer than a line', () => {
    const lines = renderRecords(nodes, keys, {width: 50}).split('\n');
    expect(lines.slice(-3)).toEqual([
      '    maintenance until 2026-11-22T11:00:00.000Z,',
      '    does not answer',
      '',
    ]);
  });

  it('has a column of it where there is room', () => {
    for (const width of [160, undefined])
      expect(renderRecords(nodes, keys, {width})).toMatch(
        /^ID {2}ADDRESS {12}STATE {3}CONDITION .*\n 1 .*active {2}- .*\n 2 .*active {2}maintenance until .*\n$/,
      );
  });
});

it('leaves narrow columns alone', () => {
  expect(fitWidths([3, 40, 4], 20)).toEqual([3, 9, 4]);
  expect(fitWidths([40, 40], 5)).toEqual([6, 6]);
  expect(fitWidths([40, 30, 10], 60, [true])).toEqual([40, 8, 8]);
});

it('shows only columns that are there', () => {
  const text = renderRecords([{b: true}, {b: false, c: {d: 1}}], ['a', 'b', 'c']);
  expect(text).toBe('B    C\nyes  -\nno   {"d":1}\n');
});

it('lets nothing that is shown steer the terminal', () => {
  const text = renderRecords([{name: 'a\u001b[2Jb\u009bc\rd\ne'}], ['name']);
  expect(text).toBe('NAME\na [2Jb c d e\n');
});
