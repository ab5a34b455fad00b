import {writeFileSync} from 'node:fs';
import path from 'node:path';
import {gzipSync} from 'node:zlib';
import {afterEach, describe, expect, it} from 'vitest';
import {cleanUp, fakeCluster, Refusal, run, temporaryDirectory} from '../program.fixture.ts';
import {EXIT} from '../terminal.ts';

afterEach(cleanUp);

describe('write', () => {
  it('cuts a file at lines and goes on where it is told', async () => {
    const {url, seen} = await fakeCluster({'POST /api/v1/write': () => undefined});
    const file = path.join(temporaryDirectory(), 'a.lp.gz');
    writeFileSync(file, gzipSync('m v=1 1\nm v=2 2\nm v=3 3\nm v=4 4\nm v=5 5'));
    const args = ['write', file, '--batch-lines', '2', '--skip-lines', '1', '--db', 'd'];
    const {code, out} = await run(args, {url});
    expect({code, out}).toEqual({code: 0, out: 'sent 4 lines (39 B)\n'});
    expect(seen.map(({body}) => body)).toEqual(['m v=2 2\n', 'm v=3 3\nm v=4 4\n', 'm v=5 5']);
    expect(seen[0]!.path).toBe('/api/v1/write?db=d&tenant=default&accept_partial=true');
  });

  it('names bad lines by their place in the whole input', async () => {
    const line = {line: 1, code: 'LINE_SYNTAX', reason: 'no fields', text: 'bad'};
    const {url} = await fakeCluster({
      'POST /api/v1/write': ({body}) =>
        body.startsWith('bad')
          ? new Refusal(400, {
              code: 'LINES_REJECTED',
              message: 'x',
              details: {written: 0, rejected: 1, lines: [line], replicaSets: []},
            })
          : undefined,
    });
    const stdin = 'm v=1 1\nm v=2 2\nbad\nm v=4 4\n';
    const {code, out} = await run(['write', '--batch-lines', '2'], {url, stdin});
    expect(code).toBe(EXIT.linesRejected);
    expect(out).toBe('line 3: no fields: bad\nsent 4 lines (28 B), 1 rejected\n');
  });

  it('shows of a bad line nothing that a terminal obeys', async () => {
    const text = `\u001b[2J${'x'.repeat(200)}`;
    const lines = [{line: 1, code: 'LINE_SYNTAX', reason: 'missing fields', text}];
    const details = {written: 0, rejected: 1, lines, replicaSets: []};
    const {url} = await fakeCluster({
      'POST /api/v1/write': () => new Refusal(400, {code: 'LINES_REJECTED', details}),
    });
    const {out} = await run(['write'], {url, stdin: 'bad\n'});
    expect(out.split('\n')[0]).toBe(`line 1: missing fields: \ufffd[2J${'x'.repeat(116)} ...`);
  });

  it('says from where to go on after a failure', async () => {
    let count = 0;
    const {url} = await fakeCluster({
      'POST /api/v1/write': () =>
        ++count === 2 ? new Refusal(507, {code: 'DISK_FULL'}) : undefined,
    });
    const stdin = 'm v=1 1\nm v=2 2\nm v=3 3\n';
    const {code, err} = await run(['write', '--batch-lines', '1'], {url, stdin});
    expect(code).toBe(EXIT.failed);
    expect(err).toBe(
      'the first 1 lines are written; go on with --skip-lines 1\nflotilla: DISK_FULL\n',
    );
  });
});
