// Booleans of line protocol: t T true True TRUE f F false False FALSE.

import {LOWER_F, LOWER_T, UPPER_F, UPPER_T} from './ascii.ts';
import {endsValue} from './line-end.ts';

interface BooleanLiteral {
  readonly value: boolean;
  readonly end: number;
}

const WORDS: readonly {readonly text: string; readonly value: boolean}[] = [
  ...['t', 'T', 'true', 'True', 'TRUE'].map((text) => ({text, value: true})),
  ...['f', 'F', 'false', 'False', 'FALSE'].map((text) => ({text, value: false})),
];

/** The boolean at `start` and the offset after it, or undefined if none stands there. */
export function readBoolean(bytes: Buffer, start: number): BooleanLiteral | undefined {
  const byte = bytes[start];
  if (byte !== LOWER_T && byte !== UPPER_T && byte !== LOWER_F && byte !== UPPER_F)
    return undefined;
  let end = start;
  while (!endsValue(bytes, end) && end - start <= 5) end++;
  const text = bytes.toString('latin1', start, end);
  const word = WORDS.find((candidate) => candidate.text === text);
  return word === undefined ? undefined : {value: word.value, end};
}
