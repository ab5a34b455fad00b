// Regular expressions as text -> a tree: JavaScript's syntax, less what cannot be matched in one pass
// over the text (backreferences, lookaround, word boundaries), which is refused by name.

import {DbError} from '@flotilla/base';

/** Whether a code point belongs. */
export type CharacterSet = (codePoint: number) => boolean;

export type PatternNode =
  | {readonly op: 'set'; readonly has: CharacterSet}
  | {readonly op: 'start'}
  | {readonly op: 'end'}
  | {readonly op: 'sequence'; readonly of: readonly PatternNode[]}
  | {readonly op: 'either'; readonly of: readonly PatternNode[]}
  | {
      readonly op: 'repeat';
      readonly of: PatternNode;
      readonly least: number;
      /** Infinity for no end. */
      readonly most: number;
    };

/** Brackets in brackets: the parser calls itself for each. */
const DEPTH_MAX = 200;
const QUANTIFIER = /\{(\d+)(,?)(\d*)\}/y;
const PROPERTY = /\\[pP]\{[A-Za-z_=]+\}/y;
const HEX = /x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]{1,6})\}/y;
const CONTROLS: Readonly<Record<string, number>> = {n: 10, r: 13, t: 9, v: 11, f: 12, '0': 0};

const isDigit: CharacterSet = (c) => c >= 48 && c <= 57;
const isWord: CharacterSet = (c) =>
  isDigit(c) || (c >= 65 && c <= 90) || (c >= 97 && c <= 122) || c === 95;
const isSpace: CharacterSet = (c) => /\s/.test(String.fromCodePoint(c));
const isAny: CharacterSet = (c) => c !== 10 && c !== 13 && c !== 0x2028 && c !== 0x2029;
const not =
  (set: CharacterSet): CharacterSet =>
  (c) =>
    !set(c);
const CLASSES: Readonly<Record<string, CharacterSet>> = {
  d: isDigit,
  D: not(isDigit),
  w: isWord,
  W: not(isWord),
  s: isSpace,
  S: not(isSpace),
};

/** Throws QUERY_ERROR, or UNSUPPORTED naming what it is. */
export function parsePattern(source: string, ignoreCase: boolean): PatternNode {
  return new Parser(source, ignoreCase).parse();
}

class Parser {
  readonly #source: string;
  readonly #ignoreCase: boolean;
  #at = 0;
  #depth = 0;

  constructor(source: string, ignoreCase: boolean) {
    this.#source = source;
    this.#ignoreCase = ignoreCase;
  }

  parse(): PatternNode {
    const node = this.#either();
    if (this.#at < this.#source.length) throw this.#wrong('a ) that closes nothing');
    return node;
  }

  #either(): PatternNode {
    if (++this.#depth > DEPTH_MAX) throw this.#wrong(`over ${DEPTH_MAX} brackets in one another`);
    const of = [this.#sequence()];
    while (this.#takes('|')) of.push(this.#sequence());
    this.#depth -= 1;
    return of.length === 1 ? of[0]! : {op: 'either', of};
  }

  #sequence(): PatternNode {
    const of: PatternNode[] = [];
    while (this.#at < this.#source.length && !this.#sees('|') && !this.#sees(')')) {
      of.push(this.#repeated(this.#atom()));
    }
    return of.length === 1 ? of[0]! : {op: 'sequence', of};
  }

  #repeated(of: PatternNode): PatternNode {
    const range = this.#quantifier();
    if (range === undefined) return of;
    this.#takes('?'); // As few as possible: whether the text matches is the same.
    if (this.#quantifier() !== undefined) throw this.#wrong('nothing to repeat');
    return {op: 'repeat', of, ...range};
  }

  #quantifier(): {least: number; most: number} | undefined {
    if (this.#takes('*')) return {least: 0, most: Infinity};
    if (this.#takes('+')) return {least: 1, most: Infinity};
    if (this.#takes('?')) return {least: 0, most: 1};
    const match = this.#match(QUANTIFIER);
    if (match === undefined) return undefined;
    const least = Number(match[1]);
    const most = match[2] === '' ? least : match[3] === '' ? Infinity : Number(match[3]);
    if (most < least) throw this.#wrong('a repetition whose end is before its start');
    return {least, most};
  }

  #atom(): PatternNode {
    const codePoint = this.#next();
    switch (String.fromCodePoint(codePoint)) {
      case '^':
        return {op: 'start'};
      case '$':
        return {op: 'end'};
      case '.':
        return {op: 'set', has: isAny};
      case '(':
        return this.#group();
      case '[':
        return {op: 'set', has: this.#class()};
      case '\\':
        return {op: 'set', has: this.#escape()};
      case '*':
      case '+':
      case '?':
        throw this.#wrong('nothing to repeat');
      default:
        return {op: 'set', has: this.#range(codePoint, codePoint)};
    }
  }

  #group(): PatternNode {
    const rest = this.#source.slice(this.#at);
    if (/^\?<?[=!]/.test(rest)) throw unsupported('lookahead and lookbehind in a pattern are');
    const opening = /^\?:|^\?<[A-Za-z_]\w*>/.exec(rest)?.[0] ?? '';
    if (rest.startsWith('?') && opening === '') throw unsupported('(? in a pattern is');
    this.#at += opening.length;
    const node = this.#either();
    if (!this.#takes(')')) throw this.#wrong('a ( without its )');
    return node;
  }

  #class(): CharacterSet {
    const negated = this.#takes('^');
    const sets: CharacterSet[] = [];
    while (!this.#takes(']')) {
      if (this.#at >= this.#source.length) throw this.#wrong('a [ without its ]');
      const low = this.#member();
      const isRange = this.#sees('-') && this.#source[this.#at + 1] !== ']';
      if (typeof low !== 'number' || !isRange) {
        sets.push(typeof low === 'number' ? this.#range(low, low) : low);
        continue;
      }
      this.#at += 1;
      const high = this.#member();
      if (typeof high !== 'number' || high < low) throw this.#wrong('a range without order');
      sets.push(this.#range(low, high));
    }
    const any: CharacterSet = (c) => sets.some((has) => has(c));
    return negated ? not(any) : any;
  }

  /** Of a class: one code point, or a class of its own such as \d. */
  #member(): number | CharacterSet {
    if (this.#at >= this.#source.length) throw this.#wrong('a [ without its ]');
    const codePoint = this.#next();
    if (codePoint !== 92) return codePoint;
    if (this.#takes('b')) return 8;
    return this.#escaped();
  }

  #escape(): CharacterSet {
    const rest = this.#source.slice(this.#at);
    if (/^[1-9]|^k</.test(rest)) throw unsupported('backreferences in a pattern are');
    if (/^[bB]/.test(rest)) throw unsupported('word boundaries (\\b) in a pattern are');
    const escaped = this.#escaped();
    return typeof escaped === 'number' ? this.#range(escaped, escaped) : escaped;
  }

  /** What follows a backslash. */
  #escaped(): number | CharacterSet {
    if (this.#at >= this.#source.length) throw this.#wrong('\\ at the end of the pattern');
    const letter = this.#source[this.#at]!;
    if (Object.hasOwn(CLASSES, letter)) {
      this.#at += 1;
      return CLASSES[letter]!;
    }
    if (letter === 'p' || letter === 'P') return this.#property();
    const hex = this.#match(HEX);
    if (hex !== undefined) return Number.parseInt(hex[1] ?? hex[2] ?? hex[3]!, 16);
    const codePoint = this.#next();
    return Object.hasOwn(CONTROLS, letter) ? CONTROLS[letter]! : codePoint;
  }

  #property(): CharacterSet {
    this.#at -= 1;
    const text = this.#match(PROPERTY)?.[0];
    try {
      const one = new RegExp(`^${text ?? '\\p'}$`, 'u'); // Of a single character: nothing to search.
      return (c) => one.test(String.fromCodePoint(c));
    } catch {
      throw this.#wrong('no such property of characters');
    }
  }

  #range(low: number, high: number): CharacterSet {
    if (!this.#ignoreCase) return (c) => c >= low && c <= high;
    return (c) => casesOf(c).some((each) => each >= low && each <= high);
  }

  #next(): number {
    const codePoint = this.#source.codePointAt(this.#at)!;
    this.#at += codePoint > 0xffff ? 2 : 1;
    return codePoint;
  }

  #sees(character: string): boolean {
    return this.#source[this.#at] === character;
  }

  #takes(character: string): boolean {
    if (!this.#sees(character)) return false;
    this.#at += 1;
    return true;
  }

  #match(expression: RegExp): RegExpExecArray | undefined {
    expression.lastIndex = this.#at;
    const match = expression.exec(this.#source) ?? undefined;
    this.#at += match?.[0].length ?? 0;
    return match;
  }

  #wrong(what: string): DbError {
    return new DbError('QUERY_ERROR', `not a regular expression: ${what}`);
  }
}

/** A code point as it is, small and large. */
function casesOf(codePoint: number): number[] {
  const text = String.fromCodePoint(codePoint);
  const large = text.toUpperCase();
  const all = [text, text.toLowerCase(), large, large.toLowerCase()];
  // What becomes several characters, like the large form of ß, has no other case.
  return all.map((each) => each.codePointAt(0)!).filter((each, i) => isOne(all[i]!, each));
}

function isOne(text: string, codePoint: number): boolean {
  return text.length === (codePoint > 0xffff ? 2 : 1);
}

function unsupported(what: string): DbError {
  return new DbError('UNSUPPORTED', `${what} not supported`);
}
