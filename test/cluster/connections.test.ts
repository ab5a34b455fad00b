// Two TCP connections per pair of nodes, whatever the number of groups: control with log, and bulk.

import {existsSync, readFileSync} from 'node:fs';
import {FlotillaClient} from '@flotilla/client';
import {ProcessCluster} from '@flotilla/testkit';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {until} from './waiting.ts';

const TABLES = ['/proc/net/tcp', '/proc/net/tcp6'];
/** The kernel's number of the state. */
const ESTABLISHED = '01';
const SHARDS = 52;
const PAIRS = 3;

/** Established connections by the listening port, seen from the listener's side: each counts once. */
function acceptedByPort(): Map<number, number> {
  const counts = new Map<number, number>();
  for (const table of TABLES.filter((path) => existsSync(path))) {
    for (const line of readFileSync(table, 'utf8').split('\n').slice(1)) {
      const [, local, , state] = line.trim().split(/\s+/);
      if (local === undefined || state !== ESTABLISHED) continue;
      const port = Number.parseInt(local.slice(local.indexOf(':') + 1), 16);
      counts.set(port, (counts.get(port) ?? 0) + 1);
    }
  }
  return counts;
}

const canCount = existsSync(TABLES[0]!);

describe.skipIf(!canCount)('established TCP connections (by /proc/net/tcp)', () => {
  let cluster: ProcessCluster;
  let client: FlotillaClient;

  beforeAll(async () => {
    cluster = await ProcessCluster.start({nodes: 3});
    client = new FlotillaClient({urls: cluster.urls, database: 'wide'});
  });
  afterAll(async () => {
    client.close();
    await cluster.destroy();
  });

  function betweenNodes(): number {
    const accepted = acceptedByPort();
    return cluster.nodes.reduce((sum, {port}) => sum + (accepted.get(port + 1) ?? 0), 0);
  }

  /** The questions that nodes ask before they are members leave connections, for some seconds at most. */
  async function untilTwoAPair(): Promise<void> {
    await expect.poll(betweenNodes, {timeout: 20_000, interval: 100}).toBe(2 * PAIRS);
  }

  test(`two per pair of nodes with over ${SHARDS} groups at work`, async () => {
    await client.admin.createDatabase({name: 'wide', shards: SHARDS});
    const hosts = Array.from({length: 500}, (_, i) => `cpu,host=h${i} v=${i}i`);
    await client.write(hosts.join('\n'));
    await until('every set has its three replicas', async () => {
      const sets = await client.admin.replicaSets({database: 'wide'});
      return (
        sets.length >= SHARDS &&
        sets.every(({replicas}) => replicas.length === 3 && replicas.some(({leader}) => leader))
      );
    });
    // Each node asks each: queries of all sets use the bulk connections too.
    for (const {url} of cluster.nodes) {
      const own = new FlotillaClient({urls: [url], database: 'wide'});
      expect(await own.query('SELECT count(*) AS n, sum(v) AS total FROM cpu')).toEqual([
        {n: 500, total: 124_750},
      ]);
      own.close();
    }
    await untilTwoAPair();
  }, 120_000);

  test('two again after a node was killed and came back', async () => {
    await cluster.node(2).kill();
    await until('only one pair is left', () => betweenNodes() === 2);
    cluster.node(2).start();
    await cluster.node(2).ready();
    await client.write('cpu,host=h0 v=1i');
    await untilTwoAPair();
  }, 120_000);
});
