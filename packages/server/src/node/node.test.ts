import {mkdtemp, readdir, rm, writeFile} from 'node:fs/promises';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {afterEach, beforeEach, expect, test} from 'vitest';
import {EXIT_CODES} from './exit-codes.ts';
import {startNode} from './node.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'flotilla-node-'));
});
afterEach(() => rm(directory, {recursive: true, force: true}));

/** A port that was free a moment ago, and probably the next one too. */
function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const {port} = server.address() as {port: number};
      server.close(() => resolve(port));
    });
  });
}

async function start() {
  const listen = `127.0.0.1:${await freePort()}`;
  return startNode({dataDirectory: directory, listen, engineThreads: 0, log: 'json'});
}

test('a node whose store is damaged ends by itself, and can be stopped', async () => {
  const node = await start();
  await expect
    .poll(async () => (await fetch(`http://${node.address}/ready`)).status, {
      timeout: 20_000,
    })
    .toBe(200);
  await node.stop();
  expect(await node.stopped).toBe(EXIT_CODES.stopped);
  for (const file of await readdir(directory, {recursive: true}))
    if (file.endsWith('.sqlite')) await writeFile(path.join(directory, file), 'no database');
  const damaged = await start();
  expect(await damaged.stopped).toBe(EXIT_CODES.storeFailed);
  await damaged.stop();
}, 40_000);
