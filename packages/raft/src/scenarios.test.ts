// Runs testdata/*.txt through the laboratory. REWRITE=1 writes what came out; the diff is the review.

import {readdirSync, readFileSync, writeFileSync} from 'node:fs';
import {expect, test} from 'vitest';
import {LabScript, parseCommand} from './lab/script.ts';

const FOLDER = new URL('../testdata/', import.meta.url);

/** Comments and blank lines pass through; a block is a command, its input, `----` and its answer. */
function replay(text: string): string {
  const script = new LabScript();
  const out: string[] = [];
  const lines = text.split('\n');
  for (let at = 0; at < lines.length; ) {
    const line = lines[at]!;
    if (line === '' || line.startsWith('#')) {
      out.push(line);
      at++;
      continue;
    }
    const bar = lines.indexOf('----', at);
    const input = lines.slice(at + 1, bar);
    out.push(line, ...input, '----', script.run(parseCommand(line, input)));
    at = bar + 1;
    while (at < lines.length && lines[at] !== '') at++;
  }
  return out.join('\n');
}

for (const name of readdirSync(FOLDER).filter((file) => file.endsWith('.txt'))) {
  test(name, () => {
    const url = new URL(name, FOLDER);
    const text = readFileSync(url, 'utf8');
    const result = replay(text);
    if (process.env['REWRITE'] === '1') writeFileSync(url, result);
    else expect(result).toBe(text);
  });
}
