import {afterEach, describe, expect, it} from 'vitest';
import {cleanUp, fakeCluster, run} from '../program.fixture.ts';
import {EXIT} from '../terminal.ts';

afterEach(cleanUp);

describe('replica sets and operations', () => {
  const set = {
    id: 12,
    database: 'public',
    bucket: {id: 3, start: '2026-01-01T00:00:00Z', end: '2026-01-08T00:00:00Z'},
    shard: 0,
    epoch: 2,
    state: 'open',
    replicas: [
      {replica: 31, node: 1, role: 'voter', leader: true, state: 'open', appliedIndex: 9, lag: 0},
      {replica: 32, node: 2, role: 'learner', leader: false, state: 'open', lag: 4},
    ],
  };
  const operation = {id: 7, kind: 'move-replica', state: 'running', step: 'catch-up', percent: 40};

  it('lists and shows', async () => {
    const {url} = await fakeCluster({
      'GET /admin/v1/replica-sets': () => [set],
      'GET /admin/v1/replica-sets/12': () => set,
    });
    const list = await run(['replica-set', 'list', '--db', 'public'], {url});
    expect(list.out.split('\n')[1]).toMatch(/^12 {2}public .* open +1 +1 2\*$/);
    const shown = await run(['replica-set', 'show', '12'], {url});
    expect(shown.out).toContain('replica set 12  database public  bucket 3 [2026-01-01T00:00:00Z');
    expect(shown.out).toMatch(/32 {5}2 {2}learner {2}no/);
  });

  it('moves and watches to the end', async () => {
    let looks = 0;
    const {url, seen} = await fakeCluster({
      'POST /admin/v1/replica-sets/12/move-replica': () => ({operation}),
      'GET /admin/v1/operations/7': () =>
        ++looks < 2 ? operation : {...operation, state: 'done', step: 'done'},
    });
    const args = ['replica-set', 'move-replica', '12', '--from', '1', '--to', '3'];
    const {code, out, err} = await run(args, {url});
    expect(code).toBe(0);
    expect(seen[0]!.body).toBe('{"from":"1","to":"3"}');
    expect(err).toBe('operation 7 (move-replica): running, catch-up\n');
    expect(out).toBe('operation 7 (move-replica): done\n');
  });

  it('shows and watches the creation of a bucket by its name, and neither cancels nor retries it', async () => {
    const bucket = {id: 'bucket-12', kind: 'create-bucket', state: 'done', step: 'create'};
    const {url} = await fakeCluster({'GET /admin/v1/operations/bucket-12': () => bucket});
    expect((await run(['operation', 'show', 'bucket-12'], {url})).out).toMatch(
      /kind +create-bucket/,
    );
    expect((await run(['operation', 'watch', 'bucket-12'], {url})).code).toBe(EXIT.ok);
    for (const order of ['cancel', 'retry'])
      expect(await run(['operation', order, 'bucket-12'], {url})).toMatchObject({
        code: EXIT.usage,
        err: expect.stringContaining('goes on once what it waits for is there'),
      });
  });

  it('fails as the operation fails', async () => {
    const failed = {...operation, state: 'failed', error: 'node 3 is gone'};
    const {url} = await fakeCluster({'GET /admin/v1/operations/7': () => failed});
    const {code, out} = await run(['operation', 'watch', '7'], {url});
    expect(code).toBe(EXIT.failed);
    expect(out).toContain('failed: node 3 is gone');
  });

  it('leaves it running on Ctrl-C and says how to watch', async () => {
    const {url} = await fakeCluster({'GET /admin/v1/operations/7': () => operation});
    const onInterrupt = (stop: () => void) => setTimeout(stop, 50);
    const args = ['operation', 'watch', '7', '--url', url];
    const {code, err} = await run(args, {tty: true, onInterrupt});
    expect(code).toBe(EXIT.interrupted);
    expect(err).toContain('[##########................] 40%');
    expect(err).toContain(`watch it with: ./flotilla operation watch 7 --url ${url}\n`);
  });

  it('returns at once where asked', async () => {
    const {url} = await fakeCluster({
      'POST /admin/v1/replica-sets/12/remove-replica': () => ({operation}),
    });
    const args = ['replica-set', 'remove-replica', '12', '--node', '2', '--no-wait'];
    const {code, out} = await run(args, {url});
    expect(code).toBe(0);
    expect(out).toContain('watch it: ./flotilla operation watch 7');
  });

  it('cancels and tries again', async () => {
    const {url} = await fakeCluster({
      'POST /admin/v1/operations/7/cancel': () => ({operation: {...operation, state: 'cancelled'}}),
      'POST /admin/v1/operations/8/cancel': () => ({operation: {...operation, state: 'done'}}),
      'POST /admin/v1/operations/7/retry': () => ({operation: {...operation, id: 9}}),
      'GET /admin/v1/operations/9': () => ({...operation, id: 9, state: 'done'}),
    });
    const cancelled = await run(['operation', 'cancel', '7'], {url});
    expect(cancelled).toMatchObject({code: 0, out: 'operation 7 (move-replica): cancelled\n'});
    // It was too late.
    expect((await run(['operation', 'cancel', '8'], {url})).code).toBe(EXIT.failed);
    const retried = await run(['operation', 'retry', '7'], {url});
    expect(retried).toMatchObject({code: 0, out: 'operation 9 (move-replica): done\n'});
    const begun = await run(['operation', 'retry', '7', '--no-wait', '--json'], {url});
    expect(JSON.parse(begun.out)).toMatchObject({id: 9, state: 'running'});
  });

  it('shows an order to skip an entry that nobody brought to its end', async () => {
    const skipOrder = {order: 9, index: 17, by: 'ann', atMs: 1};
    const {url} = await fakeCluster({'GET /admin/v1/replica-sets/12': () => ({...set, skipOrder})});
    const {out} = await run(['replica-set', 'show', '12'], {url});
    expect(out).toContain(
      'an order of ann to skip entry 17 is not decided: go on with it by flotilla replica-set skip-entry 12 --index 17 --yes, or withdraw it by flotilla replica-set retry 12\n',
    );
  });

  it('skips an entry, and tells by exit code and text whether the set goes on', async () => {
    const led = {...set, leader: 1, skippedEntries: [{index: 17, by: 'ann', atMs: 1}]};
    const failed = {...set.replicas[1]!, state: 'failed', failedIndex: 17, appliedIndex: 16};
    let answer: object = led;
    const {url} = await fakeCluster({
      'POST /admin/v1/replica-sets/12/skip-entry': () => answer,
      'POST /admin/v1/replica-sets/12/retry': () => answer,
    });
    const skip = ['replica-set', 'skip-entry', '12', '--index', '17'];
    expect((await run(skip, {url})).err).toContain('say --yes if that is meant');
    expect((await run([...skip, '--yes'], {url})).code).toBe(0);
    answer = {...led, replicas: [set.replicas[0]!, failed]};
    const slow = await run([...skip, '--yes'], {url});
    expect(slow.code).toBe(EXIT.failed);
    expect(slow.out).toContain('replica 32 on node 2 failed at entry 17, which it is to pass over');
    answer = {...led, replicas: [set.replicas[0]!, {...failed, failedIndex: 18}]};
    for (const args of [skip.concat('--yes'), ['replica-set', 'retry', '12']]) {
      const next = await run(args, {url});
      expect(next.code).toBe(EXIT.failed);
      expect(next.out).toContain(
        `replica 32 on node 2 failed at entry 18: start its node with a build that knows the entry, or give the entry up: ./flotilla replica-set skip-entry 12 --index 18 --yes\n`,
      );
    }
    answer = {...led, leader: undefined};
    const json = await run([...skip, '--yes', '--json'], {url});
    expect(json.code).toBe(EXIT.failed);
    expect(JSON.parse(json.out)).toMatchObject({id: 12});
  });

  it('compares and compacts', async () => {
    const result = '3 replicas agree on 5 values at index 9 (aa)';
    const done = {id: 7, kind: 'checksum', replicaSet: 12, state: 'done', result};
    const {url} = await fakeCluster({
      'POST /admin/v1/replica-sets/12/checksum': () => ({operation: done}),
      'POST /admin/v1/replica-sets/12/compact': () => ({operation: {...done, kind: 'compact'}}),
    });
    const compared = await run(['replica-set', 'checksum', '12'], {url});
    const line = `operation 7 (checksum of replica set 12): done: ${result}\n`;
    expect(compared).toMatchObject({code: 0, out: line});
    expect((await run(['replica-set', 'compact', '12'], {url})).code).toBe(0);
  });

  it('destroys only what is meant to be, and says what has its place', async () => {
    const result = 'its rows are gone, and replica set 14 has its place';
    const begun = {
      id: 7,
      kind: 'destroy-replica-set',
      replicaSet: 12,
      state: 'running',
      step: 'replace',
    };
    const {url, seen} = await fakeCluster({
      'POST /admin/v1/replica-sets/12/destroy': () => ({operation: begun}),
      'GET /admin/v1/operations/7': () => ({...begun, state: 'done', result}),
    });
    const destroy = ['replica-set', 'destroy', '12'];
    const asked = await run(destroy, {url});
    expect(asked.code).toBe(EXIT.usage);
    expect(asked.err).toContain('gone for ever: no trash keeps them; say --yes');
    expect(seen).toEqual([]);
    const tried = await run([...destroy, '--dry-run'], {url});
    expect(tried.out).toBe('would begin: destroy-replica-set, replicaSet 12\n');
    const {code, out} = await run([...destroy, '--yes'], {url});
    expect(code).toBe(0);
    expect(out).toBe(`operation 7 (destroy-replica-set of replica set 12): done: ${result}\n`);
    const json = await run([...destroy, '--yes', '--json', '--no-wait'], {url});
    expect(JSON.parse(json.out)).toMatchObject({id: 7, state: 'running'});
  });

  it('says what it would begin', async () => {
    const begun = {id: 9, kind: 'add-replica', state: 'running', replicaSet: 12, targetNode: 4};
    const {url, seen} = await fakeCluster({
      'POST /admin/v1/replica-sets/12/add-replica': () => ({dryRun: true, operation: begun}),
    });
    const args = ['replica-set', 'add-replica', '12', '--node', '4', '--dry-run'];
    const {code, out} = await run(args, {url});
    expect({code, out}).toEqual({
      code: 0,
      out: 'would begin: add-replica, replicaSet 12, targetNode 4\n',
    });
    expect(seen.map(({path}) => path)).toEqual([
      '/admin/v1/replica-sets/12/add-replica?dry_run=true',
    ]);
  });

  it('shows who could lead, and why another cannot', async () => {
    const candidate = {
      replica: 31,
      node: 1,
      isReachable: true,
      votes: 2,
      votesNeeded: 2,
      canWin: true,
    };
    const {url} = await fakeCluster({
      'GET /admin/v1/replica-sets/12/candidates': () => [
        {...candidate, lastTerm: 4, lastIndex: 9, lag: 0},
        {...candidate, node: 2, votes: 1, canWin: false, why: 'its node does not answer'},
      ],
    });
    const {out} = await run(['replica-set', 'candidates', '12'], {url});
    expect(out).toMatch(/LAST TERM {2}LAST INDEX {2}LAG {2}VOTES {2}VOTES NEEDED {2}CAN WIN\n/);
    expect(out).toMatch(/\n\nnode 2 cannot lead: its node does not answer\n$/);
  });
});
