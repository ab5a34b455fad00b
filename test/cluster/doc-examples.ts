// The examples of a page. In a block marked `console`, a line that begins with `$ ` is a command, which
// goes on while a quote is open, and what follows is its output. In that, `...` stands for anything (a
// line of its own, or a part of one), and what differs from run to run stands as it once was: times
// with a fraction of a second, ids of clusters and processes,
// threads. Runs of blanks are one, since columns are
// as wide as the ports and times in them.

import {readFileSync} from 'node:fs';
import path from 'node:path';

export const ROOT = path.resolve(import.meta.dirname, '../..');

export interface DocExample {
  readonly command: string;
  /** Lines. */
  readonly output: readonly string[];
}

export interface Fence {
  /** The first word behind the backticks; '' for none. */
  readonly language: string;
  /** Marked `not-run` in the page. */
  readonly isNotRun: boolean;
  /** Marked `four-nodes`: a recording of a cluster in which one dies. */
  readonly isRecording: boolean;
  /** The first that is not empty. */
  readonly firstLine: string;
  readonly text: string;
}

/** @param page its path from the root. */
export function fencesOf(page: string): Fence[] {
  const text = readFileSync(path.join(ROOT, page), 'utf8');
  return [...text.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)].map(([, mark = '', block = '']) => {
    const [language = '', ...words] = mark.split(' ');
    const firstLine = block.split('\n').find((line) => line.trim() !== '') ?? '';
    const isNotRun = words.includes('not-run');
    return {language, isNotRun, isRecording: words.includes('four-nodes'), firstLine, text: block};
  });
}

/** Those of a page that are commands, in their order: of its recording, or the others. */
export function docExamples(page: string, {isRecording = false} = {}): DocExample[] {
  return fencesOf(page)
    .filter(({language, isNotRun}) => language === 'console' && !isNotRun)
    .filter((fence) => fence.isRecording === isRecording)
    .flatMap(({text}) => text.split(/^\$ /m).slice(1).map(exampleOf));
}

function exampleOf(text: string): DocExample {
  const lines = text.trimEnd().split('\n');
  let count = 1;
  while (count < lines.length && isOpen(lines.slice(0, count).join('\n'))) count++;
  return {command: lines.slice(0, count).join('\n'), output: lines.slice(count)};
}

/** A quote was begun and not ended; the pages quote by `'` where a command has several lines. */
function isOpen(command: string): boolean {
  return command.split("'").length % 2 === 0;
}

const TIME = '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(?:\\.\\d+)?Z';
/** What stands in a page as it once was, and what it may be instead. */
const VARIABLE: readonly (readonly [seen: string, any: string])[] = [
  ['\\.\\.\\.', '.*'],
  ['\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d+Z', TIME],
  ['\\b\\d\\d:\\d\\d:\\d\\d\\.\\d{3}\\b', '\\d\\d:\\d\\d:\\d\\d\\.\\d{3}'],
  ['\\b[0-9a-f]{16}\\b', '[0-9a-f]{16}'],
  ['\\bthreads=\\d+\\b', 'threads=\\d+'],
  ['\\boperation \\d+\\b', 'operation \\d+'],
  ['\\bnode[123] \\d+\\b', 'node[123] \\d+'],
  [' +', ' +'],
  ['-{3,}', '-+'],
];
const PARTS = new RegExp(VARIABLE.map(([seen]) => `(${seen})`).join('|'), 'g');

/** Matches what the page shows; trailing blanks do not count. */
export function patternOf(output: readonly string[]): RegExp {
  const lines = output.map((line) =>
    line === '...' ? '[\\s\\S]*?' : `${linePattern(line)}[ \\r]*\\n?`,
  );
  return new RegExp(`^${lines.join('')}\\s*$`);
}

function linePattern(line: string): string {
  let pattern = '';
  let end = 0;
  for (const match of line.matchAll(PARTS)) {
    const [, any] = VARIABLE[match.slice(1).findIndex((part) => part !== undefined)]!;
    pattern += escapePattern(line.slice(end, match.index)) + any;
    end = match.index + match[0].length;
  }
  return pattern + escapePattern(line.slice(end));
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
