// The rows of a scan as line protocol, with every value as it was stored. What line protocol has no form for is
// counted: it can only have come by SQL.

import type {ColumnId} from '@flotilla/base';
import type {ChunkColumn, ColumnValues, SeriesChunk, TableScan} from '@flotilla/column';

/** A body that four writers send at once, some thousand rows. */
const TEXT_CHARS = 2_000_000;

export interface LineTable {
  readonly name: string;
  readonly tags: readonly {readonly column: ColumnId; readonly name: string}[];
  /** As the scan was asked for them. */
  readonly fields: readonly {readonly name: string}[];
}

export interface Lines {
  readonly text: string;
  readonly rows: number;
}

export class LineWriter {
  readonly #table: string | undefined;
  readonly #startUnits: bigint;
  readonly #fields: readonly {readonly prefix: string | undefined}[];
  readonly #tags: readonly {readonly column: ColumnId; readonly name: string | undefined}[];
  /** Rows that have no form as a line. */
  untold = 0;

  /** @param startUnits  of the bucket, in the precision of its database */
  constructor({name: table, tags, fields}: LineTable, startUnits: bigint) {
    // A line that begins so is a comment, or indented.
    this.#table = /^[#\t]/.test(table) ? undefined : nameText(table);
    this.#startUnits = startUnits;
    this.#fields = fields.map(({name}) => {
      const told = nameText(name);
      return {prefix: told && `${told}=`};
    });
    this.#tags = tags
      .map(({column, name}) => ({column, name: nameText(name)}))
      // As they are written where they come from: what parses them remembers series by their text.
      .sort((a, b) => ((a.name ?? '') < (b.name ?? '') ? -1 : 1));
  }

  /** Closes the scan. */
  async *read(scan: TableScan): AsyncGenerator<Lines> {
    let text = '';
    let rows = 0;
    try {
      for (let chunks = await scan.next(); chunks !== undefined; chunks = await scan.next()) {
        for (const chunk of chunks) {
          const lines = this.#linesOf(chunk, this.#headOf(scan, chunk));
          text += lines.text;
          rows += lines.rows;
        }
        if (text.length < TEXT_CHARS) continue;
        yield {text, rows};
        text = '';
        rows = 0;
      }
    } finally {
      scan.close();
    }
    if (rows > 0) yield {text, rows};
  }

  /** Table and tags; undefined: there is no such form. */
  #headOf(scan: TableScan, {series}: SeriesChunk): string | undefined {
    if (this.#table === undefined) return undefined;
    let head = this.#table;
    for (const {column, name} of this.#tags) {
      const value = scan.tagValue(series, column);
      if (value === undefined) continue;
      const text = nameText(value);
      if (name === undefined || text === undefined) return undefined;
      head += `,${name}=${text}`;
    }
    return head;
  }

  #linesOf({rowCount, offsets, columns}: SeriesChunk, head: string | undefined): Lines {
    const cells = columns.map((column) => column && cellsOf(column));
    let text = '';
    let rows = 0;
    for (let row = 0; row < rowCount; row++) {
      let fields = '';
      let isTold = head !== undefined;
      let isEmpty = true;
      for (let i = 0; i < cells.length; i++) {
        const cell = cells[i]?.(row);
        if (cell === undefined) continue;
        isEmpty = false;
        const {prefix} = this.#fields[i]!;
        if (prefix === undefined || cell === UNTOLD) isTold = false;
        else fields += fields === '' ? prefix + cell : `,${prefix}${cell}`;
      }
      // Of a row that had values in dropped columns alone nothing is left.
      if (isEmpty) continue;
      if (!isTold || head === undefined) {
        this.untold += 1;
        continue;
      }
      text += `${head} ${fields} ${this.#startUnits + BigInt(offsets[row]!)}\n`;
      rows += 1;
    }
    return {text, rows};
  }
}

const UNTOLD = '';

/** The value of a row as text; undefined: it has none; empty: it has no form. */
function cellsOf({values, present}: ChunkColumn): (row: number) => string | undefined {
  const textOf = textsOf(values);
  return (row) => (present === undefined || present[row] === 1 ? textOf(row) : undefined);
}

function textsOf(values: ColumnValues): (row: number) => string {
  switch (values.type) {
    case 'float':
      return (row) => floatText(values.values[row]!);
    case 'boolean':
      return (row) => (values.values[row] === 1 ? 'true' : 'false');
    case 'string': {
      const {ends, bytes} = values;
      const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      return (row) => stringText(text.toString('utf8', row === 0 ? 0 : ends[row - 1], ends[row]));
    }
    default: {
      const {wide} = values;
      const unit = values.type === 'integer' ? 'i' : 'u';
      return (row) => `${wide?.[row] ?? BigInt(values.values[row]!)}${unit}`;
    }
  }
}

function floatText(value: number): string {
  if (!Number.isFinite(value)) return UNTOLD;
  return Object.is(value, -0) ? '-0' : String(value);
}

function stringText(value: string): string {
  return `"${value.replace(/["\\]/g, '\\$&')}"`;
}

/**
 * Of a table, tag, field or the value of a tag; undefined: there is no such form. Backslashes are themselves,
 * so one at the end would escape what comes behind the name.
 */
function nameText(name: string): string | undefined {
  if (name === '' || /[\n\0]|\\$/.test(name)) return undefined;
  return name.replace(/[ ,=]/g, '\\$&');
}
