// Goal: a replica set is destroyed under load with all that it held, files too, and what is written after it is
// kept; all other shards go on as if nothing were. Method: writers that know of each row when it was begun and when
// acknowledged, on three nodes; by the command line, by SQL, and with a node that is away.

import {readdirSync} from 'node:fs';
import path from 'node:path';
import {FlotillaClient, type Id, type Operation, type ReplicaSet} from '@flotilla/client';
import {ProcessCluster} from '@flotilla/testkit';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {flotillaAt} from './command-line.ts';
import {auditedBy, flushEveryNode, leaderOf, openDatabase, untilApplied} from './nodes.ts';
import {until} from './waiting.ts';

const DATABASE = 'd';
const SHARDS = 4;
const HOSTS = 40;
const WRITERS = 4;
const START_NS = 1_600_000_000_000_000_000n;
const START_MS_MAX = 120_000;
const TEST_MS_MAX = 120_000;

let cluster: ProcessCluster;
let client: FlotillaClient;

beforeAll(async () => {
  cluster = await ProcessCluster.start({nodes: 3, engineThreads: 1});
  client = new FlotillaClient({urls: cluster.urls, database: DATABASE});
  await openDatabase(client, DATABASE, {shards: SHARDS});
}, START_MS_MAX);
afterAll(async () => {
  client.close();
  await cluster.destroy();
});

interface Row {
  readonly id: number;
  readonly host: number;
  readonly beganMs: number;
  readonly ackedMs: number;
}

/** One row a body, so that each row's fate is its own. */
class Load {
  readonly rows: Row[] = [];
  readonly failures: unknown[] = [];
  readonly #writers: Promise<void>[];
  readonly #first: number;
  #count = 0;
  #isStopped = false;

  constructor(first: number) {
    this.#first = first;
    this.#writers = Array.from({length: WRITERS}, () => this.#write());
  }

  /** Begun and acknowledged from now on. */
  async more(count: number): Promise<void> {
    const sinceMs = performance.now();
    const isSince = ({beganMs}: Row): boolean => beganMs > sinceMs;
    await until(`${count} rows are written`, () => this.rows.filter(isSince).length >= count);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#writers);
  }

  async #write(): Promise<void> {
    while (!this.#isStopped) {
      const id = this.#first + this.#count++;
      const host = id % HOSTS;
      const beganMs = performance.now();
      try {
        await client.write(`m,host=h${host} v=${id}i ${START_NS + BigInt(id)}`);
        this.rows.push({id, host, beganMs, ackedMs: performance.now()});
      } catch (error) {
        this.failures.push(error);
      }
    }
  }
}

async function valuesThere(): Promise<Set<number>> {
  const rows = await client.query('SELECT v FROM m');
  const ids = rows.map(({v}) => Number(v));
  expect(new Set(ids).size).toBe(ids.length);
  return new Set(ids);
}

/** @param span  of the operation: begun and seen to have ended, in the load's time */
async function compare(load: Load, {begunMs, endedMs}: {begunMs: number; endedMs: number}) {
  expect(load.failures).toEqual([]);
  const there = await valuesThere();
  const before = load.rows.filter(({ackedMs}) => ackedMs < begunMs);
  const gone = new Set(before.filter(({id}) => !there.has(id)).map(({host}) => host));
  expect(gone.size, 'of some hosts all rows are gone').toBeGreaterThan(0);
  expect(gone.size, 'and not of all').toBeLessThan(HOSTS);
  const left = before.filter(({host, id}) => gone.has(host) && there.has(id));
  expect(left, 'rows of before in the shard').toEqual([]);
  const others = load.rows.filter(({host, id}) => !gone.has(host) && !there.has(id));
  expect(others, 'rows of other shards that are gone').toEqual([]);
  const mine = load.rows.filter(({host}) => gone.has(host));
  const after = mine.filter(({beganMs}) => beganMs > endedMs);
  expect(after.length).toBeGreaterThan(0);
  expect(
    after.filter(({id}) => !there.has(id)),
    'rows of after that are gone',
  ).toEqual([]);
  // There is one moment at which all goes: nothing that was there before it hides what is lost after.
  const firstKept = mine.filter(({id}) => there.has(id)).map(({ackedMs}) => ackedMs);
  const lost = mine.filter(({id}) => !there.has(id)).map(({beganMs}) => beganMs);
  expect(Math.max(...lost)).toBeLessThan(Math.min(...firstKept));
}

const flotilla = (...args: string[]) => flotillaAt(cluster.urls, args);

/** Of the bucket that is written to, by shard. */
async function sets(): Promise<ReplicaSet[]> {
  const all = await client.admin.replicaSets({database: DATABASE});
  const startMs = Number(START_NS / 1_000_000n);
  const ours = all.filter((set) => {
    const {start, end} = set['bucket'] as {start: string; end: string};
    return Date.parse(start) <= startMs && startMs < Date.parse(end);
  });
  return ours
    .filter(({state}) => state !== 'dropping')
    .sort((a, b) => Number(a['shard']) - Number(b['shard']));
}

/** Files and directories of the set's replicas, on all nodes. */
function filesOf(set: Id): string[] {
  return cluster.nodes.flatMap(({directory}) =>
    readdirSync(directory, {recursive: true, encoding: 'utf8'})
      .filter((entry) => path.basename(entry).startsWith(`${set}-`))
      .filter((entry) => path.basename(path.dirname(entry)) === 'replicas')
      .map((entry) => path.join(directory, entry)),
  );
}

const destructions = async (): Promise<Operation[]> =>
  (await client.admin.operations()).filter(({kind}) => kind === 'destroy-replica-set');

test(
  'by the command line, while rows are written to all shards',
  async () => {
    const load = new Load(0);
    await load.more(400);
    const before = await sets();
    const old = before[1]!;
    await flushEveryNode(cluster);
    expect(filesOf(old.id).length).toBeGreaterThan(0);
    const tried = await flotilla('replica-set', 'destroy', String(old.id), '--dry-run');
    expect(tried).toMatchObject({code: 0, out: expect.stringContaining('destroy-replica-set')});
    const unsaid = await flotilla('replica-set', 'destroy', String(old.id));
    expect(unsaid).toMatchObject({code: 64, err: expect.stringContaining('--yes')});
    expect(await destructions()).toEqual([]);
    const begunMs = performance.now();
    const {code, out} = await flotilla('replica-set', 'destroy', String(old.id), '--yes');
    const endedMs = performance.now();
    expect([code, out]).toEqual([0, expect.stringContaining('done: its rows are gone')]);
    await load.more(400);
    await load.stop();
    await compare(load, {begunMs, endedMs});
    const after = await sets();
    const next = after[1]!;
    expect(out).toContain(`replica set ${next.id} has its place`);
    expect(after.map(({id}) => id)).toEqual(before.map(({id}, i) => (i === 1 ? next.id : id)));
    expect([next.state, next.replicas.length]).toEqual(['open', 3]);
    expect(leaderOf(next)).toBeDefined();
    await until('the one is shown, and the other is not', async () => {
      const shown = await client.query('SHOW REPLICAS');
      const ids = new Set(shown.map((row) => row['replica_id']));
      return ids.has(next.id) && !ids.has(old.id);
    });
    await until('its files are gone', () => filesOf(old.id).length === 0);
    expect(auditedBy(cluster)).toContainEqual(
      expect.objectContaining({what: 'destroy-replica-set', result: 'ok'}),
    );
    await untilApplied(client, DATABASE);
    const [operation] = await destructions();
    const steps = operation!.history.map(({step}) => step);
    expect(steps).toEqual(['replace', 'destroy', 'open', 'done']);
  },
  TEST_MS_MAX,
);

test(
  'by SQL, with a node that is away: what it still has is gone when it is back',
  async () => {
    const load = new Load(1_000_000);
    await load.more(200);
    const [, , old] = await sets();
    await flushEveryNode(cluster);
    const away = cluster.node(3);
    await away.kill();
    await load.more(100);
    const begunMs = performance.now();
    const [begun] = await client.query(`REPLICA DESTORY REPLICA_ID ${old!.id}`);
    expect(begun).toMatchObject({kind: 'destroy-replica-set', state: 'running'});
    const operation = async () => client.admin.operation(begun!['operation_id'] as Id);
    await until('it is done', async () => (await operation()).state === 'done');
    const endedMs = performance.now();
    expect((await operation())['result']).toMatch(/; replica \d+ goes when node \d is back$/);
    await load.more(200);
    await load.stop();
    await compare(load, {begunMs, endedMs});
    expect(filesOf(old!.id)).not.toEqual([]);
    away.start();
    await away.ready();
    await until('its files are gone', () => filesOf(old!.id).length === 0);
    await expect(client.query(`REPLICA DESTROY REPLICA_ID ${old!.id}`)).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  },
  TEST_MS_MAX,
);

test(
  'a table that was dropped before is so in the new set, and its name is free there',
  async () => {
    const named = {database: DATABASE};
    await client.write(`gone,host=a v=1 ${START_NS}`, named);
    await client.query('DROP TABLE gone', named);
    const [old] = await sets();
    const begun = await client.admin.destroyReplicaSet(old!.id);
    await until(
      'it is done',
      async () => (await client.admin.operation(begun.id)).state === 'done',
    );
    const hosts = Array.from({length: HOSTS}, (_, i) => `gone,host=h${i} v=2 ${START_NS}`);
    await client.write(hosts.join('\n'), named);
    expect(await client.query('SELECT count(*) AS n FROM gone', named)).toEqual([{n: HOSTS}]);
  },
  TEST_MS_MAX,
);
