// Two of three nodes are gone for good, with the majority of everything. What the third holds goes on by
// order: the meta group first, then each replica set; the lost ones do no harm when they come back.

import {execFile} from 'node:child_process';
import {readFileSync} from 'node:fs';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {promisify} from 'node:util';
import {FlotillaClient, type RecoveryPlan} from '@flotilla/client';
import {ProcessCluster, type ProcessNode} from '@flotilla/testkit';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {Ledger} from '../cluster/ledger.ts';
import {auditedBy, leaderOf, openDatabase, processOf, untilApplied} from '../cluster/nodes.ts';
import {until} from '../cluster/waiting.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const MAIN = path.join(ROOT, 'packages/cli/src/main.ts');
const DATABASE = 'left';
const ALONE = 'alone';
const TEST_MS_MAX = 240_000;
/** So long the meta group has no leader while writes go on. */
const LEADERLESS_MS = process.env['FLOTILLA_LONGER'] === undefined ? 1_500 : 600_000;

let cluster: ProcessCluster;
let client: FlotillaClient;

beforeAll(async () => {
  cluster = await ProcessCluster.start({nodes: 3, engineThreads: 1});
  client = new FlotillaClient({urls: cluster.urls, database: DATABASE});
  await openDatabase(client, DATABASE);
  await until('the meta group has three voters', async () => {
    const {metaVoters} = await client.admin.status();
    return (metaVoters as unknown[]).length === 3;
  });
}, TEST_MS_MAX);
afterAll(async () => {
  client.close();
  await cluster.destroy();
});

interface Run {
  readonly code: number;
  readonly text: string;
}

async function flotilla(...args: string[]): Promise<Run> {
  try {
    const {stdout} = await promisify(execFile)(process.execPath, [MAIN, ...args]);
    return {code: 0, text: stdout};
  } catch (error) {
    const {code, stdout, stderr} = error as {code: number; stdout: string; stderr: string};
    return {code, text: `${stdout}${stderr}`};
  }
}

/** The node that alone has the one set of that database is what will be left. */
async function survivorAndLost(): Promise<{survivor: ProcessNode; lost: ProcessNode[]}> {
  await client.admin.createDatabase({name: ALONE, replicas: 1, shards: 1});
  await client.write('m v=1i 1600000000000000000', {database: ALONE});
  const [set] = await client.admin.replicaSets({database: ALONE});
  const survivor = await processOf(cluster, client, set!.replicas[0]!.node);
  return {survivor, lost: cluster.nodes.filter((node) => node !== survivor)};
}

/** To a table, bucket and set that are there, without anybody to ask for another. */
async function writeWithoutMeta(own: FlotillaClient): Promise<void> {
  await until('the meta group has no leader', async () => {
    const {metaLeader} = await own.admin.status();
    return metaLeader === undefined;
  });
  const endMs = Date.now() + LEADERLESS_MS;
  let writes = 0;
  while (Date.now() < endMs) {
    await own.write(`m v=${writes}i ${1_600_000_000_000_000_001n + BigInt(writes)}`, {
      database: ALONE,
    });
    writes += 1;
    await sleep(20);
  }
  const rows = await own.query('SELECT count(v) AS n FROM m', {database: ALONE, stale: true});
  expect(rows).toEqual([{n: writes + 1}]);
  expect((await own.admin.status()).metaLeader).toBeUndefined();
}

test(
  'what one of three nodes holds goes on, and the lost ones do no harm',
  async () => {
    const ledger = new Ledger({hosts: 20, ticks: 50, batch: 100});
    await ledger.send(client);
    await untilApplied(client, DATABASE);
    const {survivor, lost} = await survivorAndLost();
    const own = new FlotillaClient({urls: [survivor.url], database: DATABASE});
    const planFile = path.join(cluster.directory, 'plan.json');
    const refused = await flotilla('recover', 'meta', '--data', survivor.directory, '--yes');
    expect(refused, 'it runs').toMatchObject({code: 1});
    await Promise.all(lost.map((node) => node.kill()));
    await writeWithoutMeta(own);

    const early = await flotilla('recover', 'plan', '--url', survivor.url, '--output', planFile);
    expect(early.text).toContain('the meta group has no leader');
    await survivor.kill();
    const args = ['recover', 'meta', '--data', survivor.directory];
    expect((await flotilla(...args)).text).toContain('say --yes');
    expect((await flotilla(...args, '--dry-run')).text).toContain('nothing was done');
    const reported = await flotilla('recover', 'report', '--data', survivor.directory);
    expect(JSON.parse(reported.text), reported.text).toMatchObject({faults: []});
    const meta = await flotilla(...args, '--yes');
    expect(meta, meta.text).toMatchObject({code: 0});
    const byHand = {who: 'the command line', what: 'recover-meta', result: 'ok'};
    expect(auditedBy({nodes: [survivor]})).toContainEqual(expect.objectContaining(byHand));
    // Back before anybody runs who could tell it: it hears so once the survivor does.
    const returned = lost[0]!;
    returned.start();
    returned.mayEnd();
    await until('the lost node runs', async () => returned.logTail().includes('serving'));
    survivor.start();
    await survivor.ready();
    expect(await returned.exited(), returned.logTail()).toBe(1);
    expect(returned.logTail()).toContain('declared lost');

    const planned = await flotilla('recover', 'plan', '--url', survivor.url, '--output', planFile);
    const plan = JSON.parse(readFileSync(planFile, 'utf8')) as RecoveryPlan;
    expect(plan.lost, planned.text).toHaveLength(2);
    expect(plan.sets.every(({action}) => action === 'take-over')).toBe(true);
    const apply = ['recover', 'apply', planFile, '--url', survivor.url];
    expect((await flotilla(...apply)).text).toContain('say --yes');
    const applied = await flotilla(...apply, '--yes', '--no-wait');
    expect(applied, applied.text).toMatchObject({code: 0});
    // In the middle of what it was told; the same plan goes on.
    await survivor.kill();
    survivor.start();
    await survivor.ready();
    const again = await flotilla(...apply, '--yes');
    expect(again, again.text).toMatchObject({code: 0});
    expect(again.text).toContain(`recovered ${plan.sets.length} replica sets`);
    expect(auditedBy({nodes: [survivor]})).toContainEqual(
      expect.objectContaining({what: 'recovery-apply', result: 'ok'}),
    );
    await until('each set is led', async () => {
      const sets = await own.admin.replicaSets({database: DATABASE});
      return sets.every((set) => leaderOf(set) !== undefined);
    });
    expect((await ledger.compare(own, {stale: false})).slice(0, 10)).toEqual([]);
    await own.write('after v=1i 1600000000000000000');

    for (const node of lost) {
      node.start();
      node.mayEnd();
    }
    for (const node of lost) expect(await node.exited(), node.logTail()).not.toBe(0);
    expect(lost[0]!.logTail()).toContain('declared lost');
    await own.write('after v=2i 1600000000000000001');
    expect((await ledger.compare(own, {stale: false})).slice(0, 10)).toEqual([]);
    own.close();
  },
  TEST_MS_MAX + LEADERLESS_MS,
);
