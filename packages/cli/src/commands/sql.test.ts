import {afterEach, describe, expect, it} from 'vitest';
import {cleanUp, fakeCluster, Refusal, run, type Seen} from '../program.fixture.ts';
import {EXIT} from '../terminal.ts';

afterEach(cleanUp);

describe('sql', () => {
  const accept = {'POST /api/v1/sql': ({body}: Seen) => `<${body}>`};

  it('runs statements from -e and stdin', async () => {
    const {url} = await fakeCluster(accept);
    expect(await run(['sql', '-e', "SELECT ';'; SELECT 2"], {url})).toMatchObject({
      code: 0,
      out: "<SELECT ';'>\n<SELECT 2>\n",
    });
    expect((await run(['sql'], {url, stdin: 'SELECT 3;\n'})).out).toBe('<SELECT 3>\n');
  });

  it('stops at the first failure and points to it', async () => {
    const {url, seen} = await fakeCluster({
      'POST /api/v1/sql': () => new Refusal(404, {code: 'DATABASE_NOT_FOUND', message: 'no m'}),
    });
    const {code, err} = await run(['sql', '-e', 'SELECT 1; SELECT 2', '--db', 'm'], {url});
    expect(code).toBe(EXIT.failed);
    expect(err).toMatch(/^flotilla: no m\n {2}See .\/flotilla database list/);
    expect(seen.length).toBe(1);
  });
});
