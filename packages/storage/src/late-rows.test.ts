// A tenth of the rows a day late, as of hosts that were cut off: what they cost storage more than rows in order. What
// comes before (parser, router, log) takes rows as they come, and costs the same.

import {execFile} from 'node:child_process';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';
import {expect, test} from 'vitest';

const MEASURED = fileURLToPath(new URL('late-rows.fixture.ts', import.meta.url));

test('rows a day late cost at most twice the CPU of rows in order', async () => {
  const {stdout} = await promisify(execFile)(process.execPath, [MEASURED]);
  const {ordered, late} = JSON.parse(stdout) as {readonly ordered: number; readonly late: number};
  expect(ordered).toBeGreaterThan(0);
  expect(late, `ms; in order ${ordered}`).toBeLessThan(2 * ordered);
});
