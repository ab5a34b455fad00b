// docs/raft.md is what its tables say now, and they name what exists.

import {existsSync, readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';
import {expect, test} from 'vitest';
import {fileOf, PAGE, ROOT, ROWS, renderPage, WORDS} from './raft-docs/page.ts';
import {STATEMENTS} from './raft-docs/statements.ts';
import {TRAPS} from './raft-docs/traps.ts';

const read = (file: string): string => readFileSync(file, 'utf8');

test('docs/raft.md is up to date; else run `npm run raft-docs`', () => {
  expect(read(PAGE)).toBe(renderPage(read(WORDS)));
  expect(read(PAGE)).not.toContain('{{');
});

test('every scenario and test that a row names exists', () => {
  const missing = ROWS.flatMap(({id, text, shown}) =>
    shown
      .filter((evidence) => {
        const file = path.join(ROOT, fileOf(evidence));
        if (!existsSync(file)) return true;
        // In source an apostrophe of a title stands as it is, in double quotes.
        return 'title' in evidence && !read(file).includes(evidence.title);
      })
      .map((evidence) => `${id ?? text}: ${JSON.stringify(evidence)}`),
  );
  expect(missing).toEqual([]);
});

test('each row is shown by something', () => {
  expect(ROWS.filter(({shown}) => shown.length === 0).map(({id, text}) => id ?? text)).toEqual([]);
});

test('the traps are T1 to T80, each once', () => {
  expect(TRAPS.map(({id}) => id)).toEqual(Array.from({length: 80}, (_, at) => `T${at + 1}`));
  expect(STATEMENTS.length).toBeGreaterThan(15);
});

test('each scenario tells on its first line what it is for', () => {
  const folder = path.join(ROOT, 'packages/raft/testdata');
  const files = readdirSync(folder).filter((name) => name.endsWith('.txt'));
  expect(files.length).toBeGreaterThanOrEqual(40);
  expect(files.filter((name) => !read(path.join(folder, name)).startsWith('# '))).toEqual([]);
});
