// Words, quoted names, strings, numbers and signs of an admin statement, each with its place.
// Comments are as in SQL; unquoted words fold to lower case, as PostgreSQL's do.

import {statementError} from './source-text.ts';

export interface Token {
  readonly kind: 'word' | 'name' | 'string' | 'number' | 'sign' | 'end';
  /** Folded for words; without quotes for names and strings. */
  readonly text: string;
  readonly at: number;
}

const TOKEN =
  /(?<space>\s+|--[^\n]*|\/\*[\s\S]*?\*\/)|(?<word>[\p{L}_][\p{L}\p{N}_$]*)|"(?<name>(?:[^"]|"")*)"|'(?<string>(?:[^']|'')*)'|(?<number>\d+(?:\.\d+)?)|(?<sign>[-+*/=<>(),.;!~%&|^:?@#[\]{}])/uy;

/** Ends with one token of kind `end`. */
function readTokens(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    TOKEN.lastIndex = at;
    const groups = TOKEN.exec(text)?.groups;
    if (groups === undefined) {
      const what = /["']/.test(text[at]!) ? 'a quote is not closed' : `unexpected '${text[at]}'`;
      throw statementError('SYNTAX_ERROR', what, {text, at});
    }
    const token = tokenOf(groups, at);
    if (token !== undefined) tokens.push(token);
    at = TOKEN.lastIndex;
  }
  tokens.push({kind: 'end', text: '', at: text.length});
  return tokens;
}

function tokenOf(groups: Record<string, string | undefined>, at: number): Token | undefined {
  if (groups['word'] !== undefined) return {kind: 'word', text: groups['word'].toLowerCase(), at};
  if (groups['name'] !== undefined) {
    return {kind: 'name', text: groups['name'].replaceAll('""', '"'), at};
  }
  if (groups['string'] !== undefined) {
    return {kind: 'string', text: groups['string'].replaceAll("''", "'"), at};
  }
  if (groups['number'] !== undefined) return {kind: 'number', text: groups['number'], at};
  if (groups['sign'] !== undefined) return {kind: 'sign', text: groups['sign'], at};
  return undefined;
}

/** A cursor over the tokens of one statement. */
export class TokenReader {
  readonly text: string;
  readonly #tokens: readonly Token[];
  #index = 0;

  constructor(text: string) {
    this.text = text;
    this.#tokens = readTokens(text);
  }

  peek(ahead = 0): Token {
    return this.#tokens[Math.min(this.#index + ahead, this.#tokens.length - 1)]!;
  }

  next(): Token {
    const token = this.peek();
    if (token.kind !== 'end') this.#index++;
    return token;
  }

  /** Takes the words if they stand next, in this order. */
  maybeWords(...words: readonly string[]): boolean {
    const there = words.every((word, i) => {
      const token = this.peek(i);
      return token.kind === 'word' && token.text === word;
    });
    if (there) this.#index += words.length;
    return there;
  }

  mustWord(word: string): void {
    if (!this.maybeWords(word)) throw this.expected(word.toUpperCase());
  }

  maybeSign(sign: string): boolean {
    const token = this.peek();
    if (token.kind !== 'sign' || token.text !== sign) return false;
    this.#index++;
    return true;
  }

  mustSign(sign: string): void {
    if (!this.maybeSign(sign)) throw this.expected(`'${sign}'`);
  }

  /** For who read the rest otherwise. */
  skipToEnd(): void {
    this.#index = this.#tokens.length - 1;
  }

  /** A name, quoted or not; `what` says of which thing. */
  mustName(what: string): Token {
    const token = this.peek();
    if ((token.kind !== 'word' && token.kind !== 'name') || token.text === '') {
      throw this.expected(what);
    }
    return this.next();
  }

  mustEnd(): void {
    while (this.maybeSign(';'));
    const token = this.peek();
    if (token.kind === 'end') return;
    const after = this.#index > 0 && this.#tokens[this.#index - 1]?.text === ';';
    throw after
      ? this.error('one statement at a time; a second one begins')
      : this.expected('the end of the statement');
  }

  expected(what: string, hint?: string): Error {
    const token = this.peek();
    const found = token.kind === 'end' ? 'the end' : `'${token.text}'`;
    return this.error(`expected ${what}, found ${found}`, hint);
  }

  error(message: string, hint?: string, at = this.peek().at): Error {
    return statementError('SYNTAX_ERROR', message, {text: this.text, at, hint});
  }

  unsupported(what: string, at = 0): Error {
    return statementError('UNSUPPORTED', `${what} not supported yet`, {text: this.text, at});
  }
}
