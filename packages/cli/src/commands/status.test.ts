import {type AddressInfo, createServer} from 'node:net';
import {stripVTControlCharacters} from 'node:util';
import {afterEach, describe, expect, it} from 'vitest';
import {cleanUp, cleanups, fakeCluster, type Routes, run} from '../program.fixture.ts';

afterEach(cleanUp);

describe('status', () => {
  const degraded = {
    verdict: 'degraded',
    reasons: [{message: 'node 2 is down', next: 'flotilla node list'}],
    cluster: {id: 'c1'},
    nodes: [{id: 1, address: 'a:1', state: 'active'}],
  };

  it.each([
    ['healthy', 0],
    ['degraded', 1],
    ['unavailable', 2],
  ])('%s exits with %i', async (verdict, code) => {
    const {url} = await fakeCluster({'GET /admin/v1/status': () => ({...degraded, verdict})});
    expect(await run(['status'], {url})).toMatchObject({code});
  });

  it('shows each reason with the next command', async () => {
    const {url} = await fakeCluster({'GET /admin/v1/status': () => degraded});
    const {out} = await run(['status'], {url});
    expect(out).toBe(
      'degraded  (cluster c1)\n- node 2 is down\n    next: ./flotilla node list\n\n' +
        'ID  ADDRESS  STATE\n 1  a:1      active\n',
    );
    const json = await run(['status', '--json'], {url});
    expect(JSON.parse(json.out)).toMatchObject({verdict: 'degraded', nodes: degraded.nodes});
    const elsewhere = await run(['status', '--url', url]);
    expect(elsewhere.out).toContain(`next: ./flotilla node list --url ${url}\n`);
  });

  it('is unavailable where no node answers', async () => {
    const {code, out} = await run(['status', '--timeout', '0.2']);
    expect(code).toBe(2);
    expect(out).toMatch(/^unavailable\n- cannot connect to http:\/\/127\.0\.0\.1:1/);
    expect(out).toContain('next: ./flotilla start');
  });

  it('is what any node says, though the first one that is asked is frozen', async () => {
    const frozen = createServer(() => {});
    await new Promise<void>((resolve) => frozen.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => frozen.close());
    const {port} = frozen.address() as AddressInfo;
    const {url} = await fakeCluster({'GET /admin/v1/status': () => degraded});
    expect(await run(['status', '--url', `127.0.0.1:${port},${url}`])).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^degraded/),
    });
  }, 20_000);

  it('sends nobody to start a node that is there and speaks otherwise', async () => {
    const {url} = await fakeCluster({});
    const tls = url.replace('http:', 'https:');
    const {code, out} = await run(['status', '--url', tls, '--timeout', '0.3']);
    expect(code).toBe(2);
    expect(out).toMatch(/it speaks plain HTTP there[\s\S]*next: .*--tls options/);
    const {err} = await run(['node', 'list', '--url', tls, '--timeout', '0.3']);
    expect(err).toMatch(/it speaks plain HTTP there[\s\S]*--tls options/);
  });
});

describe('colour', () => {
  const routes: Routes = {
    'GET /admin/v1/status': () => ({
      verdict: 'degraded',
      nodes: [
        {id: 1, state: 'active', address: 'a:1'},
        {id: 2, state: 'draining', address: 'b:1'},
      ],
    }),
  };

  it('marks verdicts and states on a terminal, and no column moves', async () => {
    const {url} = await fakeCluster(routes);
    const {out} = await run(['status'], {url, tty: true});
    expect(out).toContain('\x1b[33mdegraded\x1b[0m\n');
    expect(out).toContain('\x1b[32mactive\x1b[0m');
    const plain = await run(['status'], {url});
    expect(plain.out).not.toContain('\x1b');
    expect(stripVTControlCharacters(out)).toBe(plain.out);
  });

  it.each<Record<string, string>>([{NO_COLOR: '1'}, {TERM: 'dumb'}])(
    'is not there with %j',
    async (env) => {
      const {url} = await fakeCluster(routes);
      expect((await run(['status'], {url, tty: true, env})).out).not.toContain('\x1b');
    },
  );
});
