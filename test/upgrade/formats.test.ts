// Every format that was ever released is opened by this build, with its rows exact: data directories of older
// builds, each as its node left it when it was killed. Add one with `make-data.ts` before a format changes.

import {execFileSync} from 'node:child_process';
import {readdirSync} from 'node:fs';
import path from 'node:path';
import {FlotillaClient} from '@flotilla/client';
import {ProcessCluster} from '@flotilla/testkit';
import {expect, test} from 'vitest';
import {faultsOf, measurementFaults, writeMeasurements, writeRows} from './kept-rows.ts';
import {partVersions} from './part-versions.ts';

const DATA = path.join(import.meta.dirname, 'data');
const TEST_MS_MAX = 180_000;
/** By name: what its cluster uses when it is opened. */
const VERSIONS: Readonly<Record<string, number>> = {
  'version-1': 1,
  'version-2': 2,
  'version-3': 3,
  'version-4': 4,
  'version-4-parts-2': 4,
  'version-5': 5,
  'version-6': 6,
  'version-7': 7,
};
/** What is in it that was made since there are measurements. */
const MEASURED = ['version-4-parts-2', 'version-5', 'version-6', 'version-7'];
/** Of the cluster, from which on new parts are of that version. */
const PARTS_2_SINCE = 4;
const PARTS_4_SINCE = 8;

const kept = readdirSync(DATA).map((name) => name.replace('.tar.gz', ''));

async function withNode(
  prepare: ((directory: string) => void) | undefined,
  run: (client: FlotillaClient, cluster: ProcessCluster) => Promise<void>,
): Promise<void> {
  const cluster = await ProcessCluster.start({
    nodes: 1,
    engineThreads: 1,
    prepare: ({directory}) => prepare?.(directory),
  });
  const client = new FlotillaClient({urls: cluster.urls});
  try {
    await run(client, cluster);
  } finally {
    client.close();
    await cluster.destroy();
  }
}

test('each format has its directory', () => {
  expect(kept.sort()).toEqual(Object.keys(VERSIONS).sort());
});

test.each(kept)(
  'a data directory of %s is opened with its rows, and takes new ones',
  (name) =>
    withNode(
      (directory) =>
        execFileSync('tar', ['-xzf', path.join(DATA, `${name}.tar.gz`), '-C', directory]),
      async (client, cluster) => {
        const measured = async () =>
          MEASURED.includes(name) ? await measurementFaults(client) : [];
        const {directory} = cluster.node(1);
        expect(await faultsOf(client)).toEqual([]);
        expect(await measured()).toEqual([]);
        const version = VERSIONS[name]!;
        expect(await client.admin.cluster()).toMatchObject({version});
        await client.write('n v=1 1600000000000000000', {database: 'kept'});
        await client.admin.flushStorage();
        // Until then the build before reads all that there is.
        if (version < PARTS_2_SINCE) expect(partVersions(directory)).toEqual(new Set([1]));
        if (version < PARTS_4_SINCE) expect(partVersions(directory)).not.toContain(4);
        await client.admin.finalizeUpgrade();
        await client.admin.pauseAutomation({for: '1h'});
        await client.write('n v=2 1600000001000000000', {database: 'kept'});
        await client.admin.flushStorage();
        expect(partVersions(directory)).toContain(4);
        // Once more, from what this build has made of it.
        await cluster.node(1).kill();
        cluster.node(1).start();
        await cluster.node(1).ready();
        expect(await client.query('SELECT v FROM n', {database: 'kept'})).toHaveLength(2);
        await client.query('DROP TABLE n', {database: 'kept'});
        expect(await faultsOf(client)).toEqual([]);
        await client.admin.compactStorage();
        expect(await measured()).toEqual([]);
        expect(await client.admin.cluster()).toMatchObject({version: 8});
      },
    ),
  TEST_MS_MAX,
);

test(
  'what is looked for is what was written',
  () =>
    withNode(undefined, async (client) => {
      await writeRows(client);
      expect(await faultsOf(client)).toEqual([]);
      await client.write('m,host=h0 f=1,i=3i 1600000000000000000', {database: 'kept'});
      expect(await faultsOf(client)).not.toEqual([]);
      await writeMeasurements(client);
      expect(await measurementFaults(client)).toEqual([]);
      await client.write('x,host=a full=1 1600000000000000000', {database: 'measured'});
      expect(await measurementFaults(client)).toHaveLength(1);
    }),
  TEST_MS_MAX,
);
