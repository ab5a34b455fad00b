// What people order of the cluster's own work, and how it stands: automation, maintenance, failover, versions.

import {afterEach, describe, expect, it} from 'vitest';
import {cleanUp, fakeCluster, run} from '../program.fixture.ts';
import {EXIT} from '../terminal.ts';

afterEach(cleanUp);

describe('rebalance', () => {
  const view = {
    leads: [{replicaSet: 7, from: 1, to: 2}],
    replicas: [{replicaSet: 8, replica: 21, from: 1, to: 3, bytes: 4096}],
    nodes: [{node: 1, leads: 4, leadsAfter: 3, replicas: 9, replicasAfter: 8, diskUsed: 0.25}],
  };
  const operation = {id: 3, kind: 'rebalance', state: 'running', step: 'run'};

  it('prints the plan on a dry run', async () => {
    const {url} = await fakeCluster({'POST /admin/v1/rebalance': () => view});
    const {code, out} = await run(['rebalance', '--dry-run'], {url});
    expect(code).toBe(0);
    expect(out).toMatch(/lead +7 +1 +2/);
    expect(out).toMatch(/replica +8 +1 +3 +4.1 kB/);
    expect(out).toMatch(/1 +4 +3 +9 +8 +25%/);
    const json = await run(['rebalance', '--dry-run', '--json'], {url});
    expect(JSON.parse(json.out)).toEqual(view);
  });

  it('says so where nothing would be moved', async () => {
    const even = {...view, leads: [], replicas: []};
    const {url} = await fakeCluster({'POST /admin/v1/rebalance': () => even});
    expect((await run(['rebalance', '--dry-run'], {url})).out).toContain('nothing would be moved');
  });

  it('begins an operation', async () => {
    const {url} = await fakeCluster({'POST /admin/v1/rebalance': () => ({operation})});
    const {code, out} = await run(['rebalance', '--no-wait'], {url});
    expect(code).toBe(0);
    expect(out).toContain('operation watch 3');
  });
});

describe('people and what the cluster does by itself', () => {
  it('pauses and resumes it, and status says so', async () => {
    const until = '2026-01-01T02:00:00.000Z';
    const paused = {repair: {state: 'paused', until}, rebalance: {state: 'running'}};
    const {url, seen} = await fakeCluster({
      'POST /admin/v1/automation/pause': () => paused,
      'POST /admin/v1/automation/resume': () => ({...paused, repair: {state: 'running'}}),
      'GET /admin/v1/status': () => ({
        verdict: 'healthy',
        notices: [{message: 'repair is paused', next: 'flotilla automation resume repair'}],
      }),
    });
    const {out} = await run(['automation', 'pause', 'repair', '--for', '2h'], {url});
    expect(out).toBe(
      `WHAT       STATE    UNTIL\nrepair     paused   ${until}\nrebalance  running  -\n`,
    );
    await run(['automation', 'resume'], {url});
    expect(seen.map(({body}) => JSON.parse(body))).toEqual([
      {what: 'repair', for: '2h'},
      {what: 'all'},
    ]);
    const status = await run(['status'], {url});
    expect(status).toMatchObject({
      code: 0,
      out: 'healthy\n- repair is paused\n    next: ./flotilla automation resume repair\n',
    });
  });

  it('says whether nodes can be stopped, in words and by its exit code', async () => {
    const lost = {id: 12, database: 'public', voters: 3, present: 2, left: 1, needed: 2};
    const {url} = await fakeCluster({
      'GET /admin/v1/nodes/ok-to-stop': ({path}) =>
        path.endsWith('=2,3') ? {ok: false, sets: [lost]} : {ok: true, sets: []},
    });
    expect(await run(['node', 'ok-to-stop', '3'], {url})).toMatchObject({
      code: EXIT.ok,
      out: 'ok: without node 3 every replica set keeps a majority\n',
    });
    const {code, out} = await run(['node', 'ok-to-stop', '2', '3'], {url});
    expect(code).toBe(EXIT.failed);
    expect(out).toMatch(/^not ok: without nodes 2, 3 .*\n\nID .*\n12 {2}public/);
  });

  it('takes a node off the list by an operation, or at once where it holds nothing', async () => {
    const operation = {id: 7, kind: 'decommission-node', state: 'running', sourceNode: 3};
    const {url, seen} = await fakeCluster({
      'POST /admin/v1/nodes/3/decommission': () => ({operation}),
      'POST /admin/v1/nodes/4/decommission': () => ({id: 4, state: 'decommissioned'}),
      'GET /admin/v1/operations/7': () => ({...operation, state: 'done'}),
    });
    const decommission = (...args: string[]) => run(['node', 'decommission', ...args], {url});
    expect(await decommission('3')).toMatchObject({
      code: EXIT.ok,
      out: 'operation 7 (decommission-node): done\n',
    });
    expect((await decommission('3', '--no-wait')).out).toContain('operation watch 7');
    expect((await decommission('3', '--dry-run')).out).toBe(
      'would begin: decommission-node, sourceNode 3\n',
    );
    expect(seen.at(-1)!.path).toMatch(/[?]dry_run=true$/);
    expect(await decommission('4')).toMatchObject({
      code: EXIT.ok,
      out: 'node 4 is a member no more\n',
    });
  });

  it('waits until a node in maintenance leads nothing', async () => {
    let looks = 0;
    const maintenance = {untilMs: 1_000, scope: 'all'};
    const {url, seen} = await fakeCluster({
      'POST /admin/v1/nodes/3/maintenance': () => ({id: 3, maintenance}),
      'GET /admin/v1/nodes': () => [{id: 3, leaders: 2 - ++looks}],
    });
    const {code, out} = await run(['node', 'maintenance', '3', '--for', '1h'], {url});
    expect({code, out}).toEqual({
      code: EXIT.ok,
      out: 'node 3 is to lead nothing until 1970-01-01T00:00:01.000Z\nit leads nothing now\n',
    });
    expect(JSON.parse(seen[0]!.body)).toEqual({for: '1h'});
    expect(await run(['node', 'maintenance', '3', '--end'], {url})).toMatchObject({
      code: EXIT.ok,
      out: 'the maintenance of node 3 has ended\n',
    });
    expect(JSON.parse(seen.at(-1)!.body)).toEqual({end: true});
  });

  it('sets how the cluster, a database or a set fails over, and shows it', async () => {
    const {url, seen} = await fakeCluster({
      'PATCH /admin/v1/cluster': () => ({}),
      'PATCH /admin/v1/databases/m': () => ({}),
      'POST /admin/v1/replica-sets/12/failover': () => ({id: 12}),
      'GET /admin/v1/cluster': () => ({id: 'c', failover: 'manual'}),
    });
    const mode = (...args: string[]) => run(['failover', 'mode', ...args], {url});
    expect((await mode('manual')).out).toBe('failover of the cluster is manual\n');
    expect((await mode('manual', '--db', 'm')).out).toBe('failover of database m is manual\n');
    await mode('automatic', '--replica-set', '12');
    expect(seen.map(({path, body}) => [path.split('?')[0], body])).toEqual([
      ['/admin/v1/cluster', '{"failover":"manual"}'],
      ['/admin/v1/databases/m', '{"failover":"manual"}'],
      ['/admin/v1/replica-sets/12/failover', '{"mode":"automatic"}'],
    ]);
    expect((await mode()).out).toBe('failover  manual\n');
  });

  it('shows what version the cluster uses and could use, and raises it', async () => {
    const {url} = await fakeCluster({
      'GET /admin/v1/cluster': () => ({
        id: 'c',
        version: 1,
        nodes: [{node: 1, address: 'a:1', build: '0.1.0', clusterVersionMax: 2}],
        next: 'flotilla cluster upgrade finalize',
      }),
      'POST /admin/v1/cluster/upgrade/finalize': () => ({version: 2, from: 1}),
    });
    const {out} = await run(['cluster', 'show'], {url});
    expect(out).toMatch(/next +\.\/flotilla cluster upgrade finalize\n/);
    expect(out).toMatch(/1 +a:1 +0\.1\.0 +2\n/);
    expect((await run(['cluster', 'upgrade', 'finalize'], {url})).out).toBe(
      'the cluster uses version 2 now; before, it was 1\n',
    );
  });
});
