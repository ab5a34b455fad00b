// Cases of bad input as data files, `bad-inputs/*.txt`:
//
//   === name of the case
//   POST /api/v1/write?db=public
//   content-type: text/plain
//   > a line of the body
//   ! gzip
//   < 400 LINES_REJECTED message, to the last letter
//   < line 1 LINE_SYNTAX reason
//
// A message of several lines takes as many; what is not plain ASCII in it is shown as \uXXXX.
//
// `!` changes the body: `gzip`, `deflate`, `zstd` compress it, `fill N text` appends N times a text,
// `hex ..` appends bytes. `RAW http` and `RAW grpc` send the lines of the body to that port as they
// are, each ended by CRLF; expected is then the status line, or `closed` where nothing comes back.
// Lines that begin with `#` say why.

import {readdirSync, readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';

const DIRECTORY = path.join(import.meta.dirname, 'bad-inputs');

const COMPRESSIONS: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  gzip: (bytes) => zlib.gzipSync(bytes),
  deflate: (bytes) => zlib.deflateSync(bytes),
  zstd: (bytes) => zlib.zstdCompressSync(bytes),
};

export interface BadInput {
  readonly name: string;
  /** An HTTP method, or RAW. */
  readonly method: string;
  /** With its query; of RAW the port's name. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Lines, as `<` has them. */
  readonly expected: readonly string[];
}

export interface BadInputFile {
  readonly file: string;
  readonly cases: readonly BadInput[];
}

export function readBadInputs(): BadInputFile[] {
  return readdirSync(DIRECTORY)
    .filter((file) => file.endsWith('.txt'))
    .sort()
    .map((file) => ({file, cases: parse(readFileSync(path.join(DIRECTORY, file), 'utf8'))}));
}

/** Puts the answers that were got in the place of those that are expected. */
export function rewriteExpected(file: string, answers: ReadonlyMap<string, readonly string[]>) {
  const place = path.join(DIRECTORY, file);
  const blocks = readFileSync(place, 'utf8').split(/^(?==== )/m);
  const written = blocks.map((block) => {
    const got = answers.get(/^=== (.*)$/m.exec(block)?.[1] ?? '');
    if (got === undefined) return block;
    const kept = block.split('\n').filter((line) => line !== '' && !line.startsWith('<'));
    return `${[...kept, ...got.map((line) => `< ${line}`)].join('\n')}\n\n`;
  });
  writeFileSync(place, `${written.join('').trimEnd()}\n`);
}

function parse(text: string): BadInput[] {
  return text
    .split(/^=== /m)
    .slice(1)
    .map((block) => parseCase(block.split('\n')));
}

function parseCase([name = '', ...lines]: readonly string[]): BadInput {
  const headers: Record<string, string> = {};
  const expected: string[] = [];
  const body: Buffer[] = [];
  let compress = (bytes: Buffer) => bytes;
  const told = lines.filter((line) => line !== '' && !line.startsWith('#'));
  const [method = '', target = ''] = (told.shift() ?? '').split(' ');
  const lineEnd = method === 'RAW' ? '\r\n' : '\n';
  for (const line of told) {
    const rest = line.slice(2);
    if (line.startsWith('<')) expected.push(rest);
    else if (line.startsWith('>')) body.push(Buffer.from(rest + lineEnd));
    else if (line.startsWith('!')) {
      const [what = '', argument = '', ...words] = rest.split(' ');
      const compression = COMPRESSIONS[what];
      if (compression !== undefined) compress = compression;
      else if (what === 'hex') body.push(Buffer.from(argument, 'hex'));
      else if (what === 'fill') body.push(Buffer.from(words.join(' ').repeat(Number(argument))));
      else throw new Error(`case "${name}": what is "${line}"?`);
    } else {
      const colon = line.indexOf(': ');
      if (colon < 0) throw new Error(`case "${name}": what is "${line}"?`);
      headers[line.slice(0, colon)] = line.slice(colon + 2);
    }
  }
  return {name, method, target, headers, body: compress(Buffer.concat(body)), expected};
}
