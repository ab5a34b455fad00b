// Cuts SQL text at the semicolons that end statements: those outside strings, quoted names, comments
// and dollar quotes. @see PostgreSQL 17 documentation, section 4.1 (lexical structure).

export interface SplitText {
  /** Complete statements, without their semicolons. */
  readonly statements: readonly string[];
  /** What follows the last semicolon; white space and comments alone count as nothing. */
  readonly rest: string;
}

export function splitStatements(text: string): SplitText {
  const statements: string[] = [];
  let start = 0;
  let cursor = 0;
  while (cursor < text.length) {
    if (text[cursor] === ';') {
      const statement = text.slice(start, cursor).trim();
      if (!isBlank(statement)) statements.push(statement);
      start = cursor + 1;
    }
    cursor = endOfToken(text, cursor);
  }
  const rest = text.slice(start).trim();
  return {statements, rest: isBlank(rest) ? '' : rest};
}

/** Offset one past the token at `start`; an unfinished one reaches to the end of the text. */
function endOfToken(text: string, start: number): number {
  const two = text.slice(start, start + 2);
  if (two === '--') return endAfter(text, '\n', start + 2);
  if (two === '/*') return endOfComment(text, start);
  const first = text[start];
  // A doubled quote ends one token and starts the next: the same characters are skipped.
  if (first === "'" || first === '"') return endAfter(text, first, start + 1);
  if (first !== '$') return start + 1;
  const tag = /^\$(?:[A-Za-z_]\w*)?\$/.exec(text.slice(start, start + 66))?.[0];
  return tag === undefined ? start + 1 : endAfter(text, tag, start + tag.length);
}

/** Comments nest. */
function endOfComment(text: string, start: number): number {
  let depth = 0;
  for (let cursor = start; cursor < text.length; cursor++) {
    const two = text.slice(cursor, cursor + 2);
    if (two === '/*') depth++;
    else if (two === '*/') depth--;
    else continue;
    cursor++;
    if (depth === 0) return cursor + 1;
  }
  return text.length;
}

function endAfter(text: string, mark: string, from: number): number {
  const found = text.indexOf(mark, from);
  return found === -1 ? text.length : found + mark.length;
}

function isBlank(text: string): boolean {
  let cursor = 0;
  while (cursor < text.length) {
    const two = text.slice(cursor, cursor + 2);
    if (two !== '--' && two !== '/*' && !/\s/.test(text[cursor]!)) return false;
    cursor = endOfToken(text, cursor);
  }
  return true;
}
