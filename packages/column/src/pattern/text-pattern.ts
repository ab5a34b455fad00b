// Whether a text matches a regular expression, in time linear in the text whatever the pattern: all
// the ways to match are followed at once (Thompson, 1968), and sets of them met before are remembered
// with what follows each character (a DFA made as it is needed). A pattern of a query must not be able
// to hold an engine thread, as one may that a backtracking matcher gets.

import {DbError} from '@flotilla/base';
import {type CharacterSet, type PatternNode, parsePattern} from './pattern-tree.ts';

/** Instructions; `(a{1000}){1000}` would be a million. */
const PROGRAM_MAX = 10_000;
/** Steps remembered; past it all are forgotten and found again. */
const STEPS_MAX = 20_000;
const ASCII = 128;

type Instruction =
  | {readonly op: 'set'; readonly has: CharacterSet}
  | {readonly op: 'start' | 'end' | 'match'}
  | {readonly op: 'split'; readonly to: number[]};

/** The instructions that the text read so far may have come to. */
interface State {
  /** Those that wait for a character, or for the end of the text. */
  readonly waiting: readonly number[];
  readonly isFirst: boolean;
  readonly matches: boolean;
  /** Whether it does where the text ends. */
  readonly matchesAtEnd: boolean;
  readonly ascii: (State | undefined)[];
  readonly others: Map<number, State>;
}

export class TextPattern {
  readonly #program: Instruction[] = [];
  #states = new Map<string, State>();
  #first: State;
  #steps = 0;

  /** Throws QUERY_ERROR or UNSUPPORTED for what is no pattern, or none of ours. */
  constructor(source: string, ignoreCase: boolean) {
    this.#emit(parsePattern(source, ignoreCase));
    this.#push({op: 'match'});
    this.#first = this.#state([0], true);
  }

  /** Whether the pattern matches anywhere in the text. */
  test(text: string): boolean {
    let state = this.#first;
    for (let i = 0; i < text.length; i++) {
      if (state.matches) return true;
      if (state.waiting.length === 0) return false;
      const codePoint = text.codePointAt(i)!;
      if (codePoint > 0xffff) i += 1;
      const known = codePoint < ASCII ? state.ascii[codePoint] : state.others.get(codePoint);
      state = known ?? this.#step(state, codePoint);
    }
    return state.matches || state.matchesAtEnd;
  }

  #emit(node: PatternNode): void {
    switch (node.op) {
      case 'set':
      case 'start':
      case 'end':
        this.#push(node);
        return;
      case 'sequence':
        for (const each of node.of) this.#emit(each);
        return;
      case 'either':
        this.#emitEither(node.of);
        return;
      case 'repeat':
        this.#emitRepeat(node);
        return;
      default:
        node satisfies never;
    }
  }

  #emitEither(of: readonly PatternNode[]): void {
    const ways: number[] = [];
    this.#push({op: 'split', to: ways});
    const exits = of.map((each) => {
      ways.push(this.#program.length);
      this.#emit(each);
      const exit: number[] = [];
      this.#push({op: 'split', to: exit});
      return exit;
    });
    for (const exit of exits) exit.push(this.#program.length);
  }

  #emitRepeat({of, least, most}: Extract<PatternNode, {op: 'repeat'}>): void {
    for (let i = 0; i < least; i++) this.#emit(of);
    if (most === Infinity) {
      const loop = this.#program.length;
      const ways = [loop + 1];
      this.#push({op: 'split', to: ways});
      this.#emit(of);
      this.#push({op: 'split', to: [loop]});
      ways.push(this.#program.length);
      return;
    }
    const exits: number[][] = [];
    for (let i = least; i < most; i++) {
      const ways = [this.#program.length + 1];
      this.#push({op: 'split', to: ways});
      exits.push(ways);
      this.#emit(of);
    }
    for (const ways of exits) ways.push(this.#program.length);
  }

  #push(instruction: Instruction): void {
    if (this.#program.length >= PROGRAM_MAX) {
      throw new DbError('QUERY_ERROR', 'the pattern repeats too much to be matched');
    }
    this.#program.push(instruction);
  }

  #step(state: State, codePoint: number): State {
    const reached: number[] = [];
    for (const at of state.waiting) {
      const instruction = this.#program[at]!;
      if (instruction.op === 'set' && instruction.has(codePoint)) reached.push(at + 1);
    }
    // A match may begin behind this character, too.
    reached.push(0);
    if (++this.#steps > STEPS_MAX) this.#forget();
    const next = this.#state(reached, false);
    if (codePoint < ASCII) state.ascii[codePoint] = next;
    else state.others.set(codePoint, next);
    return next;
  }

  #forget(): void {
    this.#steps = 0;
    this.#states = new Map();
    this.#first = this.#state([0], true);
  }

  #state(from: readonly number[], isFirst: boolean): State {
    const {waiting, matches} = this.#closure(from, {isFirst, isEnd: false});
    const key = `${isFirst}:${matches}:${waiting.join()}`;
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    const matchesAtEnd = this.#closure(waiting, {isFirst, isEnd: true}).matches;
    const state = {waiting, isFirst, matches, matchesAtEnd, ascii: [], others: new Map()};
    this.#states.set(key, state);
    return state;
  }

  /** What is reached without reading a character. */
  #closure(
    from: readonly number[],
    {isFirst, isEnd}: {readonly isFirst: boolean; readonly isEnd: boolean},
  ): {waiting: number[]; matches: boolean} {
    const seen = new Set<number>();
    const waiting: number[] = [];
    const pending = [...from];
    let matches = false;
    while (pending.length > 0) {
      const at = pending.pop()!;
      if (seen.has(at)) continue;
      seen.add(at);
      const instruction = this.#program[at]!;
      if (instruction.op === 'match') matches = true;
      else if (instruction.op === 'split') pending.push(...instruction.to);
      else if (instruction.op === 'start' && isFirst) pending.push(at + 1);
      else if (instruction.op === 'end' && isEnd) pending.push(at + 1);
      else if (instruction.op !== 'start') waiting.push(at);
    }
    return {waiting: waiting.sort((a, b) => a - b), matches};
  }
}
