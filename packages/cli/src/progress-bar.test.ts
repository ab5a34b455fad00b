import {Writable} from 'node:stream';
import {expect, it} from 'vitest';
import {formatBytes, ProgressBar, renderBar} from './progress-bar.ts';

it('draws a bar that fits', () => {
  expect(renderBar(0.5, 'half', 40)).toBe('[##############.............] 50% half');
  expect(renderBar(2, 'x', 20)).toBe('[##########]100% x');
  expect(renderBar(undefined, 'working', 5)).toBe('work');
  for (const width of [10, 20, 80]) {
    expect(renderBar(0.3, 'some label', width).length).toBeLessThan(width);
  }
});

function drawnOn(terminal: {readonly isTTY?: boolean; readonly columns?: number}): string {
  let drawn = '';
  const stream = new Writable({
    write(text, _encoding, done) {
      drawn += String(text);
      done();
    },
  });
  const bar = new ProgressBar(Object.assign(stream, terminal));
  bar.update(0.5, 'x');
  bar.clear();
  return drawn;
}

it('draws a bar on a terminal alone', () => {
  expect(drawnOn({isTTY: true, columns: 20})).toBe(`\r\x1b[2K${renderBar(0.5, 'x', 20)}\r\x1b[2K`);
  expect(drawnOn({})).toBe('');
});

it('says bytes in units', () => {
  expect([0, 999, 1000, 999_600, 12_345_678].map(formatBytes)).toEqual([
    '0 B',
    '999 B',
    '1.0 kB',
    '1.0 MB',
    '12.3 MB',
  ]);
});
