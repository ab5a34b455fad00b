// A build before and this one in one cluster, under load: one node after the other is stopped and started
// with this build, one goes back and comes again, and what is new is refused until the upgrade is finalized.
// The builds before are taken out of the history; without one (a tarball) this is skipped.

import {rmSync} from 'node:fs';
import {FlotillaClient} from '@flotilla/client';
import {ProcessCluster} from '@flotilla/testkit';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {Ledger} from '../cluster/ledger.ts';
import {openDatabase, untilApplied} from '../cluster/nodes.ts';
import {until} from '../cluster/waiting.ts';
import {partVersions} from '../upgrade/part-versions.ts';
import {catalogOf} from './kept-catalog.ts';
import {isInHistory, makeBuildOf, programOf, ROOT, restartWith} from './second-build.ts';

/**
 * The last one of each cluster version that knows parts of the first version alone; without FLOTILLA_LONG=1 the
 * newest of these. From the build that was landed before this one `previous-build.test.ts` upgrades.
 */
const BUILDS = [
  {version: 1, commit: '0babc0d'},
  {version: 2, commit: '3f3d85f'},
  {version: 3, commit: '5823e3a'},
] as const;
const BEFORE = process.env['FLOTILLA_LONG'] === '1' ? BUILDS : BUILDS.slice(-1);
const DATABASE = 'upgraded';
const SHAPE = {hosts: 20, ticks: 1_000, batch: 100};
const TEST_MS_MAX = 240_000;

const hasHistory = BEFORE.every(({commit}) => isInHistory(commit));
let checkout: string;
let cluster: ProcessCluster;
let client: FlotillaClient;

describe.skipIf(!hasHistory).each(BEFORE)('from cluster version $version', ({version, commit}) => {
  beforeAll(async () => {
    checkout = makeBuildOf(commit);
    const program = programOf(checkout);
    cluster = await ProcessCluster.start({nodes: 3, engineThreads: 1, program});
    client = new FlotillaClient({urls: cluster.urls, database: DATABASE});
  }, TEST_MS_MAX);
  afterAll(async () => {
    client.close();
    await cluster.destroy();
    rmSync(checkout, {recursive: true, force: true});
  });

  test('node by node, back, and for good', () => upgrade(version), TEST_MS_MAX);
});

/** Of the parts that the first node has once it holds nothing in memory alone. */
async function flushedVersions(first: FlotillaClient): Promise<Set<number>> {
  await first.admin.flushStorage();
  return partVersions(cluster.node(1).directory);
}

async function upgrade(from: number): Promise<void> {
  const older = cluster.node(1).program;
  const newer = programOf(ROOT);
  await openDatabase(client, DATABASE);
  const ledger = new Ledger(SHAPE);
  const load = Promise.all([1, 2].map(() => ledger.send(client)));
  const own = new FlotillaClient({urls: [cluster.node(1).url]});
  const boundSeries = () => own.query(`ALTER DATABASE ${DATABASE} SET MAX_SERIES 100000`);
  const early = async (): Promise<void> => {
    await expect(own.admin.finalizeUpgrade()).rejects.toThrow(/not every node supports .* node \d/);
    const [set] = await own.admin.replicaSets({database: DATABASE});
    await expect(own.admin.destroyReplicaSet(set!.id)).rejects.toThrow(/cluster upgrade finalize/);
    await expect(boundSeries()).rejects.toThrow(/max_series needs .* cluster upgrade finalize/);
    // What came with version 2. Of version 3 there is only the skipping of an entry that no replica can apply.
    if (from === 1)
      await expect(own.admin.pauseAutomation({})).rejects.toThrow(/cluster upgrade finalize/);
  };
  await restartWith(newer, cluster.node(1), client);
  await early();
  for (const what of ['DATABASE mixed', 'TENANT first', 'TENANT second']) {
    await own.query(`CREATE ${what}`);
  }
  // Led by one build or the other, a command does what it did in the older one.
  await own.query('DROP TENANT first');
  await restartWith(newer, cluster.node(2), client);
  await early();
  await own.query('DROP TENANT second');
  await own.query('DROP DATABASE mixed');
  await client.write('flushed before=1');
  // The build before reads no other parts, of its own disk or of what it is sent.
  expect(await flushedVersions(own)).toEqual(new Set([1]));
  await restartWith(older, cluster.node(1), client);
  await restartWith(newer, cluster.node(3), client);
  await restartWith(newer, cluster.node(1), client);
  const {notices} = await own.admin.status();
  expect(notices.map(({next}) => next)).toContain('flotilla cluster upgrade finalize');
  expect(await own.admin.finalizeUpgrade()).toEqual({version: 8, from});
  await own.admin.pauseAutomation({for: '1h'});
  await boundSeries();
  await client.write('flushed after=1');
  await until('new parts are of the newest version', async () =>
    (await flushedVersions(own)).has(4),
  );
  ledger.stop();
  await load;
  expect(ledger.failures).toEqual([]);
  await untilApplied(client, DATABASE);
  for (const {url} of cluster.nodes) {
    const alone = new FlotillaClient({urls: [url], database: DATABASE});
    expect((await ledger.compare(alone, {stale: true})).slice(0, 5), url).toEqual([]);
    alone.close();
  }
  own.close();
  expect(await client.query('SHOW TENANTS')).toHaveLength(1);
  expect((await client.admin.status()).verdict).toBe('healthy');
  for (const node of cluster.nodes) node.signal('SIGTERM');
  await Promise.all(cluster.nodes.map((node) => node.exited()));
  const [first, ...others] = cluster.nodes.map(catalogOf);
  for (const other of others) expect(other).toEqual(first);
}
