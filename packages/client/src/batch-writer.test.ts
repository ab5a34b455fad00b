import {setTimeout as sleep} from 'node:timers/promises';
import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {type BatchFailure, BatchWriter, type BatchWriterOptions} from './batch-writer.ts';
import type {WriteOptions, WriteResult} from './call.ts';
import {FlotillaError} from './errors.ts';

interface Sent {
  readonly text: string;
  readonly options: WriteOptions;
  answer(error?: unknown): void;
}

/** Remembers what is written, and answers when told to, or at once. */
class FakeClient {
  readonly sent: Sent[] = [];
  readonly #isHeld: boolean;

  constructor(isHeld: boolean) {
    this.#isHeld = isHeld;
  }

  write(lines: Uint8Array, options: WriteOptions): Promise<WriteResult> {
    return new Promise((resolve, reject) => {
      const answer = (error?: unknown): void =>
        error === undefined ? resolve({attempts: 1, url: 'x'}) : reject(error);
      this.sent.push({text: Buffer.from(lines).toString(), options, answer});
      if (!this.#isHeld) answer();
    });
  }

  get texts(): string[] {
    return this.sent.map(({text}) => text);
  }
}

function writerOf(options: Partial<BatchWriterOptions>, isHeld = false) {
  const client = new FakeClient(isHeld);
  const failures: BatchFailure[] = [];
  const onFailure = (failure: BatchFailure): number => failures.push(failure);
  const writer = new BatchWriter(client, {batchAgeMsMax: 60_000, onFailure, ...options});
  return {client, writer, failures};
}

async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending');
  await sleep(5);
  return (await Promise.race([promise, pending])) !== pending;
}

describe('a batch is sent', () => {
  it('when it has its lines', async () => {
    const {client, writer} = writerOf({batchLinesMax: 2});
    for (const line of ['a v=1', 'b v=1\n', 'c v=1']) await writer.write(line);
    expect(client.texts).toEqual(['a v=1\nb v=1\n']);
    await writer.close();
    expect(client.texts.slice(1)).toEqual(['c v=1\n']);
  });

  it('when it has its bytes, and no line is cut', async () => {
    const {client, writer} = writerOf({batchBytesMax: 14});
    await writer.write('a v=1\nb v=1\nc v=1');
    await writer.write(`m s="${'x\n'.repeat(20)}"`);
    await writer.close();
    expect(client.texts).toEqual(['a v=1\nb v=1\n', 'c v=1\n', `m s="${'x\n'.repeat(20)}"\n`]);
  });

  it('when it is old', async () => {
    const {client, writer} = writerOf({batchAgeMsMax: 10});
    await writer.write('a v=1');
    expect(client.texts).toEqual([]);
    while (client.texts.length === 0) await sleep(5);
    expect(client.texts).toEqual(['a v=1\n']);
  });

  it('with names and a key of its own', async () => {
    const scope = {tenant: 't', database: 'd', precision: 's', gzip: true} as const;
    const {client, writer} = writerOf({...scope, batchLinesMax: 1});
    await writer.writePoint({table: 'm', fields: {v: 1}, time: new Date(5_000)});
    await writer.write('m v=2 6');
    await writer.close();
    expect(client.texts).toEqual(['m v=1 5\n', 'm v=2 6\n']);
    expect(client.sent[0]!.options).toMatchObject(scope);
    const keys = client.sent.map(({options}) => options.idempotencyKey);
    expect(new Set(keys).size).toBe(2);
  });
});

it('sends one after another, or as many at once as asked for', async () => {
  for (const requestsMax of [1, 3]) {
    const {client, writer} = writerOf({batchLinesMax: 1, requestsMax}, true);
    for (let i = 0; i < 5; i++) await writer.write(`m v=${i}`);
    expect(client.sent.length).toBe(requestsMax);
    const closed = writer.close();
    for (let i = 0; i < 5; i++) {
      expect(await isSettled(closed)).toBe(false);
      client.sent[i]!.answer();
    }
    await closed;
    expect(client.texts).toEqual([0, 1, 2, 3, 4].map((i) => `m v=${i}\n`));
  }
});

it('a call that finds no room waits for it, and is refused where nobody waits', async () => {
  const {client, writer} = writerOf({bufferBytesMax: 12, batchLinesMax: 100}, true);
  await writer.write('a v=1');
  await writer.write('b v=1');
  const third = writer.write('c v=1');
  const fourth = writer.write('d v=1');
  expect(await isSettled(third)).toBe(false);
  expect(writer.bufferedBytes).toBe(24);
  await expect(writer.write('e v=1')).rejects.toMatchObject({code: 'BUFFER_FULL'});
  // What holds the room is sent, young as it is.
  expect(client.texts).toEqual(['a v=1\nb v=1\n']);
  const flushed = writer.flush();
  client.sent[0]!.answer();
  await Promise.all([third, fourth]);
  expect(await isSettled(flushed)).toBe(false);
  expect(client.texts.slice(1)).toEqual(['c v=1\nd v=1\n']);
  client.sent[1]!.answer();
  await flushed;
  expect(writer.bufferedBytes).toBe(0);
});

it('what is longer than the buffer goes through it alone', async () => {
  const {client, writer} = writerOf({bufferBytesMax: 5});
  await writer.write('long_name v=1\nlong_name v=2');
  await writer.write('long_name v=3');
  await writer.close();
  expect(client.texts.join('')).toBe('long_name v=1\nlong_name v=2\nlong_name v=3\n');
});

it('a failed batch is told whole, and the next ones go on', async () => {
  const {client, writer, failures} = writerOf({batchLinesMax: 2}, true);
  await writer.write('a v=1\nb');
  await writer.write('c v=1\nd v=1');
  const closed = writer.close();
  const error = new FlotillaError('x', {code: 'LINES_REJECTED', status: 400});
  client.sent[0]!.answer(error);
  await isSettled(closed);
  client.sent[1]!.answer(new Error('odd'));
  await closed;
  expect(failures).toMatchObject([
    {error, lineCount: 2, idempotencyKey: client.sent[0]!.options.idempotencyKey},
    {error: {code: 'UNEXPECTED'}, lineCount: 2},
  ]);
  expect(Buffer.from(failures[0]!.lines).toString()).toBe('a v=1\nb\n');
});

it('a line that would swallow the lines of others is refused at once', async () => {
  const {client, writer} = writerOf({});
  await expect(writer.write('m s="open')).rejects.toMatchObject({code: 'LINE_SYNTAX'});
  await writer.write('m s="a\nb",t="\\""');
  await writer.write('# say "\nm,a=" v=1');
  await writer.close();
  expect(client.texts.length).toBe(1);
  await expect(writer.write('m v=1')).rejects.toMatchObject({code: 'CLOSED'});
});

it('keeps what it was given, though the caller uses its bytes again', async () => {
  const {client, writer} = writerOf({});
  const bytes = Buffer.from('m v=1\n');
  await writer.write(bytes);
  bytes.fill(0x78);
  await writer.write('');
  await writer.close();
  expect(client.texts).toEqual(['m v=1\n']);
});

it.each(['batchLinesMax', 'batchBytesMax', 'bufferBytesMax', 'requestsMax'])(
  '%s is a number',
  (name) => {
    expect(() => writerOf({[name]: 0})).toThrow(TypeError);
  },
);

it('every line is sent once and in order, whatever the limits', async () => {
  const limits = fc.record({
    batchLinesMax: fc.integer({min: 1, max: 5}),
    batchBytesMax: fc.integer({min: 1, max: 60}),
    bufferBytesMax: fc.integer({min: 1, max: 100}),
  });
  const calls = fc.array(fc.array(fc.boolean(), {minLength: 1, maxLength: 6}), {maxLength: 20});
  await fc.assert(
    fc.asyncProperty(limits, calls, async (options, pieces) => {
      const {client, writer} = writerOf(options);
      let count = 0;
      const all: string[] = [];
      for (const piece of pieces) {
        const lines = piece.map(
          (isLong) => `m v=${count++}${isLong ? ' 1600000000000000000' : ''}`,
        );
        all.push(...lines);
        await writer.write(lines.join('\n'));
        expect(writer.bufferedBytes).toBeLessThanOrEqual(Math.max(options.bufferBytesMax, 200));
      }
      await writer.close();
      expect(client.texts.join('')).toBe(all.map((line) => `${line}\n`).join(''));
    }),
  );
});
