// Where in the text something went wrong: line, column and the line itself under a caret, so that a
// message can be read without counting characters.

import {DbError, type ErrorCode} from '@flotilla/base';

/** Longest piece of a text line that a message shows; an INSERT may be one line of a megabyte. */
const LINE_SHOWN_MAX = 120;

interface TextPlace {
  /** Characters from the start of the text, from 0. */
  readonly position: number;
  /** From 1. */
  readonly line: number;
  /** Characters from the start of the line, from 1. */
  readonly column: number;
}

function placeOf(text: string, position: number): TextPlace {
  const at = Math.max(0, Math.min(position, text.length));
  const lineStart = text.lastIndexOf('\n', at - 1) + 1;
  let line = 1;
  for (let i = text.indexOf('\n'); i >= 0 && i < at; i = text.indexOf('\n', i + 1)) line++;
  return {position: at, line, column: at - lineStart + 1};
}

/** The text line with a caret below the place. */
function excerpt(text: string, place: TextPlace): string {
  const start = place.position - place.column + 1;
  const lineEnd = text.indexOf('\n', place.position);
  const whole = text.slice(start, lineEnd < 0 ? text.length : lineEnd);
  const cut = Math.max(0, place.column - 1 - LINE_SHOWN_MAX / 2);
  const shown = whole.slice(cut, cut + LINE_SHOWN_MAX).replaceAll('\t', ' ');
  return `${shown}\n${' '.repeat(place.column - 1 - cut)}^`;
}

/** An error of a statement, with place, caret and hint where they are known. */
export function statementError(
  code: ErrorCode,
  message: string,
  where?: {readonly text: string; readonly at: number; readonly hint?: string | undefined},
): DbError {
  if (where === undefined) return new DbError(code, message);
  const place = placeOf(where.text, where.at);
  const hint = where.hint === undefined ? '' : `\nhint: ${where.hint}`;
  const full = `${message} at line ${place.line}, column ${place.column}\n${excerpt(where.text, place)}${hint}`;
  return new DbError(code, full, {
    ...place,
    ...(where.hint === undefined ? {} : {hint: where.hint}),
  });
}
