// DROP, which puts a database, a table or a tenant into the trash, and RECOVER, which takes it out again.
// AFTER says how long the trash keeps it: '0s' not at all.

import type {TokenReader} from './admin-tokens.ts';
import type {AdminStatement} from './ast.ts';
import {readDuration} from './read-duration.ts';
import {readTableName} from './table-statement.ts';

const THINGS = ['database', 'table', 'tenant'] as const;
type Thing = (typeof THINGS)[number];

/** DROP of one of the three; undefined where the words begin another statement. */
export function maybeReadDrop(reader: TokenReader): AdminStatement | undefined {
  const thing = maybeThing(reader, 'drop');
  if (thing === undefined) return undefined;
  const ifExists = reader.maybeWords('if', 'exists');
  if (thing === 'table') {
    const table = readTableName(reader);
    return {kind: 'drop-table', table, ifExists, afterMs: readAfter(reader)};
  }
  const name = reader.mustName(`a ${thing}`).text;
  return {kind: `drop-${thing}`, name, ifExists, afterMs: readAfter(reader)};
}

/** Likewise RECOVER. */
export function maybeReadRecover(reader: TokenReader): AdminStatement | undefined {
  const thing = maybeThing(reader, 'recover');
  if (thing === undefined) return undefined;
  const ifExists = reader.maybeWords('if', 'exists');
  if (thing === 'table') {
    const table = readTableName(reader);
    return {kind: 'recover-table', table, ifExists, as: readAs(reader, thing)};
  }
  const name = reader.mustName(`a ${thing}`).text;
  return {kind: `recover-${thing}`, name, ifExists, as: readAs(reader, thing)};
}

function maybeThing(reader: TokenReader, verb: 'drop' | 'recover'): Thing | undefined {
  return THINGS.find((thing) => reader.maybeWords(verb, thing));
}

function readAfter(reader: TokenReader): number | undefined {
  return reader.maybeWords('after') ? readDuration(reader, {least: 0}) : undefined;
}

function readAs(reader: TokenReader, thing: Thing): string | undefined {
  return reader.maybeWords('as') ? reader.mustName(`a ${thing}`).text : undefined;
}
