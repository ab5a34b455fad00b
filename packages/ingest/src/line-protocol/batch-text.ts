// A batch as text, for tests: rows by line, then bad lines. Slow and obvious.

import type {BadLine, ParsedBatch, ParsedField, ParsedTable} from '@flotilla/column';

export function renderBatch(batch: ParsedBatch): string {
  const rows = batch.tables.flatMap((table) =>
    Array.from({length: table.rowCount}, (_, row) => ({
      line: table.lines[row]!,
      text: renderRow(table, row),
    })),
  );
  rows.sort((a, b) => a.line - b.line);
  const lines = rows.map(({line, text}) => `${line}: ${text}`);
  lines.push(...batch.badLines.map(renderBadLine));
  const unlisted = batch.badLineCount - batch.badLines.length;
  if (unlisted > 0) lines.push(`${unlisted} more`);
  return lines.join('\n');
}

function renderRow(table: ParsedTable, row: number): string {
  const {tagNames, tagValues} = table.series[table.seriesOfRow[row]!]!;
  const tags = tagNames.map((name, i) => `${quote(name)}=${quote(tagValues[i]!)}`).join(',');
  // Sorted: the order of columns is that of their first rows, in whichever line those were.
  const fields = table.fields.flatMap((field) => renderField(field, row)).sort();
  return `${quote(table.table)}{${tags}} ${fields.join(',')} ${renderTime(table, row)}`;
}

function renderTime(table: ParsedTable, row: number): string {
  return String(BigInt(table.timesMs[row]!) * 1_000_000n + BigInt(table.timesNs[row]!));
}

function renderField(field: ParsedField, row: number): string[] {
  const index = field.rows.subarray(0, field.count).indexOf(row);
  return index < 0 ? [] : [`${quote(field.name)}=${renderValue(field, index)}`];
}

function renderValue({values}: ParsedField, index: number): string {
  switch (values.type) {
    case 'float': {
      const value = values.values[index]!;
      return Object.is(value, -0) ? '-0' : String(value);
    }
    case 'integer':
      return `${values.wide?.[index] ?? values.values[index]}i`;
    case 'unsigned':
      return `${values.wide?.[index] ?? values.values[index]}u`;
    case 'boolean':
      return values.values[index] === 1 ? 'true' : 'false';
    case 'string': {
      const start = index === 0 ? 0 : values.ends[index - 1]!;
      return JSON.stringify(
        Buffer.from(values.bytes.subarray(start, values.ends[index])).toString(),
      );
    }
  }
}

function renderBadLine({line, code, reason, text}: BadLine): string {
  return `${line}: ${code} ${reason}: ${JSON.stringify(text)}`;
}

/** Names of letters stand as they are. */
function quote(text: string): string {
  return /^\w+$/.test(text) ? text : JSON.stringify(text);
}
