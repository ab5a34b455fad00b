// Line protocol read the slow and obvious way, for tests: one regular expression a rule, over the body
// as a string of one character a byte. Its answer has the form of renderBatch without limits, and of
// bad lines only their numbers and codes.

import type {Precision} from './row-time.ts';

export interface ReferenceOptions {
  readonly precision: Precision;
  readonly nowMs: number;
}

const UNIT_NS: Readonly<Record<Precision, bigint>> = {
  ns: 1n,
  us: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};
const TIME_MAX = 2n ** 63n - 2n;

// All sticky: they match where they are told to, or not at all.
const BLANK = /[ \t]|\r(?=\n)/y;
const KEY = /(?:[^ \n]|(?<=\\) )*/y;
const SPACES = / */y;
const LINE_END = /(?=\r?\n)/y;
const MEASUREMENT = /^(?:[^,]|(?<=\\),)+/;
const TAG = /^,((?:[^,= ]|(?<=\\)[,= ])+)(?<!\\)=((?:[^,= ]|(?<=\\)[,= ])+)/;
const FIELD_NAME = /((?:[^,= \n]|(?<=\\)[,= ])+)(?<!\\)=/y;
const STRING = /"((?:[^"\\]|\\.)*)"/sy;
const VALUE_END = /(?=[, \n]|\r\n)/y;
const WORD = /[^, \n]+?(?=[, \n]|\r\n)/y;
const TIME = /(-?\d+)(?=[ \n\r])/y;
const BROKEN_FIELD = /(?:[^,= \n]|(?<=\\)[,= ])*(=?)/y;
const BROKEN_VALUE = /(?:[^, \n]|(?<=\\)[, ])*(,?)/y;

/** Why a line is bad. */
class Bad {
  readonly code: string;
  constructor(code = 'LINE_SYNTAX') {
    this.code = code;
  }
}

class Text {
  readonly text: string;
  at = 0;

  constructor(text: string) {
    this.text = text;
  }

  take(rule: RegExp): RegExpExecArray | undefined {
    rule.lastIndex = this.at;
    const match = rule.exec(this.text);
    if (match === null) return undefined;
    this.at += match[0].length;
    return match;
  }

  must(rule: RegExp): RegExpExecArray {
    const match = this.take(rule);
    if (match === undefined) throw new Bad();
    return match;
  }
}

export function parseReference(bytes: Uint8Array, options: ReferenceOptions): string {
  const given = Buffer.from(bytes).toString('latin1');
  const text = new Text(given.endsWith('\n') ? given : `${given}\n`);
  const rows: string[] = [];
  const bad: string[] = [];
  while (text.at < text.text.length) {
    if (text.text[text.at] === '\n') text.at++;
    else if (text.take(BLANK) !== undefined) continue;
    else if (text.text[text.at] === '#') text.at = text.text.indexOf('\n', text.at);
    else readLine(text, options, rows, bad);
  }
  return [...rows, ...bad].join('\n');
}

function readLine(text: Text, options: ReferenceOptions, rows: string[], bad: string[]): void {
  const start = text.at;
  const line = text.text.slice(0, start).split('\n').length;
  try {
    rows.push(`${line}: ${readRow(text, options)}`);
  } catch (error) {
    if (!(error instanceof Bad)) throw error;
    bad.push(`${line}: ${error.code}`);
    text.at = start;
    text.at = badEnd(text);
  }
}

function readRow(text: Text, options: ReferenceOptions): string {
  const series = readSeries(text.take(KEY)![0]);
  if (text.text[text.at] === '\n') throw new Bad();
  text.take(SPACES);
  const fields = new Map<string, string>();
  for (;;) {
    const name = readName(text.must(FIELD_NAME)[1]!);
    if (name === 'time') throw new Bad();
    fields.set(name, readValue(text));
    text.must(VALUE_END);
    if (text.text[text.at] !== ',') break;
    text.at++;
  }
  text.take(SPACES);
  const time = text.take(LINE_END) === undefined ? readTime(text, options) : arrival(options);
  text.take(SPACES);
  text.must(LINE_END);
  if (text.text[text.at] === '\r') text.at++;
  const columns = [...fields].map(([name, value]) => `${quote(name)}=${value}`).sort();
  return `${series} ${columns.join(',')} ${time}`;
}

function readSeries(key: string): string {
  const measurement = MEASUREMENT.exec(key)?.[0];
  if (measurement === undefined) throw new Bad();
  const tags = new Map<string, string>();
  let rest = key.slice(measurement.length);
  while (rest !== '') {
    const match = TAG.exec(rest);
    if (match === null) throw new Bad();
    const name = readName(match[1]!);
    if (name === 'time' || tags.has(name)) throw new Bad();
    tags.set(name, unescapeName(decode(match[2]!)));
    rest = rest.slice(match[0].length);
  }
  const bytewise = ([a]: [string, string], [b]: [string, string]) =>
    Buffer.compare(Buffer.from(a), Buffer.from(b));
  const list = [...tags].sort(bytewise).map(([name, value]) => `${quote(name)}=${quote(value)}`);
  return `${quote(readName(measurement))}{${list.join(',')}}`;
}

function readName(text: string): string {
  if (text.includes('\0')) throw new Bad();
  return unescapeName(decode(text));
}

function unescapeName(text: string): string {
  let out = '';
  for (let at = 0; at < text.length; at++) {
    const escapes = text[at] === '\\' && ',= '.includes(text[at + 1] ?? 'none');
    if (escapes) at++;
    out += text[at];
  }
  return out;
}

function decode(latin1: string): string {
  const bytes = Buffer.from(latin1, 'latin1');
  const text = bytes.toString('utf8');
  if (!Buffer.from(text, 'utf8').equals(bytes)) throw new Bad();
  return text;
}

function readValue(text: Text): string {
  if (text.text[text.at] === '"') {
    const quoted = text.must(STRING)[1]!;
    return JSON.stringify(decode(quoted.replace(/\\(["\\])/g, '$1')));
  }
  const word = text.must(WORD)[0];
  if (/^(t|T|true|True|TRUE)$/.test(word)) return 'true';
  if (/^(f|F|false|False|FALSE)$/.test(word)) return 'false';
  if (/^-?\d+i$/.test(word)) return `${inRange(word, -(2n ** 63n), 2n ** 63n - 1n)}i`;
  if (/^\d+u$/.test(word)) return `${inRange(word, 0n, 2n ** 64n - 1n)}u`;
  if (!/^-?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(word)) throw new Bad();
  const value = Number(word);
  if (!Number.isFinite(value)) throw new Bad();
  return Object.is(value, -0) ? '-0' : String(value);
}

function inRange(word: string, min: bigint, max: bigint): bigint {
  const value = BigInt(word.slice(0, -1));
  if (value < min || value > max) throw new Bad();
  return value;
}

function readTime(text: Text, {precision}: ReferenceOptions): bigint {
  const time = BigInt(text.must(TIME)[1]!) * UNIT_NS[precision];
  if (time > TIME_MAX || time < -TIME_MAX) throw new Bad('TIME_OUT_OF_RANGE');
  return time;
}

function arrival({precision, nowMs}: ReferenceOptions): bigint {
  const now = BigInt(Math.floor(nowMs)) * 1_000_000n;
  const unit = precision === 'us' ? 1n : UNIT_NS[precision];
  return now - (((now % unit) + unit) % unit);
}

/** The newline after the strings of a bad line, or its first one if a string of it is broken. */
function badEnd(text: Text): number {
  const first = text.text.indexOf('\n', text.at);
  text.take(KEY);
  text.take(SPACES);
  for (;;) {
    if (text.take(BROKEN_FIELD)![1] === '=' && text.text[text.at] === '"') {
      if (text.take(STRING) === undefined || text.take(VALUE_END) === undefined) return first;
    }
    // After a comma comes the next field, with or without a value here.
    if (text.take(BROKEN_VALUE)![1] !== ',') return text.text.indexOf('\n', text.at);
  }
}

function quote(text: string): string {
  return /^\w+$/.test(text) ? text : JSON.stringify(text);
}
