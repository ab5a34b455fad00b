// PostgreSQL's own parser (libpg-query) and what is needed to read its tree: loading, errors with a
// place, and positions. The tree counts bytes of UTF-8, its errors count code points, ours UTF-16.
// Protobuf's JSON leaves out zeros: a missing `location` is 0 and `ival: {}` is the number 0.

import {Buffer} from 'node:buffer';
import {assert, type DbError} from '@flotilla/base';
import {hasSqlDetails, loadModule, type Node, type ParseResult, parseSync} from 'libpg-query';
import {statementError} from './source-text.ts';

/** Deeper expressions would exhaust the stack in one of the passes over the tree. */
const DEPTH_MAX = 250;
const TOO_DEEP = `an expression nested over ${DEPTH_MAX} levels`;

let loaded = false;

/** Loads the parser (WebAssembly, once). Needed before the first `parseStatement`. */
export async function loadSqlParser(): Promise<void> {
  await loadModule();
  loaded = true;
}

/** The members of the union `Node`, of which one is set. */
export type AnyNode = {[Name in KeysOf<Node>]?: Extract<Node, Record<Name, unknown>>[Name]};
type KeysOf<Union> = Union extends unknown ? keyof Union : never;

/** One parsed text: errors and positions refer to it. */
export class PostgresText {
  readonly text: string;
  readonly #parsed: string;
  readonly #ascii: boolean;
  #depth = 0;

  /** @param parsed what the parser gets instead: as long, and with the same letters at each place. */
  constructor(text: string, parsed: string = text) {
    this.text = text;
    this.#parsed = parsed;
    this.#ascii = Buffer.byteLength(parsed) === parsed.length;
  }

  parse(): ParseResult {
    assert(loaded, 'loadSqlParser() comes before parseStatement()');
    try {
      return parseSync(this.#parsed);
    } catch (error) {
      // A chain of thousands of operators: the tree does not fit the stack.
      if (error instanceof RangeError) throw this.error('UNSUPPORTED', TOO_DEEP, 0);
      if (!hasSqlDetails(error) || error.sqlDetails === undefined) throw error;
      const {message, cursorPosition} = error.sqlDetails;
      const at = this.#ofCodePoints(cursorPosition);
      throw this.error('SYNTAX_ERROR', message, at, hintOf(message));
    }
  }

  /** @param location bytes of UTF-8, as the tree has them; -1 where it does not know. */
  at(location: number | undefined): number {
    const bytes = Math.max(0, location ?? 0);
    if (this.#ascii) return bytes;
    return Buffer.from(this.#parsed).subarray(0, bytes).toString().length;
  }

  error(code: 'SYNTAX_ERROR' | 'UNSUPPORTED', message: string, at: number, hint?: string): DbError {
    return statementError(code, message, {text: this.text, at, hint});
  }

  unsupported(what: string, location?: number | undefined, hint?: string): DbError {
    return this.error('UNSUPPORTED', `${what} not supported yet`, this.at(location), hint);
  }

  /** Runs one step down the tree, refusing what is too deep. */
  descend<Result>(location: number | undefined, step: () => Result): Result {
    if (++this.#depth > DEPTH_MAX) {
      throw this.error('UNSUPPORTED', TOO_DEEP, this.at(location));
    }
    const result = step();
    this.#depth--;
    return result;
  }

  #ofCodePoints(count: number): number {
    if (count < 0) return 0;
    return this.#ascii ? count : [...this.#parsed].slice(0, count).join('').length;
  }
}

/** InfluxDB writes 1h where SQL has an interval. */
function hintOf(message: string): string | undefined {
  const isDuration = /^trailing junk after numeric literal at or near "\d+(ns|us|ms|[smhdw])"/;
  return isDuration.test(message) ? "a duration is written like INTERVAL '1 hour'" : undefined;
}

/** Where a node begins, as far as the tree tells. */
export function locationOf(node: Node | undefined): number | undefined {
  if (node === undefined) return undefined;
  const inner = Object.values(node)[0] as {location?: number; arg?: Node} | undefined;
  if (inner?.location !== undefined && inner.location >= 0) return inner.location;
  return inner?.arg === undefined ? inner?.location : locationOf(inner.arg);
}

/** The last of a qualified name; `pg_catalog.` before it says nothing. */
export function namesOf(nodes: readonly Node[] | undefined): string[] {
  return (nodes ?? []).map((node) => (node as AnyNode).String?.sval ?? '');
}
