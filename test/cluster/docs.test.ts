// Goal: every example of the pages for a first hour does what the page says. Method: the commands of
// a page in their order, in a shell, against a new node in place of the one on port 8902.

import {spawnSync} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {ProcessCluster} from '@flotilla/testkit';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {docExamples, patternOf} from './doc-examples.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const COMMAND_MS_MAX = 60_000;
const hasCurl = spawnSync('curl', ['--version']).status === 0;

describe.skipIf(!hasCurl).each(['getting-started.md'])('docs/%s (wants curl)', (page) => {
  let cluster: ProcessCluster;
  let directory: string;

  beforeAll(async () => {
    cluster = await ProcessCluster.start({nodes: 1});
    directory = mkdtempSync(path.join(tmpdir(), 'flotilla-docs-'));
  });
  afterAll(async () => {
    await cluster?.destroy();
    rmSync(directory, {recursive: true, force: true});
  });

  const examples = docExamples(page);

  test('there are some', () => expect(examples.length).toBeGreaterThan(5));

  test.each(examples.map((example) => [example.command, example] as const))(
    '%s',
    (command, example) => {
      const {url} = cluster.node(1);
      const {stdout, stderr} = spawnSync(
        'bash',
        [
          '-c',
          command.replaceAll('http://127.0.0.1:8902', url).replaceAll('./flotilla', '"$FLOTILLA"'),
        ],
        {
          cwd: directory,
          encoding: 'utf8',
          timeout: COMMAND_MS_MAX,
          env: {...process.env, FLOTILLA: path.join(ROOT, 'flotilla'), FLOTILLA_URL: url},
        },
      );
      expect(stdout + stderr.replace(/^ +% Total[\s\S]*/m, '')).toMatch(patternOf(example));
    },
    COMMAND_MS_MAX + 10_000,
  );
});
