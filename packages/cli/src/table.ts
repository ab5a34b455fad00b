// Plain tables: aligned columns, a heading, no frames. On a terminal the widest columns give way until
// a line fits, but not what people copy; remarks then stand below their rows. In a pipe nothing is cut.

import {tint} from './colour.ts';

export interface TableStyle {
  /** Of a line; absent: nothing is cut. */
  readonly width?: number | undefined;
  readonly isColoured?: boolean | undefined;
}

const GAP = '  ';
/** A column is never cut below this: less says nothing. */
const COLUMN_WIDTH_MIN = 6;
/** In the place of a value that is not there. */
const NOTHING = '-';
const REMARK_INDENT = '    ';
/** Columns whose values are typed again, in whole: half of one is of no use. */
const COPIED: ReadonlySet<string> = new Set(['id', 'address']);
/** Columns in which few rows say something, in several words: cut, they would say nothing. */
const REMARKS: ReadonlySet<string> = new Set(['condition', 'note']);

export interface TableColumn {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** It is not cut. */
  readonly isWhole?: boolean;
  /** Where a line does not fit, what is said stands below its row. */
  readonly isRemark?: boolean;
}

export function renderTable(
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[],
  {width = Infinity, isColoured = false}: TableStyle = {},
): string {
  const inLine = columnsInLine(columns, rows, width);
  const shown = inLine.map((i) => columns[i]!);
  const cellsOf = (row: readonly string[]): string[] => inLine.map((i) => row[i] ?? '');
  const whole = wholeTitles(shown);
  const isWide = lineWidth(naturalWidths(whole, rows.map(cellsOf))) > width;
  // A word a line, before anything is cut.
  const titles = isWide ? shown.map(({title}) => title.split(' ')) : whole;
  const widths = fitWidths(
    naturalWidths(titles, rows.map(cellsOf)),
    width,
    shown.map(({isWhole}) => isWhole === true),
  );
  const render = (cells: readonly string[], isTinted: boolean) =>
    shown
      .map((column, i) => {
        const cell = cut(cells[i] ?? '', widths[i]!);
        const padded = pad(cell, widths[i]!, column.align);
        return isTinted ? tint(padded, cell) : padded;
      })
      .join(GAP)
      .trimEnd();
  const remarksOf = (row: readonly string[]): string[] =>
    columns.flatMap((_, i) => {
      const remark = row[i] ?? NOTHING;
      if (inLine.includes(i) || remark === NOTHING) return [];
      return wrap(remark, width - REMARK_INDENT.length).map((line) => REMARK_INDENT + line);
    });
  const lines = [
    ...headings(titles).map((cells) => render(cells, false)),
    ...rows.flatMap((row) => [render(cellsOf(row), isColoured), ...remarksOf(row)]),
  ];
  return `${lines.join('\n')}\n`;
}

/** Their places; all of them where a line fits as it is. */
function columnsInLine(
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[],
  width: number,
): number[] {
  const fits = lineWidth(naturalWidths(wholeTitles(columns), rows)) <= width;
  return columns.flatMap(({isRemark}, i) => (fits || isRemark !== true ? [i] : []));
}

type Titles = readonly (readonly string[])[];

function wholeTitles(columns: readonly TableColumn[]): Titles {
  return columns.map(({title}) => [title]);
}

function naturalWidths(titles: Titles, rows: readonly (readonly string[])[]): number[] {
  return titles.map((words, i) =>
    Math.max(...rows.map((row) => (row[i] ?? '').length), ...words.map(({length}) => length)),
  );
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

/**
 * Takes from the widest column, one by one, until the line fits or nothing more can be taken.
 * @param isWhole of each column: nothing is taken from it
 */
export function fitWidths(
  natural: readonly number[],
  widthMax: number,
  isWhole: readonly boolean[] = [],
): number[] {
  const widths = [...natural];
  let excess = lineWidth(widths) - widthMax;
  while (excess > 0) {
    const taken = widths.map((width, i) => (isWhole[i] === true ? 0 : width));
    const widest = taken.indexOf(Math.max(...taken));
    if (taken[widest]! <= COLUMN_WIDTH_MIN) break;
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
    isWhole: COPIED.has(key),
    isRemark: REMARKS.has(key),
  }));
  const rows = records.map((record) => keys.map((key) => formatCell(record[key])));
  return renderTable(columns, rows, style);
}

export function formatCell(value: unknown): string {
  if (value === undefined || value === null || value === '') return NOTHING;
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

/** At blanks; a word that is longer has a line of its own. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    const isRoom = last !== undefined && last.length + 1 + word.length <= width;
    if (isRoom) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

function pad(text: string, width: number, align: TableColumn['align']): string {
  return align === 'right' ? text.padStart(width) : text.padEnd(width);
}
