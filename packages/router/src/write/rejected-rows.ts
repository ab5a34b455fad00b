// The lines that a write refuses, whoever refuses them: the parser, the schema, or the placement.

import {type ErrorCode, LIMITS} from '@flotilla/base';
import type {BadLine, ParsedBatch, ParsedTable} from '@flotilla/column';

const TEXT_CHARACTERS_MAX = 200;

/** Rows of one table that are refused: one byte a row, or undefined while there is none. */
export type RejectedRows = Uint8Array | undefined;

export class Rejections {
  #count: number;
  readonly #listed: BadLine[];
  readonly #lineText: (line: number) => string;

  /** @param lineText the text of a physical line of the body, from 1. */
  constructor(batch: ParsedBatch, lineText: (line: number) => string) {
    this.#count = batch.badLineCount;
    this.#listed = [...batch.badLines];
    this.#lineText = lineText;
  }

  get count(): number {
    return this.#count;
  }

  /** The first hundred by line number. */
  listed(): BadLine[] {
    const sorted = this.#listed.sort((a, b) => a.line - b.line);
    return sorted.slice(0, LIMITS.rejected_lines_listed.value).map((bad) => ({
      ...bad,
      text: bad.text === '' ? this.#lineText(bad.line).slice(0, TEXT_CHARACTERS_MAX) : bad.text,
    }));
  }

  /** Refuses a row once; a second reason for the same row is dropped. Returns the table's marks. */
  add(
    table: ParsedTable,
    row: number,
    marks: RejectedRows,
    {code, reason}: {code: ErrorCode; reason: string},
  ): Uint8Array {
    const marked = marks ?? new Uint8Array(table.rowCount);
    if (marked[row] === 1) return marked;
    marked[row] = 1;
    this.#count += 1;
    // Kept beyond the limit by one body's order of tables at most: sorted and cut when listed.
    if (this.#listed.length < 10 * LIMITS.rejected_lines_listed.value) {
      this.#listed.push({line: table.lines[row]!, code, reason, text: ''});
    }
    return marked;
  }
}
