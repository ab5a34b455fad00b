import zlib from 'node:zlib';
import {LIMITS} from '@flotilla/base';
import {expect, test} from 'vitest';
import {inflate} from './inflate.ts';
import {lineTextOf} from './line-text.ts';

const body = Buffer.from('cpu v=1\n'.repeat(1000));

test.each([
  ['', body],
  ['identity', body],
  ['gzip', zlib.gzipSync(body)],
  ['deflate', zlib.deflateSync(body)],
  ['zstd', zlib.zstdCompressSync(body)],
])('%s comes out as it went in', (encoding, bytes) => {
  expect(Buffer.from(inflate(bytes, encoding)).equals(body)).toBe(true);
});

test('an unknown encoding is named', () => {
  expect(() => inflate(body, 'br')).toThrow('br is not one of identity, gzip, deflate, zstd');
});

test('garbage is refused, raw deflate too', () => {
  expect(() => inflate(body, 'gzip')).toThrow('not valid gzip');
  expect(() => inflate(zlib.deflateRawSync(body), 'deflate')).toThrow('not valid deflate');
});

test('a bomb stops at the limit', () => {
  const bomb = zlib.gzipSync(Buffer.alloc(LIMITS.write_body_bytes_max.value + 1));
  expect(() => inflate(bomb, 'gzip')).toThrow(expect.objectContaining({code: 'BODY_TOO_LARGE'}));
});

test('lines are found by number, forwards and backwards', () => {
  const text = lineTextOf(Buffer.from('one\r\ntwo\n\nfour'));
  expect([text(1), text(2), text(3), text(4), text(5), text(2)]).toEqual([
    'one',
    'two',
    '',
    'four',
    '',
    'two',
  ]);
});
