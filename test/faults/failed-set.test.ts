// A replica set that meets an entry of a kind that two of its three nodes do not know: it is failed, named with the
// entry, and the others go on. It comes to itself where all nodes get the build that knows the entry; or without
// the entry, on all replicas alike, by order. The build to come is this one with one more kind of entry, which it
// writes without waiting for the upgrade to be finalized; on one node it lacks something of it at first, so that
// its replica fails again and goes on when it is told to.

import {execFile} from 'node:child_process';
import {cpSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {promisify} from 'node:util';
import {FlotillaClient, type ReplicaSet} from '@flotilla/client';
import {ProcessCluster, type ProcessNode} from '@flotilla/testkit';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {auditedBy, leaderOf, openDatabase} from '../cluster/nodes.ts';
import {until} from '../cluster/waiting.ts';
import {makeBuild, programOf, ROOT} from './second-build.ts';

const COMMANDS = 'packages/replica/src/command.ts';
const TEST_MS_MAX = 240_000;
/** The node on which the build to come knows its entry only once it is there. */
const LACKING = 2;
/** The set of `upgraded` gets a build that knows the entry; that of `given-up` goes on without it. */
const DATABASES = ['well', 'upgraded', 'given-up'] as const;

let next: string;
let lacking: string;
let cluster: ProcessCluster;
let client: FlotillaClient;

/** This build, whose DELETEs are entries of a kind of their own. */
function buildToCome(directory: string): void {
  cpSync(path.join(ROOT, 'package.json'), path.join(directory, 'package.json'));
  cpSync(path.join(ROOT, 'packages'), path.join(directory, 'packages'), {
    recursive: true,
    filter: (from) => path.basename(from) !== 'node_modules',
  });
  const file = path.join(directory, COMMANDS);
  const now = readFileSync(file, 'utf8');
  const isThere = `process.getBuiltinModule('node:fs').existsSync(process.env.LACKING)`;
  const then = now.replace('encodeJson(KIND_DELETE, request)', 'encodeJson(99, request)').replace(
    'case KIND_DELETE:',
    `case 99:
      if (process.env.LACKING !== undefined && !${isThere}) throw new Error('it is lacking');
    case KIND_DELETE:`,
  );
  expect(then.split('99')).toHaveLength(3);
  writeFileSync(file, then);
}

beforeAll(async () => {
  next = makeBuild(buildToCome);
  lacking = path.join(next, 'lacking');
  cluster = await ProcessCluster.start({
    nodes: 3,
    engineThreads: 1,
    env: (node) => ({LACKING: node === LACKING ? lacking : undefined}),
  });
  client = new FlotillaClient({urls: cluster.urls});
  await client.admin.pauseAutomation({});
  await Promise.all(
    DATABASES.map(async (database) => {
      await openDatabase(client, database, {shards: 1});
      await client.write(rows(0, 10), {database});
    }),
  );
}, TEST_MS_MAX);
afterAll(async () => {
  client.close();
  await cluster.destroy();
  rmSync(next, {recursive: true, force: true});
});

function rows(from: number, to: number): string {
  const line = (n: number) => `m,host=a v=${n}i 16000000${String(n).padStart(2, '0')}000000000`;
  return Array.from({length: to - from}, (_, i) => line(from + i)).join('\n');
}

async function start(node: ProcessNode, build: string): Promise<void> {
  await node.kill();
  node.program = programOf(build);
  node.start();
  await node.ready();
}

async function setOf(database: string): Promise<ReplicaSet> {
  const [set] = await client.admin.replicaSets({database});
  return set!;
}

async function idOf({port}: ProcessNode): Promise<number> {
  const nodes = await client.admin.nodes();
  return nodes.find(({address}) => address === `127.0.0.1:${port}`)!['id'] as number;
}

/** The node, which runs the build to come, leads the set and writes an entry that no other knows. */
async function poison(database: string, node: ProcessNode): Promise<number> {
  const {id} = await setOf(database);
  const to = await idOf(node);
  await until(`node ${to} leads the set of ${database}`, async () => {
    const leader = leaderOf(await setOf(database));
    if (leader !== undefined && leader !== to)
      await client.admin.changeReplicaSet(id, {action: 'transfer-leader', to});
    return leader === to;
  });
  await client.query("DELETE FROM m WHERE time < '2020-09-13T12:26:45Z'", {database});
  let failedAt = 0;
  await until(`two replicas of ${database} have failed`, async () => {
    const {replicas} = await setOf(database);
    const failed = replicas.filter(({state}) => state === 'failed');
    failedAt = (failed[0]?.['failedIndex'] as number | undefined) ?? 0;
    return failed.length === 2;
  });
  return failedAt;
}

async function flotilla(...args: string[]): Promise<{code: number; text: string}> {
  const command = [programOf(ROOT), ...args, '--url', cluster.urls.join(',')];
  try {
    const {stdout, stderr} = await promisify(execFile)(process.execPath, command);
    return {code: 0, text: `${stdout}${stderr}`};
  } catch (error) {
    const {code, stdout, stderr} = error as {code: number; stdout: string; stderr: string};
    return {code, text: `${stdout}${stderr}`};
  }
}

/** As each node has them itself. */
async function counts(database: string): Promise<number[]> {
  return Promise.all(
    cluster.nodes.map(async ({url}) => {
      const alone = new FlotillaClient({urls: [url], database});
      const found = await alone.query('SELECT v FROM m', {stale: true});
      alone.close();
      return found.length;
    }),
  );
}

test(
  'an entry that two of three nodes do not know',
  async () => {
    const newer = cluster.node(3);
    await start(newer, next);
    const failedAt = new Map<string, number>();
    for (const database of ['upgraded', 'given-up'])
      failedAt.set(database, await poison(database, newer));
    const sets = {upgraded: await setOf('upgraded'), givenUp: await setOf('given-up')};
    const index = failedAt.get('given-up')!;
    const skip = ['replica-set', 'skip-entry', String(sets.givenUp.id), '--index', `${index}`];

    const {reasons} = (await client.admin.status()) as unknown as {
      reasons: {message: string; next?: string}[];
    };
    const said = JSON.stringify(reasons);
    for (const [database, at] of failedAt) expect(said, database).toContain(`entry ${at}`);
    expect(said).toContain('unknown kind 99');
    // The other set of the same nodes does not notice.
    await client.write(rows(10, 20), {database: 'well'});
    await until('each replica of the other set has all rows', async () =>
      (await counts('well')).every((count) => count === 20),
    );

    // One has applied it: without it the others would differ from that one for ever.
    const early = await flotilla(...skip, '--yes');
    expect(early.code).toBe(1);
    expect(early.text).toContain(`on node ${await idOf(newer)} has applied entry ${index}`);
    const again = await flotilla('replica-set', 'retry', String(sets.upgraded.id));
    expect(again.code).toBe(1);
    expect(again.text).toContain(
      `failed at entry ${failedAt.get('upgraded')}: start its node with`,
    );

    // It goes back, and what it had made of the entry was in its memory alone. Nobody leads who could tell it that
    // the entry is committed: it stands before it.
    await start(newer, ROOT);
    await until('the set goes on without the entry', async () => {
      const {code, text} = await flotilla(...skip, '--yes');
      if (code !== 0) throw new Error(text);
      return true;
    });
    expect(await setOf('given-up')).toMatchObject({skippedEntries: [{index, by: 'operator'}]});
    expect(auditedBy(cluster)).toContainEqual(
      expect.objectContaining({what: 'skip-entry', result: 'ok'}),
    );
    await client.write(rows(10, 20), {database: 'given-up'});
    await until('each replica has all rows, which the entry would have taken', async () =>
      (await counts('given-up')).every((count) => count === 20),
    );

    // The upgrade: each node tries again when it starts, and the one set alone has forgotten the entry.
    await Promise.all(cluster.nodes.map((node) => start(node, next)));
    await client.write(rows(10, 20), {database: 'upgraded'});
    const failed = async () =>
      (await setOf('upgraded')).replicas.filter(({state}) => state === 'failed');
    await until('the one that lacks something has failed again', async () => {
      const [one] = await failed();
      return one?.node === (await idOf(cluster.node(LACKING)));
    });
    const retry = ['replica-set', 'retry', String(sets.upgraded.id)];
    expect(await flotilla(...retry)).toMatchObject({
      code: 1,
      text: expect.stringContaining('it is lacking'),
    });
    writeFileSync(lacking, '');
    expect(await flotilla(...retry)).toMatchObject({code: 0});
    expect(await failed()).toEqual([]);
    await until('each replica has applied what all of them know now', async () =>
      (await counts('upgraded')).every((count) => count === 15),
    );
    await until('each replica still passes over the other entry', async () =>
      (await counts('given-up')).every((count) => count === 20),
    );
    expect(
      (await client.admin.replicaSets({})).flatMap(({replicas}) => replicas),
    ).not.toContainEqual(expect.objectContaining({state: 'failed'}));
  },
  TEST_MS_MAX,
);
