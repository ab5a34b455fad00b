import {afterEach, describe, expect, it} from 'vitest';
import {cleanUp, fakeCluster, Refusal, run} from '../program.fixture.ts';
import {EXIT} from '../terminal.ts';

afterEach(cleanUp);

describe('tenant', () => {
  it('lists, creates, drops and alters', async () => {
    const {url, seen} = await fakeCluster({
      'GET /admin/v1/tenants': () => [{id: 1, name: 'default', databases: 2}],
      'GET /admin/v1/tenants/acme': () => ({id: 2, name: 'acme', databases: 0}),
      'POST /admin/v1/tenants': () => ({}),
      'PATCH /admin/v1/tenants/acme': () => ({}),
      'DELETE /admin/v1/tenants/acme': () => ({}),
    });
    const {out} = await run(['tenant', 'list'], {url});
    expect(out).toBe('NAME     DATABASES\ndefault          2\n');
    const created = await run(['tenant', 'create', 'acme', '--comment', 'ours'], {url});
    expect(created).toMatchObject({code: 0, out: 'created acme\n'});
    expect(JSON.parse(seen[1]!.body)).toEqual({name: 'acme', comment: 'ours'});
    expect(await run(['tenant', 'drop', 'acme', '--dry-run'], {url})).toMatchObject({
      code: 0,
      out: 'dry run, nothing was done: dropped acme\n',
    });
    expect(seen.at(-1)!.path).toBe('/admin/v1/tenants/acme?dry_run=true');
    expect(await run(['tenant', 'drop', 'acme'], {url})).toMatchObject({code: 0});
    const altered = await run(['tenant', 'alter', 'acme', '--comment', 'theirs'], {url});
    expect(altered).toMatchObject({code: 0, out: 'altered acme\n'});
    expect(seen.at(-1)).toMatchObject({method: 'PATCH', path: '/admin/v1/tenants/acme'});
    expect(await run(['tenant', 'create', 'x', '--dry-run'], {url})).toMatchObject({code: 0});
    expect(seen.at(-1)).toMatchObject({method: 'POST', path: '/admin/v1/tenants?dry_run=true'});
  });
});

describe('one tenant, one database', () => {
  const metrics = {id: 2, name: 'metrics', tenant: 'acme', ttl: null, replicas: 3, shards: 'auto'};
  const acme = {id: 2, name: 'acme', comment: 'the plant in Turin', databases: 1};

  it('are shown with what they have, as JSON too', async () => {
    const {url, seen} = await fakeCluster({
      'GET /admin/v1/tenants/acme': () => acme,
      'GET /admin/v1/databases/metrics': () => metrics,
    });
    expect(await run(['tenant', 'show', 'acme'], {url})).toMatchObject({
      code: 0,
      out: 'id         2\nname       acme\ncomment    the plant in Turin\ndatabases  1\n',
    });
    const show = ['database', 'show', 'metrics', '--tenant', 'acme'];
    expect((await run(show, {url})).out).toBe(
      'id        2\nname      metrics\ntenant    acme\nttl       none\nreplicas  3\nshards    auto\n',
    );
    expect(seen.at(-1)!.path).toBe('/admin/v1/databases/metrics?tenant=acme');
    expect(JSON.parse((await run([...show, '--json'], {url})).out)).toEqual(metrics);
    expect(JSON.parse((await run(['tenant', 'show', 'acme', '--json'], {url})).out)).toEqual(acme);
  });

  it('that are not there are an error with the next command', async () => {
    const {url} = await fakeCluster({
      'GET /admin/v1/tenants/acme': () =>
        new Refusal(404, {code: 'TENANT_NOT_FOUND', message: 'no tenant acme', details: {}}),
    });
    const {code, err} = await run(['tenant', 'show', 'acme'], {url});
    expect(code).toBe(EXIT.failed);
    expect(err).toMatch(/^flotilla: no tenant acme\n {2}See \.\/flotilla tenant list; make one/);
  });
});

describe('database', () => {
  it('lists, and says none where rows stay for ever', async () => {
    const options = {ttl: null, bucketDuration: '7d', replicas: 3, shards: 'auto'};
    const {url} = await fakeCluster({
      'GET /admin/v1/databases': () => [{name: 'public', ...options}],
    });
    const {out} = await run(['database', 'list'], {url});
    expect(out).toBe(
      'NAME    TTL   BUCKET DURATION  SHARDS  REPLICAS\n' +
        'public  none  7d               auto           3\n',
    );
  });

  it('bounds its series, or does not', async () => {
    const bounds = [
      {name: 'm', maxSeries: 1_000},
      {name: 'free', maxSeries: null},
    ];
    const {url, seen} = await fakeCluster({
      'GET /admin/v1/databases': () => bounds,
      'GET /admin/v1/databases/free': () => bounds[1],
      'POST /admin/v1/databases': () => ({}),
      'PATCH /admin/v1/databases/m': () => ({}),
    });
    const {out} = await run(['database', 'list'], {url});
    expect(out).toBe('NAME  MAX SERIES\nm     1000\nfree  none\n');
    const shown = await run(['database', 'show', 'free'], {url});
    expect(shown.out).toBe('name       free\nmaxSeries  none\n');
    for (const words of [['create'], ['alter'], ['alter', 'none']]) {
      const [verb, value = '1000'] = words;
      const answer = await run(['database', verb!, 'm', '--max-series', value], {url});
      expect(answer).toMatchObject({code: 0});
    }
    const bodies = seen.filter(({body}) => body !== '').map(({body}) => JSON.parse(body));
    const [made, ...altered] = bodies;
    expect(made).toEqual({name: 'm', maxSeries: 1_000});
    expect(altered).toEqual([{maxSeries: 1_000}, {maxSeries: null}]);
    for (const [value, why] of [
      ['few', 'neither a number from 1 nor none'],
      ['0', 'expected number to be >=1'],
    ]) {
      const refused = await run(['database', 'alter', 'm', '--max-series', value!], {url});
      expect(refused).toMatchObject({code: EXIT.usage, err: expect.stringContaining(why!)});
    }
  });

  it('says where its series come from', async () => {
    const isEstimate = false;
    const found = {
      database: 'm',
      series: 1_200,
      isEstimate: true,
      tables: [{table: 'cpu', series: 1_100, isEstimate: true}],
      tags: [{table: 'cpu', tag: 'host', values: 90, isEstimate}],
      values: [{table: 'cpu', tag: 'zone', value: 'a', series: 40, isEstimate}],
    };
    const {url, seen} = await fakeCluster({'GET /admin/v1/cardinality': () => found});
    const args = ['database', 'cardinality', 'm', '--table', 'cpu', '--limit', '1'];
    const {code, out} = await run([...args, '--tenant', 't'], {url});
    expect(code).toBe(0);
    expect(seen[0]!.path).toBe('/admin/v1/cardinality?tenant=t&db=m&table=cpu&limit=1');
    expect(out).toBe(
      'm: about 1200 series\n' +
        '\nTABLE  SERIES  IS ESTIMATE\ncpu      1100  yes\n' +
        '\nTABLE  TAG   VALUES  IS ESTIMATE\ncpu    host      90  no\n' +
        '\nTABLE  TAG   VALUE  SERIES  IS ESTIMATE\ncpu    zone  a          40  no\n',
    );
    const json = await run(['database', 'cardinality', 'm', '--json'], {url});
    expect(JSON.parse(json.out)).toEqual(found);
    expect(seen[1]!.path).toBe('/admin/v1/cardinality?db=m');
  });

  it('says which replica sets have not confirmed a drop', async () => {
    const {url} = await fakeCluster({
      'DELETE /admin/v1/databases/m': () => ({dropped: 'm', unconfirmed: [7, 9]}),
    });
    const {code, out} = await run(['database', 'drop', 'm'], {url});
    expect(code).toBe(0);
    expect(out).toMatch(/^dropped m\nnot confirmed yet by replica sets 7, 9: /);
    const json = await run(['database', 'drop', 'm', '--json'], {url});
    expect(JSON.parse(json.out)).toEqual({dropped: 'm', unconfirmed: [7, 9]});
  });

  it('creates, alters and drops', async () => {
    const {url, seen} = await fakeCluster({
      'POST /admin/v1/databases': () => ({}),
      'PATCH /admin/v1/databases/m': () => ({}),
      'DELETE /admin/v1/databases/m': () => undefined,
    });
    const created = await run(['database', 'create', 'm', '--ttl', '30d', '--shards', '8'], {url});
    expect(created).toMatchObject({code: 0, out: 'created m\n'});
    expect(await run(['database', 'alter', 'm', '--ttl', 'none'], {url})).toMatchObject({code: 0});
    expect(await run(['database', 'drop', 'm', '--tenant', 't'], {url})).toMatchObject({code: 0});
    expect(seen.map(({body}) => (body === '' ? undefined : JSON.parse(body)))).toEqual([
      {name: 'm', ttl: '30d', shards: 8},
      {ttl: null},
      undefined,
    ]);
    expect(seen[2]!.path).toBe('/admin/v1/databases/m?tenant=t');
  });

  it('takes rows away by a shorter ttl only if that is meant', async () => {
    const counted = {before: '2026-11-21T00:00:00.000Z', buckets: 3, cutBuckets: 1};
    const expires = {...counted, recoverableUntil: '2026-11-23T00:00:00.000Z'};
    const {url, seen} = await fakeCluster({
      'PATCH /admin/v1/databases/m': () => ({ttl: '1h', expires}),
      'PATCH /admin/v1/databases/n': () => ({ttl: '365d'}),
      'PATCH /admin/v1/databases/old': () => ({ttl: '1h', expires: counted}),
    });
    const says =
      'rows from before 2026-11-21T00:00:00.000Z expire, and a longer ttl brings them back until 2026-11-23T00:00:00.000Z: all of 3 buckets, a part of 1 bucket';
    const paths = () => seen.splice(0).map(({path}) => path.replace('/admin/v1/databases/', ''));
    const alter = ['database', 'alter', 'm', '--ttl', '1h'];
    const asked = await run(alter, {url});
    expect(asked).toMatchObject({code: EXIT.usage, out: ''});
    expect(asked.err).toContain(`${says}; say --yes if that is meant`);
    expect(paths()).toEqual(['m?dry_run=true']);
    const tried = await run([...alter, '--dry-run'], {url});
    expect(tried).toMatchObject({code: 0});
    expect(tried.out).toBe(`dry run, nothing was done: altered m\n${says}\n`);
    expect(paths()).toEqual(['m?dry_run=true']);
    const {code, out} = await run([...alter, '--yes'], {url});
    expect({code, out}).toEqual({code: 0, out: `altered m\n${says}\n`});
    const json = await run([...alter, '--yes', '--json'], {url});
    expect(JSON.parse(json.out)).toEqual({altered: 'm', ttl: '1h', expires});
    expect(paths()).toEqual(['m', 'm']);
    const longer = await run(['database', 'alter', 'n', '--ttl', '365d'], {url});
    expect(longer).toMatchObject({code: 0, out: 'altered n\n'});
    expect(paths()).toEqual(['n?dry_run=true', 'n']);
    const final = await run(['database', 'alter', 'old', '--ttl', '1h'], {url});
    expect(final.err).toContain('expire, and nothing brings them back: all of 3 buckets');
  });

  it('says what a longer ttl brings back, and what it does not', async () => {
    const from = '2026-11-21T00:00:00.000Z';
    const goneBefore = '2026-11-20T00:00:00.000Z';
    const answers = {
      part: {from, buckets: 2, cutBuckets: 1},
      all: {buckets: 1, cutBuckets: 0},
      late: {from: goneBefore, buckets: 0, cutBuckets: 1, goneBefore},
      none: {buckets: 0, cutBuckets: 0, goneBefore},
    };
    const routes = Object.entries(answers).map(
      ([name, returns]) =>
        [`PATCH /admin/v1/databases/${name}`, () => ({ttl: '30d', returns})] as const,
    );
    const {url} = await fakeCluster(Object.fromEntries(routes));
    const said = async (name: string) => {
      const {out} = await run(['database', 'alter', name, '--ttl', '30d'], {url});
      return out.split('\n')[1];
    };
    expect(await said('part')).toBe(
      `rows from ${from} on are back: all of 2 buckets, a part of 1 bucket`,
    );
    expect(await said('all')).toBe('all rows that had expired are back: all of 1 bucket');
    const gone = `rows from before ${goneBefore} are gone for good`;
    expect(await said('late')).toBe(
      `rows from ${goneBefore} on are back: a part of 1 bucket; ${gone}`,
    );
    expect(await said('none')).toBe(gone);
    const json = await run(['database', 'alter', 'part', '--ttl', '30d', '--json'], {url});
    expect(JSON.parse(json.out)).toEqual({altered: 'part', ttl: '30d', returns: answers.part});
  });

  it('asks whether it would be made on a dry run', async () => {
    const {url, seen} = await fakeCluster({'POST /admin/v1/databases': () => ({})});
    const args = ['database', 'create', 'm', '--tenant', 't', '--dry-run'];
    expect((await run(args, {url})).out).toBe('dry run, nothing was done: created m\n');
    expect(seen.map(({path}) => path)).toEqual(['/admin/v1/databases?tenant=t&dry_run=true']);
    const json = await run([...args, '--json'], {url});
    expect(JSON.parse(json.out)).toEqual({dryRun: true, created: 'm'});
  });
});
