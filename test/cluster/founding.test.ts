// Founding cut off by kill -9 again and again, each time a little further: it is always the same
// cluster that the next start goes on with.

import {mkdtempSync, readdirSync, readFileSync, rmSync, statSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {FlotillaClient} from '@flotilla/client';
import {freePorts, ProcessNode} from '@flotilla/testkit';
import {expect, test} from 'vitest';

/** Between two looks at the directory; the steps of a founding are some milliseconds each. */
const LOOK_MS = 1;
const STEP_MS_MAX = 60_000;

interface Progress {
  readonly founding: string | undefined;
  readonly adopted: string | undefined;
  /** Of the store that will hold the meta group. */
  readonly logBytes: number;
}

function progressOf(directory: string): Progress {
  const log = path.join(directory, 'stores/0/log');
  let logBytes = 0;
  let file: {founding?: {cluster: string} | null; identity?: {cluster: string} | null} = {};
  try {
    const [text = '{}'] = readFileSync(path.join(directory, 'node.json'), 'utf8').split('\n');
    file = JSON.parse(text);
    for (const name of readdirSync(log)) logBytes += statSync(path.join(log, name)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return {founding: file.founding?.cluster, adopted: file.identity?.cluster, logBytes};
}

/** Waits until so many steps of this life are durable: a founding named, records, the identity. */
async function untilSteps(node: ProcessNode, steps: number): Promise<void> {
  const endMs = Date.now() + STEP_MS_MAX;
  let last = progressOf(node.directory);
  for (let seen = 0; seen < steps && last.adopted === undefined; ) {
    if (Date.now() > endMs) throw new Error(`no step in ${STEP_MS_MAX} ms\n${node.logTail()}`);
    await sleep(LOOK_MS);
    const now = progressOf(node.directory);
    if (now.founding !== last.founding || now.logBytes > last.logBytes) seen++;
    last = now;
  }
}

test('the cluster that was begun is the one that is founded, wherever kill -9 came', async () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'flotilla-founding-'));
  const port = await freePorts(2);
  const args = ['--listen', `127.0.0.1:${port}`, '--data', path.join(directory, 'data')];
  const node = new ProcessNode(1, {port, directory: path.join(directory, 'data'), args});
  const begun = new Set<string>();
  let lives = 0;
  for (let steps = 1; progressOf(node.directory).adopted === undefined; steps++) {
    node.start();
    await untilSteps(node, steps);
    await node.kill();
    const {founding, adopted} = progressOf(node.directory);
    begun.add(adopted ?? founding ?? 'none');
    lives++;
  }
  expect(lives).toBeGreaterThan(2);
  node.start();
  await node.ready();
  const client = new FlotillaClient({urls: [node.url]});
  const {cluster} = await client.admin.status();
  expect([...begun]).toEqual([(cluster as {id: string}).id]);
  await client.write('here v=1i 1600000000000000000');
  expect(await client.query('SELECT v FROM here')).toEqual([{v: 1}]);
  client.close();
  await node.kill();
  rmSync(directory, {recursive: true, force: true});
}, 120_000);
