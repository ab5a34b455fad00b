import {Readable} from 'node:stream';
import {zstdCompressSync} from 'node:zlib';
import {expect, it} from 'vitest';
import {inflateZstd} from './zstd-frames.ts';

const text = 'm v=1 1\n'.repeat(20_000);
const frame = zstdCompressSync(text);
/** Magic number, length, and what nobody reads. */
const skipped = Buffer.from('502a4d18040000006e6f7465', 'hex');

/** The bytes, so many at a time. */
function* cut(bytes: Buffer, length: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

async function inflated(bytes: Buffer, length = bytes.length): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of inflateZstd(Readable.from(cut(bytes, length)))) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

it.each([1, 7, frame.length, frame.length + 5, 1_000_000])(
  'reads all frames, and passes those to be skipped, %i bytes at a time',
  async (length) => {
    const bytes = Buffer.concat([skipped, frame, frame, skipped, frame]);
    expect((await inflated(bytes, length)) === text.repeat(3)).toBe(true);
  },
);

it('holds no more than it is asked for', async () => {
  const huge = zstdCompressSync(Buffer.alloc(64 << 20));
  let read = 0;
  const raw = Readable.from(cut(Buffer.concat([huge, huge, huge]), 100), {highWaterMark: 1});
  raw.on('data', (piece: Buffer) => {
    read += piece.length;
  });
  raw.pause();
  const inflating = inflateZstd(raw);
  await inflating.next();
  expect(read).toBeLessThan(huge.length);
  await inflating.return(undefined);
});

it.each([
  ['in the first frame', frame.subarray(0, -1), /unexpected end of file/],
  ['in the last frame', Buffer.concat([frame, frame.subarray(0, 20)]), /unexpected end of file/],
  ['before the first', Buffer.alloc(0), /unexpected end of file/],
  ['with something else', Buffer.concat([frame, Buffer.from('m v=1 1\n')]), /frame/],
])('rejects what ends %s', async (_name, bytes, message) => {
  for (const length of [7, bytes.length + 1])
    await expect(inflated(bytes, length)).rejects.toThrow(message);
});

it('rejects where what it reads breaks off', async () => {
  const raw = Readable.from(
    (function* () {
      yield frame.subarray(0, 20);
      throw new Error('the disk is gone');
    })(),
  );
  const reading = (async () => {
    for await (const _ of inflateZstd(raw));
  })();
  await expect(reading).rejects.toThrow('the disk is gone');
});
