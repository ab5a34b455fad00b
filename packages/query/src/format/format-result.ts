// Answers as bytes: JSON (an array of row objects), NDJSON, CSV (RFC 4180, with a header), and a text
// table for people. All but the table stream batch by batch; the table needs the widths of all rows.

import {Buffer} from 'node:buffer';
import type {ResultBatch} from '../execute/merge-results.ts';
import {valueJson, valueText} from './value-text.ts';

export type ResultFormat = 'json' | 'ndjson' | 'csv' | 'table';

export const CONTENT_TYPES: Readonly<Record<ResultFormat, string>> = {
  json: 'application/json; charset=utf-8',
  ndjson: 'application/x-ndjson; charset=utf-8',
  csv: 'text/csv; charset=utf-8; header=present',
  table: 'text/plain; charset=utf-8',
};

export function formatResult(
  format: ResultFormat,
  batches: AsyncIterable<ResultBatch>,
): AsyncIterable<Uint8Array> {
  switch (format) {
    case 'json':
      return formatJson(batches);
    case 'ndjson':
      return formatNdjson(batches);
    case 'csv':
      return formatCsv(batches);
    case 'table':
      return formatTable(batches);
  }
}

function bytes(text: string): Uint8Array {
  return Buffer.from(text);
}

async function* formatJson(batches: AsyncIterable<ResultBatch>): AsyncIterable<Uint8Array> {
  let opened = false;
  for await (const batch of batches) {
    const rows = jsonRows(batch);
    if (rows.length === 0) continue;
    yield bytes(`${opened ? ',\n' : '['}${rows.join(',\n')}`);
    opened = true;
  }
  yield bytes(opened ? ']\n' : '[]\n');
}

async function* formatNdjson(batches: AsyncIterable<ResultBatch>): AsyncIterable<Uint8Array> {
  for await (const batch of batches) {
    const rows = jsonRows(batch);
    if (rows.length > 0) yield bytes(`${rows.join('\n')}\n`);
  }
}

function jsonRows({rowCount, columns}: ResultBatch): string[] {
  const names = columns.map(({name}, i) => `${i === 0 ? '{' : ','}${JSON.stringify(name)}:`);
  const rows: string[] = [];
  for (let row = 0; row < rowCount; row++) {
    let text = '';
    for (let i = 0; i < columns.length; i++) text += names[i]! + valueJson(columns[i]!.values, row);
    rows.push(`${text}}`);
  }
  return rows;
}

async function* formatCsv(batches: AsyncIterable<ResultBatch>): AsyncIterable<Uint8Array> {
  let header = true;
  for await (const {rowCount, columns} of batches) {
    const lines: string[] = [];
    if (header) lines.push(columns.map(({name}) => csvField(name)).join(','));
    header = false;
    for (let row = 0; row < rowCount; row++) {
      lines.push(columns.map(({values}) => csvField(valueText(values, row))).join(','));
    }
    if (lines.length > 0) yield bytes(`${lines.join('\r\n')}\r\n`);
  }
}

/** Null is empty; an empty text is quoted, so that the two differ. */
function csvField(text: string | undefined): string {
  if (text === undefined) return '';
  if (text !== '' && !/[",\r\n]/.test(text)) return text;
  return `"${text.replaceAll('"', '""')}"`;
}

async function* formatTable(batches: AsyncIterable<ResultBatch>): AsyncIterable<Uint8Array> {
  const rows: string[][] = [];
  let names: string[] = [];
  let right: boolean[] = [];
  for await (const {rowCount, columns} of batches) {
    names = columns.map(({name}) => oneLine(name));
    right = columns.map(({type}) => ['float', 'integer', 'unsigned'].includes(type));
    for (let row = 0; row < rowCount; row++) {
      rows.push(columns.map(({values}) => oneLine(valueText(values, row) ?? '')));
    }
  }
  const widths = names.map((name, i) =>
    rows.reduce((width, row) => Math.max(width, textWidth(row[i]!)), textWidth(name)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => padded(cell, widths[i]!, right[i]!)).join(' | ')} |\n`;
  const rule = `+${widths.map((width) => '-'.repeat(width + 2)).join('+')}+\n`;
  yield bytes(`${rule}${line(names)}${rule}`);
  for (let start = 0; start < rows.length; start += 1_000) {
    yield bytes(
      rows
        .slice(start, start + 1_000)
        .map(line)
        .join(''),
    );
  }
  yield bytes(`${rule}${rows.length} ${rows.length === 1 ? 'row' : 'rows'}\n`);
}

/** A cell stays on its line. */
function oneLine(text: string): string {
  return text.replaceAll('\n', '\\n').replaceAll('\r', '\\r').replaceAll('\t', '\\t');
}

/** In code points: good enough for what is not CJK. */
function textWidth(text: string): number {
  return [...text].length;
}

function padded(text: string, width: number, right: boolean): string {
  const space = ' '.repeat(Math.max(0, width - textWidth(text)));
  return right ? space + text : text + space;
}
