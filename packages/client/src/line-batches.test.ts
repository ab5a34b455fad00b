import fc from 'fast-check';
import {expect, it} from 'vitest';
import {LineBatcher} from './line-batches.ts';

function batchesOf(pieces: Uint8Array[], limits: {bytesMax: number; linesMax: number}) {
  const batcher = new LineBatcher(limits);
  const all = pieces.flatMap((piece) => batcher.push(piece));
  const last = batcher.end();
  return last === undefined ? all : [...all, last];
}

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

it('cuts at ends of lines and numbers them', () => {
  const input = Buffer.from('a v=1\nb v=2\nc v=3\n\nd v=4');
  const batches = batchesOf([input], {bytesMax: 1000, linesMax: 2});
  expect(batches.map((batch) => [text(batch.bytes), batch.firstLine, batch.lineCount])).toEqual([
    ['a v=1\nb v=2\n', 1, 2],
    ['c v=3\n\n', 3, 2],
    ['d v=4', 5, 1],
  ]);
});

it('keeps a batch within its bytes where lines allow', () => {
  const input = Buffer.from('aaaa v=1\nbbbb v=2\ncccc v=3\n');
  const batches = batchesOf([input], {bytesMax: 20, linesMax: 100});
  expect(batches.map((batch) => text(batch.bytes))).toEqual(['aaaa v=1\nbbbb v=2\n', 'cccc v=3\n']);
});

it.each([
  ['a newline in a string', 'm s="a\nb" 1\n', 2],
  ['an escaped quote in a string', 'm s="a\\"\n" 1\n', 2],
  ['a blank in a string', 'm s="a b\n",t="c\nd"\n', 3],
])('does not cut in %s', (_name, line, lineCount) => {
  const batches = batchesOf([Buffer.from(line + line)], {bytesMax: 1000, linesMax: 1});
  expect(batches.map((batch) => [text(batch.bytes), batch.lineCount])).toEqual([
    [line, lineCount],
    [line, lineCount],
  ]);
});

it.each([
  ['a quote in a tag', 'm,t=a"b v=1\n'],
  ['a quote behind an escaped blank', 'm,t=a\\ "b v=1\n'],
  ['a quote in the name of a field', 'm a"b=1\n'],
  ['a quote behind an escaped equals sign', 'm a\\="b=1\n'],
  ['a quote inside a value', 'm v=1" 1\n'],
  ['a quote behind the time', 'm v=1 1 ="\n'],
  ['a quote in a tag behind two backslashes and a blank', 'm,t=a\\\\ ="b v=1\n'],
  ['a string that ends in a backslash', 'm v="a\\\\" 1\n'],
  ['a quote in a comment', '# say "\n'],
  ['a quote in an indented comment', '  # say "\n'],
])('cuts after %s', (_name, line) => {
  const batches = batchesOf([Buffer.from(line + line)], {bytesMax: 1000, linesMax: 1});
  expect(batches.map((batch) => text(batch.bytes))).toEqual([line, line]);
});

it('holds no more than a line may have for a quote that nobody closes', () => {
  const limits = {bytesMax: 1_000, linesMax: 3, lineBytesMax: 30};
  const lines = ['a v=1\n', 'a v="1\n', ...Array.from({length: 20}, (_, i) => `b v=${i}\n`)];
  const whole = lines.join('');
  for (const parts of [lines, [whole], [...whole]]) {
    const batcher = new LineBatcher(limits);
    const batches = parts.flatMap((part) => batcher.push(Buffer.from(part)));
    expect(batches.map((batch) => [text(batch.bytes), batch.firstLine, batch.lineCount])).toEqual(
      Array.from({length: 7}, (_, i) => [lines.slice(3 * i, 3 * i + 3).join(''), 3 * i + 1, 3]),
    );
  }
});

it('names a line that is none', () => {
  const batcher = new LineBatcher({bytesMax: 1_000, linesMax: 10, lineBytesMax: 100});
  batcher.push(Buffer.from('a v=1\na v=2\n'));
  expect(() => batcher.push(Buffer.alloc(101, 'x'))).toThrow(/^line 3 is over 100 bytes/);
});

it('loses no byte and no line, however the input is cut into pieces', () => {
  const letters = fc.constantFrom('a', ' ', '"', '\\', '\n', '#', '=', 'é');
  const pieces = fc.array(fc.string({unit: letters, maxLength: 12}), {maxLength: 10});
  const limits = fc.record({
    bytesMax: fc.integer({min: 1, max: 30}),
    linesMax: fc.integer({min: 1, max: 4}),
  });
  fc.assert(
    fc.property(pieces, limits, (parts, limit) => {
      const whole = Buffer.from(parts.join(''));
      const batches = batchesOf(
        parts.map((part) => Buffer.from(part)),
        limit,
      );
      expect(Buffer.concat(batches.map((batch) => batch.bytes)).equals(whole)).toBe(true);
      const fromOnePiece = batchesOf([whole], limit);
      expect(batches.map((batch) => text(batch.bytes))).toEqual(
        fromOnePiece.map((batch) => text(batch.bytes)),
      );
      let line = 1;
      for (const batch of batches) {
        expect(batch.firstLine).toBe(line);
        line += batch.lineCount;
      }
      const newlines = whole.filter((byte) => byte === 0x0a).length;
      const hasTail = whole.length > 0 && whole.at(-1) !== 0x0a;
      expect(line - 1).toBe(newlines + (hasTail ? 1 : 0));
    }),
  );
});
