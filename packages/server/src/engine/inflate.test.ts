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

const frame = zlib.zstdCompressSync(body);
/** Magic number, length, and what nobody reads. */
const skipped = Buffer.from('502a4d18040000006e6f7465', 'hex');

test('all frames of zstd are read, and those to be skipped are', () => {
  const bytes = Buffer.concat([skipped, frame, frame, skipped]);
  expect(inflate(bytes, 'zstd')).toEqual(Buffer.concat([body, body]));
  const cut = bytes.subarray(0, bytes.length - skipped.length - 1);
  expect(() => inflate(cut, 'zstd')).toThrow('not valid zstd');
});

test('frames of zstd are together no more than one may be, nor more than a thousand', () => {
  const half = zlib.zstdCompressSync(Buffer.alloc(LIMITS.write_body_bytes_max.value / 2));
  expect(inflate(Buffer.concat([half, half, skipped]), 'zstd')).toHaveLength(
    LIMITS.write_body_bytes_max.value,
  );
  expect(() => inflate(Buffer.concat([half, half, frame]), 'zstd')).toThrow(
    expect.objectContaining({code: 'BODY_TOO_LARGE'}),
  );
  const many = Buffer.concat(Array.from({length: 1_025}, () => skipped));
  expect(() => inflate(many, 'zstd')).toThrow('over 1024 frames');
});

test.each([
  ['deflate', zlib.deflateSync(body)],
  ['zstd', frame],
  ['gzip', zlib.gzipSync(body)],
])('bytes behind the end of %s are refused', (encoding, bytes) => {
  const more = Buffer.concat([bytes, Buffer.from('cpu v=2')]);
  expect(() => inflate(more, encoding)).toThrow(
    expect.objectContaining({code: 'INVALID_ARGUMENT'}),
  );
});

test('gzip may be padded with zeros, behind which nothing follows', () => {
  const packed = zlib.gzipSync(body);
  const padding = Buffer.alloc(512);
  expect(inflate(Buffer.concat([packed, packed, padding]), 'gzip')).toHaveLength(2 * body.length);
  expect(() => inflate(Buffer.concat([packed, padding, packed]), 'gzip')).toThrow(
    'bytes stand behind its end',
  );
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
