// A node's process from start to end: clean stops, kills, what it is refused for, and any number of
// engine threads over the same data.

import {existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync} from 'node:fs';
import net from 'node:net';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {FlotillaClient} from '@flotilla/client';
import {freePorts, ProcessCluster, ProcessNode} from '@flotilla/testkit';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {Ledger} from './ledger.ts';
import {busiestLeader, openDatabase, untilApplied} from './nodes.ts';
import {until} from './waiting.ts';

const STOP_MS_MAX = 10_000;
const SMALL = {hosts: 50, ticks: 100, batch: 500};

/** Stops it as an operator does; it must end well and in time. */
async function stopCleanly(node: ProcessNode): Promise<void> {
  const startMs = performance.now();
  expect(await node.stop(), node.logTail()).toBe(0);
  expect(performance.now() - startMs).toBeLessThan(STOP_MS_MAX);
  // Every thread writes for a person, as the whole node was told to.
  expect(node.logTail()).not.toContain('{"level"');
}

interface Handover {
  readonly handedOver: number;
  /** Still led when the node went on to end. */
  readonly left: number;
}

/** Of the last clean stop, by the node's own count: one line of each engine thread that led. */
function handoverOf(node: ProcessNode): Handover {
  const lines = [...node.logTail().matchAll(/handedOver\W+(\d+)\W+left\W+(\d+)/g)];
  const sum = (group: number): number =>
    lines.reduce((total, line) => total + Number(line[group]), 0);
  return {handedOver: sum(1), left: sum(2)};
}

async function expectExact(ledger: Ledger, client: FlotillaClient): Promise<void> {
  expect(ledger.failures).toEqual([]);
  expect((await ledger.compare(client, {stale: false})).slice(0, 10)).toEqual([]);
}

describe('a cluster of one', () => {
  test('what was written is there after a clean stop and after kill -9', async () => {
    // As where nobody says otherwise, and not as the nodes of other tests.
    const env = () => ({NODE_COMPILE_CACHE: undefined});
    const cluster = await ProcessCluster.start({nodes: 1, env});
    const node = cluster.node(1);
    const client = new FlotillaClient({urls: cluster.urls});
    const ledger = new Ledger(SMALL);
    await ledger.send(client);
    await stopCleanly(node);
    // What it compiled of its program is there for the next start.
    const kept = path.join(node.directory, 'compile-cache');
    expect(readdirSync(kept, {recursive: true}).length).toBeGreaterThan(10);
    const old = path.join(kept, '0.0.1-old');
    mkdirSync(old);
    node.start();
    await node.ready();
    await until('what an older version compiled is gone', async () => !existsSync(old));
    await expectExact(ledger, client);
    await client.write('after,of=stop v=1i 1600000000000000000');
    await node.kill();
    node.start();
    await node.ready();
    await expectExact(ledger, client);
    expect(await client.query('SELECT v FROM after')).toEqual([{v: 1}]);
    // Flushed to parts, the log cut behind them: the same.
    await client.admin.flushStorage();
    await node.kill();
    node.start();
    await node.ready();
    await expectExact(ledger, client);
    client.close();
    await cluster.destroy();
  }, 120_000);

  test.skipIf(process.platform !== 'linux')(
    'its first statements take no memory to speak of',
    async () => {
      const cluster = await ProcessCluster.start({nodes: 1, engineThreads: 1});
      const client = new FlotillaClient({urls: cluster.urls});
      await client.write('m v=1');
      for (let i = 0; i < 200; i++) await client.query(`SELECT v FROM m WHERE v > ${i} LIMIT ${i}`);
      // What V8 makes of them it makes beside: half a gigabyte, if it optimises the parser.
      await sleep(2_000);
      const status = readFileSync(`/proc/${cluster.node(1).pid}/status`, 'utf8');
      expect(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1])).toBeLessThan(400_000);
      client.close();
      await cluster.destroy();
    },
    60_000,
  );

  test.each([
    {counts: [3, 0, 1], end: 'a clean stop'},
    {counts: [1, 4, 2, 0], end: 'kill -9'},
  ])(
    'engine threads $counts over the same data, $end between',
    async ({counts, end}) => {
      const cluster = await ProcessCluster.start({nodes: 1, engineThreads: counts[0]});
      const node = cluster.node(1);
      const client = new FlotillaClient({urls: cluster.urls});
      const ledger = new Ledger({hosts: 50, ticks: 40 * counts.length, batch: 250});
      for (const [i, count] of counts.entries()) {
        if (i > 0) {
          await (end === 'kill -9' ? node.kill() : stopCleanly(node));
          node.start(['--engine-threads', String(count)]);
          await node.ready();
        }
        await until(`it says that it has ${count} threads`, () => {
          const served = [...node.logTail().matchAll(/serving node=1 threads=(\d+)/g)];
          return Number(served.at(-1)?.[1]) === count;
        });
        // New sets go to all stores there are now; those of before stay where they are.
        await client.admin.createDatabase({name: `round${i}`});
        const lines = Array.from({length: 50}, (_, host) => `t,host=h${host} round=${i}i ${i + 1}`);
        for (let round = 0; round <= i; round++)
          await client.write(lines.join('\n'), {precision: 's', database: `round${round}`});
        const counted = 'SELECT round, count(*) AS n FROM t GROUP BY round ORDER BY round';
        for (let round = 0; round <= i; round++)
          expect(await client.query(counted, {database: `round${round}`})).toEqual(
            Array.from({length: i + 1 - round}, (_, k) => ({round: round + k, n: 50})),
          );
        const rows = ledger.rowCount * ((i + 1) / counts.length);
        await ledger.send(client, () => {
          if (ledger.sentRows >= rows) ledger.stop();
        });
        await expectExact(ledger, client);
      }
      client.close();
      await cluster.destroy();
    },
    120_000,
  );
});

describe('what a start is refused for', () => {
  let cluster: ProcessCluster;
  let directory: string;

  beforeAll(async () => {
    cluster = await ProcessCluster.start({nodes: 1});
    directory = mkdtempSync(path.join(tmpdir(), 'flotilla-refused-'));
  });
  afterAll(async () => {
    await cluster.destroy();
    rmSync(directory, {recursive: true, force: true});
  });

  /** Starts another process and returns how it ended and what it said. */
  async function refusal(
    name: string,
    place: {port: number; data: string},
  ): Promise<{code: number | string; said: string}> {
    const node = new ProcessNode(9, {
      port: place.port,
      directory: path.join(directory, name),
      args: ['--listen', `127.0.0.1:${place.port}`, '--data', place.data],
    });
    node.start();
    const code = await node.exited();
    return {code, said: node.logTail()};
  }

  test('a port that another process has, naming it and --listen', async () => {
    const {port} = cluster.node(1);
    const {code, said} = await refusal('both', {port, data: path.join(directory, 'both-data')});
    expect(code).toBe(1);
    expect(said).toMatch(new RegExp(`port (${port}|${port + 1}) .*is taken.*--listen`));
    expect(said).not.toMatch(/^\s+at /m);
  });

  test.each([
    {which: 'HTTP', offset: 0},
    {which: 'gRPC', offset: 1},
  ])('the $which port alone', async ({which, offset}) => {
    const port = await freePorts(2);
    const holder = net.createServer().listen(port + offset, '127.0.0.1');
    await new Promise((resolve) => holder.once('listening', resolve));
    const {code, said} = await refusal(which, {port, data: path.join(directory, `${which}-data`)});
    holder.close();
    expect(code).toBe(1);
    expect(said).toMatch(new RegExp(`port ${port + offset} \\(${which}.*is taken.*--listen`));
  });

  test('a data directory that another process has, naming both', async () => {
    const first = cluster.node(1);
    const {code, said} = await refusal('locked', {
      port: await freePorts(2),
      data: first.directory,
    });
    expect(code).toBe(1);
    expect(said).toContain(`another process has the data directory ${first.directory}`);
    expect(said).toContain(`pid ${first.pid}`);
    expect(said).not.toMatch(/^\s+at /m);
    await first.ready();
  });

  test.skipIf(!existsSync('/proc/self'))(
    'a data directory that cannot be made, without waiting for ever',
    async () => {
      const data = '/proc/flotilla';
      const {code, said} = await refusal('proc', {port: await freePorts(2), data});
      expect(code).toBe(1);
      expect(said).toContain(`cannot use the data directory ${data}`);
    },
  );
});

describe('a cluster of three', () => {
  let cluster: ProcessCluster;
  let client: FlotillaClient;

  beforeAll(async () => {
    cluster = await ProcessCluster.start({nodes: 3});
    client = new FlotillaClient({urls: cluster.urls, database: 'three'});
    await openDatabase(client, 'three');
  });
  afterAll(async () => {
    client.close();
    await cluster.destroy();
  });

  const ledger = new Ledger({hosts: 100, ticks: 600, batch: 500});

  test('a leader stopped cleanly under load hands over and fails no write', async () => {
    let stopped: Promise<void> | undefined;
    let handover: Handover | undefined;
    const onBody = (): void => {
      if (stopped !== undefined || ledger.sentRows < ledger.rowCount / 3) return;
      stopped = busiestLeader(cluster, client, 'three').then(async (node) => {
        await stopCleanly(node);
        handover = handoverOf(node);
        node.start();
        await node.ready();
      });
    };
    await Promise.all(Array.from({length: 4}, () => ledger.send(client, onBody)));
    await stopped;
    await expectExact(ledger, client);
    expect(handover?.left).toBe(0);
    expect(handover?.handedOver).toBeGreaterThan(0);
  }, 120_000);

  test('all stopped cleanly at once start again with all rows', async () => {
    await Promise.all(cluster.nodes.map(stopCleanly));
    for (const node of cluster.nodes) node.start();
    await Promise.all(cluster.nodes.map((node) => node.ready()));
    await expectExact(ledger, client);
    await until('the cluster is healthy', async () => {
      const {verdict} = await client.admin.status();
      return verdict === 'healthy';
    });
    await untilApplied(client, 'three');
  }, 120_000);
});
