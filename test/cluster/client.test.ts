// The client against a cluster: the examples of its page as they stand, and a program that writes on
// while nodes die.

import {execFile} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {promisify} from 'node:util';
import {type BatchFailure, FlotillaClient, Unsigned, writeDetailsOf} from '@flotilla/client';
import {ProcessCluster} from '@flotilla/testkit';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {busiestLeader, openDatabase} from './nodes.ts';

const PAGE = path.resolve(import.meta.dirname, '../../packages/client/README.md');
const T0 = 1_600_000_000;

let cluster: ProcessCluster;
let client: FlotillaClient;
let directory: string;

beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'flotilla-client-'));
  cluster = await ProcessCluster.start({nodes: 3});
  client = new FlotillaClient({urls: cluster.urls, database: 'load'});
  await openDatabase(client, 'load');
}, 120_000);

afterAll(async () => {
  client.close();
  rmSync(directory, {recursive: true, force: true});
  await cluster.destroy();
}, 60_000);

describe('examples of the page', () => {
  const page = readFileSync(PAGE, 'utf8');
  const examples = [
    ...page.matchAll(/^## (.+)$[^#]*?```ts\n([\s\S]*?)```\n\n```text\n([\s\S]*?)```/gm),
  ];

  test.each(examples.map(([, title, code, output]) => [title!, code!, output!]))(
    '%s',
    async (title, code, output) => {
      const file = path.join(directory, `${title.replaceAll(' ', '-')}.ts`);
      const entry = import.meta.resolve('@flotilla/client');
      const text = code
        .replaceAll("'@flotilla/client'", JSON.stringify(entry))
        .replaceAll('http://127.0.0.1:8902', cluster.node(1).url);
      writeFileSync(file, text);
      const {stdout} = await promisify(execFile)(process.execPath, [file]);
      expect(stdout).toBe(output);
    },
    60_000,
  );

  test('every block of code has its output', () => {
    expect(examples.length).toBe(page.split('```ts').length - 1);
    expect(examples.length).toBeGreaterThan(3);
  });
});

test('points come back as they were given', async () => {
  const failures: BatchFailure[] = [];
  const writer = client.batchWriter({precision: 's', onFailure: (each) => failures.push(each)});
  const texts = ['a b', 'a,b', 'a=b', '"', 'a\\b', 'a\\ b', 'a\\,b', "it's", 'é 漢', '\\"', 'a\tb'];
  for (const [i, text] of texts.entries()) {
    const fields = {
      text,
      [`n ${text}`]: 1,
      n: BigInt(i),
      u: new Unsigned(2n ** 64n - 1n),
      no: null,
    };
    await writer.writePoint({table: 'odd, table', tags: {tag: text}, fields, time: T0 + i});
  }
  await writer.close();
  expect(failures.map(({error}) => error.message)).toEqual([]);
  const rows = await client.query('SELECT * FROM "odd, table" ORDER BY time');
  expect(rows.length).toBe(texts.length);
  for (const [i, text] of texts.entries()) {
    expect(rows[i]).toMatchObject({tag: text, text, n: i, [`n ${text}`]: 1, u: 2n ** 64n - 1n});
  }
}, 60_000);

test('a program writes on while a leader dies: every line is there, and bad ones are told', async () => {
  const LINES = 60_000;
  const BATCH = 1_000;
  const failures: BatchFailure[] = [];
  const writer = client.batchWriter({
    batchLinesMax: BATCH,
    bufferBytesMax: 1_000_000,
    onFailure: (failure) => failures.push(failure),
  });
  let killed: Promise<void> | undefined;
  const victim = await busiestLeader(cluster, client, 'load');
  let bufferedMax = 0;
  for (let i = 0; i < LINES; i++) {
    if (i === LINES / 3) killed = victim.kill();
    const time = `${T0 + Math.floor(i / 100)}000000000`;
    await writer.write(i % 20_000 === 7 ? `bad ${i}` : `load,host=h${i % 100} v=${i}i ${time}`);
    bufferedMax = Math.max(bufferedMax, writer.bufferedBytes);
  }
  await writer.close();
  await killed;
  expect(bufferedMax).toBeLessThanOrEqual(1_000_000);
  expect(writer.bufferedBytes).toBe(0);
  expect(failures.map(({error}) => error.code)).toEqual([
    'LINES_REJECTED',
    'LINES_REJECTED',
    'LINES_REJECTED',
  ]);
  for (const [i, {error, lines, lineCount}] of failures.entries()) {
    expect(lineCount).toBeLessThanOrEqual(BATCH);
    const [bad] = writeDetailsOf(error)!.lines;
    const text = `bad ${i * 20_000 + 7}`;
    expect(bad!.text).toBe(text);
    expect(Buffer.from(lines).toString().split('\n')[bad!.line - 1]).toBe(text);
  }
  const [row] = await client.query('SELECT count(v) AS n, sum(v) AS total FROM load');
  const bad = failures.map((_, i) => i * 20_000 + 7);
  const total = (LINES * (LINES - 1)) / 2 - bad.reduce((sum, i) => sum + i, 0);
  expect(row).toEqual({n: LINES - bad.length, total});
}, 120_000);
