import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {TextPattern} from './text-pattern.ts';

const character = fc.constantFrom(
  'a',
  'b',
  'A',
  'é',
  'É',
  '1',
  '_',
  ' ',
  '\n',
  '-',
  '😀',
  'ß',
  '.',
);
const text = fc.array(character, {maxLength: 12}).map((all) => all.join(''));

const pattern: fc.Arbitrary<string> = fc.letrec<{atom: string; any: string}>((tie) => ({
  atom: fc.oneof(
    fc.constantFrom('a', 'b', 'A', 'é', '😀', '1', '.', '\\.', '\\d', '\\W', '\\s', '\\S', '\\w'),
    fc.constantFrom(
      '[ab]',
      '[^a]',
      '[a-z]',
      '[^\\d_]',
      '[\\s\\S]',
      '[-a]',
      '[à-ý]',
      '[😀-😎]',
      '[]',
      '[^]',
    ),
    fc.constantFrom('\\p{L}', '\\P{Lu}', '\\x61', '\\u0062', '\\u{1F600}', '\\n', '\\-'),
    tie('any').map((of) => `(${of})`),
    tie('any').map((of) => `(?:${of})`),
  ),
  any: fc.oneof(
    {depthSize: 'small', withCrossShrink: true},
    tie('atom'),
    fc.constantFrom('', '^', '$', '^a', 'b$', '$^'),
    fc
      .tuple(tie('atom'), fc.constantFrom('*', '+', '?', '{2}', '{1,}', '{0,2}', '{0}', '*?', '+?'))
      .map(([of, times]) => of + times),
    fc.tuple(tie('any'), tie('any')).map(([a, b]) => a + b),
    fc.tuple(tie('any'), tie('any')).map(([a, b]) => `${a}|${b}`),
  ),
})).any;

/** \- is an error under the flag `u`, and the pattern without it means the same. */
function reference(source: string, ignoreCase: boolean): RegExp {
  return new RegExp(source.replaceAll('\\-', '-'), ignoreCase ? 'iu' : 'u');
}

test("answers as JavaScript's own matcher does", () => {
  fc.assert(
    fc.property(
      pattern,
      fc.boolean(),
      fc.array(text, {minLength: 5, maxLength: 5}),
      (source, ignoreCase, texts) => {
        // Under `iu` \W and its kin fold letters in ways of their own.
        fc.pre(!ignoreCase || !/\\[WwPp]|\[\^/.test(source));
        const ours = new TextPattern(source, ignoreCase);
        const theirs = reference(source, ignoreCase);
        for (const each of texts)
          expect([each, ours.test(each)]).toEqual([each, theirs.test(each)]);
      },
    ),
    {numRuns: 2_000},
  );
});

test.each([
  ['^(a+)+$', `${'a'.repeat(60_000)}b`],
  ['(a|aa)*c', 'a'.repeat(60_000)],
  ['a.*a.*a.*a.*b', 'a'.repeat(60_000)],
  ['^[\\s\\S]*a[\\s\\S]*a[\\s\\S]*a[\\s\\S]*b$', 'a'.repeat(60_000)],
  ['(x?){200}x{200}', 'x'.repeat(199)],
  ['(.*)(.*)(.*)(.*)(.*)[^.]$', '.'.repeat(60_000)],
])('%s takes no time', (source, against) => {
  // Of this process: others may have the machine.
  const begun = process.cpuUsage();
  expect(new TextPattern(source, true).test(against)).toBe(false);
  expect(process.cpuUsage(begun).user / 1_000).toBeLessThan(1_000);
});

test('many different characters and states do not fill the memory', () => {
  const one = new TextPattern('[a-f][^x]{0,12}y', false);
  const texts = Array.from({length: 300}, (_, i) =>
    Array.from({length: 200}, (_, j) => String.fromCodePoint(97 + ((i * j) % 5_000))).join(''),
  );
  const theirs = /[a-f][^x]{0,12}y/u;
  for (const each of texts) expect(one.test(each)).toBe(theirs.test(each));
});

describe('what is refused', () => {
  test.each([
    ['(a)\\1', 'UNSUPPORTED', 'backreferences'],
    ['(?<n>a)\\k<n>', 'UNSUPPORTED', 'backreferences'],
    ['(?=a)', 'UNSUPPORTED', 'lookahead'],
    ['(?<!a)', 'UNSUPPORTED', 'lookbehind'],
    ['\\bword', 'UNSUPPORTED', 'word boundaries'],
    ['(?i)a', 'UNSUPPORTED', '(?'],
    ['(a{1000}){1000}', 'QUERY_ERROR', 'repeats too much'],
    [`${'('.repeat(300)}a${')'.repeat(300)}`, 'QUERY_ERROR', 'brackets'],
    ['(a', 'QUERY_ERROR', 'a ( without its )'],
    ['a)', 'QUERY_ERROR', 'closes nothing'],
    ['[a', 'QUERY_ERROR', 'a [ without its ]'],
    ['[a-', 'QUERY_ERROR', 'a [ without its ]'],
    ['[z-a]', 'QUERY_ERROR', 'a range without order'],
    ['a**', 'QUERY_ERROR', 'nothing to repeat'],
    ['+', 'QUERY_ERROR', 'nothing to repeat'],
    ['a{3,2}', 'QUERY_ERROR', 'end is before its start'],
    ['\\', 'QUERY_ERROR', '\\ at the end'],
    ['\\p{Nonsense}', 'QUERY_ERROR', 'property'],
  ])('%s', (source, code, message) => {
    const refused = () => new TextPattern(source, false);
    expect(refused).toThrow(expect.objectContaining({code}));
    expect(refused).toThrow(message);
  });
});
