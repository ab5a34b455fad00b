import {createHash} from 'node:crypto';
import {describe, expect, it} from 'vitest';
import {
  FIELDS,
  fitsLate,
  formatValue,
  RowsGenerator,
  type RowsParameters,
  rowCountOf,
  START_MS,
} from './tsbs-rows.ts';

const SMALL: RowsParameters = {
  hosts: 7,
  hours: 0.05,
  intervalMs: 10_000,
  values: 'integer',
  seed: 1,
  startMs: START_MS,
};

function textOf(parameters: RowsParameters, batchRows = 10): string {
  const generator = new RowsGenerator(parameters);
  const buffer = Buffer.allocUnsafe(RowsGenerator.bufferBytes(batchRows, parameters.fields));
  let text = '';
  while (!generator.isDone) {
    text += buffer.toString('latin1', 0, generator.fill(buffer, batchRows).bytes);
  }
  return text;
}

describe('rows', () => {
  it('are hosts times whole intervals', () => {
    expect(rowCountOf(SMALL)).toBe(7 * 18);
    expect(rowCountOf({...SMALL, hours: 0.005})).toBe(7);
    expect(rowCountOf({...SMALL, hours: 1 / 3, hosts: 1})).toBe(120);
    expect(rowCountOf({...SMALL, hours: 24, hosts: 100})).toBe(864_000);
    expect(textOf(SMALL).trimEnd().split('\n').length).toBe(7 * 18);
  });

  it('are the same for the same seed, however they are cut into bodies', () => {
    expect(textOf(SMALL, 3)).toBe(textOf(SMALL, 1000));
    expect(textOf({...SMALL, seed: 2})).not.toBe(textOf(SMALL));
  });

  it('come late by a tenth where asked, each at a time of its own', () => {
    const rowsOf = (text: string) =>
      text
        .trimEnd()
        .split('\n')
        .map((line) => `${line.split(',')[1]} ${line.split(' ').at(-1)}`);
    const late = rowsOf(textOf({...SMALL, lateMs: 200_000}));
    const moved = rowsOf(textOf(SMALL)).flatMap((row, i) => (row === late[i] ? [] : [i]));
    expect(moved).toHaveLength(7 * 2);
    expect(new Set(late).size).toBe(7 * 18);
    expect([
      fitsLate({lateMs: 200_000, intervalMs: 10_000}),
      fitsLate({lateMs: 90_000, intervalMs: 10_000}),
    ]).toEqual([true, false]);
  });

  it('do not change from one version of the harness to the next', () => {
    const digest = createHash('sha256').update(textOf(SMALL)).digest('hex');
    expect(digest.slice(0, 16)).toBe('c282e1d23855f709');
  });

  it('have ten tags, ten fields and times that go by host first', () => {
    const lines = textOf(SMALL).trimEnd().split('\n');
    const number = '(?:100|[0-9]{1,2})i';
    const fields = FIELDS.map((field) => `${field}=${number}`).join(',');
    const form = new RegExp(
      '^cpu,hostname=host_\\d+,region=[a-z0-9-]+,datacenter=[a-z0-9-]+,rack=\\d+,os=Ubuntu[^,]+,' +
        'arch=x(?:64|86),team=[A-Z]+,service=\\d+,service_version=[01],' +
        `service_environment=[a-z]+ ${fields} \\d{19}$`,
    );
    for (const line of lines) expect(line).toMatch(form);
    expect(lines[8]).toMatch(/hostname=host_1,.* 1451606410000000000$/);
  });

  it('have as many fields as asked', () => {
    const fieldsOf = (fields: number): string[] =>
      textOf({...SMALL, fields})
        .split('\n')[0]!
        .split(' ')[1]!
        .split(',')
        .map((field) => field.split('=')[0]!);
    expect(fieldsOf(1)).toEqual(['usage_user']);
    expect(fieldsOf(12)).toEqual([...FIELDS, 'usage_11', 'usage_12']);
    expect(textOf({...SMALL, fields: 10})).toBe(textOf(SMALL));
  });

  it('keep the tags of a host', () => {
    const tags = textOf(SMALL)
      .split('\n')
      .filter((line) => line.startsWith('cpu,hostname=host_3,'))
      .map((line) => line.split(' ')[0]);
    expect(new Set(tags).size).toBe(1);
  });
});

it('formats values as asked', () => {
  const value = 58.12345678901234;
  expect(formatValue(value, 'integer')).toBe('58i');
  expect(formatValue(value, 'decimal')).toBe('58.12');
  expect(Number(formatValue(value, 'float'))).toBe(value);
});
