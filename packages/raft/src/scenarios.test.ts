// Runs testdata/*.txt through the laboratory. REWRITE=1 writes what came out; the diff is the review.

import {readdirSync, readFileSync, writeFileSync} from 'node:fs';
import {expect, test} from 'vitest';
import {replayScenario} from './lab/scenario.ts';

const FOLDER = new URL('../testdata/', import.meta.url);

test('a command without its answer is refused', () => {
  expect(() => replayScenario('# Nothing here.\n\nadd-nodes 1 voters=1\n')).toThrow(
    /no ---- after add-nodes 1/,
  );
});

for (const name of readdirSync(FOLDER).filter((file) => file.endsWith('.txt'))) {
  test(name, () => {
    const url = new URL(name, FOLDER);
    const text = readFileSync(url, 'utf8');
    const result = replayScenario(text);
    if (process.env['REWRITE'] === '1') writeFileSync(url, result);
    else expect(result).toBe(text);
  });
}
