// Goal: a node of which a part stands still says so on /health, names the part, and takes no traffic where
// it could not answer; it is well again when the part is. Method: three nodes whose engine thread or disk
// stops at the test's word (wedge.cjs), so that the rest of the process goes on, as SIGSTOP would not let it.

import {execFileSync} from 'node:child_process';
import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {FlotillaClient} from '@flotilla/client';
import {ProcessCluster} from '@flotilla/testkit';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {openDatabase} from '../cluster/nodes.ts';
import {until} from '../cluster/waiting.ts';

const START_MS_MAX = 120_000;
const TEST_MS_MAX = 120_000;
const MAIN = path.resolve(import.meta.dirname, '../../packages/cli/src/main.ts');
const PRELOAD = path.join(import.meta.dirname, 'wedge.cjs');

const wedges = mkdtempSync(path.join(tmpdir(), 'flotilla-wedges-'));
let cluster: ProcessCluster;
let client: FlotillaClient;

const wedgeOf = (node: number): string => path.join(wedges, `node${node}`);

beforeAll(async () => {
  for (const node of [1, 2, 3]) mkdirSync(wedgeOf(node));
  cluster = await ProcessCluster.start({
    nodes: 3,
    engineThreads: 1,
    env: (node) => ({FLOTILLA_WEDGE: wedgeOf(node), NODE_OPTIONS: `--require=${PRELOAD}`}),
  });
  client = new FlotillaClient({urls: cluster.urls});
  await openDatabase(client, 'd');
}, START_MS_MAX);
afterAll(async () => {
  client.close();
  await cluster.destroy();
  rmSync(wedges, {recursive: true, force: true});
});

interface Answer {
  readonly status: number;
  readonly body: {
    readonly message?: string;
    readonly subsystems?: Readonly<Record<string, {status: string; message: string}>>;
  };
}

async function ask(node: number, route: '/health' | '/ready'): Promise<Answer> {
  const answer = await fetch(`${cluster.node(node).url}${route}`);
  return {status: answer.status, body: (await answer.json()) as Answer['body']};
}

async function failing(node: number): Promise<string[]> {
  const {body} = await ask(node, '/health');
  const parts = Object.entries(body.subsystems ?? {});
  return parts.filter(([, {status}]) => status === 'fail').map(([name]) => name);
}

const readiness = (): Promise<number[]> =>
  Promise.all([1, 2, 3].map(async (node) => (await ask(node, '/ready')).status));

/** What `flotilla health` says of a node, by its directory alone, and its exit code. */
function health(node: number): {readonly code: number; readonly text: string} {
  const {directory} = cluster.node(node);
  try {
    const args = [MAIN, 'health', '--data', directory];
    return {code: 0, text: execFileSync(process.execPath, args, {encoding: 'utf8'})};
  } catch (error) {
    const {status, stdout} = error as {status: number; stdout: string};
    return {code: status, text: stdout};
  }
}

test(
  'a thread that stands still, a disk that hangs, and a meta group without a majority are each told by who has them',
  async () => {
    await client.write('m v=1 1600000000000000000', {database: 'd'});
    expect(await readiness()).toEqual([200, 200, 200]);
    expect(health(1)).toEqual({code: 0, text: 'ready\n'});

    writeFileSync(path.join(wedgeOf(1), 'engine'), '');
    await until('node 1 says that its thread stands still', async () =>
      (await failing(1)).includes('engine'),
    );
    expect((await ask(1, '/ready')).body.message).toMatch(/engine thread 0 has stood still for/);
    expect(health(1)).toMatchObject({code: 1, text: expect.stringMatching(/^not ready: .*\n- engine/)}); // biome-ignore format: one line
    // The others have a majority, go on, and are ready.
    const others = new FlotillaClient({urls: [cluster.node(2).url, cluster.node(3).url]});
    await others.write('m v=2 1600000000000000001', {database: 'd', timeoutMs: 30_000});
    expect(await readiness()).toEqual([503, 200, 200]);

    // A write has to be under way for its disk to hang; without a majority it does not end.
    writeFileSync(path.join(wedgeOf(2), 'disk'), '');
    const hanging = others
      .write('m v=3 1600000000000000002', {database: 'd', timeoutMs: 20_000})
      .catch(() => 'unknown');
    await until('node 2 says that its disk hangs', async () =>
      (await failing(2)).includes('stores'),
    );
    // It passes on what others lead.
    expect((await readiness())[1]).toBe(200);

    // While its thread turns it hears node 3, which may go on to lead without any durable vote.
    writeFileSync(path.join(wedgeOf(2), 'engine'), '');
    await until('node 3 says that it hears nothing of meta', async () =>
      (await failing(3)).includes('meta'),
    );
    // It answers what is asked for stale.
    expect((await readiness())[2]).toBe(200);

    rmSync(path.join(wedgeOf(1), 'engine'));
    rmSync(path.join(wedgeOf(2), 'engine'));
    rmSync(path.join(wedgeOf(2), 'disk'));
    await hanging;
    others.close();
    await until('all are well again', async () => {
      const wrong = (await Promise.all([1, 2, 3].map(failing))).flat();
      return wrong.length === 0 && (await readiness()).every((status) => status === 200);
    });
    const query = async () => client.query('SELECT v FROM m ORDER BY time', {database: 'd'});
    expect((await query()).slice(0, 2)).toEqual([{v: 1}, {v: 2}]);
  },
  TEST_MS_MAX,
);
