// A leader dies by kill -9 after it wrote entries to its own log and before anybody else had them. Both
// ends that Raft allows: others are elected and the entries are gone, or it is elected again and they
// commit. Their clients heard neither yes nor no, and either is right.

import {FlotillaClient, type Id} from '@flotilla/client';
import {ProcessCluster, type ProcessNode} from '@flotilla/testkit';
import {afterAll, beforeAll, expect, onTestFailed, test} from 'vitest';
import {busiestLeader, leaderOf, untilApplied} from '../cluster/nodes.ts';
import {until} from '../cluster/waiting.ts';

const DATABASE = 'dies';
const TIME = '1600000000000000000';
const WRITES = 20;
/** A leader may find out that it is alone before it takes a write. */
const ROUNDS_MAX = 10;
const TEST_MS_MAX = 180_000;

let cluster: ProcessCluster;
let client: FlotillaClient;

beforeAll(async () => {
  cluster = await ProcessCluster.start({nodes: 3, engineThreads: 1});
  client = new FlotillaClient({urls: cluster.urls, database: DATABASE});
  await client.admin.createDatabase({name: DATABASE, shards: 1});
  await client.write(`m,host=first v=0i ${TIME}`);
  await settled();
}, TEST_MS_MAX);
afterAll(async () => {
  client.close();
  await cluster.destroy();
});

/** The one set and the meta group have three voters; the set is led, and all applied the same. */
async function settled(): Promise<void> {
  await until('the set and the meta group have three voters', async () => {
    const {metaVoters} = await client.admin.status();
    const [set, ...more] = await client.admin.replicaSets({database: DATABASE});
    if (set === undefined || more.length > 0 || leaderOf(set) === undefined) return false;
    const voters = set.replicas.filter(({role}) => role === 'voter');
    return voters.length === 3 && (metaVoters as Id[]).length === 3;
  });
  await untilApplied(client, DATABASE);
}

async function hostsAt(node: ProcessNode, stale: boolean): Promise<Set<string>> {
  const own = new FlotillaClient({urls: [node.url], database: DATABASE});
  try {
    const rows = await own.query('SELECT host FROM m', {stale});
    return new Set(rows.map(({host}) => String(host)));
  } finally {
    own.close();
  }
}

async function write(node: ProcessNode, host: string): Promise<number> {
  const url = `${node.url}/api/v1/write?db=${DATABASE}`;
  const body = `m,host=${host} v=1i ${TIME}`;
  const answer = await fetch(url, {method: 'POST', body});
  await answer.text();
  return answer.status;
}

/** The leader, killed with entries that are in its log alone, and whose they are. */
async function leaderDead(prefix: string): Promise<{leader: ProcessNode; hosts: string[]}> {
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const leader = await busiestLeader(cluster, client, DATABASE);
    const others = cluster.nodes.filter((node) => node !== leader);
    const deaths = others.map((node) => node.kill());
    // At once: a leader that was told of lost connections soon stops to lead.
    const names = Array.from({length: WRITES}, (_, i) => `${prefix}${round}_${i}`);
    const statuses = await Promise.all(names.map((name) => write(leader, name)));
    await Promise.all(deaths);
    expect(statuses).not.toContain(204);
    await leader.kill();
    // Refused ones, with 503, never were in its log; for these it could not say.
    const hosts = names.filter((_, i) => statuses[i] === 504);
    if (hosts.length > 0) return {leader, hosts};
    await started(cluster.nodes);
    await settled();
  }
  throw new Error('no write reached the log of a leader that was alone');
}

async function started(nodes: readonly ProcessNode[]): Promise<void> {
  for (const node of nodes) node.start();
  await Promise.all(nodes.map((node) => node.ready()));
}

async function everywhere(hosts: readonly string[], there: boolean): Promise<void> {
  await settled();
  for (const node of cluster.nodes) {
    for (const stale of [true, false]) {
      const found = await hostsAt(node, stale);
      const [wrong] = hosts.filter((host) => found.has(host) !== there);
      expect(wrong, `node ${node.number}, stale ${stale}`).toBeUndefined();
      expect(found).toContain('first');
    }
  }
}

function tellLogsOnFailure(): void {
  onTestFailed(() => {
    for (const node of cluster.nodes) console.error(`node ${node.number}:\n${node.logTail()}`);
  });
}

test(
  'its entry is gone when others were elected meanwhile',
  async () => {
    tellLogsOnFailure();
    const {leader, hosts} = await leaderDead('gone');
    const others = cluster.nodes.filter((node) => node !== leader);
    await started(others);
    await until(
      'the others elect and write',
      async () => (await write(others[0]!, 'after')) === 204,
    );
    await started([leader]);
    await everywhere(hosts, false);
    expect(await hostsAt(leader, false)).toContain('after');
  },
  TEST_MS_MAX,
);

test(
  'its entry commits when it is elected again',
  async () => {
    tellLogsOnFailure();
    const {leader, hosts} = await leaderDead('kept');
    const others = cluster.nodes.filter((node) => node !== leader);
    // Of the two that are there only the old leader can win: the other's log is behind.
    await started([leader, others[0]!]);
    await until('they are written', async () => {
      const found = await hostsAt(leader, false);
      return hosts.every((host) => found.has(host));
    });
    await started([others[1]!]);
    await everywhere(hosts, true);
  },
  TEST_MS_MAX,
);
