// CSV (RFC 4180) from pieces of text to records, with the line on which each begins. A cell without quotes and
// without letters is null, a quoted one is text though it be empty: the two differ, as the nodes write them.

export type CsvCell = string | undefined;

export interface CsvRecord {
  /** From 1, of the whole text. */
  readonly line: number;
  readonly cells: readonly CsvCell[];
  /** It could not be read, and `cells` says nothing. */
  readonly fault?: string | undefined;
}

/** A record that is not at its end by then has a quote that nobody closed: what follows is not kept for it. */
const RECORD_CHARACTERS_MAX = 64 * 1024 * 1024;

interface Read {
  readonly cells: readonly CsvCell[];
  /** One past the record and its end of line. */
  readonly end: number;
  readonly fault?: string | undefined;
}

export class CsvReader {
  #text = '';
  #line = 1;

  /** How many lines the records took that were returned by now. */
  get linesRead(): number {
    return this.#line - 1;
  }

  /** Takes the next piece and returns the records that are complete. Empty lines are none. */
  push(piece: string): CsvRecord[] {
    this.#text += piece;
    return this.#take(false);
  }

  /** What is left at the end of the text. */
  end(): CsvRecord[] {
    return this.#take(true);
  }

  #take(isLast: boolean): CsvRecord[] {
    const records: CsvRecord[] = [];
    let start = 0;
    while (start < this.#text.length) {
      const read = readRecord(this.#text, start, isLast) ?? this.#giveUp(start);
      if (read === undefined) break;
      const {cells, end, fault} = read;
      const isBlank = cells.length === 1 && cells[0] === undefined && fault === undefined;
      if (!isBlank) records.push({line: this.#line, cells, ...(fault !== undefined && {fault})});
      this.#line += lineEnds(this.#text, start, end);
      start = end;
    }
    this.#text = this.#text.slice(start);
    return records;
  }

  #giveUp(start: number): Read | undefined {
    if (this.#text.length - start <= RECORD_CHARACTERS_MAX) return undefined;
    return faulty(this.#text, start, 'a row without an end: is a quote not closed?');
  }
}

const PLAIN = /[^,"\r\n]*/y;

/** Undefined: it may go on in the next piece. */
function readRecord(text: string, start: number, isLast: boolean): Read | undefined {
  const cells: CsvCell[] = [];
  let at = start;
  for (;;) {
    if (text[at] === '"') {
      const quoted = readQuoted(text, at, isLast);
      if (quoted === undefined) return undefined;
      if (quoted.end === -1) return faulty(text, start, 'a quote is not closed');
      cells.push(quoted.cell);
      at = quoted.end;
    } else {
      PLAIN.lastIndex = at;
      PLAIN.test(text);
      const end = PLAIN.lastIndex;
      cells.push(end === at ? undefined : text.slice(at, end));
      at = end;
    }
    const next = text[at];
    if (next === undefined) return isLast ? {cells, end: at} : undefined;
    if (next === '\n') return {cells, end: at + 1};
    if (next === '\r' && text[at + 1] === undefined && !isLast) return undefined;
    if (next === '\r' && (text[at + 1] ?? '\n') === '\n')
      return {cells, end: Math.min(at + 2, text.length)};
    if (next !== ',') return faultAt(text, start, {at, isLast});
    at += 1;
  }
}

/** `end` -1: it has none. Undefined: it may have one in the next piece. */
function readQuoted(
  text: string,
  start: number,
  isLast: boolean,
): {readonly cell: string; readonly end: number} | undefined {
  let cell = '';
  for (let from = start + 1; ; ) {
    const quote = text.indexOf('"', from);
    if (quote === -1) return isLast ? {cell, end: -1} : undefined;
    // The last that came may be the first of two.
    if (quote + 1 === text.length && !isLast) return undefined;
    cell += text.slice(from, quote);
    if (text[quote + 1] !== '"') return {cell, end: quote + 1};
    cell += '"';
    from = quote + 2;
  }
}

function faultAt(
  text: string,
  start: number,
  {at, isLast}: {readonly at: number; readonly isLast: boolean},
): Read | undefined {
  // Its line is left out as a whole, and so must have come.
  if (!isLast && !text.includes('\n', at)) return undefined;
  const fault =
    text[at] === '"'
      ? 'a quote within a cell that has none around it'
      : 'text behind a quoted cell';
  return faulty(text, start, text[at] === '\r' ? 'a carriage return without quotes' : fault);
}

/** The line is left out: where the record would have ended nobody knows. */
function faulty(text: string, start: number, fault: string): Read {
  const newline = text.indexOf('\n', start);
  return {cells: [], end: newline === -1 ? text.length : newline + 1, fault};
}

function lineEnds(text: string, start: number, end: number): number {
  let count = 0;
  for (let at = text.indexOf('\n', start); at !== -1 && at < end; at = text.indexOf('\n', at + 1))
    count += 1;
  return count;
}

/** As the nodes write it. */
export function csvLine(cells: readonly CsvCell[]): string {
  return `${cells.map(csvCell).join(',')}\n`;
}

function csvCell(cell: CsvCell): string {
  if (cell === undefined) return '';
  return cell !== '' && !/[",\r\n]/.test(cell) ? cell : `"${cell.replaceAll('"', '""')}"`;
}
