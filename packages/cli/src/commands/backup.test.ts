import {createHash} from 'node:crypto';
import {mkdirSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {afterEach, describe, expect, test} from 'vitest';
import {cleanUp, fakeCluster, Refusal, run, temporaryDirectory} from '../program.fixture.ts';
import {EXIT} from '../terminal.ts';

const RUNNING = {
  ...{id: 'b1', state: 'running', sets: 4, setsDone: 1},
  ...{bytes: 1_000, copiedBytes: 500},
};
const DONE = {...RUNNING, state: 'done', setsDone: 4, bytes: 4_000_000, copiedBytes: 1_000_000};

afterEach(cleanUp);

/** It is running when it is asked for first. */
function cluster(last: object | undefined) {
  let asked = 0;
  return fakeCluster({
    'POST /admin/v1/backups': () => ({backup: RUNNING}),
    'GET /admin/v1/backups': () => (asked++ === 0 ? [RUNNING] : last === undefined ? [] : [last]),
  });
}

describe('backup', () => {
  test('says what it wants, waits for the end and tells it', async () => {
    const {url, seen} = await cluster(DONE);
    const args = ['backup', '/mnt/b', '--db', 'd', '--rate', '50MB'];
    expect(await run(args, {url})).toEqual({
      code: EXIT.ok,
      out: 'backup b1 is complete: 4 replica sets, 4.0 MB, 1.0 MB of it copied\n',
      err: '',
    });
    const body = {directory: '/mnt/b', database: 'd', bytesPerSecond: 50_000_000};
    expect(JSON.parse(seen[0]!.body)).toEqual(body);
    expect(seen[1]!.path).toBe('/admin/v1/backups?directory=%2Fmnt%2Fb&id=b1');
  });

  test.each([
    [{...RUNNING, state: 'failed', error: 'no majority'}, 'backup b1 failed: no majority\n'],
    [{...RUNNING, state: 'stopped'}, 'says nothing any more'],
    [undefined, 'it was removed from the directory'],
  ])('that ends otherwise is a failure: %j', async (last, said) => {
    const {url} = await cluster(last);
    const {code, out} = await run(['backup', '/mnt/b'], {url});
    expect([code, out]).toEqual([EXIT.failed, expect.stringContaining(said)]);
  });

  test('with --no-wait, or Ctrl-C, it goes on and says how it is seen', async () => {
    const {url} = await cluster(DONE);
    const begun = await run(['backup', '/mnt/b', '--no-wait'], {url});
    expect(begun).toMatchObject({code: EXIT.ok, err: ''});
    expect(begun.out).toContain('see it: ./flotilla backup list /mnt/b');
    const left = await run(['backup', '/mnt/b'], {url, onInterrupt: (stop) => stop()});
    expect(left).toMatchObject({code: EXIT.interrupted, out: ''});
    expect(left.err).toContain('backup b1 goes on; see it with: ./flotilla backup list /mnt/b');
  });

  test('names what is wrong: no directory, a rate without its unit, a refusal', async () => {
    expect((await run(['backup'])).code).toBe(EXIT.usage);
    expect((await run(['backup', '/mnt/b', '--rate', '50'])).code).toBe(EXIT.usage);
    const refused = new Refusal(409, {code: 'CONFLICT', message: 'another is under way'});
    const {url} = await fakeCluster({'POST /admin/v1/backups': () => refused});
    const {code, err} = await run(['backup', '/mnt/b', '--json'], {url});
    expect([code, JSON.parse(err)]).toEqual([
      EXIT.failed,
      expect.objectContaining({code: 'CONFLICT'}),
    ]);
  });
});

describe('backup list, verify, prune; restore', () => {
  test('what is no directory of backups could not be read', async () => {
    const directory = temporaryDirectory();
    for (const what of ['list', 'verify']) {
      const {code, out, err} = await run(['backup', what, directory]);
      expect([code, out]).toEqual([EXIT.unreadable, '']);
      expect(err).toContain('no directory of backups');
    }
    const pruned = await run(['backup', 'prune', directory, '--keep', '1']);
    expect(pruned.code).toBe(EXIT.failed);
    const {code, err} = await run(['restore', directory]);
    expect([code, err]).toEqual([EXIT.failed, expect.stringContaining('no directory of backups')]);
  });

  test('a prune says how many stay; --as says of which database, --skip-sets of which backup', async () => {
    expect((await run(['backup', 'prune', '/mnt/b'])).code).toBe(EXIT.usage);
    expect((await run(['backup', 'prune', '/mnt/b', '--keep', '0'])).code).toBe(EXIT.usage);
    expect((await run(['restore', '/mnt/b', '--as', 'x'])).code).toBe(EXIT.usage);
    const {code, err} = await run(['restore', '/mnt/b', '--skip-sets', '3']);
    expect([code, err]).toEqual([EXIT.usage, expect.stringContaining('say by --backup')]);
  });
});

describe('restore into a database that is there', () => {
  /** A directory with one backup, of a database without rows whose times are nanoseconds. */
  function backedUp(): string {
    const directory = temporaryDirectory();
    const options = {...{bucketDurationMs: 86_400_000, shards: 1, replicas: 1}, precision: 'ns'};
    const fields = [{...{id: 1, kind: 'field', name: 'v'}, type: 'float'}];
    const tables = [{id: 1, name: 'm', columns: fields}];
    const database = {...{id: 1, name: 'd', tenant: 'default'}, options, tables};
    const catalog = JSON.stringify({version: 1, databases: [database], places: []});
    const sha256 = sumOf(catalog);
    const record = JSON.stringify({
      ...{version: 1, id: 'b1', cluster: 'c', build: '0', scope: {}, startedMs: 0, endedMs: 0},
      ...{catalog: {bytes: catalog.length, sha256}, sets: [], copiedBytes: 0},
    });
    const file = (name: string, text: string): void => {
      const made = path.join(directory, name);
      mkdirSync(path.dirname(made), {recursive: true});
      writeFileSync(made, text);
    };
    file('flotilla-backup.json', JSON.stringify({version: 1, cluster: 'c'}));
    file('backups/b1.json', `${record}\n${sumOf(record)}\n`);
    file(`files/${sha256.slice(0, 2)}/${sha256}`, catalog);
    return directory;
  }
  const sumOf = (text: string): string => createHash('sha256').update(text).digest('hex');

  test.each([[[]], [['--merge']], [['--backup', 'b1', '--skip-sets', '0']]])(
    'writes nothing where its times are coarser: %j',
    async (more) => {
      let precision = 'ms';
      const {url, seen} = await fakeCluster({
        'POST /admin/v1/databases': () => ({name: 'd', precision, tables: 0}),
        'POST /api/v1/sql': () => [],
      });
      const args = ['restore', backedUp(), ...more];
      const {code, err} = await run(args, {url});
      expect([code, err]).toEqual([
        EXIT.usage,
        expect.stringMatching(/database d of tenant default .* ms, the backup .* ns: .* --as/),
      ]);
      expect(seen).toHaveLength(1);
      precision = 'ns';
      expect(await run(args, {url})).toMatchObject({code: EXIT.ok, err: ''});
    },
  );
});
