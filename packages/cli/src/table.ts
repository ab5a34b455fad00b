// Plain tables: aligned columns, a heading, no frames. On a terminal the widest columns give way until
// a line fits; in a pipe nothing is cut.

import {tint} from './colour.ts';

export interface TableStyle {
  /** Of a line; absent: nothing is cut. */
  readonly width?: number | undefined;
  readonly isColoured?: boolean | undefined;
}

const GAP = '  ';
/** A column is never cut below this: less says nothing. */
const COLUMN_WIDTH_MIN = 6;

export interface TableColumn {
  readonly title: string;
  readonly align?: 'left' | 'right';
}

export function renderTable(
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[],
  {width, isColoured = false}: TableStyle = {},
): string {
  const cellWidths = columns.map((_, i) =>
    Math.max(0, ...rows.map((row) => (row[i] ?? '').length)),
  );
  const whole = columns.map(({title}) => [title]);
  const isWide = width !== undefined && lineWidth(naturalWidths(whole, cellWidths)) > width;
  // A word a line, before anything is cut.
  const titles = isWide ? columns.map(({title}) => title.split(' ')) : whole;
  const natural = naturalWidths(titles, cellWidths);
  const widths = width === undefined ? natural : fitWidths(natural, width);
  const render = (cells: readonly string[], isTinted: boolean) =>
    columns
      .map((column, i) => {
        const cell = cut(cells[i] ?? '', widths[i]!);
        const padded = pad(cell, widths[i]!, column.align);
        return isTinted ? tint(padded, cell) : padded;
      })
      .join(GAP)
      .trimEnd();
  const lines = [
    ...headings(titles).map((cells) => render(cells, false)),
    ...rows.map((row) => render(row, isColoured)),
  ];
  return `${lines.join('\n')}\n`;
}

type Titles = readonly (readonly string[])[];

function naturalWidths(titles: Titles, cellWidths: readonly number[]): number[] {
  return titles.map((words, i) => Math.max(cellWidths[i]!, ...words.map(({length}) => length)));
}

/** As many lines as the longest title has; the last word of each stands on the last one. */
function headings(titles: Titles): string[][] {
  const count = Math.max(...titles.map(({length}) => length));
  return Array.from({length: count}, (_, line) =>
    titles.map((words) => words[line - count + words.length] ?? ''),
  );
}

function lineWidth(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width, GAP.length * (widths.length - 1));
}

/** Takes from the widest column, one by one, until the line fits or nothing more can be taken. */
export function fitWidths(natural: readonly number[], widthMax: number): number[] {
  const widths = [...natural];
  let excess = lineWidth(widths) - widthMax;
  while (excess > 0) {
    const widest = widths.indexOf(Math.max(...widths));
    if (widths[widest]! <= COLUMN_WIDTH_MIN) break;
    widths[widest]!--;
    excess--;
  }
  return widths;
}

/** One line per field, for a single thing. */
export function renderFields(fields: readonly (readonly [string, string])[]): string {
  const width = Math.max(0, ...fields.map(([name]) => name.length));
  return fields.map(([name, value]) => `${name.padEnd(width)}${GAP}${value}\n`).join('');
}

/** Columns of `wanted` that any record has, in that order. A value is shown as `formatCell` says. */
export function renderRecords(
  records: readonly Readonly<Record<string, unknown>>[],
  wanted: readonly string[],
  style: TableStyle = {},
): string {
  const keys = wanted.filter((key) => records.some((record) => record[key] !== undefined));
  const columns = keys.map((key) => ({
    title: titleOf(key),
    align: records.every((record) => isNumeric(record[key]))
      ? ('right' as const)
      : ('left' as const),
  }));
  const rows = records.map((record) => keys.map((key) => formatCell(record[key])));
  return renderTable(columns, rows, style);
}

export function formatCell(value: unknown): string {
  if (value === undefined || value === null || value === '') return '-';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'object') return JSON.stringify(value);
  // What a stranger wrote must not steer the terminal of whoever reads it.
  return String(value).replaceAll(/\p{Cc}/gu, ' ');
}

function isNumeric(value: unknown): boolean {
  return typeof value === 'number' || value === undefined || value === null;
}

/** `appliedIndex` -> `APPLIED INDEX`. */
function titleOf(key: string): string {
  return key.replace(/([a-z0-9])([A-Z])/g, '$1 $2').toUpperCase();
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

function pad(text: string, width: number, align: TableColumn['align']): string {
  return align === 'right' ? text.padStart(width) : text.padEnd(width);
}
