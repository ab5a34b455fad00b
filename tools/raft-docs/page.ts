// docs/raft.md: the laboratory's shapes, and the two tables, each cell of which links what shows it.

import path from 'node:path';
import {MESSAGE_TYPES} from '../../packages/raft/src/index.ts';
import {renderTable} from '../limits.mjs';
import {MUTATIONS} from '../mutations/catalogue.ts';
import type {Evidence, Row} from './evidence.ts';
import {STATEMENTS} from './statements.ts';
import {TRAPS} from './traps.ts';

export const ROOT = path.resolve(import.meta.dirname, '../..');
export const PAGE = path.join(ROOT, 'docs/raft.md');
/** The page without its tables. */
export const WORDS = path.join(ROOT, 'tools/raft-docs/page.template');
export const ROWS: readonly Row[] = [...STATEMENTS, ...TRAPS];

export function fileOf(evidence: Evidence): string {
  if ('scenario' in evidence) return `packages/raft/testdata/${evidence.scenario}.txt`;
  return evidence.file;
}

function link(evidence: Evidence): string {
  const target = `../${fileOf(evidence)}`;
  if ('scenario' in evidence) return `[${evidence.scenario}](${target})`;
  const name = path.basename(evidence.file, '.test.ts');
  return `[${name}](${target}): ${evidence.title.replaceAll(/%[a-z]/g, '…').replaceAll('|', '\\|')}`;
}

function shown({shown: evidence}: Row): string {
  return evidence.length === 0 ? '**none yet**' : evidence.map(link).join('; ');
}

/** The seeded bugs of a trap's shape; docs/mutations.md says of each what catches it. */
function mutationsOf({id}: Row): string {
  const ids = MUTATIONS.filter(({trap}) => trap === id).map((mutation) => `\`${mutation.id}\``);
  return ids.join(', ');
}

function statementTable(): string {
  const rows = STATEMENTS.map((row) => [row.text, shown(row), row.note ?? '']);
  return renderTable([['statement', 'shown by', 'note'], ...rows]);
}

function trapTable(): string {
  const heads = ['trap', 'what goes wrong', 'shown by', 'seeded bugs', 'note'];
  const rows = TRAPS.map((row) => [
    row.id ?? '',
    row.text,
    shown(row),
    mutationsOf(row),
    row.note ?? '',
  ]);
  return renderTable([heads, ...rows]);
}

const BODIES: Readonly<Record<string, string>> = {
  append:
    '`session`, `prevIndex`, `prevTerm`, `entries` (`{index, term, type, payload}[]`), `commitIndex`',
  appendReply:
    '`session`, `index` (matches up to here; or the refused `prevIndex`), `rejected`, `hintIndex`, `hintTerm`, `commitIndex`',
  heartbeat: '`session`, `commitIndex` (at most what that member is known to hold), `round`',
  heartbeatReply: '`session`, `round`, `commitIndex`',
  preVote: '`lastIndex`, `lastTerm`, `commitIndex`, `commitTerm`; `term` is the one asked about',
  preVoteReply: '`granted`, `commitIndex`, `commitTerm`; granted, `term` is the one asked about',
  vote: '`lastIndex`, `lastTerm`, `transfer` (the leader wants it), `commitIndex`, `commitTerm`',
  voteReply: '`granted`, `commitIndex`, `commitTerm`',
  timeoutNow: 'none: stand at once',
  snapshot: '`session`, `snapshot` (`{index, term, configuration, configIndex}`)',
  readIndex: '`readId`',
  readIndexReply: '`readId`, `index` (0: ask again)',
};

function messageTable(): string {
  const rows = MESSAGE_TYPES.map((type) => [`\`${type}\``, BODIES[type]!]);
  return renderTable([['type', 'beside `from`, `to`, `term`'], ...rows]);
}

/** A table as the formatter wants it, so that nobody has to count blanks in the words. */
function align(table: string): string {
  const rows = table
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/(?<!\\)\|/).slice(1, -1))
    .map((cells) => cells.map((cell) => cell.trim()));
  return renderTable(rows.filter((_, at) => at !== 1));
}

/** The whole page, from the words in `text`, which has a place for each table. */
export function renderPage(text: string): string {
  const tables: Readonly<Record<string, string>> = {
    messages: messageTable(),
    statements: statementTable(),
    traps: trapTable(),
  };
  const aligned = text.replace(/^(\|.*\n)+/gm, align);
  return aligned.replace(/^\{\{(\w+)\}\}\n/gm, (_, name: string) => tables[name]!);
}
