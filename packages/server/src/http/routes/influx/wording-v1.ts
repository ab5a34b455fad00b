// Failures in the words of InfluxDB 1: `{"error": ".."}`. Its write route has statuses of its own,
// made for two clients. Telegraf's output for InfluxDB 1 throws away every batch that is answered with
// a 4xx, and reads some phrases in the text of other statuses as leave to throw it away too; the loader
// of TSBS sends again only after a 500 that says `timeout`. So all that can be sent again is that 500,
// and its text holds nothing that a user could have named: no table, no line, no database.

import {ERRORS, type ErrorCode} from '@flotilla/base';
import type {ErrorAnswer} from '../../error-answer.ts';
import {type InfluxAnswer, JSON_TYPE, type RefusedLine, writeDetails} from './answer.ts';

const RETRIABLE: ReadonlySet<number> = new Set([429, 503, 504, 507]);
const REPLICA_SETS_NAMED = 10;
/** InfluxDB's own bound of this header. */
const ERROR_HEADER_CHARS_MAX = 1024;
/** Telegraf creates the database and sends the batch again where it reads this, for ever if need be. */
const UNKNOWN_DATABASE = 'database not found';

export function queryWordingV1({status, headers, body}: ErrorAnswer): InfluxAnswer {
  return worded(status, body.message, headers);
}

export function writeWordingV1(error: ErrorAnswer): InfluxAnswer {
  const {status, headers, body} = error;
  if (RETRIABLE.has(status)) return worded(500, timeoutText(error));
  if (body.code === 'DATABASE_NOT_FOUND') {
    const name = JSON.stringify(body.details['database'] ?? '');
    return worded(status, `${UNKNOWN_DATABASE}: ${name}`);
  }
  if (body.code === 'LINES_REJECTED') return worded(status, linesText(error));
  return worded(status, body.message, headers);
}

function worded(
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): InfluxAnswer {
  const header = text.slice(0, ERROR_HEADER_CHARS_MAX).replaceAll(/[^\x20-\x7e]/g, ' ');
  return {
    status,
    headers: {...headers, ...JSON_TYPE, 'x-influxdb-error': header},
    body: `${JSON.stringify({error: text})}\n`,
  };
}

function timeoutText(error: ErrorAnswer): string {
  const {code} = error.body;
  const {written, rejected, replicaSets} = writeDetails(error);
  const sets = replicaSets.slice(0, REPLICA_SETS_NAMED).map(({id}) => id);
  const more = replicaSets.length > sets.length ? ', ..' : '';
  const where = sets.length === 0 ? '' : ` Replica sets: ${sets.join(', ')}${more}.`;
  const bad = rejected === 0 ? '' : `, ${rejected} lines are bad`;
  const what = `${written} rows are written${bad}; send it again`;
  return `timeout: ${code}: ${ERRORS[code as ErrorCode].doc}${where} ${what}`;
}

/** As InfluxDB 1 says it, and which lines they are. */
function linesText(error: ErrorAnswer): string {
  const {written, rejected, lines} = writeDetails(error);
  const listed = lines.map(lineText);
  const unlisted = rejected - listed.length;
  if (unlisted > 0) listed.push(`and ${unlisted} more lines`);
  const text = listed.join('\n');
  return written === 0 ? text : `partial write: ${text} dropped=${rejected}`;
}

const LINE_FAULTS: Readonly<Record<string, string>> = {
  LINE_SYNTAX: 'unable to parse',
  LINE_TOO_LONG: 'unable to parse',
  TIME_OUT_OF_RANGE: 'unable to parse',
  TYPE_CONFLICT: 'field type conflict',
  TIME_EXPIRED: 'points beyond retention policy',
};

function lineText({line, code, reason, text}: RefusedLine): string {
  const fault = LINE_FAULTS[code] ?? 'not written';
  return withoutUnknownDatabase(
    `${fault} '${text}': line ${line}: ${reason}`,
    `${fault} line ${line}`,
  );
}

/** Text and reason quote what the client sent, which may be that phrase. */
function withoutUnknownDatabase(text: string, otherwise: string): string {
  return text.includes(UNKNOWN_DATABASE) ? otherwise : text;
}
