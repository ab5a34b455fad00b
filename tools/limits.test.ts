// Each limit that refuses something is named by the test that goes past it.

import {readFileSync} from 'node:fs';
import {glob} from 'node:fs/promises';
import path from 'node:path';
import {expect, test} from 'vitest';
import {LIMITS, type Limit} from '../packages/base/src/limits.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
/** Gone past by tests that do not name them, or by none; this list only gets shorter. */
const UNNAMED: readonly string[] = [
  'buckets_per_database_max',
  'max_future_ms',
  'memtables_bytes_max',
  'proposals_in_flight_bytes_max',
  'query_deadline_ms',
  'raft_uncommitted_bytes_max',
  'rpc_bytes_in_flight_max',
  'shards_per_bucket_max',
  'sql_bytes_max',
  'writes_in_flight_bytes_max',
];

test('a test names each limit that has a code', async () => {
  const texts: string[] = [];
  for await (const file of glob(['packages/*/src/**/*.test.ts', 'test/*/*.test.ts'], {cwd: ROOT}))
    texts.push(readFileSync(path.join(ROOT, file), 'utf8'));
  const limits = Object.entries<Limit>(LIMITS).filter(([, {code}]) => code !== undefined);
  const unnamed = limits
    .map(([name]) => name)
    .filter((name) => !texts.some((text) => text.includes(name)));
  expect(unnamed.sort()).toEqual([...UNNAMED].sort());
});
