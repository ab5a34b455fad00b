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
  /** Lines from here on are not listed, unless they are the first of their code. */
  #lineMax = Infinity;
  readonly #firstOfCode = new Map<string, number>();
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
    for (const {code, line} of batch.badLines) this.#noteFirst(code, line);
    this.#lineText = lineText;
  }

  get count(): number {
    return this.#count;
  }

  /** @see firstLines */
  listed(): BadLine[] {
    return firstLines(this.#listed).map((bad) => ({
      ...bad,
      text: bad.text === '' ? this.#lineText(bad.line).slice(0, TEXT_CHARACTERS_MAX) : bad.text,
    }));
  }

  /** Refuses a row once; a second reason for the same row is dropped. Returns the table's marks. */
  add(table: ParsedTable, row: number, marks: RejectedRows, refusal: Refusal): Uint8Array {
    const marked = marks ?? new Uint8Array(table.rowCount);
    if (marked[row] === 1 || this.#isIgnored(refusal)) return marked;
    const {code, reason} = refusal;
    marked[row] = 1;
    this.#count += 1;
    const line = table.lines[row]!;
    if (!this.#noteFirst(code, line) && line >= this.#lineMax) return marked;
    // Rows come table by table, so an earlier line may still follow.
    this.#listed.push({line, code, reason, text: ''});
    if (this.#listed.length >= CUT_AT) {
      this.#listed = firstLines(this.#listed);
      const isFirst = (bad: BadLine): boolean => this.#firstOfCode.get(bad.code) === bad.line;
      this.#lineMax = this.#listed.findLast((bad) => !isFirst(bad))!.line;
    }
    return marked;
  }

  /** Whether none of that code has an earlier line, by now. */
  #noteFirst(code: string, line: number): boolean {
    if ((this.#firstOfCode.get(code) ?? Infinity) <= line) return false;
    this.#firstOfCode.set(code, line);
    return true;
  }
}

/**
 * A hundred by line number: the first of each code, since who sends the rest again goes by them, and otherwise
 * the first of all.
 */
export function firstLines(lines: readonly BadLine[]): BadLine[] {
  const sorted = lines.toSorted((a, b) => a.line - b.line);
  const firstOfCode = new Map<string, BadLine>();
  const others: BadLine[] = [];
  for (const bad of sorted) {
    if (firstOfCode.has(bad.code)) others.push(bad);
    else firstOfCode.set(bad.code, bad);
  }
  const firsts = [...firstOfCode.values()];
  return [...firsts, ...others.slice(0, LISTED - firsts.length)].sort((a, b) => a.line - b.line);
}
