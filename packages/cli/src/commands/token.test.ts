import {writeFileSync} from 'node:fs';
import path from 'node:path';
import {afterEach, describe, expect, it} from 'vitest';
import {cleanUp, fakeCluster, Refusal, run, temporaryDirectory} from '../program.fixture.ts';
import {EXIT} from '../terminal.ts';

afterEach(cleanUp);

describe('token', () => {
  const routes = {
    'GET /admin/v1/tokens': () => [{id: 1, name: 'ann', createdBy: 'admin', createdAt: 'then'}],
    'POST /admin/v1/tokens': () => ({name: 'ann', token: 'flt_x'}),
    'DELETE /admin/v1/tokens/ann': () => ({revoked: 'ann'}),
  };

  it('creates, lists and revokes', async () => {
    const {url, seen} = await fakeCluster(routes);
    expect(await run(['token', 'create', 'ann'], {url})).toMatchObject({code: 0, out: 'flt_x\n'});
    expect(JSON.parse(seen[0]!.body)).toEqual({name: 'ann'});
    expect((await run(['token', 'list'], {url})).out).toMatch(
      /^NAME +CREATED BY[\s\S]*ann +admin +then/,
    );
    expect(await run(['token', 'revoke', 'ann'], {url})).toMatchObject({out: 'revoked ann\n'});
    expect(seen.map(({method}) => method)).toEqual(['POST', 'GET', 'DELETE']);
  });

  it('is sent from its file, else from the environment', async () => {
    const {url, seen} = await fakeCluster(routes);
    const directory = temporaryDirectory();
    const file = path.join(directory, 'token');
    writeFileSync(file, 'of-the-file\n');
    const env = {FLOTILLA_TOKEN: 'of-the-environment'};
    await run(['token', 'list', '--token-file', file], {url, env});
    await run(['token', 'list'], {url, env});
    await run(['token', 'list'], {url, env: {FLOTILLA_TOKEN: ''}});
    expect(seen.map(({authorization}) => authorization)).toEqual([
      'Bearer of-the-file',
      'Bearer of-the-environment',
      undefined,
    ]);
    const missing = await run(['token', 'list', '--token-file', `${file}.none`], {url});
    expect(missing).toMatchObject({code: EXIT.usage, err: expect.stringMatching(/--token-file: /)});
  });

  it('that is missing or wrong is told with what to do', async () => {
    const body = {code: 'UNAUTHENTICATED', message: 'this needs a token', details: {}};
    const {url} = await fakeCluster({'GET /admin/v1/nodes': () => new Refusal(401, body)});
    const {code, err} = await run(['node', 'list'], {url});
    expect(code).toBe(EXIT.failed);
    expect(err).toMatch(/this needs a token[\s\S]*--token-file/);
  });

  it('is one word: another file is not sent', async () => {
    const {code, err} = await run(['node', 'list', '--token-file', 'package.json']);
    expect(code).toBe(EXIT.usage);
    expect(err).toMatch(/--token-file: not a token/);
  });

  it('goes by the two halves of a certificate together', async () => {
    const {code, err} = await run(['status', '--tls-cert', 'package.json']);
    expect(code).toBe(EXIT.usage);
    expect(err).toMatch(/--tls-cert and --tls-key go together/);
  });
});
