// Each limit that refuses something is named by the test that goes past it.

import {readFileSync} from 'node:fs';
import {glob} from 'node:fs/promises';
import path from 'node:path';
import {expect, test} from 'vitest';
import {LIMITS, type Limit} from '../packages/base/src/limits.ts';

const ROOT = path.resolve(import.meta.dirname, '..');

test('a test names each limit that has a code', async () => {
  const texts: string[] = [];
  for await (const file of glob(['packages/*/src/**/*.test.ts', 'test/*/*.test.ts'], {cwd: ROOT}))
    texts.push(readFileSync(path.join(ROOT, file), 'utf8'));
  const limits = Object.entries<Limit>(LIMITS).filter(([, {code}]) => code !== undefined);
  const unnamed = limits
    .map(([name]) => name)
    .filter((name) => !texts.some((text) => text.includes(name)));
  expect(unnamed).toEqual([]);
});
