// The lines that a write refuses, whoever refuses them: the parser, the schema, or the placement.

import {LIMITS} from '@flotilla/base';
import type {BadLine, ParsedBatch, ParsedTable} from '@flotilla/column';
import type {Refusal} from './refusal.ts';

const TEXT_CHARACTERS_MAX = 200;
const LISTED = LIMITS.rejected_lines_listed.value;
/** Sorting now and then costs less than keeping order. */
const CUT_AT = 10 * LISTED;

/** Rows of one table that are refused: one byte a row, or undefined while there is none. */
export type RejectedRows = Uint8Array | undefined;

export class Rejections {
  #count: number;
  #listed: BadLine[];
  /** Lines from here on cannot be among the first hundred. */
  #lineMax = Infinity;
  readonly #lineText: (line: number) => string;

  readonly #isIgnored: (refusal: Refusal) => boolean;

  /**
   * @param lineText   the text of a physical line of the body, from 1
   * @param isIgnored  what is no reason to refuse a row, yet
   */
  constructor(
    batch: ParsedBatch,
    lineText: (line: number) => string,
    isIgnored: (refusal: Refusal) => boolean = () => false,
  ) {
    this.#isIgnored = isIgnored;
    this.#count = batch.badLineCount;
    this.#listed = [...batch.badLines];
    this.#lineText = lineText;
  }

  get count(): number {
    return this.#count;
  }

  /** The first hundred by line number. */
  listed(): BadLine[] {
    return this.#first().map((bad) => ({
      ...bad,
      text: bad.text === '' ? this.#lineText(bad.line).slice(0, TEXT_CHARACTERS_MAX) : bad.text,
    }));
  }

  #first(): BadLine[] {
    return this.#listed.sort((a, b) => a.line - b.line).slice(0, LISTED);
  }

  /** Refuses a row once; a second reason for the same row is dropped. Returns the table's marks. */
  add(table: ParsedTable, row: number, marks: RejectedRows, refusal: Refusal): Uint8Array {
    const marked = marks ?? new Uint8Array(table.rowCount);
    if (marked[row] === 1 || this.#isIgnored(refusal)) return marked;
    const {code, reason} = refusal;
    marked[row] = 1;
    this.#count += 1;
    const line = table.lines[row]!;
    if (line >= this.#lineMax) return marked;
    // Rows come table by table, so an earlier line may still follow.
    this.#listed.push({line, code, reason, text: ''});
    if (this.#listed.length >= CUT_AT) {
      this.#listed = this.#first();
      this.#lineMax = this.#listed.at(-1)!.line;
    }
    return marked;
  }
}
